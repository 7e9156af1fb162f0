/* Two nodes that ask each other and watch each other's actors, on several schedulers each, while
 * what is between them is cut and healed: every ask ends once, every monitor has its one down, and
 * no message is lost without a trace. */
#include "runtime/kernel.h"
#include "runtime/remote/remote.h"
#include "tests/stress/racer.h"
#include "tests/support/remote/agent.h"
#include "tests/support/remote/network.h"

#include <stdio.h>

enum { ROUNDS = 300, BURST = 8, TARGETS = 6, CUT_EVERY = 25 };

typedef struct node {
    uint64_t number;
    runtime_t *runtime;
    agent_world_t world;
    _Atomic uint64_t asked, answered, good;
    _Atomic uint64_t posts;
} node_t;

typedef struct pair {
    network_t *network;
    agent_log_t log;
    node_t nodes[2];
} pair_t;

static const char *const targets[TARGETS] = {"t0", "t1", "t2", "t3", "t4", "t5"};

static void on_answer(void *context, const answer_t *answer)
{
    node_t *self = context;
    atomic_fetch_add(&self->answered, 1);
    atomic_fetch_add(&self->good, answer->err == ERR_OK ? 1 : 0);
}

/* On the edge's thread. */
static void burst(void *context)
{
    node_t *self = context;
    edge_t *edge = runtime_edge(self->runtime, 0);
    uint64_t round = atomic_fetch_add(&self->posts, 1);
    for (uint64_t i = 0; i < BURST; i++) {
        str_t target = str_from(targets[(round + i) % TARGETS]);
        address_t there = address_of("agent", target);
        atomic_fetch_add(&self->asked, 1);
        if (i % 4 == 0)
            edge_ask(edge, address_of("agent", STR("watcher")), 5000, STR(""), on_answer, self,
                     agent_watch_name, .key = target);
        else if (i % 4 == 1 && round % 5 == 0)
            edge_ask(edge, there, 5000, STR(""), on_answer, self, agent_stop);
        else
            edge_ask(edge, there, 5000, STR(""), on_answer, self, agent_echo, .number = round);
    }
}

static void node_start(pair_t *pair, node_t *self, uint64_t number)
{
    runtime_options_t options = {.scheduler_count = 2};
    self->number = number;
    self->world = (agent_world_t){&pair->log, number};
    ASSERT(runtime_new(&options, &self->runtime) == ERR_OK);
    ASSERT(runtime_register(self->runtime, &agent_kind, &self->world) == ERR_OK);
    network_join(pair->network, number, self->runtime);
    /* Even targets on 1, odd ones and the watcher on 2. */
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        ASSERT(runtime_place(self->runtime, i, 2) == ERR_OK);
    for (size_t i = 0; i < TARGETS; i += 2)
        ASSERT(runtime_place(self->runtime, remote_partition(&agent_kind, str_from(targets[i])),
                             1) == ERR_OK);
    runtime_set_serving(self->runtime, true);
    ASSERT(runtime_start(self->runtime) == ERR_OK);
}

static uint64_t all(const pair_t *pair, bool is_answered)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < 2; i++)
        sum += atomic_load(is_answered ? &pair->nodes[i].answered : &pair->nodes[i].asked);
    return sum;
}

static void run(pair_t *pair, uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < 2; i++)
            ASSERT(edge_post(runtime_edge(pair->nodes[i].runtime, 0), burst, &pair->nodes[i]) ==
                   ERR_OK);
        while (all(pair, false) - all(pair, true) > (uint64_t)64 * BURST || all(pair, false) == 0)
            uv_sleep(1); /* not more under way than a node would take */
        if (round % CUT_EVERY == CUT_EVERY - 1) {
            network_cut(pair->network, 1, 2);
            network_heal(pair->network, 1, 2);
        }
    }
}

/* All of them are told to go, until each monitor had its down. */
static void settle(pair_t *pair)
{
    while (atomic_load(&pair->nodes[0].posts) + atomic_load(&pair->nodes[1].posts) == 0 ||
           all(pair, true) < all(pair, false))
        uv_sleep(1);
    while (atomic_load(&pair->log.downs) < atomic_load(&pair->log.watched)) {
        for (size_t i = 0; i < TARGETS; i++)
            IGNORE_ERR(runtime_send(pair->nodes[0].runtime,
                                    address_of("agent", str_from(targets[i])),
                                    agent_stop)); /* BUSY: the next time */
        uv_sleep(1);
    }
}

static void check_sum(runtime_t *runtime)
{
    runtime_stats_t stats;
    router_stats_t router;
    runtime_stats(runtime, &stats);
    runtime_router_stats(runtime, &router);
    race_check(stats.sent == stats.handled + stats.dead_letters + runtime_in_flight(runtime),
               "no message is lost without a trace");
    race_check(router.asks_open == 0 && router.bonds == 0, "nothing waits for the other node");
}

int main(void)
{
    static pair_t pair;
    pair.network = network_new(1);
    agent_log_init(&pair.log);
    for (size_t i = 0; i < 2; i++)
        node_start(&pair, &pair.nodes[i], i + 1);
    network_start(pair.network);
    run(&pair, race_rounds(ROUNDS));
    settle(&pair);

    race_check(all(&pair, true) == all(&pair, false), "every ask ended once");
    race_check(atomic_load(&pair.nodes[0].good) > 0 && atomic_load(&pair.nodes[1].good) > 0,
               "some were answered");
    for (size_t i = 0; i < 2; i++)
        ASSERT(runtime_drain(pair.nodes[i].runtime, 60000) == ERR_OK);
    network_stop(pair.network);
    race_check(atomic_load(&pair.log.downs) == atomic_load(&pair.log.watched),
               "each monitor has its one down");
    for (size_t i = 0; i < 2; i++)
        check_sum(pair.nodes[i].runtime);
    for (size_t i = 0; i < 2; i++)
        runtime_free(pair.nodes[i].runtime);
    network_free(pair.network);
    agent_log_deinit(&pair.log);
    race_report(all(&pair, true), "asks between two nodes ended");
    return 0;
}
