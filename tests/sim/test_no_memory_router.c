/* What a runtime does for other nodes, with the n-th allocation failing, n from 1 until none is
 * left to fail: who asked is told something, each monitor has its down, the sum of messages is
 * right, and no block is left. tools/check_no_memory finds functions that are in no table. */
#include "tests/support/faults/memory_faults.h"
#include "tests/support/remote/fleet.h"

static err_t fill(UNUSED void *what, buf_t *out)
{
    buf_append(out, STR("some bytes"));
    return buf_status(out);
}

static void hear(UNUSED void *context, UNUSED uint64_t from, UNUSED str_t bytes)
{
}

static void lost(UNUSED void *context, UNUSED uint64_t node)
{
}

/* A node of its own, which is not started. */
static void join(fleet_t *fleet)
{
    runtime_options_t options = {.scheduler_count = 1, .is_heap_only = true, .is_simulated = true};
    runtime_t *runtime = NULL;
    const router_t router = {NULL, fleet};
    (void)memory_faults_arm(false);
    check_ok(runtime_new(&options, &runtime));
    (void)memory_faults_arm(true);
    if (runtime_join(runtime, 7, &router) == ERR_OK) {
        runtime_set_holder(runtime, &(router_holder_t){.context = fleet});
        runtime_hear(runtime, ROUTER_MOVES, hear, fleet);
        runtime_hear_lost(runtime, lost, fleet);
        runtime_set_serving(runtime, true);
        runtime_set_view(runtime, 3);
        cr_assert(runtime_view(runtime) == 3 && runtime_node(runtime) == 7);
        err_t err = runtime_place(runtime, 5, 99);
        cr_assert(err == ERR_OK || err == ERR_NO_MEMORY);
        cr_assert(runtime_placed(runtime, 5) == (err == ERR_OK ? 99 : ROUTER_NOBODY));
        const router_load_t loads[] = {{7, 1000}, {97, 0}};
        err = runtime_set_loads(runtime, loads, COUNT_OF(loads));
        cr_assert(err == ERR_OK || err == ERR_NO_MEMORY);
        actor_ref_t ref = runtime_ref(runtime, 98, 77);
        cr_assert(ref.bits == 0 ||
                  (runtime_node_of(runtime, ref) == 98 && runtime_bits_of(ref) == 77));
        runtime_set_reachable(runtime, 98, false); /* where there was no memory: it never was */
        address_t there = {0};
        err = runtime_address_at(runtime, 97, "agent", STR("x"), &there);
        cr_assert(err == ERR_NO_MEMORY ||
                  (err == ERR_OK && runtime_node_of(runtime, there.ref) == 97));
    } else {
        cr_assert(eq(u64, runtime_node(runtime), 0));
    }
    runtime_free(runtime);
}

static void look(fleet_t *fleet)
{
    located_t at;
    router_stats_t stats;
    runtime_t *runtime = fleet_runtime(fleet, 1);
    check_ok(runtime_locate(runtime, STR("agent"), STR("a"), &at));
    cr_assert(runtime_places_by_load(runtime) == true);
    check_ok(runtime_add_schema(runtime, &dead_letter_schema));
    cr_assert(runtime_schema(runtime, STR("agent_echo")) == &agent_echo_schema);
    runtime_router_stats(runtime, &stats);
    runtime_set_reachable(runtime, 2, false);
    runtime_set_reachable(runtime, 2, true);
    err_t err = runtime_tell(runtime, 2, ROUTER_MOVES, fill, NULL);
    cr_assert(err == ERR_OK || err == ERR_NO_MEMORY);
    fleet_settle(fleet);
}

static scene_answer_t answers[2]; /* of this round */

/* There, handled, and back: runtime_receive on both sides. */
static void ask(fleet_t *fleet)
{
    scene_ask(&fleet->nodes[2], &answers[0], agent_at("a"), 50, agent_echo, .text = STR("a text"));
    fleet_settle(fleet);
}

