/* bench_search [--tracks N] [--seed N]: search.*: an index of N tracks (1,000,000) with their
 * albums and artists in twelve languages, the team's songs among them (bench/search/corpus.h);
 * built, opened, asked and changed on one core, warm. The same questions each time
 * (bench/search/asking.h).
 *
 * - search.build (s): making the documents and the index; .made: making the documents alone
 * - search.file, .lyrics_file (MB in use); lyrics: of a tenth of the tracks, 24 lines each
 * - search.open (ms)
 * - search.KIND_p50, _p99 (ms); completion: each keystroke of a title and its artist
 * - search.rate (questions a second): all kinds but lyrics, one after the other
 * - search.hit1, .hit10: of misspellings.txt, the song that is meant first, among the first ten;
 *   .more_hit1, .more_hit10: of misspellings_more.txt
 * - search.update_p50, _p99 (ms): one track changed, durable; .update_rate: documents/s, 1,000 at
 *   a time
 * - search.delta_p50, _p99 (ms): the slowest kind, with 20,000 documents in the delta
 * - search.evil_worst (ms): the slowest of questions that are meant to be slow, whole, as the
 *   offload pool answers it; .evil_cut: those that even then lack something
 * - search.held_worst (ms): the longest that one of them holds the thread that serves it until it
 *   is answered, gives up or is cut, by work alone; .held_cold: by work or time, of an index that
 *   was just opened; .held_here: how many are answered there
 * - search.private (MB): what no file backs, after all of that
 * - search.names_KIND_p50, _p99 (ms): as many names of people and playlists as there may be
 *   (bench/search/names.h); .names_p50, _p99: of the slowest kind but the evil ones; .names_fill,
 *   .names_settle (s), .names_private (MB), .names_change_p99, .names_recent_p99 (ms)
 *
 * With $MS_PEERS (script/bench --peers): FTS5 of SQLite and pg_trgm of PostgreSQL on the same
 * catalog and questions, each kind for a while: search.KIND_p99.vs.PEER, above 1 is ahead of it,
 * and its search.hit1.PEER. With $BENCH_VERBOSE: each kind's slowest question, and what was not
 * found first. */

#include "bench/bench.h"
#include "bench/catalog/made.h"
#include "bench/peers/search/peer.h"
#include "bench/search/evil.h"
#include "bench/search/names.h"
#include "bench/search/ours.h"
#include "runtime/base/assert.h"
#include "storage/search/asking/search_asker.h"
#include "storage/search/names/name_index.h"

#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TRACKS = 1000000,
    QUESTIONS = 500,
    UPDATES = 500,
    BATCHES = 20,
    BATCH = 1000,
    PEER_SECONDS = 5,
};

typedef struct bench {
    songs_t songs;
    songs_misspellings_t typed, typed_more;
    corpus_t corpus;
    char folder[256];
    ours_t ours;
    judge_engine_t engine;
    judge_options_t options;
    judge_figures_t kinds[ASKING_KIND_COUNT]; /* ours */
    bool is_verbose;
} bench_t;

static void must(err_t err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "bench_search: %s: %s\n", what, err_text(err));
    exit(1);
}

static void print(const char *figure, const char *more, double value, const char *unit)
{
    char name[128];
    snprintf(name, sizeof name, "search.%s%s", figure, more);
    bench_print(name, value, unit);
}

static void print_miss(str_t text, str_t wanted, size_t place)
{
    fprintf(stderr, "  %2zu \"%.*s\", not \"%.*s\"\n", place, STR_ARG(text), STR_ARG(wanted));
}

/* ---- building and opening ---- */

static void measure_making(bench_t *self)
{
    search_source_t source = corpus_source(&self->corpus);
    search_document_t document;
    bool is_there;
    double start = bench_seconds();
    do
        must(source.next(source.context, &document, &is_there), "a document");
    while (is_there);
    print("made", "", bench_seconds() - start, "s");
}

static double file_mb(search_index_t *index)
{
    search_index_stats_t stats;
    must(search_index_stats(index, &stats), "the size");
    return (double)stats.file_size / 1e6;
}

