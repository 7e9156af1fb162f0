/* Kinds that are not placed by key: near who asks, and by load. */
#include "runtime/kernel.h"
#include "runtime/remote/loads.h"
#include "tests/support/remote/fleet.h"

enum { ASKS = 600 };

static address_t worker_at(const char *key)
{
    return address_of("worker", str_from(key));
}

static void know(fleet_t *fleet, uint64_t on, const router_load_t *loads, uint32_t count)
{
    check_ok(runtime_set_loads(fleet_runtime(fleet, on), loads, count));
}

/* Which node answers; 0: none did. */
static uint64_t served_by(fleet_t *fleet, uint64_t on)
{
    scene_answer_t answer = fleet_asked(fleet, on, worker_at("w"), agent_echo, .number = 1);
    cr_assert(eq(u32, answer.count, 1));
    return answer.err == ERR_OK ? answer.value / 1000 : 0;
}

static void count_served(fleet_t *fleet, uint64_t on, uint32_t asks, uint32_t *counts)
{
    memset(counts, 0, (NETWORK_NODES_MAX + 1) * sizeof *counts);
    for (uint32_t i = 0; i < asks; i++)
        counts[served_by(fleet, on)]++;
}

Test(loads, near_is_where_it_is_asked_whatever_is_known_of_loads)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);
    const router_load_t loads[] = {{1, 0}, {2, 1000}, {3, 1000}};
    know(&fleet, 2, loads, 3);

    scene_answer_t answer =
        fleet_asked(&fleet, 2, address_of("nearby", STR("a")), agent_echo, .number = 1);

    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 2001));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).sent, 0));
    fleet_end(&fleet);
}

Test(loads, where_nothing_is_known_it_is_served_here)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);

    cr_assert(eq(u64, served_by(&fleet, 2), 2));
    const router_load_t alone[] = {{2, 1000}};
    know(&fleet, 2, alone, 1);
    cr_assert(eq(u64, served_by(&fleet, 2), 2));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).by_load, 0));
    fleet_end(&fleet);
}

/* Of two that are drawn the less busy one: so the busiest of three is never taken, and the others
 * are, in the measure in which they are drawn. */
Test(loads, the_less_busy_one_of_two_that_are_drawn)
{
    uint32_t counts[NETWORK_NODES_MAX + 1];
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);
    const router_load_t loads[] = {{1, 900}, {2, 100}, {3, 500}};
    know(&fleet, 1, loads, 3);

    count_served(&fleet, 1, ASKS, counts);

    cr_assert(eq(u32, counts[1], 0));
    cr_assert(counts[2] > ASKS / 2 && counts[2] < ASKS * 5 / 6, "%u", counts[2]); /* 2/3 */
    cr_assert(counts[3] > ASKS / 6 && counts[3] < ASKS / 2, "%u", counts[3]);     /* 1/3 */
    cr_assert(eq(u32, counts[2] + counts[3], ASKS));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).by_load, ASKS));
    fleet_end(&fleet);
}

/* Of four all pairs are drawn, not only neighbours: of six, three have the first in them, two more
 * the second, one more the third. */
Test(loads, every_pair_is_drawn)
{
    static const seat_bits_t all_answer;
    uint32_t counts[5] = {0};
    loads_t loads = {.count = 4};
    for (uint32_t seat = 1; seat <= 4; seat++)
        atomic_store(&loads.entries[seat - 1], seat << 16 | seat * 2 * ROUTER_LOAD_STEP);

    for (int i = 0; i < 10 * ASKS; i++)
        counts[loads_pick(&loads, 1, &all_answer)]++;

    cr_assert(counts[1] > 45 * ASKS / 10 && counts[1] < 55 * ASKS / 10, "%u", counts[1]);
    cr_assert(counts[2] > 30 * ASKS / 10 && counts[2] < 37 * ASKS / 10, "%u", counts[2]);
    cr_assert(counts[3] > 13 * ASKS / 10 && counts[3] < 20 * ASKS / 10, "%u", counts[3]);
    cr_assert(eq(u32, counts[0] + counts[4], 0));
}

/* A node without the role is in no list, its own neither. */
Test(loads, who_is_not_among_them_serves_nothing)
{
    uint32_t counts[NETWORK_NODES_MAX + 1];
    fleet_t fleet;
    fleet_begin(&fleet, 1, 4, NULL);
    const router_load_t loads[] = {{3, 1000}, {4, 1000}};
    know(&fleet, 1, loads, 2);

    count_served(&fleet, 1, ASKS / 10, counts);

    cr_assert(eq(u32, counts[1] + counts[2], 0));
    cr_assert(counts[3] > 0 && counts[4] > 0);
    fleet_end(&fleet);
}

