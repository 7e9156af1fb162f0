#include "actors/library/library_rules.h"

#include "storage/catalog/catalog.h"
#include "storage/search/fold.h"

#include <stdlib.h>

const char *identity_reason_text(identity_reason_t reason)
{
    static const char *const texts[IDENTITY_REASONS] = {
        "no known track fits: a new one",
        "the file is the same: path, size and time",
        "the sound is the same: audio hash and length",
        "MusicBrainz recording and release are the same",
        "album artist, album, disc, number, title and length are the same",
        "several known tracks fit: a new one",
    };
    return (unsigned)reason < IDENTITY_REASONS ? texts[reason] : "unknown";
}

/* ---- keys ---- */

static uint64_t key_of(const buf_t *folded, str_t artist, uint32_t disc, uint32_t number)
{
    uint64_t place = (uint64_t)disc << 32 | number;
    uint64_t hash = str_hash_more(str_hash(buf_str(folded)), str_of(&place, sizeof place));
    hash = str_hash_more(hash, artist);
    return hash == 0 ? 1 : hash;
}

err_t library_keys(str_t album_artist, str_t artist, str_t album, uint32_t disc, uint32_t number,
                   str_t title, library_keys_t *out_keys)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    buf_t name BUF_SCOPED = BUF_INIT;
    *out_keys = (library_keys_t){0};
    if (album.size == 0 || title.size == 0)
        return ERR_OK;
    fold_append(&folded, album);
    buf_append_char(&folded, '\n');
    fold_append(&folded, title);
    if (album_artist.size > 0) {
        fold_append(&name, album_artist);
        out_keys->album_key = key_of(&folded, buf_str(&name), disc, number);
    }
    buf_reset(&name);
    if (artist.size > 0) {
        fold_append(&name, artist);
        out_keys->artist_key = key_of(&folded, buf_str(&name), disc, number);
    }
    TRY(buf_status(&folded));
    return buf_status(&name);
}

err_t library_artist_line(const library_credit_t *credits, uint32_t count, arena_t *arena,
                          str_t *out_line)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < count; i++) {
        if (credits[i].role > CATALOG_ROLE_FEATURED)
            break;
        buf_append(&line, credits[i].name);
        if (i + 1 < count && credits[i + 1].role <= CATALOG_ROLE_FEATURED)
            buf_append(&line, credits[i].join_phrase);
    }
    TRY(buf_status(&line));
    *out_line = arena_str(arena, buf_str(&line));
    return out_line->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

bool library_path_is_valid(str_t path)
{
    str_t rest = path, part;
    if (path.size == 0 || path.size > LIBRARY_PATH_SIZE_MAX)
        return false;
    if (memchr(path.data, '\0', path.size) != NULL)
        return false;
    while (str_next(&rest, '/', &part))
        if (part.size == 0 || str_equal(part, STR(".")) || str_equal(part, STR("..")))
            return false;
    return true;
}

str_t library_folder_of(str_t path)
{
    size_t slash = str_find_last(path, '/');
    return slash == path.size ? (str_t){"", 0} : str_slice(path, 0, slash);
}

/* ---- which track is it ---- */

/* One file of the batch while it is decided. */
typedef struct file {
    const library_track_t *read;
    library_keys_t keys;
    const library_known_t *own;   /* the track whose path this is */
    const library_known_t *taken; /* NULL: new, so far */
    identity_reason_t reason;
} file_t;

/* What the rules know of a track, beside the catalog's word. */
typedef struct decision {
    file_t *files;
    size_t file_count;
    const library_known_t *known;
    size_t known_count;
    bool *is_taken, *is_free; /* by index in known */
} decision_t;

static bool fits(identity_reason_t rule, const file_t *file, const library_known_t *known)
{
    const library_track_t *read = file->read;
    uint64_t apart = read->duration_ms > known->duration_ms
                         ? read->duration_ms - known->duration_ms
                         : known->duration_ms - read->duration_ms;
    switch (rule) {
    case IDENTITY_SAME_FILE:
        return read->size_bytes == known->size_bytes && read->stamp == known->stamp &&
               str_equal(read->path, known->path);
    case IDENTITY_SAME_AUDIO:
        if (read->audio_hash.size == 0 && known->audio_hash.size == 0) /* no hash to be had */
            return str_equal(read->path, known->path) && apart <= RULES_LENGTH_MS;
        return read->audio_hash.size > 0 && str_equal(read->audio_hash, known->audio_hash) &&
               read->samples == known->samples;
    case IDENTITY_SAME_RELEASE:
        return read->mb_recording.size > 0 && read->mb_release.size > 0 &&
               str_equal(read->mb_recording, known->mb_recording) &&
               str_equal(read->mb_release, known->mb_release);
    case IDENTITY_SAME_TAGS:
        return apart <= RULES_LENGTH_MS &&
               ((file->keys.album_key != 0 && file->keys.album_key == known->album_key) ||
                (file->keys.artist_key != 0 && file->keys.artist_key == known->artist_key));
    case IDENTITY_NEW:
    case IDENTITY_AMBIGUOUS:
    case IDENTITY_REASONS:
        break;
    }
    return false;
}