static void path_in(const bench_t *self, const char *name, char *out, size_t size)
{
    ASSERT((size_t)snprintf(out, size, "%s/%s", self->folder, name) < size);
}

static void build(bench_t *self)
{
    char path[300];
    path_in(self, "search", path, sizeof path);
    double start = bench_seconds();
    search_index_close(ours_build(path, &self->corpus));
    print("build", "", bench_seconds() - start, "s");

    search_index_options_t options = {.path = path};
    start = bench_seconds();
    must(search_index_open(&options, &self->ours.index), "opening");
    print("open", "", (bench_seconds() - start) * 1000, "ms");
    print("file", "", file_mb(self->ours.index), "MB");
}

/* ---- questions ---- */

static bool is_in_mix(uint32_t kind)
{
    return kind != ASKING_LYRICS;
}

static void measure_kinds(bench_t *self)
{
    double seconds = 0;
    size_t asked = 0;
    for (uint32_t kind = 0; kind < ASKING_KIND_COUNT; kind++) {
        if (!is_in_mix(kind))
            continue;
        const char *name = asking_kind_name((asking_kind_t)kind);
        self->options.miss = NULL;
        judge_kind(&self->engine, &self->options, (asking_kind_t)kind, TONGUE_COUNT); /* warm */
        judge_figures_t figures =
            judge_kind(&self->engine, &self->options, (asking_kind_t)kind, TONGUE_COUNT);
        print(name, "_p50", figures.p50_ms, "ms");
        print(name, "_p99", figures.p99_ms, "ms");
        if (self->is_verbose)
            fprintf(stderr, "  %.3f first, %.3f in ten; at most %.3f ms: \"%s\"\n",
                    judge_share_first(&figures), judge_share_ten(&figures), figures.worst_ms,
                    figures.worst);
        seconds += figures.seconds;
        asked += figures.asked;
        self->kinds[kind] = figures;
    }
    print("rate", "", (double)asked / seconds, "queries/s");
}

static void print_hits(const char *name, const judge_figures_t *figures)
{
    print(name, "hit1", judge_share_first(figures), "of 1");
    print(name, "hit10", judge_share_ten(figures), "of 1");
}

static void measure_hits(bench_t *self)
{
    self->options.miss = self->is_verbose ? print_miss : NULL;
    judge_figures_t list = judge_misspellings(&self->engine, &self->options, &self->typed);
    judge_figures_t more = judge_misspellings(&self->engine, &self->options, &self->typed_more);
    judge_figures_t titles = judge_songs(&self->engine, &self->options, 0);
    print_hits("", &list);
    print_hits("more_", &more);
    print_hits("title_", &titles);
    print("human_p50", "", more.p50_ms, "ms");
    print("human_p99", "", more.p99_ms, "ms");
}

/* Seconds that a question takes: the least of three times. */
static double time_of(bench_t *self, const search_request_t *request, arena_t *arena,
                      search_found_t *out_found, bool *out_gives_up)
{
    double least = 1e9;
    for (uint32_t k = 0; k < 3; k++) {
        double start = bench_seconds();
        err_t err = search_ask(self->ours.index, arena, request, out_found);
        least = MIN(least, bench_seconds() - start);
        *out_gives_up = request->gives_up && err == ERR_LIMIT;
        must(*out_gives_up ? ERR_OK : err, "an evil question");
    }
    return least;
}

static void measure_evil(bench_t *self)
{
    double worst = 0;
    uint32_t cut = 0;
    for (size_t i = 0; i < evil_count(); i++) {
        arena_t arena ARENA_SCOPED = {0};
        search_request_t request = evil_request(i, &arena);
        search_found_t found;
        bool gives_up;
        double seconds = time_of(self, &request, &arena, &found, &gives_up);
        if (self->is_verbose)
            fprintf(stderr, "  %8.3f ms, work %lu, %.0f ns each%s: %.*s\n", seconds * 1000,
                    (unsigned long)found.work, seconds * 1e9 / (double)MAX(found.work, 1u),
                    found.is_cut ? ", cut" : "", (int)MIN(request.text.size, (size_t)60),
                    request.text.data);
        worst = MAX(worst, seconds);
        cut += found.is_cut;
    }
    print("evil_worst", "", worst * 1000, "ms");
    print("evil_cut", "", cut, "questions");
}

