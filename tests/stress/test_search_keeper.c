/* The keeper under everything at once: the catalog changes, is played, and is put in the place of
 * another; questions, figures and waits come from other threads; somebody finds damage, somebody
 * asks for a build. In the end the index has what the catalog has. For ThreadSanitizer. */

#include "node/search/search_keeper.h"
#include "runtime/base/assert.h"
#include "storage/catalog/catalog_plays.h"
#include "storage/catalog/catalog_swap.h"
#include "storage/search/feed/search_feed_parts.h"
#include "tests/stress/racer.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { ASKERS = 2, STEPS = 60, TRACKS = 40, SWAP_EVERY = 20, DAMAGE_EVERY = 13, ASK_EVERY = 17 };

typedef struct shared {
    temporary_t folder;
    catalog_t *catalog;
    catalog_write_t *writer;
    search_feed_t *feed;
    ms_log_t log;
    runtime_t *runtime;
    search_keeper_t keeper;
    atomic_bool is_over, is_stopped;
    _Atomic uint64_t answers, told;
} shared_t;

/* ---- the catalog ---- */

static void put(catalog_write_t *writer, kv_tx_t *tx, uint64_t id, uint64_t version)
{
    char path[32], title[64];
    snprintf(path, sizeof path, "%llu.flac", (unsigned long long)id);
    snprintf(title, sizeof title, "%s omega", version % 2 == 0 ? "alpha" : "alphb");
    const catalog_credit_t artist = {.name = STR("somebody")};
    catalog_track_t track = {.id = id,
                             .root = STR("music"),
                             .path = str_from(path),
                             .title = str_from(title),
                             .credits = {&artist, 1},
                             .is_available = true};
    ASSERT(catalog_put_track(writer, tx, &track) == ERR_OK);
}

static void fill(catalog_t *catalog, catalog_write_t *writer, uint64_t from, uint64_t version)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    ASSERT(kv_write(catalog_kv(catalog), &tx) == ERR_OK);
    for (uint64_t id = from; id <= TRACKS; id += 1 + version % 3)
        put(writer, &tx, id, version);
    ASSERT(catalog_add_plays(writer, &tx, STR("ann"), 1 + version % TRACKS, 1 + version) == ERR_OK);
    ASSERT(catalog_write_flush(writer, &tx) == ERR_OK);
    ASSERT(kv_commit(&tx) == ERR_OK);
}

static void swap(shared_t *self)
{
    catalog_t *fresh;
    catalog_write_t *writer;
    ASSERT(catalog_open_new(self->catalog, 0, NULL, &fresh) == ERR_OK);
    ASSERT(catalog_write_new(fresh, &writer) == ERR_OK);
    fill(fresh, writer, 1, 0);
    catalog_write_free(writer);
    ASSERT(catalog_swap(self->catalog, fresh) == ERR_OK);
    catalog_drop(fresh);
}

/* ---- who asks ---- */

static void told(void *context, err_t err)
{
    (void)err;
    atomic_fetch_add((_Atomic uint64_t *)context, 1);
}

static void wait_or_not(shared_t *self)
{
    uint64_t ticket;
    if (search_feed_wait(self->feed, told, &self->told, &ticket) == ERR_OK &&
        search_feed_cancel(self->feed, ticket))
        atomic_fetch_add(&self->told, 1);
}

static void *ask_on(void *context)
{
    shared_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    while (!atomic_load(&self->is_over)) {
        const search_request_t request = {.text = STR("omega"), .first = {[SEARCH_TRACK] = 100}};
        search_found_t found;
        buf_t text BUF_SCOPED = BUF_INIT;
        err_t err = search_feed_ask(self->feed, &arena, &request, &found);
        ASSERT(err == ERR_OK || err == ERR_UNAVAILABLE);
        ASSERT(err != ERR_OK || found.counts[SEARCH_TRACK] <= TRACKS);
        search_keeper_describe(&self->keeper, &text);
        search_keeper_append_metrics(&self->keeper, &text);
        ASSERT(search_keeper_percent(&self->keeper) <= 100);
        wait_or_not(self);
        arena_reset(&arena);
        atomic_fetch_add(&self->answers, 1);
    }
    return NULL;
}

/* ---- the keeper ---- */