Test(loads, as_busy_is_served_here_and_among_others_by_any)
{
    static const struct {
        const char *what;
        uint32_t here, there;
        uint64_t by;
    } cases[] = {
        {"the same", 500, 500, 1},
        {"the same at the end", 1000, 1000, 1},
        {"in one step", ROUTER_LOAD_STEP * 2 - 1, ROUTER_LOAD_STEP, 1},
        {"in the next step", ROUTER_LOAD_STEP * 2, ROUTER_LOAD_STEP * 2 - 1, 2},
        {"here is less", ROUTER_LOAD_STEP - 1, ROUTER_LOAD_STEP, 1},
        {"past the end is the end", UINT32_MAX, 5000000, 1},
        {"past the end is not less", 999, UINT32_MAX, 1},
        {"past the end here", UINT32_MAX, 949, 2},
    };
    uint32_t counts[NETWORK_NODES_MAX + 1];
    fleet_t fleet;
    fleet_begin(&fleet, 1, 4, NULL);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const router_load_t loads[] = {{1, cases[i].here}, {2, cases[i].there}};
        know(&fleet, 1, loads, 2);
        for (int again = 0; again < 8; again++)
            cr_assert(served_by(&fleet, 1) == cases[i].by, "%s", cases[i].what);
    }

    const router_load_t ties[] = {{2, 0}, {3, 0}, {4, 0}};
    know(&fleet, 1, ties, 3);
    count_served(&fleet, 1, ASKS, counts);
    for (uint64_t node = 2; node <= 4; node++)
        cr_assert(counts[node] > ASKS / 4 && counts[node] < ASKS * 5 / 12, "%u", counts[node]);
    fleet_end(&fleet);
}

Test(loads, a_node_that_does_not_answer_is_not_chosen_until_it_does)
{
    uint32_t counts[NETWORK_NODES_MAX + 1];
    fleet_t fleet;
    fleet_begin(&fleet, 1, 4, NULL);
    const router_load_t loads[] = {{2, 0}, {3, 900}, {4, 900}};
    know(&fleet, 1, loads, 3);

    runtime_set_reachable(fleet_runtime(&fleet, 1), 2, false);
    count_served(&fleet, 1, ASKS / 10, counts);
    cr_assert(counts[2] == 0 && counts[3] > 0 && counts[4] > 0);

    runtime_set_reachable(fleet_runtime(&fleet, 1), 4, false);
    count_served(&fleet, 1, ASKS / 10, counts);
    cr_assert(eq(u32, counts[3], ASKS / 10));

    runtime_set_reachable(fleet_runtime(&fleet, 1), 3, false);
    cr_assert(eq(u64, served_by(&fleet, 1), 1), "none of them: here");

    runtime_set_reachable(fleet_runtime(&fleet, 1), 2, true);
    cr_assert(eq(u64, served_by(&fleet, 1), 2));
    fleet_end(&fleet);
}

/* Its view does not say so yet: what can't be sent is served here, and nobody is refused. */
Test(loads, what_cannot_be_sent_is_served_here)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    const router_load_t loads[] = {{1, 1000}, {2, 0}};
    know(&fleet, 1, loads, 2);
    cr_assert(eq(u64, served_by(&fleet, 1), 2));

    fleet_kill(&fleet, 2);

    cr_assert(eq(u64, served_by(&fleet, 1), 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).by_load, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).asks_open, 0));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).unreachable, 0));
    fleet_end(&fleet);
}

Test(loads, what_finds_the_link_full_is_served_here)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    const router_load_t loads[] = {{1, 1000}, {2, 0}};
    know(&fleet, 1, loads, 2);
    network_stall(fleet.network, 1, 2, true);
    network_set_queue_max(fleet.network, 2);

    for (uint64_t i = 1; i <= 3; i++)
        fleet_send(&fleet, 1, worker_at("w"), agent_note, .number = i);
    fleet_settle(&fleet);
    check_str(str_from(fleet_log(&fleet)), STR("1.w note 3\n"));
    network_stall(fleet.network, 1, 2, false);
    fleet_settle(&fleet);

    check_str(str_from(fleet_log(&fleet)), STR("2.w note 1\n2.w note 2\n"));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).by_load, 2));
    fleet_end(&fleet);
}

Test(loads, who_waits_for_one_that_dies_is_told_and_may_ask_again)
{
    scene_answer_t lost;
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    const router_load_t loads[] = {{1, 1000}, {2, 0}};
    know(&fleet, 1, loads, 2);
    scene_ask(&fleet.nodes[1], &lost, worker_at("w"), 0, agent_silence);
    fleet_settle(&fleet);
    cr_assert(lost.is_there == false);

    fleet_kill(&fleet, 2);
    fleet_settle(&fleet);

    check_err(lost.err, ERR_UNAVAILABLE);
    cr_assert(eq(u32, lost.count, 1));
    cr_assert(eq(u64, served_by(&fleet, 1), 1));
    fleet_end(&fleet);
}

