/* Two schedulers ask more than they may answer themselves, and cancel some of it while it waits or
 * runs in the pool, while the index changes under all of them: each question is answered once, by
 * its own thread, with all of an answer or with an error that says why not. For ThreadSanitizer. */

#include "runtime/base/assert.h"
#include "storage/search/asking/search_asker.h"
#include "tests/stress/racer.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <stdio.h>

enum { EDGES = 2, OPEN = 6, ASKS = 300, TRACKS = 400, WAITING_MAX = 7, WORK_INLINE = 6000 };

typedef struct asking asking_t;

typedef struct one {
    asking_t *asking;
    arena_t arena;
    search_ask_t ask;
    bool is_open;
} one_t;

typedef struct shared {
    temporary_t folder;
    catalog_t *catalog; /* nothing is in it: the index is of another */
    search_feed_t *feed;
    uint64_t changes;
    runtime_t *runtime;
    search_asker_t *asker;
    _Atomic uint64_t over, counts[ERR_COUNT];
} shared_t;

/* What one scheduler asks. */
struct asking {
    shared_t *shared;
    uint32_t scheduler, asked;
    random_seed_t seed;
    ms_random_t random;
    one_t ones[OPEN];
};

static void take(one_t *one)
{
    const search_part_t *part = &one->ask.parts[0];
    ASSERT(one->is_open && part->is_answered);
    ASSERT(part->err == ERR_OK || part->err == ERR_CANCELLED || part->err == ERR_BUSY);
    if (part->err == ERR_OK)
        for (size_t i = 0; i < part->found.counts[SEARCH_TRACK]; i++)
            ASSERT(part->found.results[SEARCH_TRACK][i].id > 0);
    atomic_fetch_add(&one->asking->shared->counts[part->err], 1);
    one->is_open = false;
    arena_deinit(&one->arena);
}

static void go_on(void *context);

static void came(void *context)
{
    one_t *one = context;
    take(one);
    go_on(one->asking);
}

static void ask_one(asking_t *self, one_t *one)
{
    static const str_t texts[] = {STR_INIT("title"), STR_INIT("titel omega"), STR_INIT("t"),
                                  STR_INIT("omga tilte"), STR_INIT("")};
    *one = (one_t){.asking = self, .is_open = true};
    one->ask.edge = runtime_edge(self->shared->runtime, self->scheduler);
    one->ask.arena = &one->arena;
    one->ask.then = came;
    one->ask.context = one;
    one->ask.count = 1;
    one->ask.parts[0].request =
        (search_request_t){.text = texts[random_below(&self->random, COUNT_OF(texts))],
                           .is_typing = random_below(&self->random, 2) == 0,
                           .wants_facets = random_below(&self->random, 3) == 0,
                           .first = {20, 20, 20}};
    self->asked++;
    if (search_asker_ask(self->shared->asker, &one->ask))
        take(one);
}

/* Asks in each free place, and cancels one or none. */
static void go_on(void *context)
{
    asking_t *self = context;
    bool is_open = false;
    for (int i = 0; i < OPEN; i++)
        if (!self->ones[i].is_open && self->asked < ASKS)
            ask_one(self, &self->ones[i]);
    one_t *one = &self->ones[random_below(&self->random, OPEN)];
    if (one->is_open && random_below(&self->random, 2) == 0)
        search_asker_cancel(&one->ask);
    for (int i = 0; i < OPEN; i++)
        is_open |= self->ones[i].is_open;
    if (self->asked < ASKS && !is_open)
        ASSERT(edge_post(runtime_edge(self->shared->runtime, self->scheduler), go_on, self) ==
               ERR_OK);
    else if (!is_open)
        atomic_fetch_add(&self->shared->over, 1);
}

static search_document_t track(uint64_t id, uint64_t version, char title[64])
{
    snprintf(title, 64, "title %s number%llu", version % 2 == 0 ? "omega" : "omegb",
             (unsigned long long)id);
    return (search_document_t){.kind = SEARCH_TRACK,
                               .id = id,
                               .plays = id * 7919 % 1000,
                               .title = str_from(title),
                               .artist = STR("somebody")};
}

typedef struct source {
    uint64_t id;
    char title[64];
} source_t;

static err_t next(void *context, search_document_t *out_document, bool *out_is_there)
{
    source_t *self = context;
    *out_is_there = ++self->id <= TRACKS;
    if (*out_is_there)
        *out_document = track(self->id, self->id, self->title);
    return ERR_OK;
}

static void start(shared_t *self)
{
    self->folder = temporary_new();
    temporary_name_t path = temporary_in(&self->folder, "search");
    temporary_name_t catalog = temporary_in(&self->folder, "catalog");
    source_t source = {0};
    const search_build_options_t build = {.source = {&source, next, TRACKS}, .position = {1, 1}};
    ASSERT(search_build(path.path, &build) == ERR_OK);
    ASSERT(catalog_open(catalog.path, 0, NULL, &self->catalog) == ERR_OK);
    const search_feed_options_t feed = {
        .path = path.path, .catalog = self->catalog, .clock = clock_system()};
    ASSERT(search_feed_open(&feed, &self->feed) == ERR_OK);
    runtime_options_t runtime = {.scheduler_count = EDGES};
    runtime.offload_threads[OFFLOAD_COMPUTE] = 2;
    ASSERT(runtime_new(&runtime, &self->runtime) == ERR_OK);
    const search_asker_options_t asker = {.feed = self->feed,
                                          .runtime = self->runtime,
                                          .work_inline = WORK_INLINE,
                                          .waiting_max = WAITING_MAX};
    ASSERT(search_asker_new(&asker, &self->asker) == ERR_OK);
    ASSERT(runtime_start(self->runtime) == ERR_OK);
}

static void change(shared_t *self)
{
    char title[64];
    uint64_t version = ++self->changes + 1;
    const search_change_t one = {.document = track(1 + version % TRACKS, version, title)};
    ASSERT(search_index_update(search_feed_index(self->feed), &one, 1,
                               (search_position_t){1, version}) == ERR_OK);
}

static uint64_t run(uint64_t seed)
{
    shared_t shared = {0};
    asking_t askings[EDGES] = {{0}};
    start(&shared);
    for (uint32_t i = 0; i < EDGES; i++) {
        askings[i] = (asking_t){.shared = &shared, .scheduler = i, .seed = {seed * EDGES + i + 1}};
        askings[i].random = random_seeded(&askings[i].seed);
        ASSERT(edge_post(runtime_edge(shared.runtime, i), go_on, &askings[i]) == ERR_OK);
    }
    patience_t patience = PATIENCE_FOR("the last answer");
    while (atomic_load(&shared.over) < EDGES) {
        change(&shared);
        patience_spend(&patience);
    }
    ASSERT(runtime_drain(shared.runtime, PATIENCE_MS) == ERR_OK);
    uint64_t answers = 0;
    for (int err = 0; err < ERR_COUNT; err++)
        answers += shared.counts[err];
    search_asker_stats_t stats;
    search_asker_stats(shared.asker, &stats);
    ASSERT(answers == EDGES * ASKS && stats.waiting == 0);
    ASSERT(stats.here > 0 && stats.offloaded > 0);
    runtime_free(shared.runtime);
    search_asker_free(shared.asker);
    search_feed_close(shared.feed);
    catalog_close(shared.catalog);
    temporary_remove(&shared.folder);
    return answers;
}

int main(void)
{
    uint64_t operations = 0, seed = 1;
    do
        operations += run(seed++);
    while (race_goes_on(operations));
    race_report(operations, "questions");
    return 0;
}
