/* A partition goes from node to node: what is held, what is left in mailboxes, who comes to rest.
 */

#include "runtime/journal_memory.h"
#include "runtime/remote/holding.h"
#include "runtime/remote/remote.h"
#include "runtime/remote/vacates.h"
#include "tests/support/actors/purse.h"
#include "tests/support/remote/fleet.h"

enum { OLD = 1, NEW = 2, THIRD = 3, DEADLINE_MS = 100 };

typedef struct moves {
    fleet_t fleet;
    holding_t *holding[NETWORK_NODES_MAX + 1];
    uint64_t behind_version;
} moves_t;

static void note_behind(void *context, uint64_t from, uint64_t version)
{
    moves_t *self = context;
    (void)from;
    self->behind_version = version;
}

static void begin(moves_t *self, journal_t *journal)
{
    *self = (moves_t){0};
    fleet_begin(&self->fleet, 1, 3, journal);
    for (uint64_t node = OLD; node <= THIRD; node++)
        check_ok(holding_new(fleet_runtime(&self->fleet, node), note_behind, self,
                             &self->holding[node]));
}

static holding_stats_t stats_of(const moves_t *self, uint64_t node)
{
    holding_stats_t stats;
    holding_stats(self->holding[node], &stats);
    return stats;
}

static void end(moves_t *self)
{
    for (uint64_t node = OLD; node <= THIRD; node++) {
        cr_expect(stats_of(self, node).messages == 0 && stats_of(self, node).bytes == 0,
                  "node %zu holds", (size_t)node);
        holding_free(self->holding[node]);
    }
    fleet_end(&self->fleet);
}

static void place(moves_t *self, uint64_t on, const char *key, uint64_t owner, bool is_travelling)
{
    uint32_t partition = remote_partition(&agent_kind, str_from(key));
    check_ok(holding_place(self->holding[on], partition, owner, is_travelling));
}

/* How many activations of the key's partition are there still. */
static uint64_t step_vacating(moves_t *self, vacate_t *vacate, const actor_kind_t *kind,
                              const char *key)
{
    runtime_t *runtime = fleet_runtime(&self->fleet, OLD);
    partition_set_add(&vacate->set, remote_partition(kind, str_from(key)));
    uint64_t left = vacate_step(runtime, vacate, clock_mono_ms(runtime_clock(runtime)));
    return left;
}

/* False: not within `ms`. */
static bool vacates(moves_t *self, vacate_t *vacate, const actor_kind_t *kind, const char *key,
                    uint64_t ms)
{
    for (uint64_t i = 0; i <= ms; i++) {
        if (step_vacating(self, vacate, kind, key) == 0)
            return true;
        fleet_pass(&self->fleet, 1);
    }
    return false;
}

static void note(moves_t *self, uint64_t on, const char *key, uint64_t number)
{
    fleet_send(&self->fleet, on, agent_at(key), agent_note, .number = number);
}

Test(holding, a_mailbox_travels_before_what_was_held)
{
    moves_t moves;
    vacate_t vacate = {0};
    begin(&moves, NULL);
    note(&moves, OLD, "a", 1);
    fleet_settle(&moves.fleet);
    check_str(str_from(fleet_log(&moves.fleet)), STR("1.a note 1\n"));

    note(&moves, OLD, "a", 2); /* in its mailbox */
    place(&moves, NEW, "a", ROUTER_HELD, false);
    note(&moves, NEW, "a", 5);
    place(&moves, OLD, "a", ROUTER_HELD, false);
    cr_assert(eq(u64, step_vacating(&moves, &vacate, &agent_kind, "a"), 1));
    note(&moves, OLD, "a", 3);
    note(&moves, THIRD, "a", 4);
    fleet_settle(&moves.fleet);
    cr_assert(eq(u64, step_vacating(&moves, &vacate, &agent_kind, "a"), 0));
    cr_assert(eq(u64, stats_of(&moves, OLD).messages, 3));
    place(&moves, OLD, "a", NEW, true);
    fleet_settle(&moves.fleet);
    cr_assert(eq(u64, stats_of(&moves, NEW).messages, 4));
    place(&moves, NEW, "a", NEW, false);
    fleet_settle(&moves.fleet);

    check_str(str_from(fleet_log(&moves.fleet)),
              STR("2.a note 2\n2.a note 3\n2.a note 4\n2.a note 5\n"));
    end(&moves);
}

