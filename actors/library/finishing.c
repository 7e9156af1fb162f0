/* finishing.c -- the jobs that come after reading: covers and loudness (scan_run.h). */

#include "actors/library/library_lookup.h"
#include "actors/library/scan_run.h"
#include "runtime/base/memory.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { CATCH_UP_TIMEOUT_MS = 10000 };

const uint64_t ARTWORK_SIZES[ARTWORK_SIZE_COUNT] = {1200, 640, 300, 96};

/* ---- PLAN ---- */

/* A track that wants something, while the plan is made. */
typedef struct wanting {
    group_track_t track;
    size_t folder_size; /* the front of its path */
    uint64_t album_id;
    bool wants_cover, had_artwork, wants_loudness;
} wanting_t;

typedef struct planning {
    scan_run_t *run;
    arena_t *arena;
    known_t touched;
    buf_t wanting; /* of wanting_t */
} planning_t;

static void planning_end(planning_t *self)
{
    known_deinit(&self->touched);
    buf_deinit(&self->wanting);
}

static size_t add_text(scan_run_t *run, str_t text)
{
    size_t begin = run->text.size;
    buf_append(&run->text, text);
    buf_append_char(&run->text, '\0');
    return begin;
}

static str_t text_at(const scan_run_t *run, size_t begin, size_t size)
{
    return str_slice(buf_str(&run->text), begin, begin + size);
}

static void want(planning_t *self, const catalog_track_t *track, bool is_touched)
{
    wanting_t wanting = {.album_id = track->album.size > 0 ? track->album_id : track->id};
    if (!track->is_available || (!is_touched && !self->run->is_resumed))
        return;
    wanting.wants_cover = is_touched || track->artwork.size == 0;
    wanting.had_artwork = track->artwork.size > 0;
    wanting.wants_loudness = self->run->service->has_loudness && !track->has_gain;
    if (!wanting.wants_cover && !wanting.wants_loudness)
        return;
    wanting.track.track_id = track->id;
    wanting.track.path_begin = add_text(self->run, track->path);
    wanting.track.path_size = track->path.size;
    size_t slash = str_find_last(track->path, '/');
    wanting.folder_size = slash == track->path.size ? 0 : slash;
    buf_append_bytes(&self->wanting, &wanting, sizeof wanting);
}

static err_t plan_page(planning_t *self, buf_t *cursor, bool *out_has_more)
{
    catalog_page_t page;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_page_options_t options = {
        .list = CATALOG_TRACKS_BY_PATH, .root = self->run->root, .after = buf_str(cursor)};
    arena_reset(self->arena);
    TRY(catalog_read_begin(self->run->service->catalog, self->arena, &read));
    TRY(catalog_page(&read, &options, &page));
    for (size_t i = 0; i < page.count; i++) {
        catalog_track_t track;
        TRY(catalog_track(&read, page.items[i].id, &track));
        want(self, &track, known_find(&self->touched, str_of(&track.id, sizeof track.id)) != NULL);
    }
    if (page.count > 0) {
        buf_reset(cursor);
        buf_append(cursor, page.items[page.count - 1].cursor);
    }
    *out_has_more = page.has_more;
    TRY(buf_status(&self->run->text));
    return buf_status(cursor);
}

/* A few files: each is looked up. */
static err_t plan_touched(planning_t *self)
{
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(catalog_read_begin(self->run->service->catalog, self->arena, &read));
    for (size_t i = 0; i < self->run->touched.size / sizeof(uint64_t); i++) {
        uint64_t id;
        catalog_track_t track;
        memcpy(&id, self->run->touched.data + i * sizeof id, sizeof id);
        err_t err = catalog_track(&read, id, &track);
        if (err == ERR_OK)
            want(self, &track, true);
        else if (err != ERR_NOT_FOUND)
            return err;
    }
    return buf_status(&self->run->text);
}

static const wanting_t *wanting_at(const planning_t *self, size_t index)
{
    return (const wanting_t *)(const void *)(self->wanting.data + index * sizeof(wanting_t));
}

static int by_album(const void *a, const void *b)
{
    const wanting_t *x = a, *y = b;
    if (x->album_id != y->album_id)
        return x->album_id < y->album_id ? -1 : 1;
    if (x->track.path_begin != y->track.path_begin) /* in the order they were met: by folder */
        return x->track.path_begin < y->track.path_begin ? -1 : 1;
    return 0;
}

/* The cover file of a folder, the best one that is there. */
static bool find_cover_file(scan_run_t *run, str_t folder, size_t *out_begin, size_t *out_size)
{
    static const char *const stems[] = {"cover", "Cover", "folder", "Folder",
                                        "front", "Front", "COVER",  "FOLDER"};
    static const char *const endings[] = {"jpg", "jpeg", "png", "webp", "JPG", "PNG"};
    char name[WALK_PATH_SIZE_MAX + 32];
    for (size_t i = 0; i < COUNT_OF(stems); i++)
        for (size_t j = 0; j < COUNT_OF(endings); j++) {
            int size = snprintf(name, sizeof name, "%.*s%s%s.%s", STR_ARG(folder),
                                folder.size > 0 ? "/" : "", stems[i], endings[j]);
            if (size <= 0 || (size_t)size >= sizeof name ||
                faccessat(run->walk.root_fd, name, R_OK, 0) != 0)
                continue;
            *out_size = (size_t)size;
            *out_begin = add_text(run, str_from(name));
            return true;
        }
    return false;
}

