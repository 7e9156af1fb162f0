#include "actors/library/library_lookup.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* ---- catching up ---- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t reached;
    bool is_reached;
    err_t err;
} waiter_t;

static void on_reached(void *context, err_t err)
{
    waiter_t *self = context;
    pthread_mutex_lock(&self->lock);
    self->is_reached = true;
    self->err = err;
    pthread_cond_signal(&self->reached);
    pthread_mutex_unlock(&self->lock);
}

static struct timespec deadline_after(uint64_t timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += (time_t)(timeout_ms / 1000);
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Somebody else is in a step: waits until the position is reached. */
static err_t wait_for(projection_t *projection, uint64_t position, uint64_t timeout_ms)
{
    uint64_t ticket = 0;
    waiter_t waiter = {.lock = PTHREAD_MUTEX_INITIALIZER, .reached = PTHREAD_COND_INITIALIZER};
    struct timespec deadline = deadline_after(timeout_ms);
    TRY(projection_wait(projection, position, on_reached, &waiter, &ticket));

    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_reached &&
           pthread_cond_timedwait(&waiter.reached, &waiter.lock, &deadline) == 0)
        ;
    if (!waiter.is_reached) {
        pthread_mutex_unlock(&waiter.lock);
        bool is_cancelled = projection_cancel(projection, ticket);
        pthread_mutex_lock(&waiter.lock);
        while (!is_cancelled && !waiter.is_reached) /* it is being called */
            pthread_cond_wait(&waiter.reached, &waiter.lock);
        if (is_cancelled)
            waiter.err = ERR_TIMEOUT;
    }
    pthread_mutex_unlock(&waiter.lock);
    return waiter.err;
}

err_t library_catch_up(projection_t *projection, journal_t *journal, uint64_t timeout_ms)
{
    return library_catch_up_to(projection, journal->table->head(journal), timeout_ms);
}

err_t library_catch_up_to(projection_t *projection, uint64_t position, uint64_t timeout_ms)
{
    enum { TURN_MS = 20 };
    while (projection_position(projection) < position) {
        bool is_behind = false;
        uint64_t before = projection_position(projection);
        err_t err = projection_step(projection, &is_behind);
        if (err != ERR_BUSY)
            TRY(err);
        if (err == ERR_OK && projection_position(projection) != before)
            continue;
        /* Another steps, and may stop before it is there: then it is our turn again. Or the feed
         * does not show the head yet (journal_postgres.h). */
        err = wait_for(projection, position, TURN_MS);
        if (err != ERR_TIMEOUT)
            return err;
        if (timeout_ms < TURN_MS)
            return ERR_TIMEOUT;
        timeout_ms -= TURN_MS;
    }
    return ERR_OK;
}

/* ---- looking up ---- */

typedef struct lookup {
    catalog_read_t read;
    arena_t *arena;
    str_t root;
    uint64_t *ids; /* candidates, with repetitions */
    size_t count, capacity;
} lookup_t;

static err_t add_ids(lookup_t *self, const uint64_t *ids, size_t count)
{
    if (self->count + count > self->capacity) {
        size_t capacity = MAX(self->capacity * 2, self->count + count + 256);
        uint64_t *more = arena_new_array(self->arena, capacity, sizeof *more);
        if (more == NULL)
            return ERR_NO_MEMORY;
        if (self->count > 0)
            memcpy(more, self->ids, self->count * sizeof *more);
        self->ids = more;
        self->capacity = capacity;
    }
    if (count > 0)
        memcpy(self->ids + self->count, ids, count * sizeof *ids);
    self->count += count;
    return ERR_OK;
}

static err_t find_path(lookup_t *self, str_t path)
{
    uint64_t id;
    err_t err = catalog_find_path(&self->read, self->root, path, &id);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    return add_ids(self, &id, 1);
}

static err_t find_tags(lookup_t *self, const library_track_t *track)
{
    catalog_ids_t found;
    str_t artist;
    if (track->album.size == 0)
        return ERR_OK;
    if (track->album_credits.count > 0) {
        TRY(library_artist_line(track->album_credits.items, track->album_credits.count, self->arena,
                                &artist));
        TRY(catalog_find_tags(&self->read, artist, track->album, track->disc, track->number,
                              track->title, &found));
        return add_ids(self, found.ids, found.count);
    }
    /* Without the tag, the album was credited to its artist, or to several. */
    TRY(library_artist_line(track->credits.items, track->credits.count, self->arena, &artist));
    TRY(catalog_find_tags(&self->read, artist, track->album, track->disc, track->number,
                          track->title, &found));
    TRY(add_ids(self, found.ids, found.count));
    TRY(catalog_find_tags(&self->read, STR("Various Artists"), track->album, track->disc,
                          track->number, track->title, &found));
    return add_ids(self, found.ids, found.count);
}

