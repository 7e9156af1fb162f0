/* The keeper with a runtime around it, over a catalog that is not whole for a while. */

#include "node/search/search_keeper.h"
#include "tests/support/catalog/catalog_rig.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <unistd.h>

typedef struct rig {
    catalog_rig_t catalog;
    search_feed_t *feed;
    ms_log_t log;
    runtime_t *runtime;
    search_keeper_t keeper;
    atomic_bool is_ready, is_stopped;
    atomic_uint asked; /* whether the catalog is whole */
} rig_t;

static bool is_ready(void *context)
{
    rig_t *self = context;
    atomic_fetch_add(&self->asked, 1);
    return atomic_load(&self->is_ready);
}

static void start_here(void *context)
{
    rig_t *self = context;
    search_keeper_start(&self->keeper);
}

static void stop_here(void *context)
{
    rig_t *self = context;
    search_keeper_stop(&self->keeper);
    atomic_store(&self->is_stopped, true);
}

static void rig_start(rig_t *self)
{
    static const atomic_bool never;
    *self = (rig_t){.log = {STDERR_FILENO, LOG_ERROR, false}};
    runtime_options_t options = {.scheduler_count = 1, .log = &self->log};
    catalog_rig_init(&self->catalog, 31);
    temporary_name_t path = temporary_in(&self->catalog.folder, "search");
    check_ok(search_feed_open(&(search_feed_options_t){.path = path.path,
                                                       .catalog = self->catalog.catalog,
                                                       .lyrics = self->catalog.blobs,
                                                       .clock = clock_system()},
                              &self->feed));
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self->catalog);
    check_ok(search_feed_build(self->feed, &never));
    check_ok(runtime_new(&options, &self->runtime));
    check_ok(runtime_start(self->runtime));
    self->keeper = (search_keeper_t){.feed = self->feed,
                                     .edge = runtime_edge(self->runtime, 0),
                                     .log = &self->log,
                                     .is_source_ready = is_ready,
                                     .source = self};
    check_ok(edge_post(self->keeper.edge, start_here, self));
}

static void rig_stop(rig_t *self)
{
    check_ok(edge_post(self->keeper.edge, stop_here, self));
    wait_until(atomic_load(&self->is_stopped));
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_free(self->runtime);
    search_feed_close(self->feed);
    catalog_rig_deinit(&self->catalog);
}

static void empty(rig_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog.catalog), &tx));
    check_ok(catalog_clear(self->catalog.writer, &tx));
    check_ok(kv_commit(&tx));
}

/* As after a power cut, when the catalog begins anew. */
Test(search_keeper, the_index_of_a_catalog_that_is_filled_again_stays_until_that_is_whole)
{
    rig_t rig;
    rig_start(&rig);
    empty(&rig);
    for (int i = 0; i < 5; i++)
        catalog_rig_change(&rig.catalog);
    search_keeper_moved(&rig.keeper);

    wait_until(search_feed_wants(rig.feed) == SEARCH_WANT_CATALOG);
    wait_until(atomic_load(&rig.asked) >= 2);
    check_true(atomic_load(&rig.keeper.ended) == 0 && !atomic_load(&rig.keeper.is_building));
    check_true(search_feed_is_ready(rig.feed));

    atomic_store(&rig.is_ready, true);
    wait_until(atomic_load(&rig.keeper.ended) == 1);
    wait_until(search_feed_wants(rig.feed) == SEARCH_WANT_NOTHING);
    rig_stop(&rig);
}

Test(search_keeper, what_changes_is_followed_step_by_step)
{
    rig_t rig;
    search_feed_stats_t before, after;
    rig_start(&rig);
    search_feed_stats(rig.feed, &before);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&rig.catalog);

    search_keeper_moved(&rig.keeper);

    uint64_t least = before.updated_documents + 1;
    wait_until((search_feed_stats(rig.feed, &after), after.updated_documents >= least));
    check_true(atomic_load(&rig.keeper.ended) == 0);
    rig_stop(&rig);
}
