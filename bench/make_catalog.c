/* make_catalog [--seed N] [--plays N] DATA MUSIC COUNT -- a data folder whose journal holds a
 * made-up library of COUNT tracks (bench/catalog/model.h), and the files it is of, without a sound:
 * four kilobytes of nothing each, in MUSIC ("-": no files). The events are those that scans of a
 * library that grew in runs of RUN_TRACKS would have appended, decided by the library's own rules.
 * A node that is started on both builds its catalog from them and finds, when it looks, that
 * nothing has changed. With --plays: that many plays by LISTENERS listeners, by Zipf's law.
 *
 * Its memory is that of one run, whatever COUNT is. */

#include "actors/library/library_rules.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/user.h"
#include "bench/bench.h"
#include "bench/catalog/model.h"
#include "runtime/base/memory.h"
#include "storage/data_folder.h"
#include "storage/journal/journal_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RUN_TRACKS = 4096,
    FILE_SIZE = 4096,
    ROOT_NUMBER = 1,
    IN_FLIGHT = 64,
    LISTENERS = 20,
    RUN_MS = 6 * 60 * 60 * 1000, /* between two scans */
};
#define ROOT STR("music")
static const int64_t BEGIN_MS = 1300000000000; /* of the first scan */

static void must(err_t err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "make_catalog: %s: %s\n", what, err_text(err));
    exit(1);
}

/* ---- files ---- */

static void make_folder(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        must(err_from_errno(errno), path);
}

static void make_file(int folder, const library_track_t *track)
{
    size_t slash = str_find_last(track->path, '/');
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = track->stamp / 1000000000}};
    int fd = openat(folder, track->path.data + slash + 1, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, FILE_SIZE) != 0 || futimens(fd, times) != 0)
        must(err_from_errno(errno), track->path.data);
    close(fd);
}

static void make_files(const char *music, const model_album_t *album, arena_t *arena)
{
    str_t artist = str_slice(album->folder, 0, str_find_last(album->folder, '/'));
    str_t path = arena_printf(arena, "%s/%.*s", music, STR_ARG(artist));
    make_folder(path.data);
    path = arena_printf(arena, "%s/%.*s", music, STR_ARG(album->folder));
    make_folder(path.data);
    int folder = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        must(err_from_errno(errno), path.data);
    for (uint32_t i = 0; i < album->track_count; i++)
        make_file(folder, &album->tracks[i]);
    close(folder);
}

/* ---- events ---- */

typedef struct writer {
    journal_t *journal;
    sem_t room; /* for appends in flight */
    err_t err;
    const char *music; /* NULL: no files */
    int64_t now_ms;
    uint64_t version, sequence; /* of the library */
} writer_t;

static void appended(void *context, err_t err, UNUSED uint64_t version, UNUSED uint64_t position)
{
    writer_t *self = context;
    if (err != ERR_OK)
        __atomic_store_n(&self->err, err, __ATOMIC_RELAXED);
    sem_post(&self->room);
}

static void append(writer_t *self, str_t stream, uint64_t expected, const schema_t *schema,
                   const void *event)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    schema_encode(schema, event, &payload);
    must(buf_status(&payload), "an event");
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    journal_append_t request = {.stream = stream,
                                .expected_version = expected,
                                .epoch = JOURNAL_EPOCH,
                                .wall_ms = self->now_ms,
                                .events = &written,
                                .event_count = 1,
                                .done = appended,
                                .done_context = self};
    sem_wait(&self->room);
    self->journal->table->append(self->journal, &request);
    must(__atomic_load_n(&self->err, __ATOMIC_RELAXED), "an append");
}

static void wait_for_all(writer_t *self)
{
    for (int i = 0; i < IN_FLIGHT; i++)
        sem_wait(&self->room);
    for (int i = 0; i < IN_FLIGHT; i++)
        sem_post(&self->room);
    must(__atomic_load_n(&self->err, __ATOMIC_RELAXED), "an append");
}

static void append_library(writer_t *self, const schema_t *schema, const void *event)
{
    append(self, STR("library/music"), self->version++, schema, event);
}

/* One scan's worth: its tracks, and the albums with a cover as ranges of them. */
typedef struct run {
    arena_t arena;
    library_track_t tracks[RUN_TRACKS + MODEL_ALBUM_TRACKS_MAX];
    uint32_t count;
    struct {
        uint32_t first, count;
        uint64_t number;
    } covers[RUN_TRACKS];
    uint32_t cover_count;
    model_album_t album;
} run_t;

static bool fill_run(model_t *model, const char *music, run_t *run)
{
    arena_reset(&run->arena);
    run->count = run->cover_count = 0;
    while (run->count < RUN_TRACKS && model_next(model, &run->arena, &run->album)) {
        if (music != NULL)
            make_files(music, &run->album, &run->arena);
        if (run->album.has_cover) {
            run->covers[run->cover_count].first = run->count;
            run->covers[run->cover_count].count = run->album.track_count;
            run->covers[run->cover_count++].number = run->album.number;
        }
        memcpy(run->tracks + run->count, run->album.tracks,
               run->album.track_count * sizeof *run->tracks);
        run->count += run->album.track_count;
    }
    return run->count > 0;
}

