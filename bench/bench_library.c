/* library.scan, library.rescan: a folder of tagged files, from nothing until all are searchable,
 * and again with nothing changed. Files: FLAC, MP3, Ogg with covers, page cache warm. Durable
 * journal, real media workers. The folder is made once (BENCH_MUSIC names it, or a temporary one).
 */

#include "actors/library/library.h"
#include "actors/library/library_lookup.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/scan.h"
#include "bench/bench.h"
#include "storage/journal/journal_lmdb.h"

#include <semaphore.h>
#include <string.h>
#include <unistd.h>

enum { FILE_COUNT = 6000, SCANS = 3, RESCANS = 5 };

typedef struct bench {
    char folder[256], music[256], program[512], demo[512];
    journal_lmdb_t *journal;
    catalog_t *catalog;
    library_projection_t *library_projection;
    projection_t *projection;
    blob_folder_t *lyrics, *artwork;
    worker_pool_t *workers;
    media_client_t media;
    library_service_t library;
    runtime_t *runtime;
    sem_t done;
    /* of the newest answer */
    err_t err;
    uint32_t phase;
    uint64_t files_done, files_known, files_changed;
} bench_t;

static void must(err_t err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "bench_library: %s: %s\n", what, err_text(err));
    exit(1);
}

/* ---- a node's library, and nothing else ---- */

static const char *in(const bench_t *self, const char *name, char room[512])
{
    snprintf(room, 512, "%s/%s", self->folder, name);
    return room;
}

static void start(bench_t *self)
{
    char room[512];
    snprintf(self->folder, sizeof self->folder, "/tmp/musicstream-bench-XXXXXX");
    if (mkdtemp(self->folder) == NULL)
        must(ERR_IO, "a temporary folder");
    must(journal_lmdb_open(&(journal_lmdb_options_t){.path = in(self, "journal", room)},
                           &self->journal),
         "journal");
    must(catalog_open(in(self, "catalog", room), 0, NULL, &self->catalog), "catalog");
    must(library_projection_new(self->catalog, &self->library_projection), "projection");
    projection_options_t options =
        library_projection_options(self->library_projection, journal_lmdb_journal(self->journal));
    must(projection_open(&options, &self->projection), "projection");
    must(blob_folder_open(
             &(blob_folder_options_t){.path = in(self, "lyrics", room), .is_durable = true},
             &self->lyrics),
         "blobs");
    must(blob_folder_open(&(blob_folder_options_t){.path = in(self, "artwork", room)},
                          &self->artwork),
         "blobs");
    must(runtime_new(&(runtime_options_t){.journal = journal_lmdb_journal(self->journal)},
                     &self->runtime),
         "runtime");
    worker_options_t workers = {.program = self->program, .count = 2};
    must(worker_pool_new(runtime_loop(self->runtime, 0), &workers, &self->workers), "workers");
    self->media = (media_client_t){self->workers};
    self->library = (library_service_t){.catalog = self->catalog,
                                        .projection = self->projection,
                                        .journal = journal_lmdb_journal(self->journal),
                                        .media = &self->media,
                                        .blobs = self->lyrics,
                                        .artwork = self->artwork};
    must(library_register(self->runtime, &self->library), "services");
    must(runtime_start(self->runtime), "runtime");
}

static void workers_stopped(void *context)
{
    *(bool *)context = true;
}

/* As a node does: once the runtime has drained nobody submits any more, and its loop is ours. */
static void stop_workers(bench_t *self)
{
    bool is_stopped = false;
    worker_pool_stop(&self->workers, workers_stopped, &is_stopped);
    while (!is_stopped)
        uv_run(runtime_loop(self->runtime, 0), UV_RUN_ONCE);
}

static void stop(bench_t *self)
{
    char command[600];
    must(runtime_drain(self->runtime, 10000), "drain");
    stop_workers(self);
    runtime_free(self->runtime);
    projection_close(self->projection);
    library_projection_free(self->library_projection);
    catalog_close(self->catalog);
    journal_lmdb_close(self->journal);
    blob_folder_close(self->lyrics);
    blob_folder_close(self->artwork);
    snprintf(command, sizeof command, "rm -rf '%s'", self->folder);
    if (system(command) != 0)
        fprintf(stderr, "bench_library: %s is left behind\n", self->folder);
}

/* ---- asking ---- */

static void answered(void *context, const answer_t *answer)
{
    bench_t *self = context;
    self->err = answer->err;
    if (answer->err == ERR_OK && answer->schema == &scan_status_schema) {
        const scan_status_t *status = answer->message;
        self->phase = status->phase;
        self->files_done = status->files_done;
        self->files_known = status->files_known;
        self->files_changed = status->files_changed;
        if (status->started_ms == 0)
            self->phase = SCAN_PHASE_LISTING; /* it has not begun */
    }
    sem_post(&self->done);
}

