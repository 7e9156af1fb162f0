/* Every function of the runtime's API with the n-th allocation failing, n from 1 until none does,
 * then with two and with eight in a row: no crash, no leak, every ask ends, every message is
 * handled or counted, and the node drains. A row is a plan of the explorer, whose ledger checks all
 * that; what builds and looks into a runtime is tried by itself.
 *
 * MS_ROUNDS=n tries n times as many schedules of each row. */
#include "runtime/base/json.h"
#include "runtime/base/memory.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "runtime/topic_router.h"
#include "tests/sim/explore/world.h"
#include "tests/support/actors/toy.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"
#include "tests/support/scale.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct row {
    const char *what, *commands;
} row_t;

/* Targets: kind * 3 + key; 0 plain, 3 durable, 6 tiny, 12 drops the oldest, 15 idle, 18 pinned,
 * 21 durable and idle, 24 traps exits. */
static const row_t rows[] = {
    {"an ask from an edge", "command 1 ask 0\n"},
    {"runtime_send", "command 1 send 0\ncommand 2 ask 0\n"},
    {"actor_send", "command 1 ask 0 send:1:0:0 send:3:0:0\n"},
    {"actor_send to a reference", "command 1 ask 0\ncommand 2 ask 1 send_ref:0:0:0\n"},
    {"actor_ask", "command 1 ask 0 ask:1:3:0\ncommand 2 ask 0 ask:1:0:0 ask:2:2:0\n"},
    {"actor_ask that times out", "command 1 ask 0 ask:1:0:1 silence:0:0:0\n"},
    {"actor_refuse", "command 1 ask 0 refuse:0:0:0\ncommand 2 ask 0 ask:1:3:1 refuse:0:0:0\n"},
    {"actor_reply_to", "command 1 ask 0 late:0:0:0\ncommand 2 ask 3 emit:0:0:0 late:0:0:0\n"},
    {"emit", "command 1 ask 3 emit:0:0:0\ncommand 2 ask 3 emit:0:0:0 emit:0:1:0\n"},
    {"emit, then send", "command 1 ask 3 emit:0:0:0 send:4:0:1 emit:0:0:0 send:0:0:0\n"},
    {"emit, then ask", "command 1 ask 3 emit:0:0:0 ask:4:3:1 emit:0:0:0\n"},
    {"emit, then fail", "command 1 ask 3 emit:0:0:0 fail:0:0:0\ncommand 2 ask 3 emit:0:0:0\n"},
    {"emit, then refuse", "command 1 ask 3 emit:0:0:0 refuse:0:0:0\ncommand 2 ask 3\n"},
    {"emit, spawn, stop",
     "command 1 ask 3 emit:0:0:0 spawn:0:1:0 offload:0:0:0 stop:0:0:0\ncommand 2 ask 3\n"},
    {"a snapshot", "command 1 ask 21 emit:0:0:0\ncommand 2 ask 21 emit:0:0:0\ncommand 3 pause "
                   "30\ncommand 4 ask 21 emit:0:0:0\ncommand 5 pause 30\ncommand 6 ask 21\n"},
    {"an append that is refused",
     "fault append 1 0\ncommand 1 ask 3 emit:0:0:0 send:0:0:0\ncommand 2 ask 3 emit:0:0:0\n"},
    {"an append of unknown end",
     "fault append 1 2\ncommand 1 ask 3 emit:0:0:0 send:0:0:0\ncommand 2 ask 3 emit:0:0:0\n"},
    {"actor_fail", "command 1 ask 0 fail:0:0:0\ncommand 2 ask 0\ncommand 3 ask 0 fail:0:0:0\n"},
    {"actor_stop", "command 1 ask 0 stop:0:0:0\ncommand 2 ask 0\ncommand 3 send 0\n"},
    {"actor_spawn", "command 1 ask 0 spawn:0:0:0 tell_child:0:0:1 fail:0:0:0\ncommand 2 ask 0\n"},
    {"actor_spawn_linked",
     "command 1 ask 0 spawn_linked:0:0:0 tell_child:0:0:1 fail:0:0:0\ncommand 2 ask 0\n"},
    {"children of one that stops",
     "command 1 ask 0 spawn:0:1:0 spawn:0:0:0 stop:0:0:0\ncommand 2 ask 0\n"},
    {"children of one that fails",
     "command 1 ask 0 spawn:0:0:0 spawn:0:0:0 spawn:0:0:0 spawn:0:0:0 fail:0:0:0\ncommand 2 pause "
     "30\ncommand 3 ask 0\n"},
    {"actor_monitor", "command 1 ask 15\ncommand 2 ask 0 monitor:0:0:0\ncommand 3 pause 30\n"},
    {"actor_demonitor",
     "command 1 ask 15\ncommand 2 ask 0 monitor:0:0:0 demonitor:0:0:0\ncommand 3 pause 30\n"},
    {"actor_link", "command 1 ask 1\ncommand 2 ask 24 link:0:0:0\ncommand 3 send 1 fail:0:0:0\n"},
    {"actor_unlink", "command 1 ask 1\ncommand 2 ask 24 link:0:0:0 unlink:0:0:0\ncommand 3 send 1 "
                     "fail:0:0:0\n"},
    {"actor_exit", "command 1 ask 24\ncommand 2 ask 0 exit:0:0:0\ncommand 3 ask 24\n"},
    {"actor_kill", "command 1 ask 1\ncommand 2 ask 0 kill:0:0:0\ncommand 3 ask 1\n"},
    {"actor_timer_start", "command 1 ask 0 timer:0:2:0 timer:0:3:0\ncommand 2 pause 20\n"},
    {"actor_timer_cancel", "command 1 ask 0 timer:0:5:0 cancel:0:0:0\ncommand 2 pause 20\n"},
    {"actor_subscribe, actor_publish",
     "command 1 ask 0 subscribe:0:0:0\ncommand 2 ask 1 subscribe:0:0:0 publish:0:2:0\ncommand 3 "
     "ask 0 publish:0:4:0 fail:0:0:0\n"},
    {"subscriptions of one that fails, and publishes after it",
     "command 1 ask 0 subscribe:0:0:0 subscribe:0:0:0 subscribe:0:1:0 fail:0:0:0\ncommand 2 ask 1 "
     "publish:0:2:0 publish:0:1:0\ncommand 3 ask 0 subscribe:0:0:0 stop:0:0:0\ncommand 4 ask 1 "
     "publish:0:2:0\n"},
    {"actor_offload", "command 1 ask 0 offload:0:0:0 offload:0:1:0\ncommand 2 ask 3 emit:0:0:0 "
                      "offload:0:1:0\n"},
    {"offload on a full lane",
     "command 1 ask 0 offload:0:2:0 offload:0:2:0 offload:0:2:0 offload:0:2:0\n"},
    {"passivation", "command 1 ask 15\ncommand 2 pause 30\ncommand 3 ask 15\n"},
    {"a mailbox that overflows", "command 1 send 6\ncommand 2 send 6\ncommand 3 send 6\ncommand 4 "
                                 "send 12\ncommand 5 send 12\ncommand 6 send 12\n"},
    {"a crash of the node", "fault crash 8 0\ncommand 1 ask 3 emit:0:0:0\ncommand 2 ask 0\n"},
};

