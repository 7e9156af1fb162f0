/* Who waits for the index is told, on the edge's thread, once: when it has come, or when it has
 * waited for long enough, or although it could not be told. Nobody keeps the index here but the
 * test. */

#include "node/search/search_wait.h"
#include "tests/node/search/keeper_rig.h"

/* The linker leads the calls of the code under test here (tests/CMakeLists.txt). */
err_t __real_edge_post(edge_t *self, void (*fn)(void *context), void *context);
err_t __wrap_edge_post(edge_t *self, void (*fn)(void *context), void *context);

static atomic_bool is_full;
static atomic_uint refused;

err_t __wrap_edge_post(edge_t *self, void (*fn)(void *context), void *context)
{
    if (!atomic_load(&is_full))
        return __real_edge_post(self, fn, context);
    atomic_fetch_add(&refused, 1);
    return ERR_NO_MEMORY;
}

typedef struct waiting {
    search_wait_options_t options;
    err_t err;
    atomic_bool is_begun;
    atomic_bool holds_edge; /* no timer runs until then */
    atomic_uint told;
} waiting_t;

static void told(void *context)
{
    waiting_t *self = context;
    atomic_fetch_add(&self->told, 1);
}

static void wait_here(void *context)
{
    waiting_t *self = context;
    self->options.context = self;
    self->err = search_wait(&self->options);
    atomic_store(&self->is_begun, true);
    wait_until(!atomic_load(&self->holds_edge));
}

static waiting_t waiting_of(keeper_rig_t *rig, uint32_t wait_ms)
{
    return (waiting_t){.options = {.feed = rig->feed,
                                   .edge = runtime_edge(rig->runtime, 0),
                                   .wait_ms = wait_ms,
                                   .then = told}};
}

static void begin(waiting_t *self)
{
    check_ok(edge_post(self->options.edge, wait_here, self));
    wait_until(atomic_load(&self->is_begun));
}

static void catch_up(keeper_rig_t *rig)
{
    bool is_behind = true;
    while (is_behind)
        check_ok(search_feed_update(rig->feed, &is_behind));
}

/* Whatever comes later finds nobody. */
static void end(keeper_rig_t *rig, const waiting_t *waiting)
{
    uint64_t behind = 1;
    catch_up(rig);
    check_ok(search_feed_behind(rig->feed, &behind));
    cr_expect(eq(u64, behind, 0));
    check_ok(runtime_drain(rig->runtime, PATIENCE_MS));
    cr_expect(eq(u32, atomic_load(&waiting->told), 1));
    atomic_store(&rig->is_stopped, true); /* there is no keeper */
    keeper_rig_deinit(rig);
}

Test(search_wait, it_ends_when_the_index_has_come)
{
    keeper_rig_t rig = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 1, true);
    catalog_rig_change(&rig.catalog);
    catalog_rig_change(&rig.catalog);
    waiting_t waiting = waiting_of(&rig, PATIENCE_MS);
    begin(&waiting);
    check_ok(waiting.err);
    cr_expect(atomic_load(&waiting.told) == 0);

    catch_up(&rig);

    wait_until(atomic_load(&waiting.told) == 1);
    end(&rig, &waiting);
}

Test(search_wait, where_there_is_nothing_to_wait_for_it_ends_at_once)
{
    keeper_rig_t rig = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 2, true);
    waiting_t waiting = waiting_of(&rig, PATIENCE_MS);

    begin(&waiting);

    check_ok(waiting.err);
    wait_until(atomic_load(&waiting.told) == 1);
    end(&rig, &waiting);
}

Test(search_wait, it_ends_after_a_while_though_nobody_updates)
{
    keeper_rig_t rig = {.gate = GATE_OPEN};
    uint64_t behind = 0;
    keeper_rig_init(&rig, 3, true);
    catalog_rig_change(&rig.catalog);
    catalog_rig_change(&rig.catalog);
    waiting_t waiting = waiting_of(&rig, 1);

    begin(&waiting);

    check_ok(waiting.err);
    wait_until(atomic_load(&waiting.told) == 1);
    check_ok(search_feed_behind(rig.feed, &behind));
    cr_expect_gt(behind, 0u);
    end(&rig, &waiting);
}

Test(search_wait, it_ends_although_it_cannot_be_told)
{
    keeper_rig_t rig = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 4, true);
    catalog_rig_change(&rig.catalog);
    catalog_rig_change(&rig.catalog);
    waiting_t waiting = waiting_of(&rig, 1);
    atomic_store(&waiting.holds_edge, true);
    begin(&waiting);
    atomic_store(&is_full, true);

    catch_up(&rig);

    cr_expect(eq(u32, atomic_load(&refused), 1));
    atomic_store(&is_full, false);
    atomic_store(&waiting.holds_edge, false);
    wait_until(atomic_load(&waiting.told) == 1);
    end(&rig, &waiting);
}

Test(search_wait, where_there_is_none_it_does_not_wait)
{
    keeper_rig_t rig = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 5, false);
    waiting_t waiting = waiting_of(&rig, 1);

    begin(&waiting);

    check_err(waiting.err, ERR_UNAVAILABLE);
    check_ok(runtime_drain(rig.runtime, PATIENCE_MS));
    cr_expect(atomic_load(&waiting.told) == 0);
    atomic_store(&rig.is_stopped, true);
    keeper_rig_deinit(&rig);
}
