#include "tests/integration/library_rig.h"
#include "tests/support/patience.h"

#include "actors/library/library_lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static temporary_name_t in(library_rig_t *self, const char *name)
{
    return temporary_in(&self->folder, name);
}

void library_rig_init(library_rig_t *self)
{
    *self = (library_rig_t){.folder = temporary_new()};
    snprintf(self->music, sizeof self->music, "%s/music", self->folder.path);
    cr_assert(mkdir(self->music, 0755) == 0);
}

static void open_storage(library_rig_t *self)
{
    temporary_name_t journal = in(self, "journal"), catalog = in(self, "catalog"),
                     lyrics = in(self, "lyrics"), artwork = in(self, "artwork"),
                     segments = in(self, "segments"), search = in(self, "search");
    journal_lmdb_options_t options = {.path = journal.path};
    check_ok(journal_lmdb_open(&options, &self->journal));
    check_ok(catalog_open(catalog.path, 0, NULL, &self->catalog));
    check_ok(library_projection_new(self->catalog, &self->library_projection));
    projection_options_t projection =
        library_projection_options(self->library_projection, journal_lmdb_journal(self->journal));
    check_ok(projection_open(&projection, &self->projection));
    check_ok(blob_folder_open(&(blob_folder_options_t){.path = lyrics.path}, &self->lyrics));
    check_ok(blob_folder_open(&(blob_folder_options_t){.path = artwork.path}, &self->artwork));
    search_feed_options_t feed = {.path = search.path,
                                  .catalog = self->catalog,
                                  .lyrics = self->lyrics,
                                  .clock = clock_system()};
    check_ok(search_feed_open(&feed, &self->search));
    check_ok(segment_cache_open(segments.path, 256 << 20, &self->segments));
}

static void make_workers(library_rig_t *self)
{
    char program[512];
    const char *build = getenv("MS_BUILD");
    snprintf(program, sizeof program, "%s/musicstream-media", build == NULL ? "." : build);
    worker_options_t options = {.program = program, .count = 2};
    check_ok(worker_pool_new(runtime_loop(self->runtime, 0), &options, &self->workers));
    self->media = (media_client_t){self->workers};
}

static err_t send_nowhere(void *context, uint64_t node, bool is_owed, router_fill_fn fill,
                          void *what)
{
    (void)context, (void)node, (void)is_owed, (void)fill, (void)what;
    return ERR_UNAVAILABLE;
}

static void join(library_rig_t *self)
{
    static const router_table_t table = {.send = send_nowhere};
    const router_t router = {.table = &table};
    if (self->node == 0)
        return;
    check_ok(runtime_join(self->runtime, self->node, &router));
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        check_ok(runtime_place(self->runtime, i, self->node));
    runtime_set_serving(self->runtime, true);
}

static uint64_t nothing_heard(journal_t *journal)
{
    (void)journal;
    return 0;
}

static journal_t *journal_of(const library_rig_t *self)
{
    static const journal_table_t table = {.head = nothing_heard};
    static journal_t deaf = {&table};
    return self->is_deaf ? &deaf : journal_lmdb_journal(self->journal);
}

void library_rig_start(library_rig_t *self)
{
    open_storage(self);
    runtime_options_t options = {.scheduler_count = 2,
                                 .journal = journal_lmdb_journal(self->journal)};
    check_ok(runtime_new(&options, &self->runtime));
    make_workers(self);
    join(self);
    self->library = (library_service_t){.catalog = self->catalog,
                                        .projection = self->projection,
                                        .journal = journal_of(self),
                                        .media = &self->media,
                                        .blobs = self->lyrics,
                                        .artwork = self->artwork,
                                        .places = self->places,
                                        .peers = self->peers,
                                        .piece_address = STR("192.0.2.1:8486"),
                                        .is_watching = self->is_watching,
                                        .has_loudness = self->has_loudness};
    self->streaming = (streaming_service_t){.catalog = self->catalog,
                                            .segments = self->segments,
                                            .media = &self->media,
                                            .places = self->places,
                                            .pieces = self->pieces};
    check_ok(library_register(self->runtime, &self->library));
    check_ok(streaming_register(self->runtime, &self->streaming));
    check_ok(runtime_start(self->runtime));
    self->asking = (asking_t){.runtime = self->runtime};
}

static void workers_stopped(void *context)
{
    *(bool *)context = true;
}

