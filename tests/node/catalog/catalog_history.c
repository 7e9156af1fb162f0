#include "tests/node/catalog/catalog_history.h"

#include "actors/library/library_lookup.h"
#include "actors/protocol/user.h"
#include "storage/catalog/catalog_parts.h"
#include "storage/catalog/catalog_swap.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"

enum { ROOT_NUMBER = 1, FILES_MAX = 120, BATCH_FILES = 24 };

/* ---- life ---- */

void history_open(history_t *self)
{
    temporary_name_t journal = temporary_in(&self->folder, "journal");
    bool has_new;
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = journal.path}, &self->journal));
    check_ok(catalog_swap_settle(self->path.path, &has_new));
    check_ok(catalog_open(self->path.path, 0, NULL, &self->catalog));
    check_ok(library_projection_new(self->catalog, &self->library));
    projection_options_t options =
        library_projection_options(self->library, journal_lmdb_journal(self->journal));
    options.batch_max = 5;
    check_ok(projection_open(&options, &self->projection));
}

void history_close(history_t *self)
{
    projection_close(STEAL(self->projection));
    library_projection_free(STEAL(self->library));
    catalog_close(STEAL(self->catalog));
    journal_lmdb_close(STEAL(self->journal));
}

void history_init(history_t *self, uint64_t seed)
{
    *self = (history_t){.folder = temporary_new(), .seed = {seed}};
    self->random = random_seeded(&self->seed);
    self->path = temporary_in(&self->folder, "catalog");
    history_open(self);
}

void history_deinit(history_t *self)
{
    history_close(self);
    arena_deinit(&self->arena);
    temporary_remove(&self->folder);
}

void history_catch_up(history_t *self)
{
    check_ok(library_catch_up(self->projection, journal_lmdb_journal(self->journal), 60000));
}

void history_outdate(history_t *self, uint32_t format)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t mark;
    char copy[64];
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    check_ok(kv_get(&tx, catalog_position_table(), STR("library"), &mark));
    cr_assert(mark.size >= 16 && mark.size <= sizeof copy);
    mark = str_of(memcpy(copy, mark.data, mark.size), mark.size);
    kv_u64_write(copy + 8, format);
    check_ok(kv_put(&tx, catalog_position_table(), STR("library"), mark));
    check_ok(kv_commit(&tx));
}

/* ---- events ---- */

static uint64_t below(history_t *self, uint64_t count)
{
    return random_below(&self->random, count);
}

static void append(history_t *self, const schema_t *schema, const void *event)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    journal_subject_t subject = {.journal = journal_lmdb_journal(self->journal)};
    schema_encode(schema, event, &payload);
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    journal_append_t request = {.stream = STR("library/music"),
                                .expected_version = self->version++,
                                .epoch = JOURNAL_EPOCH,
                                .events = &written,
                                .event_count = 1};
    check_ok(journal_append_wait_for(&subject, request).err);
}

static str_t name_of(history_t *self, const char *what, uint64_t count)
{
    return arena_printf(&self->arena, "%s %c%llu", what, (char)('a' + below(self, 4)),
                        (unsigned long long)below(self, count));
}

static library_credit_t some_artist(history_t *self)
{
    library_credit_t credit = {.name = name_of(self, "Artist", 6), .join_phrase = STR(" & ")};
    credit.role = (uint32_t)below(self, 3);
    if (below(self, 3) == 0) /* said differently by each file */
        credit.sort_name = name_of(self, "Sorted", 50);
    return credit;
}

/* A file's number is its path and sound; its tags change from one reading to the next. */
static library_track_t some_file(history_t *self, uint64_t number)
{
    library_credit_t *credits = arena_new_array(&self->arena, 3, sizeof *credits);
    str_t *genres = arena_new_array(&self->arena, 1, sizeof *genres);
    for (int i = 0; i < 3; i++)
        credits[i] = some_artist(self);
    genres[0] = name_of(self, "Genre", 2);
    library_track_t track = {.size_bytes = 1000 + below(self, 3),
                             .stamp = 1 + (int64_t)below(self, 1000),
                             .samples = 44100 * number,
                             .duration_ms = 1000 * number,
                             .codec = STR("flac"),
                             .disc = 1,
                             .number = (uint32_t)number % 12,
                             .has_gain = below(self, 2) == 0};
    track.path = arena_printf(&self->arena, "folder %llu/%llu.flac",
                              (unsigned long long)(number / 10), (unsigned long long)number);
    track.audio_hash = arena_printf(&self->arena, "%032llx", (unsigned long long)number);
    track.title = name_of(self, "Title", 30);
    track.album = name_of(self, "Album", 3);
    track.date = arena_printf(&self->arena, "%llu", 1990 + (unsigned long long)below(self, 20));
    track.credits.items = credits;
    track.credits.count = 1 + (uint32_t)below(self, 2);
    track.album_credits.items = credits + 2;
    track.album_credits.count = (uint32_t)below(self, 2); /* none: grouped by folder */
    track.genres.items = genres;
    track.genres.count = 1;
    return track;
}