Test(holding, who_asked_meanwhile_hears_from_the_new_owner)
{
    moves_t moves;
    scene_answer_t answer;
    begin(&moves, NULL);
    place(&moves, OLD, "a", ROUTER_HELD, false);
    place(&moves, NEW, "a", ROUTER_HELD, false);
    scene_ask(&moves.fleet.nodes[THIRD], &answer, agent_at("a"), 0, agent_echo, .number = 7);
    fleet_settle(&moves.fleet);
    check_true(!answer.is_there);

    place(&moves, OLD, "a", NEW, true);
    fleet_settle(&moves.fleet);
    place(&moves, NEW, "a", NEW, false);
    fleet_settle(&moves.fleet);

    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 2007));
    end(&moves);
}

/* What a new owner held while it did not know yet who serves it. */
Test(holding, what_is_passed_on_goes_ahead_of_what_comes_later)
{
    moves_t moves;
    begin(&moves, NULL);
    place(&moves, NEW, "a", ROUTER_HELD, false);
    note(&moves, NEW, "a", 1);
    note(&moves, NEW, "a", 2);

    place(&moves, NEW, "a", OLD, false);
    note(&moves, NEW, "a", 3);
    fleet_settle(&moves.fleet);

    check_str(str_from(fleet_log(&moves.fleet)), STR("1.a note 1\n1.a note 2\n1.a note 3\n"));
    end(&moves);
}

Test(holding, what_waits_too_long_is_refused)
{
    moves_t moves;
    scene_answer_t soon, late, never, nobody;
    begin(&moves, NULL);
    place(&moves, OLD, "a", ROUTER_HELD, false);
    scene_ask(&moves.fleet.nodes[OLD], &soon, agent_at("a"), DEADLINE_MS, agent_echo);
    scene_ask(&moves.fleet.nodes[OLD], &never, agent_at("a"), 10 * HOLDING_MS_MAX, agent_echo);
    note(&moves, OLD, "a", 1);

    fleet_pass(&moves.fleet, DEADLINE_MS + 1);
    holding_expire(moves.holding[OLD]);
    fleet_settle(&moves.fleet);
    check_err(soon.err, ERR_TIMEOUT); /* nobody looked in time */
    check_true(!never.is_there);
    cr_assert(eq(u64, stats_of(&moves, OLD).messages, 2));

    scene_ask(&moves.fleet.nodes[OLD], &late, agent_at("a"), 4 * HOLDING_SPARE_MS, agent_echo);
    fleet_pass(&moves.fleet, 3 * HOLDING_SPARE_MS - 1);
    holding_expire(moves.holding[OLD]);
    fleet_settle(&moves.fleet);
    check_true(!late.is_there);
    fleet_pass(&moves.fleet, 1);
    holding_expire(moves.holding[OLD]);
    fleet_settle(&moves.fleet);
    check_err(late.err, ERR_UNAVAILABLE); /* nothing was done, and may be tried again */

    fleet_pass(&moves.fleet, HOLDING_MS_MAX);
    holding_expire(moves.holding[OLD]);
    fleet_settle(&moves.fleet);
    check_err(never.err, ERR_UNAVAILABLE);
    cr_assert(eq(u64, stats_of(&moves, OLD).expired, 4));

    scene_ask(&moves.fleet.nodes[OLD], &nobody, agent_at("a"), 0, agent_echo);
    place(&moves, OLD, "a", ROUTER_NOBODY, false);
    fleet_settle(&moves.fleet);
    check_err(nobody.err, ERR_UNAVAILABLE);
    end(&moves);
}

/* Its time is over before anybody has looked: it is neither served nor sent on. */
Test(holding, what_is_given_too_late_is_not_done)
{
    static const uint64_t owners[] = {OLD, THIRD};
    for (size_t i = 0; i < COUNT_OF(owners); i++) {
        moves_t moves;
        scene_answer_t answer;
        begin(&moves, NULL);
        place(&moves, OLD, "a", ROUTER_HELD, false);
        scene_ask(&moves.fleet.nodes[OLD], &answer, agent_at("a"), DEADLINE_MS, agent_echo);
        fleet_pass(&moves.fleet, DEADLINE_MS + 1);
        runtime_stats_t before, after;
        runtime_stats(fleet_runtime(&moves.fleet, owners[i]), &before);

        place(&moves, OLD, "a", owners[i], false);
        fleet_settle(&moves.fleet);

        check_err(answer.err, ERR_TIMEOUT);
        cr_assert(eq(u32, answer.count, 1));
        runtime_stats(fleet_runtime(&moves.fleet, owners[i]), &after);
        cr_assert(eq(u64, after.activations, before.activations), "nobody begins for it");
        end(&moves);
    }
}