/* Runs it with `run` allocations failing from the first-th on. False: none was left to fail. */
static bool run_row(const row_t *row, uint64_t seed, uint32_t first, uint32_t run)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_printf(&text, "scenario memory\nseed %llu\nstrategy random\n", (unsigned long long)seed);
    for (uint32_t i = 0; i < run; i++)
        buf_printf(&text, "fault allocation %u 0\n", first + i);
    buf_append(&text, str_from(row->commands));
    plan_t plan;
    check_ok(plan_read(buf_str(&text), &plan));
    outcome_t outcome;
    world_run(&plan, NULL, &outcome);
    cr_assert(outcome.oracle == ORACLE_NONE, "%s: %s: %s; the plan:\n%.*s", row->what,
              oracle_name(outcome.oracle), outcome.failure, STR_ARG(buf_str(&text)));
    return outcome.failed_allocations > 0;
}

static uint64_t seed_count(void)
{
    return 2 * scale_rounds();
}

Test(no_memory, whatever_cannot_be_had_everything_is_settled)
{
    static const uint32_t runs[] = {1, 2, 8};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (uint64_t seed = 1; seed <= seed_count(); seed++) {
            for (size_t j = 0; j < COUNT_OF(runs); j++) {
                uint32_t first = 1;
                while (run_row(&rows[i], seed, first, runs[j]))
                    first++;
                cr_assert(first > 4, "%s: allocations fail at all", rows[i].what);
            }
        }
    }
}

/* ---- building, looking, and what edges do ---- */

typedef struct node {
    simulation_t *simulation;
    journal_memory_t *memory;
    runtime_t *runtime;
    toy_world_t world;
    uint32_t done;
} node_t;

static err_t node_build(node_t *self)
{
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .journal = journal_memory_journal(self->memory),
                                 .is_simulated = true,
                                 .is_heap_only = true};
    TRY(runtime_new(&options, &self->runtime));
    TRY(runtime_register(self->runtime, &toy_kind, &self->world));
    return runtime_start(self->runtime);
}

static void on_posted(void *context)
{
    node_t *self = context;
    self->done++;
}

static void on_heard(void *context, str_t topic, const schema_t *schema, const void *message)
{
    node_t *self = context;
    (void)topic, (void)schema, (void)message;
    self->done++;
}

static err_t work(void *data)
{
    return data == NULL ? ERR_INVALID : ERR_OK;
}

static void on_worked(void *data, err_t err)
{
    node_t *self = data;
    (void)err;
    self->done++;
}

static void on_answer(void *context, const answer_t *answer)
{
    node_t *self = context;
    (void)answer;
    self->done++;
}

static err_t use_nothing(node_t *self)
{
    (void)self;
    return ERR_OK;
}