static void take(decision_t *self, file_t *file, const library_known_t *known,
                 identity_reason_t reason)
{
    self->is_taken[known - self->known] = true;
    file->taken = known;
    file->reason = reason;
}

/* First pass: is it still the track that lay at this path? */
static void decide_own_path(decision_t *self, file_t *file)
{
    if (file->own == NULL || self->is_taken[file->own - self->known])
        return;
    for (identity_reason_t rule = IDENTITY_SAME_FILE; rule <= IDENTITY_SAME_TAGS; rule++)
        if (fits(rule, file, file->own)) {
            take(self, file, file->own, rule);
            return;
        }
}

/* Of the tracks that fit by `rule`, those that fit best by the rules after it. */
static const library_known_t *narrow(decision_t *self, const file_t *file, identity_reason_t rule,
                                     size_t *out_count)
{
    const library_known_t *best = NULL;
    unsigned best_score = 0;
    size_t count = 0;
    for (size_t i = 0; i < self->known_count; i++) {
        const library_known_t *known = &self->known[i];
        if (self->is_taken[i] || !self->is_free[i] || !fits(rule, file, known))
            continue;
        unsigned score = 1;
        for (identity_reason_t later = rule + 1; later <= IDENTITY_SAME_TAGS; later++)
            score = score * 2 + fits(later, file, known);
        if (score > best_score) {
            best_score = score;
            best = known;
            count = 0;
        }
        count += score == best_score;
    }
    *out_count = count;
    return best;
}

/* Second pass: is it a track whose file is gone? */
static void decide_others(decision_t *self, file_t *file)
{
    for (identity_reason_t rule = IDENTITY_SAME_AUDIO; rule <= IDENTITY_SAME_TAGS; rule++) {
        size_t count = 0;
        const library_known_t *known = narrow(self, file, rule, &count);
        if (count == 0)
            continue;
        if (count == 1)
            take(self, file, known, rule);
        else
            file->reason = IDENTITY_AMBIGUOUS;
        return;
    }
}

static int by_path(const void *a, const void *b)
{
    const library_known_t *x = *(const library_known_t *const *)a;
    const library_known_t *y = *(const library_known_t *const *)b;
    return str_compare(x->path, y->path);
}

static int path_to_known(const void *path, const void *known)
{
    return str_compare(*(const str_t *)path, (*(const library_known_t *const *)known)->path);
}

/* A path may have been of several tracks: the available one counts, else none in particular. */
static err_t find_own(decision_t *self, arena_t *arena)
{
    size_t count = 0;
    const library_known_t **sorted = arena_new_array(arena, self->known_count + 1, sizeof *sorted);
    if (sorted == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->known_count; i++) {
        self->is_free[i] = !self->known[i].is_available;
        if (self->known[i].is_available)
            sorted[count++] = &self->known[i];
    }
    if (count > 0)
        qsort(sorted, count, sizeof *sorted, by_path);
    for (size_t i = 0; i < self->file_count; i++) {
        const library_known_t **own = count == 0 ? NULL
                                                 : bsearch(&self->files[i].read->path, sorted,
                                                           count, sizeof *sorted, path_to_known);
        self->files[i].own = own == NULL ? NULL : *own;
        if (own != NULL)
            self->is_free[*own - self->known] = true;
    }
    return ERR_OK;
}

static err_t decide_tracks(decision_t *self, arena_t *arena)
{
    TRY(find_own(self, arena));
    for (size_t i = 0; i < self->file_count; i++)
        decide_own_path(self, &self->files[i]);
    for (size_t i = 0; i < self->file_count; i++)
        if (self->files[i].taken == NULL)
            decide_others(self, &self->files[i]);
    return ERR_OK;
}

/* ---- which album is it ---- */