Test(holding, of_one_partition_only_so_many_are_held)
{
    moves_t moves;
    begin(&moves, NULL);
    place(&moves, OLD, "a", ROUTER_HELD, false);
    for (uint64_t i = 0; i < HOLDING_PARTITION_MAX; i++)
        note(&moves, OLD, "a", i);

    check_err(
        runtime_send(fleet_runtime(&moves.fleet, OLD), agent_at("a"), agent_note, .number = 1),
        ERR_BUSY);
    cr_assert(eq(u64, stats_of(&moves, OLD).full, 1));

    place(&moves, OLD, "a", ROUTER_NOBODY, false);
    cr_assert(eq(u64, stats_of(&moves, OLD).messages, 0));
    end(&moves);
}

Test(holding, who_waits_is_told_when_it_ends)
{
    moves_t moves;
    scene_answer_t before, after;
    begin(&moves, NULL);
    place(&moves, OLD, "a", ROUTER_HELD, false);
    scene_ask(&moves.fleet.nodes[THIRD], &before, agent_at("a"), 0, agent_echo);
    fleet_settle(&moves.fleet);
    cr_assert(eq(u64, stats_of(&moves, OLD).messages, 1));

    holding_free(moves.holding[OLD]);
    scene_ask(&moves.fleet.nodes[THIRD], &after, agent_at("a"), 0, agent_echo);
    fleet_settle(&moves.fleet);

    check_err(before.err, ERR_UNAVAILABLE);
    check_err(after.err, ERR_UNAVAILABLE);
    check_ok(holding_new(fleet_runtime(&moves.fleet, OLD), NULL, NULL, &moves.holding[OLD]));
    end(&moves);
}

/* Without a lease it has the partition, but serves it not. */
Test(holding, nothing_is_served_without_a_lease)
{
    moves_t moves;
    begin(&moves, NULL);
    place(&moves, OLD, "a", ROUTER_HELD, false);
    note(&moves, OLD, "a", 1);

    runtime_set_serving(fleet_runtime(&moves.fleet, OLD), false);
    place(&moves, OLD, "a", OLD, false);
    fleet_settle(&moves.fleet);

    check_str(str_from(fleet_log(&moves.fleet)), STR(""));
    end(&moves);
}

/* ---- coming to rest ---- */

static void ask_forward(moves_t *moves, scene_answer_t *answer)
{
    static const str_t path[] = {{"b", 1}};
    fleet_place(&moves->fleet, "agent", "b", NEW);
    network_stall(moves->fleet.network, OLD, NEW, true);
    scene_ask(&moves->fleet.nodes[OLD], answer, agent_at("a"), 0, agent_forward,
              .kind = STR("agent"), .path = {path, 1});
    fleet_settle(&moves->fleet);
    place(moves, OLD, "a", ROUTER_HELD, false);
}

Test(vacate, who_waits_for_an_answer_stays_until_it_is_there)
{
    moves_t moves;
    vacate_t vacate = {0};
    scene_answer_t answer;
    begin(&moves, NULL);
    ask_forward(&moves, &answer);

    check_true(!vacates(&moves, &vacate, &agent_kind, "a", VACATE_PATIENCE_MS / 2));
    network_stall(moves.fleet.network, OLD, NEW, false);
    cr_assert(vacates(&moves, &vacate, &agent_kind, "a", VACATE_PATIENCE_MS));

    check_ok(answer.err);
    place(&moves, OLD, "a", OLD, false);
    end(&moves);
}

Test(vacate, patience_has_an_end)
{
    moves_t moves;
    vacate_t vacate = {0};
    scene_answer_t answer;
    begin(&moves, NULL);
    ask_forward(&moves, &answer);

    cr_assert(vacates(&moves, &vacate, &agent_kind, "a", 2 * VACATE_PATIENCE_MS));
    cr_assert(vacate.asks < VACATE_ASKS_MAX);

    network_stall(moves.fleet.network, OLD, NEW, false);
    fleet_pass(&moves.fleet, 6000);
    check_err(answer.err, ERR_TIMEOUT);
    place(&moves, OLD, "a", OLD, false);
    end(&moves);
}