/* As a node does: once the runtime has drained nobody submits any more, and its loop is ours. */
static void stop_workers(library_rig_t *self)
{
    bool is_stopped = false;
    worker_pool_stop(&self->workers, workers_stopped, &is_stopped);
    while (!is_stopped)
        uv_run(runtime_loop(self->runtime, 0), UV_RUN_ONCE);
}

void library_rig_stop(library_rig_t *self)
{
    if (self->runtime == NULL)
        return;
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    stop_workers(self);
    runtime_free(self->runtime);
    self->runtime = NULL;
    search_feed_close(self->search);
    projection_close(self->projection);
    library_projection_free(self->library_projection);
    catalog_close(self->catalog);
    journal_lmdb_close(self->journal);
    blob_folder_close(self->lyrics);
    blob_folder_close(self->artwork);
    segment_cache_close(self->segments);
    asking_deinit(&self->asking);
}

void library_rig_deinit(library_rig_t *self)
{
    library_rig_stop(self);
    arena_deinit(&self->arena);
    temporary_remove(&self->folder);
}

scan_status_t library_rig_settle(library_rig_t *self)
{
    for (;;) {
        const scan_status_t *status = asked_as(
            ask(&self->asking, address_of("scan", STR("music")), scan_get_status, ), scan_status);
        if (status->phase == SCAN_PHASE_IDLE && status->started_ms != 0) {
            check_ok(
                library_catch_up(self->projection, journal_lmdb_journal(self->journal), 10000));
            return *status;
        }
    }
}

void library_rig_add_root(library_rig_t *self)
{
    asked_as(ask(&self->asking, address_of(ROOTS_KIND, ROOTS_KEY), roots_add, .name = STR("music"),
                 .path = str_from(self->music)),
             library_status);
    library_rig_settle(self);
}

scan_status_t library_rig_scan(library_rig_t *self, bool is_full)
{
    asked_as(ask(&self->asking, address_of("scan", STR("music")), scan_start, .is_full = is_full),
             scan_started);
    return library_rig_settle(self);
}

err_t library_rig_track_by_id(library_rig_t *self, uint64_t id, catalog_track_t *out_track)
{
    catalog_track_t track;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(self->catalog, &self->arena, &read));
    TRY(catalog_track(&read, id, &track));
    void *copy = arena_new(&self->arena, schema_deep_size(&catalog_track_schema, &track));
    schema_copy(&catalog_track_schema, &track, copy);
    *out_track = *(catalog_track_t *)copy;
    return ERR_OK;
}

err_t library_rig_track(library_rig_t *self, const char *path, catalog_track_t *out_track)
{
    uint64_t id = 0;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(self->catalog, &self->arena, &read));
    TRY(catalog_find_path(&read, STR("music"), str_from(path), &id));
    catalog_read_end(&read);
    return library_rig_track_by_id(self, id, out_track);
}

uint64_t library_rig_id(library_rig_t *self, const char *path)
{
    catalog_track_t track;
    check_ok(library_rig_track(self, path, &track));
    return track.id;
}

const library_problems_t *library_rig_problems(library_rig_t *self)
{
    return asked_as(ask(&self->asking, address_of("library", STR("music")), library_get_problems,
                        .count_max = 100),
                    library_problems);
}

uint64_t library_rig_search(library_rig_t *self, const char *words)
{
    const atomic_bool never = false;
    bool is_behind = true;
    search_found_t found;
    search_request_t request = {.text = str_from(words), .first = {[SEARCH_TRACK] = 5}};
    if (!search_feed_is_ready(self->search))
        check_ok(search_feed_build(self->search, &never));
    while (is_behind)
        check_ok(search_feed_update(self->search, &is_behind));
    check_ok(search_feed_ask(self->search, &self->arena, &request, &found));
    return found.counts[SEARCH_TRACK] == 0 ? 0 : found.results[SEARCH_TRACK][0].id;
}

void library_rig_remove(library_rig_t *self, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", self->music, name);
    cr_assert(unlink(path) == 0, "unlink %s", path);
}

void library_rig_rename(library_rig_t *self, const char *from, const char *to)
{
    char old[512], new[512];
    snprintf(old, sizeof old, "%s/%s", self->music, from);
    snprintf(new, sizeof new, "%s/%s", self->music, to);
    cr_assert(rename(old, new) == 0, "rename %s", old);
}