static void ask_status(void *context)
{
    bench_t *self = context;
    edge_ask(runtime_edge(self->runtime, 0), address_of("scan", STR("music")), 10000, (str_t){0},
             answered, self, scan_get_status);
}

static void ask_scan(void *context)
{
    bench_t *self = context;
    edge_ask(runtime_edge(self->runtime, 0), address_of("scan", STR("music")), 10000, (str_t){0},
             answered, self, scan_start, .is_full = false);
}

static void ask_add(void *context)
{
    bench_t *self = context;
    edge_ask(runtime_edge(self->runtime, 0), address_of(ROOTS_KIND, ROOTS_KEY), 10000, (str_t){0},
             answered, self, roots_add, .name = STR("music"), .path = str_from(self->music));
}

static void ask(bench_t *self, void (*question)(void *context))
{
    must(edge_post(runtime_edge(self->runtime, 0), question, self), "ask");
    sem_wait(&self->done);
    must(self->err, "answer");
}

static bool is_read(const bench_t *self)
{
    return self->phase == SCAN_PHASE_IDLE || self->phase == SCAN_PHASE_FINISHING;
}

/* Until every file is read and in the catalog, where search looks. */
static void wait_until(bench_t *self, bool is_whole)
{
    do {
        usleep(1000);
        ask(self, ask_status);
    } while (is_whole ? self->phase != SCAN_PHASE_IDLE : !is_read(self));
    must(library_catch_up(self->projection, journal_lmdb_journal(self->journal), 10000), "catalog");
}

static uint64_t count_tracks(bench_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_counts_t counts;
    must(catalog_read_begin(self->catalog, &arena, &read), "catalog");
    must(catalog_counts(&read, &counts), "catalog");
    return counts.tracks;
}

/* ---- the figures ---- */

static double measure_scan(bench_t *self)
{
    double began = bench_seconds();
    ask(self, ask_add);
    wait_until(self, false);
    double took = bench_seconds() - began;
    if (count_tracks(self) != self->files_known || self->files_done != self->files_known)
        must(ERR_INTERNAL, "not every file became a track");
    return (double)self->files_known / took;
}

/* The status is asked once a turn, so what is measured holds a thousandth of a second of waiting.
 */
static double measure_rescan(bench_t *self)
{
    double began = bench_seconds();
    ask(self, ask_scan);
    do
        ask(self, ask_status);
    while (self->phase != SCAN_PHASE_IDLE);
    double took = bench_seconds() - began;
    if (self->files_changed != 0)
        must(ERR_INTERNAL, "a rescan found changes");
    return (double)self->files_known / took;
}

static void find_programs(bench_t *self)
{
    char here[256] = "";
    ssize_t size = readlink("/proc/self/exe", here, sizeof here - 1);
    here[size < 0 ? 0 : size] = '\0';
    *strrchr(here, '/') = '\0'; /* BUILD/bench */
    snprintf(self->program, sizeof self->program, "%s/../musicstream-media", here);
    snprintf(self->demo, sizeof self->demo, "%s/../musicstream-demo-library", here);
}

static void make_music(bench_t *self, bool *out_is_ours)
{
    char command[900];
    const char *given = getenv("BENCH_MUSIC");
    *out_is_ours = given == NULL;
    snprintf(self->music, sizeof self->music, "%s",
             given != NULL ? given : "/tmp/musicstream-bench-music-XXXXXX");
    if (given == NULL && mkdtemp(self->music) == NULL)
        must(ERR_IO, "a temporary folder");
    snprintf(command, sizeof command, "'%s' --count %d --covers '%s' > /dev/null", self->demo,
             FILE_COUNT, self->music);
    if (given == NULL && system(command) != 0)
        must(ERR_IO, "the files can't be made");
    snprintf(command, sizeof command, "cat '%s'/*/*/* > /dev/null", self->music);
    if (system(command) != 0) /* the page cache is warm then */
        must(ERR_IO, "the files can't be read");
}

int main(void)
{
    bench_t self = {0};
    bool is_ours = false;
    double scans[SCANS], rescans[RESCANS];
    sem_init(&self.done, 0, 0);
    find_programs(&self);
    make_music(&self, &is_ours);
    for (int i = 0; i < SCANS; i++) {
        start(&self);
        scans[i] = measure_scan(&self);
        if (i == SCANS - 1) {
            wait_until(&self, true);
            for (int j = 0; j < RESCANS; j++)
                rescans[j] = measure_rescan(&self);
        }
        stop(&self);
    }
    bench_print("library.scan", bench_median(scans, SCANS), "files/s");
    bench_print("library.rescan", bench_median(rescans, RESCANS), "files/s");
    if (is_ours) {
        char command[600];
        snprintf(command, sizeof command, "rm -rf '%s'", self.music);
        if (system(command) != 0)
            fprintf(stderr, "bench_library: %s is left behind\n", self.music);
    }
    return 0;
}