err_t library_album_of(const library_track_t *track, str_t root, arena_t *arena,
                       uint64_t *out_album_id, bool *out_is_by_folder)
{
    str_t folder = library_folder_of(track->path);
    str_t artist = {"", 0};
    *out_is_by_folder = track->mb_release.size == 0 && track->album_credits.count == 0;
    if (*out_is_by_folder) {
        /* No artist's name has a line end in it, so this meets no album that is named by tags. */
        artist = arena_printf(arena, "\n%.*s\n%.*s", STR_ARG(root), STR_ARG(folder));
        if (artist.data == NULL)
            return ERR_NO_MEMORY;
    } else {
        TRY(library_artist_line(track->album_credits.items, track->album_credits.count, arena,
                                &artist));
    }
    *out_album_id = catalog_album_id(artist, track->album, track->mb_release, root, folder);
    return ERR_OK;
}

/* What is known of a folder's album while a batch is decided. */
typedef struct group {
    uint64_t album_id;
    str_t artist_line;
    bool is_mixed, was_known;
} group_t;

typedef struct grouping {
    group_t *groups;
    size_t count;
    arena_t *arena;
    str_t root;
} grouping_t;

static group_t *group_of(grouping_t *self, const library_view_t *view, uint64_t album_id,
                         str_t artist_line)
{
    for (size_t i = self->count; i-- > 0;)
        if (self->groups[i].album_id == album_id)
            return &self->groups[i];
    group_t *group = &self->groups[self->count++];
    *group = (group_t){.album_id = album_id, .artist_line = artist_line};
    for (size_t i = 0; i < view->album_count; i++)
        if (view->albums[i].album_id == album_id) {
            group->artist_line = view->albums[i].artist_line;
            group->is_mixed = view->albums[i].is_mixed;
            group->was_known = true;
        }
    return group;
}

static err_t list_mixed(const grouping_t *self, const library_view_t *view,
                        library_batch_added_t *event)
{
    uint32_t count = 0;
    uint64_t *mixed = arena_new_array(self->arena, self->count + 1, sizeof *mixed);
    if (mixed == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++)
        for (size_t j = 0; j < view->album_count; j++)
            if (self->groups[i].is_mixed && !view->albums[j].is_mixed &&
                view->albums[j].album_id == self->groups[i].album_id)
                mixed[count++] = self->groups[i].album_id;
    event->mixed_albums.items = mixed;
    event->mixed_albums.count = count;
    return ERR_OK;
}

static err_t credit_various(library_track_t *track, arena_t *arena)
{
    library_credit_t *various = arena_new(arena, sizeof *various);
    if (various == NULL)
        return ERR_NO_MEMORY;
    various->name = STR("Various Artists");
    track->album_credits.items = various;
    track->album_credits.count = 1;
    track->is_compilation = true;
    return ERR_OK;
}

static void credit_artist(library_track_t *track)
{
    uint32_t count = 0;
    while (count < track->credits.count &&
           track->credits.items[count].role <= CATALOG_ROLE_FEATURED)
        count++;
    track->album_credits.items = track->credits.items;
    track->album_credits.count = count;
}

static err_t decide_albums(library_track_t *tracks, uint32_t count, const library_view_t *view,
                           grouping_t *self, library_batch_added_t *event)
{
    self->groups = arena_new_array(self->arena, (size_t)count + 1, sizeof *self->groups);
    if (self->groups == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        str_t line;
        TRY(library_album_of(&tracks[i], self->root, self->arena, &tracks[i].album_id,
                             &tracks[i].is_grouped_by_folder));
        if (!tracks[i].is_grouped_by_folder)
            continue;
        TRY(library_artist_line(tracks[i].credits.items, tracks[i].credits.count, self->arena,
                                &line));
        group_t *group = group_of(self, view, tracks[i].album_id, line);
        group->is_mixed |= tracks[i].is_compilation || !str_equal(group->artist_line, line);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!tracks[i].is_grouped_by_folder)
            continue;
        if (group_of(self, view, tracks[i].album_id, (str_t){NULL, 0})->is_mixed)
            TRY(credit_various(&tracks[i], self->arena));
        else
            credit_artist(&tracks[i]);
    }
    return list_mixed(self, view, event);
}

/* ---- a batch ---- */