/* As a scheduler asks: with room in the pool it gives up, without it is cut. */
static void measure_held(bench_t *self)
{
    double worst = 0;
    uint32_t here = 0;
    for (size_t i = 0; i < 2 * evil_count(); i++) {
        arena_t arena ARENA_SCOPED = {0};
        search_request_t request = evil_request(i / 2, &arena);
        search_found_t found;
        bool gives_up;
        request.work_max = SEARCH_WORK_INLINE;
        request.gives_up = i % 2 == 0;
        double seconds = time_of(self, &request, &arena, &found, &gives_up);
        if (self->is_verbose && seconds > worst)
            fprintf(stderr, "  held %.3f ms%s: %.*s\n", seconds * 1000,
                    gives_up ? ", gives up" : "", (int)MIN(request.text.size, (size_t)60),
                    request.text.data);
        worst = MAX(worst, seconds);
        here += request.gives_up && !gives_up;
    }
    print("held_worst", "", worst * 1000, "ms");
    print("held_here", "", here, "questions");
}

/* Each the first of an index that nobody has looked into since it was opened. */
static void measure_held_cold(bench_t *self)
{
    char path[300];
    double worst = 0;
    const ms_clock_t clock = clock_system();
    path_in(self, "search", path, sizeof path);
    for (size_t i = 0; i < evil_count(); i++) {
        arena_t arena ARENA_SCOPED = {0};
        search_index_t *index;
        search_request_t request = evil_request(i, &arena);
        search_found_t found;
        must(search_index_open(&(search_index_options_t){.path = path}, &index), "opening");
        request.work_max = SEARCH_WORK_INLINE;
        request.gives_up = true;
        request.clock = clock;
        request.until_ns = clock_mono_ns(&clock) + (uint64_t)SEARCH_INLINE_MS * 1000000;
        double start = bench_seconds();
        err_t err = search_ask(index, &arena, &request, &found);
        worst = MAX(worst, bench_seconds() - start);
        must(err == ERR_LIMIT ? ERR_OK : err, "an evil question");
        search_index_close(index);
    }
    print("held_cold", "", worst * 1000, "ms");
}

/* ---- changes ---- */

/* Plays of a track change, as they do all the time. */
static search_change_t change_of(bench_t *self, uint64_t number, arena_t *arena)
{
    uint64_t track = number * 7919 % corpus_count(&self->corpus, SEARCH_TRACK);
    search_change_t change = {.document =
                                  corpus_document(&self->corpus, SEARCH_TRACK, track, arena)};
    change.document.plays += number;
    return change;
}

static void measure_updates(bench_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    double times[UPDATES];
    for (uint64_t i = 0; i < UPDATES; i++) {
        search_change_t change = change_of(self, i, &arena);
        double start = bench_seconds();
        must(search_index_update(self->ours.index, &change, 1, (search_position_t){1, i + 2}),
             "an update");
        times[i] = (bench_seconds() - start) * 1000;
        arena_reset(&arena);
    }
    qsort(times, UPDATES, sizeof *times, bench_compare);
    print("update_p50", "", times[UPDATES / 2], "ms");
    print("update_p99", "", times[UPDATES * 99 / 100], "ms");
}

static void measure_batches(bench_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    double seconds = 0;
    for (uint64_t i = 0; i < BATCHES; i++) {
        search_change_t *changes = arena_new_array(&arena, BATCH, sizeof *changes);
        ASSERT(changes != NULL);
        for (uint64_t k = 0; k < BATCH; k++)
            changes[k] = change_of(self, UPDATES + i * BATCH + k, &arena);
        double start = bench_seconds();
        must(search_index_update(self->ours.index, changes, BATCH,
                                 (search_position_t){1, UPDATES + i + 2}),
             "an update");
        seconds += bench_seconds() - start;
        arena_reset(&arena);
    }
    print("update_rate", "", BATCHES * BATCH / seconds, "documents/s");
}