static void lose(fleet_t *fleet)
{
    scene_ask(&fleet->nodes[2], &answers[0], agent_at("a"), 50, agent_silence);
    scene_ask(&fleet->nodes[2], &answers[1], agent_at("b"), 50, agent_watch_name, .key = STR("a"));
    fleet_settle(fleet);
    network_cut(fleet->network, 1, 2);
    fleet_settle(fleet);
}

static void meet(fleet_t *fleet)
{
    for (uint64_t node = 1; node <= 2; node++) {
        uint64_t other = 3 - node;
        err_t err = runtime_set_peers(fleet_runtime(fleet, node), &other, 1);
        cr_assert(err == ERR_OK || err == ERR_NO_MEMORY);
    }
    IGNORE_ERR(
        runtime_send(fleet_runtime(fleet, 1), agent_at("a"), agent_register, .name = STR("all/n")));
    IGNORE_ERR(
        runtime_send(fleet_runtime(fleet, 1), agent_at("a"), agent_join, .name = STR("all/g")));
    IGNORE_ERR(
        runtime_send(fleet_runtime(fleet, 2), agent_at("b"), agent_join, .name = STR("all/g")));
    IGNORE_ERR(runtime_send(fleet_runtime(fleet, 2), agent_at("b"), agent_register,
                            .name = STR("all/n"))); /* of both, or one */
    fleet_settle(fleet);
    runtime_tend_peers(fleet_runtime(fleet, 1));
    fleet_settle(fleet);
}

static void watch(fleet_t *fleet)
{
    scene_ask(&fleet->nodes[2], &answers[1], agent_at("b"), 50, agent_watch_name, .key = STR("a"));
    fleet_settle(fleet);
    IGNORE_ERR(runtime_send(fleet_runtime(fleet, 1), agent_at("a"), agent_stop));
    fleet_settle(fleet);
}

/* A down is never lost: where its node can't say it, both are lost to each other. */
static void check_downs(fleet_t *fleet, uint64_t nth)
{
    runtime_stats_t stats;
    fleet_tend(fleet, 3);
    fleet_send(fleet, 1, agent_at("a"), agent_stop);
    fleet_settle(fleet);
    runtime_stats(fleet_runtime(fleet, 2), &stats); /* who fails watches nobody any more */
    uint64_t downs = atomic_load(&fleet->log.downs), watched = atomic_load(&fleet->log.watched);
    cr_assert(downs == watched || (stats.failures > 0 && downs <= watched),
              "%llu: %llu of %llu downs, %llu failures", (unsigned long long)nth,
              (unsigned long long)downs, (unsigned long long)watched,
              (unsigned long long)stats.failures);
    cr_assert(eq(u64, fleet_stats(fleet, 1).bonds + fleet_stats(fleet, 2).bonds, 0));
}

static void stream(fleet_t *fleet)
{
    fleet->pipe = (pipe_world_t){0};
    IGNORE_ERR(runtime_send(fleet_runtime(fleet, 1), address_of("source", STR("a")), pipe_start,
                            .items = 20, .window = 4));
    fleet_settle(fleet);
}

/* With memory again nobody waits for ever: the next one is taken, and all of it arrives. */
static void check_streams(fleet_t *fleet, uint64_t nth)
{
    fleet_meet(fleet);
    fleet_tend(fleet, 4);
    fleet_pass(fleet, 1000);
    fleet_send(fleet, 1, address_of("source", STR("a")), pipe_push, .count = 20); /* what failed */
    fleet_settle(fleet);
    runtime_stats_t stats;
    runtime_stats(fleet_runtime(fleet, 1), &stats);
    bool is_over = fleet->pipe.sent == 20 || fleet->pipe.out_ends > 0 || stats.failures > 0;
    bool has_begun = fleet->pipe.sent > 0;
    cr_assert(is_over || !has_begun,
              "%llu: the source waits for ever: %llu sent, %llu came, %llu and %llu ends, %u",
              (unsigned long long)nth, (unsigned long long)fleet->pipe.sent,
              (unsigned long long)fleet->pipe.got, (unsigned long long)fleet->pipe.out_ends,
              (unsigned long long)fleet->pipe.in_ends, fleet->pipe.last_err);
    stream(fleet);
    cr_assert(fleet->pipe.got == 20, "%llu: %llu came", (unsigned long long)nth,
              (unsigned long long)fleet->pipe.got);
}