static err_t check_batch(const library_add_t *batch)
{
    if (batch->root_number == 0 || batch->root_number > TRACK_ROOT_NUMBER_MAX)
        return ERR_INVALID;
    if (batch->tracks.count + batch->problems.count > LIBRARY_BATCH_MAX)
        return ERR_LIMIT;
    if (schema_deep_size(&library_add_schema, batch) > LIBRARY_BATCH_SIZE_MAX)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < batch->tracks.count; i++)
        if (!library_path_is_valid(batch->tracks.items[i].path))
            return ERR_INVALID;
    for (uint32_t i = 0; i < batch->problems.count; i++)
        if (batch->problems.items[i].path.size > LIBRARY_PATH_SIZE_MAX)
            return ERR_INVALID;
    return ERR_OK;
}

static err_t keys_of(const library_track_t *track, arena_t *arena, library_keys_t *out_keys)
{
    str_t album_artist, artist;
    TRY(library_artist_line(track->album_credits.items, track->album_credits.count, arena,
                            &album_artist));
    TRY(library_artist_line(track->credits.items, track->credits.count, arena, &artist));
    return library_keys(album_artist, artist, track->album, track->disc, track->number,
                        track->title, out_keys);
}

static err_t decision_init(decision_t *self, const library_add_t *batch, const library_view_t *view,
                           arena_t *arena)
{
    *self = (decision_t){.known = view->known, .known_count = view->known_count};
    self->file_count = batch->tracks.count;
    self->files = arena_new_array(arena, self->file_count + 1, sizeof *self->files);
    self->is_taken = arena_new_array(arena, view->known_count + 1, sizeof *self->is_taken);
    self->is_free = arena_new_array(arena, view->known_count + 1, sizeof *self->is_free);
    if (self->files == NULL || self->is_taken == NULL || self->is_free == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->file_count; i++) {
        self->files[i].read = &batch->tracks.items[i];
        TRY(keys_of(self->files[i].read, arena, &self->files[i].keys));
    }
    return ERR_OK;
}

static bool is_problem(const library_problem_t *problems, uint32_t count, str_t path)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(problems[i].path, path))
            return true;
    return false;
}

/* Tracks that lost their path to another, or to what can't be read, and got none themselves. */
static err_t list_displaced(const decision_t *self, const library_problem_t *problems,
                            uint32_t problem_count, arena_t *arena, library_batch_added_t *event)
{
    uint32_t count = 0;
    library_gone_t *gone =
        arena_new_array(arena, self->file_count + self->known_count + 1, sizeof *gone);
    if (gone == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->file_count; i++) {
        const library_known_t *own = self->files[i].own;
        if (own != NULL && !self->is_taken[own - self->known])
            gone[count++] =
                (library_gone_t){own->track_id, STR("its file holds another track now")};
    }
    for (size_t i = 0; i < self->known_count; i++)
        if (self->known[i].is_available && !self->is_taken[i] &&
            is_problem(problems, problem_count, self->known[i].path))
            gone[count++] =
                (library_gone_t){self->known[i].track_id, STR("its file can't be read any more")};
    event->gone.items = gone;
    event->gone.count = count;
    return ERR_OK;
}

err_t library_decide(const library_add_t *batch, const library_view_t *view, uint64_t sequence,
                     str_t root, int64_t now_ms, arena_t *arena, library_batch_added_t *out_event)
{
    decision_t decision;
    grouping_t grouping = {.arena = arena, .root = root};
    library_batch_added_t event = {.root_number = batch->root_number};
    TRY(check_batch(batch));
    TRY(decision_init(&decision, batch, view, arena));
    TRY(decide_tracks(&decision, arena));

    library_track_t *tracks =
        arena_new_array(arena, (size_t)batch->tracks.count + 1, sizeof *tracks);
    if (tracks == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < batch->tracks.count; i++) {
        const file_t *file = &decision.files[i];
        bool is_new = file->taken == NULL;
        tracks[i] = batch->tracks.items[i];
        tracks[i].track_id =
            is_new ? track_id_of(batch->root_number, ++sequence) : file->taken->track_id;
        tracks[i].added_ms = is_new ? now_ms : file->taken->added_ms;
        tracks[i].reason = (uint32_t)file->reason;
    }
    TRY(decide_albums(tracks, batch->tracks.count, view, &grouping, &event));
    TRY(list_displaced(&decision, batch->problems.items, batch->problems.count, arena, &event));
    event.tracks.items = tracks;
    event.tracks.count = batch->tracks.count;
    event.problems.items = batch->problems.items;
    event.problems.count = batch->problems.count;
    event.sequence = sequence;
    *out_event = event;
    return ERR_OK;
}