static void measure_delta(bench_t *self)
{
    double p50 = 0, p99 = 0;
    self->options.miss = NULL;
    for (uint32_t kind = 0; kind < ASKING_KIND_COUNT; kind++) {
        if (!is_in_mix(kind))
            continue;
        judge_figures_t figures =
            judge_kind(&self->engine, &self->options, (asking_kind_t)kind, TONGUE_COUNT);
        p50 = MAX(p50, figures.p50_ms);
        p99 = MAX(p99, figures.p99_ms);
        if (self->is_verbose)
            fprintf(stderr, "  delta: %s %.3f, %.3f ms\n", asking_kind_name((asking_kind_t)kind),
                    figures.p50_ms, figures.p99_ms);
    }
    print("delta_p50", "", p50, "ms"); /* of the kind that is slowest */
    print("delta_p99", "", p99, "ms");
}

/* ---- lyrics ---- */

static void measure_lyrics(bench_t *self)
{
    char path[300];
    corpus_t corpus CORPUS_SCOPED;
    path_in(self, "lyrics", path, sizeof path);
    corpus_init(&corpus, 2, self->corpus.made[SEARCH_TRACK] / 10, NULL);
    corpus.lyrics_every = 1;
    double start = bench_seconds();
    ours_t ours = {.index = ours_build(path, &corpus)};
    print("lyrics_build", "", bench_seconds() - start, "s");
    print("lyrics_file", "", file_mb(ours.index), "MB");
    judge_engine_t engine = ours_engine(&ours);
    judge_options_t options = {&corpus, QUESTIONS, 0, NULL};
    judge_kind(&engine, &options, ASKING_LYRICS, TONGUE_COUNT);
    judge_figures_t figures = judge_kind(&engine, &options, ASKING_LYRICS, TONGUE_COUNT);
    print("lyrics_p50", "", figures.p50_ms, "ms");
    print("lyrics_p99", "", figures.p99_ms, "ms");
    print("lyrics_hit1", "", judge_share_first(&figures), "of 1");
    search_index_close(ours.index);
}

/* ---- names ---- */

static void measure_names(const bench_t *self)
{
    names_figures_t figures;
    double p50 = 0, p99 = 0;
    names_measure(NAME_INDEX_MAX, self->is_verbose, &figures);
    for (int kind = 0; kind < NAMES_KINDS; kind++) {
        char name[64];
        snprintf(name, sizeof name, "names_%s", names_kind_text((names_kind_t)kind));
        print(name, "_p50", figures.p50_ms[kind], "ms");
        print(name, "_p99", figures.p99_ms[kind], "ms");
        p50 = kind == NAMES_EVIL ? p50 : MAX(p50, figures.p50_ms[kind]);
        p99 = kind == NAMES_EVIL ? p99 : MAX(p99, figures.p99_ms[kind]);
    }
    print("names", "_p50", p50, "ms");
    print("names", "_p99", p99, "ms");
    print("names", "_evil_worst", figures.worst_ms[NAMES_EVIL], "ms");
    print("names", "_recent_p99", figures.recent_p99_ms, "ms");
    print("names", "_change_p99", figures.change_p99_ms, "ms");
    print("names", "_fill", figures.fill_s, "s");
    print("names", "_settle", figures.settle_s, "s");
    print("names", "_private", figures.private_mb, "MB");
    print("names", "_cut", (double)figures.cut, "questions");
    print("names", "_hit1", figures.found_first, "of 1");
}

/* ---- others ---- */