/* With memory again both nodes come to hold the same. */
static void check_same(fleet_t *fleet, uint64_t nth)
{
    fleet_meet(fleet);
    fleet_tend(fleet, 130); /* each has told the other how far it is */
    uint32_t members[3];
    actor_ref_t named[3];
    for (uint64_t node = 1; node <= 2; node++) {
        runtime_t *runtime = fleet_runtime(fleet, node);
        members[node] = runtime_group_members(runtime, STR("all/g"), NULL, 0);
        named[node] = runtime_whereis(runtime, STR("all/n"));
    }
    cr_assert(members[1] == members[2], "%llu: %u and %u members", (unsigned long long)nth,
              members[1], members[2]);
    cr_assert(runtime_bits_of(named[1]) == runtime_bits_of(named[2]) &&
                  (named[1].bits == 0 || runtime_node_of(fleet_runtime(fleet, 1), named[1]) ==
                                             runtime_node_of(fleet_runtime(fleet, 2), named[2])),
              "%llu: a name of two", (unsigned long long)nth);
}

static const struct {
    const char *what;
    void (*use)(fleet_t *fleet);
} rows[] = {
    {"runtime_join runtime_node runtime_set_loads runtime_place runtime_placed runtime_set_serving "
     "runtime_set_view "
     "runtime_view runtime_set_holder runtime_hear runtime_hear_lost runtime_ref runtime_node_of "
     "runtime_bits_of runtime_address_at runtime_set_reachable",
     join},
    {"runtime_locate runtime_places_by_load runtime_set_reachable runtime_schema "
     "runtime_add_schema runtime_router_stats "
     "runtime_tell",
     look},
    {"runtime_receive", ask},
    {"runtime_node_lost", lose},
    {"runtime_set_peers runtime_tend_peers", meet},
    {"runtime_receive, of streams", stream},
    {"runtime_receive, of monitors", watch},
};

/* Returns whether an allocation was left to fail. */
static bool try_without(size_t row, uint64_t nth)
{
    fleet_t fleet;
    int64_t before = memory_faults_live();
    fleet_begin(&fleet, 1, 2, NULL);
    fleet_place(&fleet, "agent", "b", 2);
    fleet_place(&fleet, "sink", "a", 2);
    memset(answers, 0, sizeof answers);
    memory_faults_reset();
    memory_faults_choose(&nth, 1);
    (void)memory_faults_arm(true);

    rows[row].use(&fleet);

    (void)memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    memory_faults_reset();
    fleet_pass(&fleet, 60);
    if (rows[row].use == meet)
        check_same(&fleet, nth);
    if (rows[row].use == watch)
        check_downs(&fleet, nth);
    if (rows[row].use == stream)
        check_streams(&fleet, nth);
    cr_assert(rows[row].use != ask || answers[0].count == 1, "%s, %llu: answered %u times",
              rows[row].what, (unsigned long long)nth, answers[0].count);
    cr_assert(atomic_load(&fleet.log.downs) <= atomic_load(&fleet.log.watched));
    fleet_end(&fleet);
    cr_assert(memory_faults_live() == before, "%s, %llu: blocks are left", rows[row].what,
              (unsigned long long)nth);
    return has_failed;
}

Test(no_memory_router, each_allocation_may_fail)
{
    enum { ROUNDS_MAX = 2000 };
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        uint64_t nth = 1;
        while (nth < ROUNDS_MAX && try_without(row, nth))
            nth++;
        cr_assert(nth > 1 && nth < ROUNDS_MAX, "%s: %llu rounds", rows[row].what,
                  (unsigned long long)nth);
    }
}