static void add_cover_group(planning_t *self, size_t begin, size_t end)
{
    scan_run_t *run = self->run;
    cover_group_t group = {.first = run->group_tracks.size / sizeof(group_track_t)};
    const wanting_t *first = wanting_at(self, begin);
    for (size_t i = begin; i < end; i++) {
        const wanting_t *wanting = wanting_at(self, i);
        if (!wanting->wants_cover)
            continue;
        buf_append_bytes(&run->group_tracks, &wanting->track, sizeof wanting->track);
        group.had_artwork |= wanting->had_artwork;
        group.count++;
    }
    if (group.count == 0)
        return;
    str_t folder = text_at(run, first->track.path_begin, first->folder_size);
    if (!find_cover_file(run, folder, &group.source_begin, &group.source_size))
        group.source_size = 0;
    buf_append_bytes(&run->covers, &group, sizeof group);
}

static void add_album_group(planning_t *self, size_t begin, size_t end)
{
    scan_run_t *run = self->run;
    album_group_t group = {.first = run->group_tracks.size / sizeof(group_track_t)};
    for (size_t i = begin; i < end; i++)
        if (wanting_at(self, i)->wants_loudness && group.count < MEDIA_BATCH_MAX) {
            buf_append_bytes(&run->group_tracks, &wanting_at(self, i)->track,
                             sizeof(group_track_t));
            group.count++;
        }
    if (group.count > 0)
        buf_append_bytes(&run->albums, &group, sizeof group);
}

static bool is_same_folder(const planning_t *self, size_t a, size_t b)
{
    const wanting_t *x = wanting_at(self, a), *y = wanting_at(self, b);
    return str_equal(text_at(self->run, x->track.path_begin, x->folder_size),
                     text_at(self->run, y->track.path_begin, y->folder_size));
}

static err_t make_groups(planning_t *self)
{
    size_t count = self->wanting.size / sizeof(wanting_t);
    if (count > 0)
        qsort(self->wanting.data, count, sizeof(wanting_t), by_album);
    for (size_t begin = 0, end; begin < count; begin = end) {
        uint64_t album_id = wanting_at(self, begin)->album_id;
        for (end = begin + 1; end < count && wanting_at(self, end)->album_id == album_id; end++)
            ;
        for (size_t from = begin, to; from < end; from = to) {
            for (to = from + 1;
                 to < end && to - from < SCAN_GROUP_MAX && is_same_folder(self, from, to); to++)
                ;
            add_cover_group(self, from, to);
        }
        add_album_group(self, begin, end);
    }
    TRY(buf_status(&self->run->text));
    TRY(buf_status(&self->run->group_tracks));
    TRY(buf_status(&self->run->albums));
    return buf_status(&self->run->covers);
}

err_t scan_plan(scan_job_t *job)
{
    scan_run_t *run = job->run;
    planning_t self SCOPED(planning_end) = {.run = run, .arena = &job->arena};
    bool has_more = run->is_resumed;
    buf_t cursor BUF_SCOPED = BUF_INIT;
    TRY(library_catch_up(run->service->projection, run->service->journal, CATCH_UP_TIMEOUT_MS));
    /* The library may be on another node, and this one not have heard yet of what was added. */
    TRY(library_catch_up_to(run->service->projection, run->position, CATCH_UP_TIMEOUT_MS));
    for (size_t i = 0; i < run->touched.size / sizeof(uint64_t); i++)
        TRY(known_add(&self.touched, str_of(run->touched.data + i * sizeof(uint64_t), 8), 0, 0, 0,
                      true));
    if (!run->is_resumed)
        TRY(plan_touched(&self));
    while (has_more && !atomic_load(&run->is_cancelled))
        TRY(plan_page(&self, &cursor, &has_more));
    TRY(buf_status(&self.wanting));
    return make_groups(&self);
}

/* ---- COVER ---- */

static const group_track_t *group_track(const scan_run_t *run, size_t index)
{
    return (const group_track_t *)(const void *)(run->group_tracks.data +
                                                 index * sizeof(group_track_t));
}

static err_t store_pictures(const scan_run_t *run, const media_artwork_made_t *made,
                            blob_hash_t *out_hash)
{
    const media_picture_t *main = NULL;
    for (uint32_t i = 0; i < made->pictures.count; i++)
        if (made->pictures.items[i].size == ARTWORK_SIZES[0] &&
            str_equal(made->pictures.items[i].type, STR("image/jpeg")))
            main = &made->pictures.items[i];
    if (main == NULL)
        return ERR_UNSUPPORTED;
    TRY(blob_put(run->service->artwork, main->bytes, out_hash));
    for (uint32_t i = 0; i < made->pictures.count; i++) {
        const media_picture_t *picture = &made->pictures.items[i];
        char variant[32];
        if (picture == main)
            continue;
        snprintf(variant, sizeof variant, "%u.%s", picture->size,
                 str_equal(picture->type, STR("image/webp")) ? "webp" : "jpg");
        TRY(blob_variant_put(run->service->artwork, str_from(out_hash->text), str_from(variant),
                             picture->bytes));
    }
    return ERR_OK;
}

