/* The keeper with a runtime around it, over a journal that can't be read for a while. */

#include "node/catalog/catalog_keeper.h"
#include "tests/node/catalog/catalog_history.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <unistd.h>

/* ---- a journal whose feed fails so many times ---- */

typedef struct moody {
    journal_t journal;
    journal_t *inner;
    atomic_uint failures;
} moody_t;

static moody_t *moody_of(journal_t *journal)
{
    return CONTAINER_OF(journal, moody_t, journal);
}

static err_t moody_feed(journal_t *journal, uint64_t after, size_t count_max,
                        journal_visit_fn visit, void *context)
{
    moody_t *self = moody_of(journal);
    if (atomic_load(&self->failures) > 0) {
        atomic_fetch_sub(&self->failures, 1);
        return ERR_UNAVAILABLE;
    }
    return self->inner->table->feed(self->inner, after, count_max, visit, context);
}

static uint64_t moody_head(journal_t *journal)
{
    return moody_of(journal)->inner->table->head(moody_of(journal)->inner);
}

static const journal_table_t moody_table = {.feed = moody_feed, .head = moody_head};

/* ---- the keeper on its edge ---- */

typedef struct rig {
    history_t history;
    moody_t journal;
    ms_log_t log;
    journal_hooks_t hooks;
    runtime_t *runtime;
    catalog_keeper_t keeper;
    uint32_t again_ms;
    atomic_uint *moved; /* counts steps; NULL: nobody does */
    _Atomic bool is_stopped;
} rig_t;

static void count_moved(void *context)
{
    atomic_fetch_add((atomic_uint *)context, 1);
}

static void start_here(void *context)
{
    rig_t *self = context;
    check_ok(catalog_keeper_start(&self->keeper));
}

static void stop_here(void *context)
{
    rig_t *self = context;
    catalog_keeper_stop(&self->keeper);
    atomic_store(&self->is_stopped, true);
}

static void rig_start(rig_t *self)
{
    self->log = (ms_log_t){STDERR_FILENO, LOG_ERROR, false};
    runtime_options_t options = {.scheduler_count = 1, .log = &self->log};
    journal_hooks_init(&self->hooks);
    self->journal.journal.table = &moody_table;
    self->journal.inner = journal_lmdb_journal(self->history.journal);
    check_ok(runtime_new(&options, &self->runtime));
    check_ok(runtime_start(self->runtime));
    self->keeper = (catalog_keeper_t){.build = {.catalog = self->history.catalog,
                                                .projection = self->history.projection,
                                                .journal = &self->journal.journal},
                                      .hooks = &self->hooks,
                                      .edge = runtime_edge(self->runtime, 0),
                                      .log = &self->log,
                                      .moved = self->moved == NULL ? NULL : count_moved,
                                      .moved_context = self->moved,
                                      .again_ms = self->again_ms};
    check_ok(edge_post(runtime_edge(self->runtime, 0), start_here, self));
}

static void rig_stop(rig_t *self)
{
    check_ok(edge_post(runtime_edge(self->runtime, 0), stop_here, self));
    wait_until(atomic_load(&self->is_stopped));
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_free(self->runtime);
    journal_hooks_deinit(&self->hooks);
}

Test(catalog_keeper, a_listener_who_is_erased_has_plays_counted_anew)
{
    rig_t rig = {0};
    history_init(&rig.history, 23);
    history_grow(&rig.history, 60);
    rig.again_ms = 1000000; /* here the plays are still there: it would go on and on */
    rig_start(&rig);
    wait_until(projection_position(rig.history.projection) >= rig.keeper.whole_at);
    check_true(atomic_load(&rig.keeper.builds) == 0);

    for (uint32_t user = 0; user < HISTORY_USERS; user++)
        history_erase_user(&rig.history, user);
    journal_hooks_call(&rig.hooks, 1);

    wait_until(atomic_load(&rig.keeper.builds) > 0);
    rig_stop(&rig);
    history_deinit(&rig.history);
}

static void set_flag(void *context)
{
    atomic_store((atomic_bool *)context, true);
}

/* Appends what changes nothing, and waits until a step has seen it. */
static void wait_for_step(rig_t *rig, atomic_uint *moved)
{
    unsigned before = atomic_load(moved);
    history_finish(&rig->history);
    journal_hooks_call(&rig->hooks, 1);
    wait_until(atomic_load(moved) > before);
}

/* An erasure that could not be ended, with the listener's key still there. */
Test(catalog_keeper, a_recount_in_vain_is_not_begun_again_with_the_next_event)
{
    rig_t rig = {0};
    atomic_uint moved = 0;
    atomic_bool is_passed = false;
    history_init(&rig.history, 23);
    history_grow(&rig.history, 60);
    rig.again_ms = 1000000;
    rig.moved = &moved;
    rig_start(&rig);
    wait_until(projection_position(rig.history.projection) >= rig.keeper.whole_at);
    for (uint32_t user = 0; user < HISTORY_USERS; user++)
        history_erase_user(&rig.history, user);
    journal_hooks_call(&rig.hooks, 1);
    wait_until(atomic_load(&rig.keeper.builds) == 1);

    /* One may be the build's own end; and with the next step the wish of one has been posted. */
    for (int i = 0; i < 4; i++)
        wait_for_step(&rig, &moved);
    check_ok(edge_post(rig.keeper.edge, set_flag, &is_passed));
    wait_until(atomic_load(&is_passed));

    check_true(atomic_load(&rig.keeper.builds) == 1 && !atomic_load(&rig.keeper.is_building));
    rig_stop(&rig);
    history_deinit(&rig.history);
}

Test(catalog_keeper, an_outdated_one_is_built_again_until_that_succeeds)
{
    rig_t rig = {0};
    history_init(&rig.history, 19);
    history_grow(&rig.history, 20);
    history_catch_up(&rig.history);
    uint64_t digest = history_digest(rig.history.catalog);
    history_outdate(&rig.history, CATALOG_FORMAT_READ * 1000);
    history_close(&rig.history);
    history_open(&rig.history);
    atomic_store(&rig.journal.failures, 3);
    rig.again_ms = 1;

    rig_start(&rig);

    wait_until(!projection_is_outdated(rig.history.projection));
    rig_stop(&rig);
    check_true(atomic_load(&rig.keeper.builds) == 4);
    check_true(history_digest(rig.history.catalog) == digest);
    history_deinit(&rig.history);
}