/* Asked at once, then ever more seldom, then once more when patience is over; so often in all. */
Test(vacate, they_are_asked_ever_more_seldom_and_once_more_when_patience_is_over)
{
    enum { BEGAN = 1000, ASKED_BEFORE = 7, LONG_MS = 100000 }; /* 0, 4, 12, 28, 60, 124, 252 ms */
    moves_t moves;
    vacate_t vacate = {0};
    begin(&moves, NULL);
    runtime_t *runtime = fleet_runtime(&moves.fleet, OLD);
    for (uint64_t ms = 0; ms < VACATE_PATIENCE_MS; ms++)
        (void)vacate_step(runtime, &vacate, BEGAN + ms);
    cr_assert(eq(u32, vacate.asks, ASKED_BEFORE));
    check_true(!vacate.is_forced);

    (void)vacate_step(runtime, &vacate, BEGAN + VACATE_PATIENCE_MS);

    cr_assert(eq(u32, vacate.asks, ASKED_BEFORE + 1));
    check_true(vacate.is_forced);
    for (uint64_t ms = VACATE_PATIENCE_MS; ms < LONG_MS; ms += VACATE_LAST_MS)
        (void)vacate_step(runtime, &vacate, BEGAN + ms);
    cr_assert(eq(u32, vacate.asks, VACATE_ASKS_MAX));
    end(&moves);
}

Test(vacate, only_those_of_the_set_leave)
{
    moves_t moves;
    vacate_t vacate = {0};
    begin(&moves, NULL);
    note(&moves, OLD, "a", 1);
    note(&moves, OLD, "b", 1);
    fleet_settle(&moves.fleet);
    uint64_t of_b = fleet_ref(&moves.fleet, OLD, "agent", "b");

    place(&moves, OLD, "a", ROUTER_HELD, false);
    cr_assert(vacates(&moves, &vacate, &agent_kind, "a", 10));

    cr_assert(eq(u64, fleet_ref(&moves.fleet, OLD, "agent", "b"), of_b));
    place(&moves, OLD, "a", OLD, false);
    end(&moves);
}

/* What it has emitted is durable before it is gone, and read where it goes. */
Test(vacate, a_durable_actor_leaves_when_its_appends_are_durable)
{
    moves_t moves;
    vacate_t vacate = {0};
    journal_memory_t *journal = NULL;
    const address_t purse = address_of("purse", STR("a"));
    check_ok(journal_memory_new(true, &journal));
    begin(&moves, journal_memory_journal(journal));
    uint32_t partition = remote_partition(&purse_kind, STR("a"));
    for (uint64_t i = 0; i < 3; i++)
        fleet_send(&moves.fleet, THIRD, purse, purse_put, .amount = 5);
    fleet_settle(&moves.fleet);

    check_ok(holding_place(moves.holding[NEW], partition, ROUTER_HELD, false));
    check_ok(holding_place(moves.holding[OLD], partition, ROUTER_HELD, false));
    check_true(!vacates(&moves, &vacate, &purse_kind, "a", 2 * VACATE_PATIENCE_MS));
    cr_assert(journal_memory_pending(journal) > 0);
    while (journal_memory_step(journal))
        continue;
    cr_assert(vacates(&moves, &vacate, &purse_kind, "a", 100));
    check_ok(holding_place(moves.holding[OLD], partition, NEW, true));
    fleet_settle(&moves.fleet);
    check_ok(holding_place(moves.holding[NEW], partition, NEW, false));

    for (uint64_t node = NEW; node <= THIRD; node++) {
        fleet_place(&moves.fleet, "purse", "a", NEW);
        cr_assert(eq(u64, fleet_asked(&moves.fleet, node, purse, purse_read).value, 15));
    }
    end(&moves);
    journal_memory_free(journal);
}

/* ---- several at a time ---- */

static uint64_t walk(moves_t *self, vacates_t *vacates, size_t index)
{
    runtime_t *runtime = fleet_runtime(&self->fleet, OLD);
    vacate_t vacate = vacates->items[index];
    uint64_t left = vacate_step(runtime, &vacate, clock_mono_ms(runtime_clock(runtime)));
    if (vacates_walked(vacates, index, &vacate, left))
        (void)vacates_take(vacates, index);
    return left;
}