static void append_tracks(writer_t *self, const run_t *run)
{
    for (uint32_t at = 0; at < run->count; at += LIBRARY_BATCH_MAX) {
        arena_t arena ARENA_SCOPED = {0};
        library_batch_added_t event;
        library_view_t empty = {0};
        library_add_t batch = {.root_number = ROOT_NUMBER};
        batch.tracks.items = run->tracks + at;
        batch.tracks.count = MIN(run->count - at, (uint32_t)LIBRARY_BATCH_MAX);
        must(library_decide(&batch, &empty, self->sequence, ROOT, self->now_ms, &arena, &event),
             "a batch");
        self->sequence = event.sequence;
        append_library(self, &library_batch_added_schema, &event);
    }
}

static void append_covers(writer_t *self, const run_t *run, uint64_t sequence)
{
    for (uint32_t i = 0; i < run->cover_count; i++) {
        arena_t arena ARENA_SCOPED = {0};
        uint64_t ids[MODEL_ALBUM_TRACKS_MAX], mixed = words_mix(run->covers[i].number);
        for (uint32_t k = 0; k < run->covers[i].count; k++)
            ids[k] = track_id_of(ROOT_NUMBER, sequence + run->covers[i].first + k + 1);
        library_cover_t cover = {
            .hash = arena_printf(&arena, "%016llx%048x", (unsigned long long)mixed, 0),
            .color = arena_printf(&arena, "#%06x", (unsigned)(mixed & 0xffffff))};
        cover.track_ids.items = ids;
        cover.track_ids.count = run->covers[i].count;
        library_covers_made_t event = {0};
        event.covers.items = &cover;
        event.covers.count = 1;
        append_library(self, &library_covers_made_schema, &event);
    }
}

static void append_runs(writer_t *self, model_t *model)
{
    static const library_finished_t finished;
    run_t *run = memory_new(sizeof *run);
    if (run == NULL)
        must(ERR_NO_MEMORY, "a run");
    while (fill_run(model, self->music, run)) {
        uint64_t sequence = self->sequence;
        append_tracks(self, run);
        append_covers(self, run, sequence);
        append_library(self, &library_finished_schema, &finished);
        self->now_ms += RUN_MS;
    }
    arena_deinit(&run->arena);
    memory_free(run);
}

static void append_plays(writer_t *self, const model_t *model, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        char stream[32];
        uint64_t number = i / LISTENERS;
        uint64_t rank = words_zipf(words_mix(model->seed ^ words_mix(i)), model->tracks);
        user_played_t played = {.number = number + 1,
                                .track_id =
                                    track_id_of(ROOT_NUMBER, model_popular(model, rank) + 1),
                                .played_at = self->now_ms};
        snprintf(stream, sizeof stream, "user/listener-%llu", (unsigned long long)(i % LISTENERS));
        append(self, str_from(stream), number, &user_played_schema, &played);
        self->now_ms += 1000;
    }
}

static int usage(void)
{
    fputs("usage: make_catalog [--seed N] [--plays N] DATA MUSIC COUNT (MUSIC from the root on, or "
          "-)\n",
          stderr);
    return 2;
}

int main(int count, char **values)
{
    model_t model = {.seed = 1};
    uint64_t plays = 0;
    int at = 1;
    for (; at + 1 < count && strncmp(values[at], "--", 2) == 0; at += 2)
        if (str_to_u64(str_from(values[at + 1]),
                       strcmp(values[at], "--seed") == 0 ? &model.seed : &plays) != ERR_OK)
            return usage();
    if (count != at + 3 || str_to_u64(str_from(values[at + 2]), &model.tracks) != ERR_OK)
        return usage();
    const char *music = values[at + 1];
    arena_t arena ARENA_SCOPED = {0};
    buf_t problem BUF_SCOPED = BUF_INIT;
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;

    must(data_folder_open(values[at], &problem, &data), values[at]);
    must(
        journal_lmdb_open(
            &(journal_lmdb_options_t){.path = data_folder_name(data, &arena, "journal")}, &journal),
        "the journal");
    writer_t writer = {.journal = journal_lmdb_journal(journal),
                       .now_ms = BEGIN_MS,
                       .music = strcmp(music, "-") == 0 ? NULL : music};
    if (writer.music != NULL)
        make_folder(music);
    sem_init(&writer.room, 0, IN_FLIGHT);
    root_added_t root = {ROOT, str_from(writer.music == NULL ? "/music" : music), ROOT_NUMBER};
    append(&writer, STR("roots/all"), 0, &root_added_schema, &root);
    append_runs(&writer, &model);
    append_plays(&writer, &model, plays);
    wait_for_all(&writer);
    return 0;
}