static bool is_ready(void *context)
{
    (void)context;
    return true;
}

static void start_here(void *context)
{
    shared_t *self = context;
    search_keeper_start(&self->keeper);
}

static void rebuild_here(void *context)
{
    shared_t *self = context;
    IGNORE_ERR(search_keeper_rebuild(&self->keeper, SEARCH_WANT_ASKED)); /* BUSY */
}

static void stop_here(void *context)
{
    shared_t *self = context;
    search_keeper_stop(&self->keeper);
    atomic_store(&self->is_stopped, true);
}

static void start(shared_t *self)
{
    self->folder = temporary_new();
    self->log = (ms_log_t){STDERR_FILENO, LOG_ERROR, false};
    temporary_name_t catalog = temporary_in(&self->folder, "catalog"),
                     search = temporary_in(&self->folder, "search");
    runtime_options_t options = {.scheduler_count = 1, .log = &self->log};
    ASSERT(catalog_open(catalog.path, 0, NULL, &self->catalog) == ERR_OK);
    ASSERT(catalog_write_new(self->catalog, &self->writer) == ERR_OK);
    ASSERT(search_feed_open(&(search_feed_options_t){.path = search.path,
                                                     .catalog = self->catalog,
                                                     .clock = clock_system(),
                                                     .delta_max = TRACKS},
                            &self->feed) == ERR_OK);
    ASSERT(runtime_new(&options, &self->runtime) == ERR_OK);
    ASSERT(runtime_start(self->runtime) == ERR_OK);
    self->keeper = (search_keeper_t){.feed = self->feed,
                                     .edge = runtime_edge(self->runtime, 0),
                                     .log = &self->log,
                                     .is_source_ready = is_ready,
                                     .again_ms = 1};
    ASSERT(edge_post(self->keeper.edge, start_here, self) == ERR_OK);
}

static void stop(shared_t *self)
{
    ASSERT(edge_post(self->keeper.edge, stop_here, self) == ERR_OK);
    wait_until(atomic_load(&self->is_stopped));
    ASSERT(runtime_drain(self->runtime, PATIENCE_MS) == ERR_OK);
    runtime_free(self->runtime);
    search_feed_close(self->feed);
    catalog_write_free(self->writer);
    catalog_close(self->catalog);
    temporary_remove(&self->folder);
}

/* Found damage is of this index or of the one before: either way it ends. */
static void check_it_has_all(shared_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    const search_request_t request = {.text = STR("omega"), .first = {[SEARCH_TRACK] = 100}};
    search_found_t found;
    uint64_t behind;
    fill(self->catalog, self->writer, 1, 0);
    search_keeper_moved(&self->keeper);
    wait_until(search_keeper_state(&self->keeper) == SEARCH_STATE_READY &&
               search_feed_behind(self->feed, &behind) == ERR_OK && behind == 0);
    ASSERT(search_feed_ask(self->feed, &arena, &request, &found) == ERR_OK);
    ASSERT(found.counts[SEARCH_TRACK] == TRACKS);
}

static uint64_t run(void)
{
    shared_t self = {0};
    pthread_t threads[ASKERS];
    start(&self);
    for (int i = 0; i < ASKERS; i++)
        ASSERT(pthread_create(&threads[i], NULL, ask_on, &self) == 0);
    for (uint64_t step = 1; step <= STEPS; step++) {
        fill(self.catalog, self.writer, 1 + step % TRACKS, step);
        if (step % SWAP_EVERY == 0)
            swap(&self);
        search_keeper_moved(&self.keeper);
        if (step % DAMAGE_EVERY == 0)
            search_feed_found_damage(self.feed);
        if (step % ASK_EVERY == 0)
            ASSERT(edge_post(self.keeper.edge, rebuild_here, &self) == ERR_OK);
    }
    check_it_has_all(&self);
    atomic_store(&self.is_over, true);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    uint64_t operations = STEPS + self.answers;
    ASSERT(atomic_load(&self.keeper.ended) > 0);
    stop(&self);
    return operations;
}

int main(void)
{
    uint64_t operations = 0, rounds = race_rounds(1);
    for (uint64_t i = 0; i < rounds; i++)
        operations += run();
    printf("%llu changes and questions\n", (unsigned long long)operations);
    return 0;
}