static err_t make_cover(scan_job_t *job, str_t path, bool is_embedded)
{
    scan_run_t *run = job->run;
    media_artwork_made_t made;
    blob_hash_t hash;
    int fd = openat(run->walk.root_fd, path.data, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return ERR_NOT_FOUND;
    media_artwork_job_t artwork = {.source = {fd, path},
                                   .is_embedded = is_embedded,
                                   .sizes = ARTWORK_SIZES,
                                   .size_count = ARTWORK_SIZE_COUNT};
    err_t err = media_client_artwork_wait(run->service->media, WORKER_BACKGROUND, &artwork,
                                          &job->arena, &made, NULL);
    close(fd);
    TRY(err);
    TRY(store_pictures(run, &made, &hash));
    job->cover.hash = arena_str(&job->arena, str_from(hash.text));
    job->cover.color = arena_printf(&job->arena, "#%06x", made.colour & 0xFFFFFF);
    return job->cover.hash.data == NULL || job->cover.color.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* A picture that can't be made is none; only what would befall the next one, too, is an error. */
static bool is_of_this_picture(err_t err)
{
    return err != ERR_OK && err != ERR_UNAVAILABLE && err != ERR_CANCELLED && err != ERR_FULL &&
           err != ERR_NO_MEMORY;
}

err_t scan_cover(scan_job_t *job)
{
    scan_run_t *run = job->run;
    const cover_group_t *group =
        (const cover_group_t *)(const void *)(run->covers.data + job->first * sizeof *group);
    uint64_t *ids = arena_new_array(&job->arena, group->count, sizeof *ids);
    err_t err = ERR_NOT_FOUND;
    if (ids == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < group->count; i++)
        ids[i] = group_track(run, group->first + i)->track_id;
    job->cover.track_ids.items = ids;
    job->cover.track_ids.count = (uint32_t)group->count;
    if (group->source_size > 0)
        err = make_cover(job, text_at(run, group->source_begin, group->source_size), false);
    for (size_t i = 0; i < group->count && i < SCAN_COVER_TRIES_MAX && is_of_this_picture(err);
         i++) {
        const group_track_t *track = group_track(run, group->first + i);
        err = make_cover(job, text_at(run, track->path_begin, track->path_size), true);
    }
    if (is_of_this_picture(err) && !group->had_artwork)
        job->cover.track_ids.count = 0; /* nothing to say */
    return is_of_this_picture(err) ? ERR_OK : err;
}

/* ---- LOUDNESS ---- */

typedef struct measuring {
    media_input_t inputs[MEDIA_BATCH_MAX];
    uint64_t ids[MEDIA_BATCH_MAX];
    size_t count;
} measuring_t;

static void measuring_end(measuring_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        close(self->inputs[i].fd);
}

static int64_t gain_of(double lufs)
{
    return isfinite(lufs) ? llround((LIBRARY_LOUDNESS_LUFS - lufs) * 100) : 0;
}

err_t scan_loudness(scan_job_t *job)
{
    scan_run_t *run = job->run;
    measuring_t self SCOPED(measuring_end) = {0};
    media_loudness_measured_t measured;
    const album_group_t *group =
        (const album_group_t *)(const void *)(run->albums.data + job->first * sizeof *group);
    for (size_t i = 0; i < group->count; i++) {
        const group_track_t *track = group_track(run, group->first + i);
        str_t path = text_at(run, track->path_begin, track->path_size);
        int fd =
            openat(run->walk.root_fd, path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        self.ids[self.count] = track->track_id;
        self.inputs[self.count++] = (media_input_t){fd, path};
    }
    job->loudness = arena_new_array(&job->arena, self.count + 1, sizeof *job->loudness);
    if (job->loudness == NULL)
        return ERR_NO_MEMORY;
    if (self.count == 0)
        return ERR_OK;
    TRY(media_client_loudness_wait(run->service->media, self.inputs, self.count, &job->arena,
                                   &measured));
    for (size_t i = 0; i < self.count && i < measured.tracks.count; i++) {
        const media_loudness_track_t *track = &measured.tracks.items[i];
        if (track->err != ERR_OK)
            continue;
        bool is_silent = track->is_silent;
        job->loudness[job->loudness_count++] = (library_loudness_t){
            .track_id = self.ids[i],
            .loudness_mlufs = is_silent ? 0 : llround(track->integrated_lufs * 1000),
            .track_gain_cdb = is_silent ? 0 : gain_of(track->integrated_lufs),
            .track_peak = track->true_peak,
            .album_gain_cdb = measured.is_silent ? 0 : gain_of(measured.album_lufs),
            .album_peak = measured.album_peak};
    }
    return ERR_OK;
}