static err_t find_track(lookup_t *self, const library_track_t *track)
{
    catalog_ids_t found;
    TRY(find_path(self, track->path));
    if (track->audio_hash.size > 0) {
        TRY(catalog_find_audio(&self->read, track->audio_hash, &found));
        TRY(add_ids(self, found.ids, found.count));
    }
    if (track->mb_recording.size > 0 && track->mb_release.size > 0) {
        TRY(catalog_find_mbid(&self->read, track->mb_recording, track->mb_release, &found));
        TRY(add_ids(self, found.ids, found.count));
    }
    return find_tags(self, track);
}

static err_t credits_line(const catalog_credit_t *credits, uint32_t count, arena_t *arena,
                          str_t *out_line)
{
    library_credit_t *copies = arena_new_array(arena, (size_t)count + 1, sizeof *copies);
    if (copies == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        copies[i] = (library_credit_t){.name = credits[i].name,
                                       .role = credits[i].role,
                                       .join_phrase = credits[i].join_phrase};
    return library_artist_line(copies, count, arena, out_line);
}

static str_t keep(arena_t *arena, str_t text, err_t *err)
{
    str_t kept = arena_str(arena, text);
    if (kept.data == NULL)
        *err = ERR_NO_MEMORY;
    return kept;
}

static err_t read_known(lookup_t *self, uint64_t id, library_known_t *out_known, bool *out_is_ours)
{
    catalog_track_t track;
    library_keys_t keys;
    str_t album_artist, artist;
    err_t err = ERR_OK;
    TRY(catalog_track(&self->read, id, &track));
    *out_is_ours = str_equal(track.root, self->root);
    TRY(credits_line(track.album_credits.items, track.album_credits.count, self->arena,
                     &album_artist));
    TRY(credits_line(track.credits.items, track.credits.count, self->arena, &artist));
    TRY(library_keys(album_artist, artist, track.album, track.disc, track.number, track.title,
                     &keys));
    *out_known = (library_known_t){.track_id = id,
                                   .path = keep(self->arena, track.path, &err),
                                   .audio_hash = keep(self->arena, track.audio_hash, &err),
                                   .mb_recording = keep(self->arena, track.mb_recording_id, &err),
                                   .mb_release = keep(self->arena, track.mb_release_id, &err),
                                   .size_bytes = track.size_bytes,
                                   .samples = track.samples,
                                   .duration_ms = track.duration_ms,
                                   .stamp = track.mtime_ns,
                                   .added_ms = track.added_at_ms,
                                   .album_key = keys.album_key,
                                   .artist_key = keys.artist_key,
                                   .is_available = track.is_available};
    return err;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static err_t read_all_known(lookup_t *self, library_view_t *view)
{
    library_known_t *known = arena_new_array(self->arena, self->count + 1, sizeof *known);
    if (known == NULL)
        return ERR_NO_MEMORY;
    if (self->count > 0)
        qsort(self->ids, self->count, sizeof *self->ids, by_id);
    for (size_t i = 0; i < self->count && view->known_count < RULES_KNOWN_MAX; i++) {
        bool is_ours = false;
        if (i > 0 && self->ids[i] == self->ids[i - 1])
            continue;
        TRY(read_known(self, self->ids[i], &known[view->known_count], &is_ours));
        view->known_count += is_ours;
    }
    view->known = known;
    return ERR_OK;
}

static err_t read_albums(lookup_t *self, const library_add_t *batch, library_view_t *view)
{
    size_t count = 0;
    uint64_t album_id, last_id = 0;
    bool is_by_folder = false;
    library_album_t *albums =
        arena_new_array(self->arena, (size_t)batch->tracks.count + 1, sizeof *albums);
    if (albums == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < batch->tracks.count; i++) {
        catalog_album_t album;
        TRY(library_album_of(&batch->tracks.items[i], self->root, self->arena, &album_id,
                             &is_by_folder));
        if (!is_by_folder || album_id == last_id)
            continue;
        last_id = album_id;
        err_t err = catalog_album(&self->read, album_id, &album);
        if (err == ERR_NOT_FOUND)
            continue;
        TRY(err);
        albums[count].album_id = album_id;
        albums[count].is_mixed = album.is_compilation;
        TRY(credits_line(album.credits.items, album.credits.count, self->arena,
                         &albums[count].artist_line));
        count++;
    }
    view->albums = albums;
    view->album_count = count;
    return ERR_OK;
}

err_t library_lookup(catalog_t *catalog, str_t root, const library_add_t *batch, arena_t *arena,
                     library_view_t *out_view)
{
    library_view_t view = {0};
    lookup_t self = {.arena = arena, .root = root};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(catalog_read_begin(catalog, arena, &read));
    self.read = read;
    for (uint32_t i = 0; i < batch->tracks.count; i++)
        TRY(find_track(&self, &batch->tracks.items[i]));
    for (uint32_t i = 0; i < batch->problems.count; i++)
        if (batch->problems.items[i].path.size > 0)
            TRY(find_path(&self, batch->problems.items[i].path));
    TRY(read_all_known(&self, &view));
    TRY(read_albums(&self, batch, &view));
    *out_view = view;
    return ERR_OK;
}
