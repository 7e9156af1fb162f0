#include "tests/node/search/keeper_rig.h"

#include "storage/catalog/catalog_swap.h"
#include "tests/support/catalog/catalog_help.h"

#include <unistd.h>

/* ---- the clock ---- */

static void hold(keeper_rig_t *self, keeper_gate_t gate)
{
    if (atomic_load(&self->gate) != gate)
        return;
    atomic_store(&self->is_held, true);
    wait_until(atomic_load(&self->gate) != gate);
    atomic_store(&self->is_held, false);
}

/* Only builds ask for it. */
static uint64_t mono_ns(void *context)
{
    const ms_clock_t clock = clock_system();
    keeper_rig_t *self = context;
    atomic_store(&self->builder, pthread_self());
    hold(self, GATE_START);
    return clock_mono_ns(&clock);
}

static int64_t wall_ms(void *context)
{
    const ms_clock_t clock = clock_system();
    keeper_rig_t *self = context;
    if (pthread_equal(atomic_load(&self->builder), pthread_self()))
        hold(self, GATE_SOURCE);
    return clock_wall_ms(&clock);
}

/* ---- life ---- */

static bool is_source_ready(void *context)
{
    keeper_rig_t *self = context;
    atomic_fetch_add(&self->asked, 1);
    return atomic_load(&self->is_source_ready);
}

static void source_damaged(void *context)
{
    keeper_rig_t *self = context;
    atomic_fetch_add(&self->damaged, 1);
}

void keeper_rig_init(keeper_rig_t *self, uint64_t seed, bool has_index)
{
    static const atomic_bool never;
    catalog_rig_init(&self->catalog, seed);
    self->log = (ms_log_t){STDERR_FILENO, LOG_ERROR, false};
    self->path = temporary_in(&self->catalog.folder, "search");
    atomic_store(&self->is_source_ready, true);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self->catalog);
    check_ok(search_feed_open(&(search_feed_options_t){.path = self->path.path,
                                                       .catalog = self->catalog.catalog,
                                                       .lyrics = self->catalog.blobs,
                                                       .clock = {mono_ns, wall_ms, self},
                                                       .delta_max = self->delta_max},
                              &self->feed));
    if (has_index)
        check_ok(search_feed_build(self->feed, &never));
    runtime_options_t options = {.scheduler_count = 1, .log = &self->log};
    options.offload_threads[OFFLOAD_FILE] = SEARCH_KEEPER_JOBS + 1;
    check_ok(runtime_new(&options, &self->runtime));
    check_ok(runtime_start(self->runtime));
}

static void start_here(void *context)
{
    keeper_rig_t *self = context;
    search_keeper_start(&self->keeper);
}

void keeper_rig_start(keeper_rig_t *self)
{
    self->keeper = (search_keeper_t){.feed = self->feed,
                                     .edge = runtime_edge(self->runtime, 0),
                                     .log = &self->log,
                                     .is_source_ready = is_source_ready,
                                     .source_damaged = source_damaged,
                                     .source = self,
                                     .again_ms = self->again_ms};
    check_ok(edge_post(self->keeper.edge, start_here, self));
}

static void stop_here(void *context)
{
    keeper_rig_t *self = context;
    search_keeper_stop(&self->keeper);
    atomic_store(&self->is_stopped, true);
}

void keeper_rig_stop(keeper_rig_t *self)
{
    check_ok(edge_post(self->keeper.edge, stop_here, self));
    wait_until(atomic_load(&self->is_stopped));
    atomic_store(&self->gate, GATE_OPEN);
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
}

void keeper_rig_deinit(keeper_rig_t *self)
{
    if (!atomic_load(&self->is_stopped))
        keeper_rig_stop(self);
    runtime_free(self->runtime);
    search_feed_close(self->feed);
    catalog_rig_deinit(&self->catalog);
}

/* ---- what happens to it ---- */

void keeper_rig_change(keeper_rig_t *self, int count)
{
    for (int i = 0; i < count; i++)
        catalog_rig_change(&self->catalog);
    search_keeper_moved(&self->keeper);
}

void keeper_rig_swap_catalog(keeper_rig_t *self)
{
    catalog_t *fresh;
    catalog_write_t *writer;
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(catalog_open_new(self->catalog.catalog, 0, NULL, &fresh));
    check_ok(catalog_write_new(fresh, &writer));
    check_ok(kv_write(catalog_kv(fresh), &tx));
    for (uint64_t number = 500; number < 510; number++) {
        catalog_track_t track = made_track(&self->catalog.arena, number);
        check_ok(catalog_put_track(writer, &tx, &track));
    }
    check_ok(catalog_write_flush(writer, &tx));
    check_ok(kv_commit(&tx));
    catalog_write_free(writer);
    check_ok(catalog_swap(self->catalog.catalog, fresh));
    catalog_drop(fresh);
}

typedef struct asking {
    keeper_rig_t *rig;
    err_t err;
    atomic_bool is_done;
} asking_t;

static void rebuild_here(void *context)
{
    asking_t *self = context;
    self->err = search_keeper_rebuild(&self->rig->keeper, SEARCH_WANT_ASKED);
    atomic_store(&self->is_done, true);
}

err_t keeper_rig_rebuild(keeper_rig_t *self)
{
    asking_t asking = {.rig = self};
    check_ok(edge_post(self->keeper.edge, rebuild_here, &asking));
    wait_until(atomic_load(&asking.is_done));
    return asking.err;
}

search_feed_stats_t keeper_rig_stats(keeper_rig_t *self)
{
    search_feed_stats_t stats;
    search_feed_stats(self->feed, &stats);
    return stats;
}