Test(vacates, past_as_many_as_are_walked_the_youngest_gets_more)
{
    vacates_t vacates = {0};
    for (uint32_t i = 0; i < VACATES_MAX; i++) {
        cr_assert(eq(sz, vacates.count, i));
        partition_set_add(&vacates_begin(&vacates)->set, i);
    }
    cr_assert(eq(sz, vacates.count, VACATES_MAX));

    partition_set_add(&vacates_begin(&vacates)->set, 1000);

    cr_assert(eq(sz, vacates.count, VACATES_MAX));
    partition_set_t last = vacates_take(&vacates, VACATES_MAX - 1);
    check_true(partition_set_has(&last, VACATES_MAX - 1) && partition_set_has(&last, 1000));
    partition_set_t first = vacates_take(&vacates, 0), second = vacates_take(&vacates, 0);
    check_true(partition_set_has(&first, 0) && !partition_set_has(&first, 1));
    check_true(partition_set_has(&second, 1));
    (void)vacates_begin(&vacates);
    cr_assert(eq(sz, vacates.count, VACATES_MAX - 2));
}

Test(vacates, what_is_added_during_a_walk_is_not_over_with_it)
{
    vacates_t vacates = {0};
    for (uint32_t i = 0; i < VACATES_MAX; i++)
        partition_set_add(&vacates_begin(&vacates)->set, i);
    vacate_t *last = &vacates.items[VACATES_MAX - 1];
    last->asks = VACATE_ASKS_MAX;
    last->is_forced = true;
    vacate_t walked = *last;

    partition_set_add(&vacates_begin(&vacates)->set, 1000);
    check_true(!vacates_walked(&vacates, VACATES_MAX - 1, &walked, 0));

    check_true(last->asks == 0 && !last->is_forced);
    walked = *last;
    check_true(!vacates_walked(&vacates, VACATES_MAX - 1, &walked, 1));
    check_true(vacates_walked(&vacates, VACATES_MAX - 1, &walked, 0));
}

/* What is wrong with others in the set is not its fault: it waits for its answer, and leaves. */
Test(vacates, who_joins_an_emptying_whose_patience_is_over_has_its_own)
{
    enum { SLOW = 3 * VACATE_PATIENCE_MS, SPARE = 10 };
    moves_t moves;
    vacates_t vacates = {0};
    scene_answer_t of_other, of_a;
    static const str_t path[] = {{"b", 1}};
    begin(&moves, NULL);
    fleet_place(&moves.fleet, "agent", "b", NEW);
    network_stall(moves.fleet.network, OLD, NEW, true);
    scene_ask(&moves.fleet.nodes[OLD], &of_other, agent_at("x"), 0, agent_forward,
              .kind = STR("agent"), .path = {path, 1});
    fleet_settle(&moves.fleet);
    for (uint32_t i = 0; i < VACATES_MAX; i++)
        (void)vacates_begin(&vacates);
    place(&moves, OLD, "x", ROUTER_HELD, false);
    partition_set_add(&vacates.items[VACATES_MAX - 1].set, remote_partition(&agent_kind, STR("x")));
    for (int i = 0; i < SLOW && !vacates.items[VACATES_MAX - 1].is_forced; i++) {
        (void)walk(&moves, &vacates, VACATES_MAX - 1);
        fleet_pass(&moves.fleet, 1);
    }
    check_true(vacates.items[VACATES_MAX - 1].is_forced);
    vacates.items[VACATES_MAX - 1].asks = VACATE_ASKS_MAX; /* half a minute later */

    ask_forward(&moves, &of_a);
    partition_set_add(&vacates_begin(&vacates)->set, remote_partition(&agent_kind, STR("a")));
    for (int i = 0; i < VACATE_PATIENCE_MS - SPARE; i++) {
        cr_assert(walk(&moves, &vacates, VACATES_MAX - 1) > 0, "not before its patience is over");
        fleet_pass(&moves.fleet, 1);
    }
    network_stall(moves.fleet.network, OLD, NEW, false);
    fleet_settle(&moves.fleet);
    for (int i = 0; i < SLOW && vacates.count == VACATES_MAX; i++) {
        (void)walk(&moves, &vacates, VACATES_MAX - 1);
        fleet_pass(&moves.fleet, 1);
    }

    cr_assert(eq(sz, vacates.count, VACATES_MAX - 1));
    check_ok(of_a.err);
    fleet_pass(&moves.fleet, 6000);
    place(&moves, OLD, "a", OLD, false);
    place(&moves, OLD, "x", OLD, false);
    end(&moves);
}