/* Each thinks that the other one is idle: what came from there is served, not sent back. */
Test(loads, what_was_sent_here_goes_no_further)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    const router_load_t one[] = {{1, 1000}, {2, 0}}, two[] = {{1, 0}, {2, 1000}};
    know(&fleet, 1, one, 2);
    know(&fleet, 2, two, 2);

    cr_assert(eq(u64, served_by(&fleet, 1), 2));
    cr_assert(eq(u64, served_by(&fleet, 2), 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).by_load, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).by_load, 1));
    fleet_end(&fleet);
}

/* It needs no lease: there is nothing that two could have. */
Test(loads, a_node_without_a_lease_serves)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    const router_load_t loads[] = {{1, 1000}, {2, 0}};
    know(&fleet, 1, loads, 2);
    network_end_lease(fleet.network, 2, true);

    cr_assert(eq(u64, served_by(&fleet, 1), 2));
    network_end_lease(fleet.network, 2, false);
    fleet_end(&fleet);
}

Test(loads, so_many_nodes_and_no_more_and_an_error_changes_nothing)
{
    static router_load_t loads[ROUTER_LOADS_MAX + 1];
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    for (uint32_t i = 0; i <= ROUTER_LOADS_MAX; i++)
        loads[i] = (router_load_t){2, 0};

    know(&fleet, 1, loads, ROUTER_LOADS_MAX);
    cr_assert(eq(u64, served_by(&fleet, 1), 2));
    loads[0] = (router_load_t){1, 0};
    check_err(runtime_set_loads(fleet_runtime(&fleet, 1), loads, ROUTER_LOADS_MAX + 1), ERR_LIMIT);
    cr_assert(eq(u64, served_by(&fleet, 1), 2));
    know(&fleet, 1, loads, 1);
    cr_assert(eq(u64, served_by(&fleet, 1), 1));
    know(&fleet, 1, loads + 1, 1);
    cr_assert(eq(u64, served_by(&fleet, 1), 2));
    know(&fleet, 1, NULL, 0);
    cr_assert(eq(u64, served_by(&fleet, 1), 1));
    fleet_end(&fleet);
}

static void apply_nothing(UNUSED void *self, UNUSED const void *event, UNUSED int64_t wall_ms)
{
}

Test(loads, a_kind_that_would_lose_its_state_is_refused)
{
    static const actor_applier_t appliers[] = {{&agent_note_schema, apply_nothing}};
    static const struct {
        const char *what;
        placed_t placement;
        bool is_durable, hibernates;
        bool is_refused;
    } cases[] = {
        {"near", PLACED_NEAR, false, false, false},
        {"near and durable", PLACED_NEAR, true, false, true},
        {"near, and it sleeps", PLACED_NEAR, false, true, false},
        {"by load", PLACED_BY_LOAD, false, false, false},
        {"by load and durable", PLACED_BY_LOAD, true, false, true},
        {"by load, and it sleeps", PLACED_BY_LOAD, false, true, true},
        {"by key", PLACED_BY_KEY, true, false, false},
        {"by key, and it sleeps", PLACED_BY_KEY, false, true, true},
        {"usually", PLACED_USUALLY, true, false, false},
        {"usually, and it sleeps", PLACED_USUALLY, false, true, false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        actor_kind_t kind = worker_kind;
        kind.placement = cases[i].placement;
        kind.hibernates = cases[i].hibernates;
        kind.appliers = appliers;
        kind.applier_count = cases[i].is_durable ? 1 : 0;
        const char *problem = kind_placement_problem(&kind);
        cr_assert(cases[i].is_refused == (problem != NULL), "%s: %s", cases[i].what,
                  problem == NULL ? "taken" : problem);
    }

    runtime_t *runtime = NULL;
    actor_kind_t sleeps = worker_kind;
    sleeps.hibernates = true;
    check_ok(runtime_new(&(runtime_options_t){.is_simulated = true}, &runtime));
    check_err(runtime_register(runtime, &sleeps, NULL), ERR_INVALID);
    check_ok(runtime_register(runtime, &nearby_kind, NULL));
    cr_assert(runtime_places_by_load(runtime) == false);
    check_ok(runtime_register(runtime, &worker_kind, NULL));
    cr_assert(runtime_places_by_load(runtime));
    runtime_free(runtime);
}

/* What is more than all of a node's processors is all of them: it makes no other node of it. */
Test(loads, a_load_past_the_most_is_the_most)
{
    static const uint32_t loads_past[] = {ROUTER_LOAD_MAX + 1, 1 << 16, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(loads_past); i++) {
        fleet_t fleet;
        uint32_t counts[NETWORK_NODES_MAX + 1];
        fleet_begin(&fleet, 1, 3, NULL);
        const router_load_t loads[] = {{1, 500}, {2, loads_past[i]}};
        know(&fleet, 1, loads, 2);
        count_served(&fleet, 1, 20, counts);
        cr_expect(eq(u32, counts[1], 20), "%u", loads_past[i]);
        fleet_end(&fleet);
    }
}