static void measure_peer(bench_t *self, const peer_t *peer)
{
    char more[64];
    double start = bench_seconds();
    void *opened = peer->open(self->folder, &self->corpus);
    snprintf(more, sizeof more, ".%s", peer->name);
    print("build", more, bench_seconds() - start, "s");
    judge_engine_t engine = {opened, peer->ask};
    judge_options_t options = {&self->corpus, QUESTIONS, PEER_SECONDS, NULL};
    for (uint32_t kind = 0; kind < ASKING_KIND_COUNT; kind++) {
        if (!is_in_mix(kind))
            continue;
        judge_figures_t figures = judge_kind(&engine, &options, (asking_kind_t)kind, TONGUE_COUNT);
        snprintf(more, sizeof more, "_p99.vs.%s", peer->name);
        print(asking_kind_name((asking_kind_t)kind), more,
              figures.p99_ms / self->kinds[kind].p99_ms, "x");
        if (self->is_verbose)
            fprintf(stderr, "  %s: %.3f, %.3f ms, %.3f first, %.3f in ten, of %zu\n", peer->name,
                    figures.p50_ms, figures.p99_ms, judge_share_first(&figures),
                    judge_share_ten(&figures), figures.asked);
    }
    judge_figures_t list = judge_misspellings(&engine, &options, &self->typed);
    snprintf(more, sizeof more, ".%s", peer->name);
    print("hit1", more, judge_share_first(&list), "of 1");
    print("hit10", more, judge_share_ten(&list), "of 1");
    peer->close(opened);
}

/* ---- all ---- */

static void keep_to_one_core(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
    ASSERT(sched_setaffinity(0, sizeof set, &set) == 0);
}

static void setup(bench_t *self, uint64_t tracks, uint64_t seed)
{
    const char *base = getenv("MS_BENCH_DIR");
    snprintf(self->folder, sizeof self->folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(self->folder) != NULL && chmod(self->folder, 0755) == 0);
    songs_load(&self->songs);
    songs_load_misspellings(&self->songs, "misspellings.txt", &self->typed);
    songs_load_misspellings(&self->songs, "misspellings_more.txt", &self->typed_more);
    corpus_init(&self->corpus, seed, tracks, &self->songs);
    self->engine = ours_engine(&self->ours);
    self->options = (judge_options_t){&self->corpus, QUESTIONS, 0, NULL};
    self->is_verbose = getenv("BENCH_VERBOSE") != NULL;
}

static void teardown(bench_t *self)
{
    made_t made = {0};
    corpus_deinit(&self->corpus);
    songs_misspellings_deinit(&self->typed);
    songs_misspellings_deinit(&self->typed_more);
    songs_deinit(&self->songs);
    memcpy(made.folder, self->folder, sizeof made.folder);
    made_remove(&made);
}

static bool read_number(const char *text, uint64_t *out)
{
    return str_to_u64(str_from(text), out) == ERR_OK && *out > 0;
}

int main(int count, char **values)
{
    static bench_t self;
    uint64_t tracks = made_tracks(TRACKS), seed = 1;
    for (int i = 1; i < count; i += 2) {
        bool is_tracks = strcmp(values[i], "--tracks") == 0;
        if (i + 1 == count || (!is_tracks && strcmp(values[i], "--seed") != 0) ||
            !read_number(values[i + 1], is_tracks ? &tracks : &seed)) {
            fputs("usage: bench_search [--tracks N] [--seed N]\n", stderr);
            return 2;
        }
    }
    setup(&self, tracks, seed);
    keep_to_one_core();
    measure_making(&self);
    build(&self);
    measure_kinds(&self);
    measure_hits(&self);
    measure_evil(&self);
    measure_held(&self);
    print("private", "", bench_private_mb(), "MB");
    measure_updates(&self);
    measure_batches(&self);
    measure_delta(&self);
    print("private_delta", "", bench_private_mb(), "MB");
    print("cut", "", (double)self.ours.cut, "questions");
    search_index_close(self.ours.index);
    measure_held_cold(&self);
    measure_lyrics(&self);
    measure_names(&self);
    for (size_t i = 0; getenv("MS_PEERS") != NULL && i < peer_count(); i++)
        measure_peer(&self, peer_at(i));
    teardown(&self);
    return 0;
}