static void add_files(history_t *self)
{
    library_track_t tracks[BATCH_FILES];
    library_view_t view;
    library_batch_added_t event;
    library_add_t batch = {.root_number = ROOT_NUMBER};
    uint64_t first = below(self, FILES_MAX);
    for (; batch.tracks.count < 1 + below(self, BATCH_FILES - 1); batch.tracks.count++)
        tracks[batch.tracks.count] = some_file(self, first + batch.tracks.count);
    batch.tracks.items = tracks;
    history_catch_up(self); /* as the actor does, which asks the catalog who they are */
    check_ok(library_lookup(self->catalog, STR("music"), &batch, &self->arena, &view));
    check_ok(library_decide(&batch, &view, self->sequence, STR("music"),
                            1000 + (int64_t)self->version, &self->arena, &event));
    self->sequence = event.sequence;
    append(self, &library_batch_added_schema, &event);
}

static uint64_t some_track(history_t *self)
{
    return track_id_of(ROOT_NUMBER, 1 + below(self, self->sequence + 2)); /* or one too far */
}

static void add_gone(history_t *self)
{
    library_gone_t gone = {some_track(self), STR("the file is gone")};
    library_tracks_gone_t event = {0};
    event.tracks.items = &gone;
    event.tracks.count = 1;
    append(self, &library_tracks_gone_schema, &event);
}

static void add_returned(history_t *self)
{
    uint64_t id = some_track(self);
    library_tracks_returned_t event = {0};
    event.track_ids.items = &id;
    event.track_ids.count = 1;
    append(self, &library_tracks_returned_schema, &event);
}

static void add_cover(history_t *self)
{
    uint64_t ids[4];
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = some_track(self);
    library_cover_t cover = {.hash = name_of(self, "cover", 100), .color = STR("#102030")};
    cover.track_ids.items = ids;
    cover.track_ids.count = COUNT_OF(ids);
    library_covers_made_t event = {0};
    event.covers.items = &cover;
    event.covers.count = 1;
    append(self, &library_covers_made_schema, &event);
}

static void add_loudness(history_t *self)
{
    library_loudness_t loudness = {.track_id = some_track(self),
                                   .loudness_mlufs = -14000,
                                   .track_gain_cdb = (int64_t)below(self, 900)};
    library_loudness_measured_t event = {0};
    event.tracks.items = &loudness;
    event.tracks.count = 1;
    append(self, &library_loudness_measured_schema, &event);
}

static void append_of_user(history_t *self, uint32_t user, const schema_t *schema,
                           const void *event)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    journal_subject_t subject = {.journal = journal_lmdb_journal(self->journal)};
    schema_encode(schema, event, &payload);
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    journal_append_t request = {.stream = arena_printf(&self->arena, "user/%u", user),
                                .expected_version = self->user_versions[user]++,
                                .epoch = JOURNAL_EPOCH,
                                .events = &written,
                                .event_count = 1};
    check_ok(journal_append_wait_for(&subject, request).err);
}

static void add_plays(history_t *self)
{
    uint32_t user = (uint32_t)below(self, HISTORY_USERS);
    user_import_track_t tracks[] = {
        {.track_id = some_track(self), .play_count = 9, .new_plays = 1 + (uint32_t)below(self, 3)},
        {.track_id = some_track(self), .is_favourite = true}};
    user_imported_t imported = {0};
    user_played_t played = {1, some_track(self), 1000};
    imported.tracks.items = tracks;
    imported.tracks.count = COUNT_OF(tracks);
    if (below(self, 3) == 0)
        append_of_user(self, user, &user_imported_schema, &imported);
    else
        append_of_user(self, user, &user_played_schema, &played);
}

void history_erase_user(history_t *self, uint32_t user)
{
    static const user_erased_t erased;
    append_of_user(self, user, &user_erased_schema, &erased);
}

void history_finish(history_t *self)
{
    static const library_finished_t finished;
    append(self, &library_finished_schema, &finished);
}

void history_grow(history_t *self, uint32_t events)
{
    static void (*const kinds[])(history_t *) = {add_files, add_files,    add_gone,  add_returned,
                                                 add_cover, add_loudness, add_plays, add_plays};
    bool is_behind;
    for (uint32_t i = 0; i < events; i++) {
        arena_reset(&self->arena);
        kinds[below(self, COUNT_OF(kinds))](self);
        if (below(self, 3) == 0)
            check_ok(projection_step(self->projection, &is_behind));
    }
}

/* ---- the sum ---- */

uint64_t history_digest(catalog_t *catalog)
{
    arena_t arena ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    uint64_t digest = 1;
    check_ok(catalog_read_begin(catalog, &arena, &read));
    for (kv_table_t table = 0; table < CATALOG_TABLE_COUNT; table++) {
        kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
        if (table >= TABLE_CHANGES && table <= TABLE_POSITION)
            continue;
        check_ok(kv_cursor_open(&read.tx, table, &cursor));
        for (err_t err = kv_first(&cursor); err == ERR_OK; err = kv_next(&cursor)) {
            digest = str_hash_more(digest * 31 + table, cursor.key);
            digest = str_hash_more(digest * 31 + cursor.key.size, cursor.value);
        }
    }
    return digest;
}