static err_t use_post(node_t *self)
{
    TRY(edge_post(runtime_edge(self->runtime, 1), on_posted, self));
    simulation_settle(self->simulation);
    return self->done == 1 ? ERR_OK : ERR_INTERNAL;
}

static err_t use_subscribe(node_t *self)
{
    edge_subscription_t *subscription =
        edge_subscribe(runtime_edge(self->runtime, 0), STR("t"), on_heard, self);
    if (subscription == NULL)
        return ERR_NO_MEMORY;
    runtime_publish(self->runtime, STR("t"), toy_tick, .number = 1);
    simulation_settle(self->simulation);
    edge_unsubscribe(&subscription);
    return self->done == 1 ? ERR_OK : ERR_NO_MEMORY; /* a publish is fire and forget */
}

static err_t use_topic(node_t *self)
{
    edge_subscription_t *subscription =
        edge_subscribe(runtime_edge(self->runtime, 0), STR("t"), on_heard, self);
    if (subscription == NULL)
        return ERR_NO_MEMORY;
    cr_assert(runtime_topic_is_heard(self->runtime, STR("t")));
    bool is_whole = runtime_topic_deliver(
        self->runtime, &(topic_post_t){STR("t"), &toy_tick_schema, &(toy_tick_t){.number = 1}, 0});
    simulation_settle(self->simulation);
    cr_assert(is_whole == (self->done == 1), "who missed it is told of");
    edge_unsubscribe(&subscription);
    return is_whole ? ERR_OK : ERR_NO_MEMORY;
}

static err_t use_offload(node_t *self)
{
    edge_offload(runtime_edge(self->runtime, 0), OFFLOAD_FILE, work, on_worked, self);
    simulation_settle(self->simulation);
    return self->done == 1 ? ERR_OK : ERR_INTERNAL;
}

static err_t use_ask(node_t *self)
{
    edge_ask(runtime_edge(self->runtime, 0), address_of("toy", STR("1")), 50, STR("id"), on_answer,
             self, toy_echo, .number = 1);
    while (self->done == 0 && simulation_step(self->simulation))
        ;
    return self->done == 1 ? ERR_OK : ERR_INTERNAL;
}

static err_t use_cancel(node_t *self)
{
    edge_t *edge = runtime_edge(self->runtime, 0);
    uint64_t ticket = edge_ask(edge, address_of("toy", STR("1")), 50, STR(""), on_answer, self,
                               toy_echo, .number = 1);
    edge_cancel(edge, ticket);
    simulation_settle(self->simulation);
    return ticket == 0 || self->done == 0 ? ERR_OK : ERR_INTERNAL;
}

static err_t use_looks(node_t *self)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    runtime_stats_t stats;
    IGNORE_ERR(runtime_send(self->runtime, address_of("toy", STR("1")), toy_echo, .number = 1));
    simulation_settle(self->simulation);
    runtime_describe(self->runtime, &json);
    runtime_dead_letters(self->runtime, &json);
    runtime_stats(self->runtime, &stats);
    return buf_status(&text);
}

static const struct {
    const char *what;
    err_t (*use)(node_t *self);
} uses[] = {
    {"runtime_new, runtime_register, runtime_start", use_nothing},
    {"edge_post", use_post},
    {"edge_subscribe, edge_unsubscribe, runtime_publish", use_subscribe},
    {"runtime_topic_deliver, runtime_topic_is_heard", use_topic},
    {"edge_offload", use_offload},
    {"edge_ask", use_ask},
    {"edge_cancel", use_cancel},
    {"runtime_describe, runtime_dead_letters, runtime_stats", use_looks},
};

/* False: no allocation was left to fail. */
static bool try_use(size_t index, uint64_t failing)
{
    static node_t node;
    node = (node_t){0};
    check_ok(simulation_new(failing, &node.simulation));
    check_ok(journal_memory_new(false, &node.memory));
    int64_t live = memory_faults_live();
    memory_faults_reset();
    memory_faults_choose(&failing, 1);
    memory_faults_arm(true);
    err_t err = node_build(&node);
    if (err == ERR_OK) {
        simulation_attach(node.simulation, node.runtime);
        err = uses[index].use(&node);
    }
    memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    cr_assert(err == ERR_OK || (has_failed && err == ERR_NO_MEMORY), "%s with allocation %llu: %s",
              uses[index].what, (unsigned long long)failing, err_name(err));
    if (node.runtime != NULL)
        simulation_detach(node.simulation, node.runtime);
    runtime_free(node.runtime);
    cr_assert(memory_faults_live() == live, "%s with allocation %llu leaves %lld blocks",
              uses[index].what, (unsigned long long)failing,
              (long long)(memory_faults_live() - live));
    journal_memory_free(node.memory);
    simulation_free(node.simulation);
    return has_failed;
}

Test(no_memory, a_runtime_is_built_or_not_and_nothing_is_left)
{
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        uint64_t failing = 1;
        while (try_use(i, failing))
            failing++;
        cr_assert(failing > 3, "%s", uses[i].what);
    }
}
