#include "tests/sim/explore/world.h"

#include "runtime/base/assert.h"
#include "runtime/mail/dead_letters.h"
#include "runtime/mail/topic.h"
#include "runtime/supervisor.h"
#include "tests/sim/explore/act.h"
#include "tests/sim/explore/bad_journal.h"
#include "tests/sim/explore/sleep_store.h"
#include "tests/support/faults/memory_faults.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN_MAX = 8, STEPS_MAX = 60000, REST_MS = 20000, EVENTS_MAX = 8, CHECK_EVERY = 32 };

static const char *const kind_names[] = {
#define X(name) #name,
    TARGET_NAMES(X)
#undef X
};

const char *target_kind_name(target_kind_t kind)
{
    return kind_names[kind];
}

typedef struct world world_t;

typedef struct client_command {
    world_t *world;
    const plan_command_t *plan;
    uint64_t id; /* of its message; 0: not given yet */
    uint32_t answers;
    err_t err;
    bool is_unknown; /* the node crashed around it */
} client_command_t;

struct world {
    const plan_t *plan;
    ledger_t ledger;
    simulation_t *simulation;
    bad_journal_t journal;
    runtime_t *runtime;
    act_service_t services[TARGET_KINDS], child_service;
    actor_kind_t child, plain;
    child_spec_t supervised[2];
    supervisor_spec_t supervisor;
    sleep_store_t store;
    client_command_t commands[PLAN_COMMANDS_MAX];
    uint32_t next, open;
    uint64_t failing[PLAN_FAULTS_MAX]; /* allocations, ascending */
    size_t failing_count;
    bool is_paused, is_calm, is_rested, was_crashed;
    uint32_t crashed; /* a bit a fault */
    uint32_t crashes;
};

/* ---- the node ---- */

/* Every other message has a key. */
static str_t key_of(const schema_t *schema, const void *message)
{
    const act_t *act = message;
    bool has_key = schema == &act_schema && act->id % 2 == 0;
    return has_key ? STR("key") : (str_t){NULL, 0};
}

static actor_kind_t kind_of(target_kind_t target)
{
    actor_kind_t kind = act_kind;
    kind.name = kind_names[target];
    kind.mailbox_max = 64;
    switch (target) {
    case TARGET_durable:
        kind.snapshot_every = 4;
        return kind;
    case TARGET_durable_idle:
        kind.idle_ms = 40;
        kind.snapshot_every = 2;
        return kind;
    case TARGET_tiny:
        kind.mailbox_max = 2;
        break;
    case TARGET_newest:
        kind.mailbox_max = 2;
        kind.overflow = OVERFLOW_DROP_NEWEST;
        break;
    case TARGET_oldest:
        kind.mailbox_max = 2;
        kind.overflow = OVERFLOW_DROP_OLDEST;
        break;
    case TARGET_idle:
        kind.idle_ms = 25;
        break;
    case TARGET_pinned:
        kind.is_pinned = true;
        break;
    case TARGET_trapper:
        kind.traps_exits = true;
        break;
    case TARGET_awaiter:
        kind.awaits = true;
        break;
    case TARGET_newest_of_key:
        kind.mailbox_max = 2;
        kind.overflow = OVERFLOW_COALESCE;
        kind.coalesce_key = key_of;
        break;
    case TARGET_sleeper:
        kind.idle_ms = 25;
        kind.hibernates = true;
        break;
    case TARGET_plain:
    case TARGET_KINDS:
        break;
    }
    kind.applier_count = 0;
    kind.appliers = NULL;
    return kind;
}

/* Two, restarted as the seed says; they are reached by reference, as all that began not long ago.
 */
static void start_supervised(world_t *self)
{
    self->supervised[0] = (child_spec_t){.id = "first", .kind = &self->plain, .key = STR("first")};
    self->supervised[1] = (child_spec_t){
        .id = "second", .kind = &self->plain, .key = STR("second"), .restart = CHILD_TRANSIENT};
    self->supervisor = (supervisor_spec_t){
        .name = "supervisor",
        .strategy = (supervisor_strategy_t)(self->plan->seed / 2 % SUPERVISOR_SIMPLE),
        .backoff_first_ms = self->plan->seed % 2 == 0 ? 0 : 10,
        .backoff_max_ms = self->plan->seed % 2 == 0 ? 0 : 100,
        .children = self->supervised,
        .child_count = COUNT_OF(self->supervised)};
    actor_ref_t ref;
    ASSERT(supervisor_start(self->runtime, &self->supervisor, &ref) == ERR_OK);
}

static void node_start(world_t *self)
{
    runtime_options_t options = {.scheduler_count = 1 + (uint32_t)(self->plan->seed % 3),
                                 .offload_queue_max = {4, 4, 2},
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .journal = &self->journal.journal,
                                 .state_store = sleep_store_open(&self->store, self->plan->seed),
                                 .is_simulated = true,
                                 .is_heap_only = true}; /* every block may fail, or leak */
    ASSERT(runtime_new(&options, &self->runtime) == ERR_OK);
    self->child = kind_of(TARGET_plain);
    self->child.name = "child";
    self->child_service = (act_service_t){.ledger = &self->ledger, .first_target = ACT_CHILD};
    self->child.service = &self->child_service;
    for (uint32_t i = 0; i < TARGET_KINDS; i++) {
        actor_kind_t kind = kind_of((target_kind_t)i);
        self->services[i] = (act_service_t){.ledger = &self->ledger,
                                            .first_target = i * TARGET_KEYS,
                                            .is_durable = kind.applier_count > 0,
                                            .is_trapping = kind.traps_exits,
                                            .child = &self->child};
        ASSERT(runtime_register(self->runtime, &kind, &self->services[i]) == ERR_OK);
        if (i == TARGET_plain)
            self->plain = kind;
    }
    ASSERT(runtime_start(self->runtime) == ERR_OK);
    start_supervised(self);
    simulation_attach(self->simulation, self->runtime);
}

static void node_free(world_t *self)
{
    simulation_detach(self->simulation, self->runtime);
    journal_memory_crash(self->journal.memory);
    runtime_free(self->runtime);
    self->runtime = NULL;
}

static void node_crash(world_t *self)
{
    ledger_trace(&self->ledger, "  fault: crash");
    self->crashes++;
    self->was_crashed = true;
    node_free(self);
    sleep_store_close(&self->store);
    ledger_forgive(&self->ledger);
    for (uint32_t i = 0; i < self->next; i++) {
        client_command_t *command = &self->commands[i];
        command->is_unknown |= command->answers == 0;
        command->answers = 1;
    }
    self->open = 0;
    node_start(self);
}

/* ---- the clients ---- */

static void on_answer(void *context, const answer_t *answer)
{
    client_command_t *self = context;
    self->world->open--;
    self->err = answer->err;
    if (++self->answers > 1)
        ledger_fail(&self->world->ledger, ORACLE_ANSWER, "command %u was answered twice",
                    self->plan->id);
    act_check_answer(&self->world->ledger, answer, self->id);
}

static void end_pause(void *context)
{
    world_t *self = context;
    self->is_paused = false;
}

static void pause_for(world_t *self, uint32_t delay_ms)
{
    bool was_armed = memory_faults_arm(false);
    self->is_paused = true;
    simulation_after(self->simulation, delay_ms, end_pause, self);
    memory_faults_arm(was_armed);
}

static void give(client_command_t *self, edge_t *edge)
{
    static const uint32_t timeouts_ms[] = {30, 500, 5000};
    world_t *world = self->world;
    const plan_command_t *plan = self->plan;
    act_step_t steps[PLAN_STEPS_MAX];
    for (uint32_t i = 0; i < plan->step_count; i++)
        steps[i] = (act_step_t){plan->steps[i].op, plan->steps[i].target, plan->steps[i].number,
                                plan->steps[i].count};
    act_t message = {.id = self->id, .steps = {steps, plan->step_count}};
    char room[12];
    address_t to = act_address(plan->target, room);
    if (plan->means == MEANS_ASK) {
        world->open++;
        edge_ask_message(edge, to, timeouts_ms[plan->id % COUNT_OF(timeouts_ms)], (str_t){NULL, 0},
                         on_answer, self, &act_schema, &message);
    } else if (runtime_send_message(world->runtime, to, &act_schema, &message) == ERR_NO_MEMORY) {
        ledger_excuse(&world->ledger, self->id);
    }
}

static bool is_client_ready(void *context)
{
    const world_t *self = context;
    return self->next < self->plan->command_count && self->open < OPEN_MAX && !self->is_paused;
}

static void step_client(void *context)
{
    world_t *self = context;
    const plan_command_t *plan = &self->plan->commands[self->next];
    client_command_t *command = &self->commands[self->next++];
    *command = (client_command_t){.world = self, .plan = plan};
    if (plan->means == MEANS_PAUSE) {
        pause_for(self, plan->target);
        return;
    }
    uint32_t edge = plan->id % runtime_scheduler_count(self->runtime);
    /* An edge and a thread that is not the runtime's are two senders. */
    uint32_t from = ACT_EDGE + (plan->means == MEANS_ASK ? edge : 64);
    command->id = ledger_send(&self->ledger, from, plan->target, plan->means == MEANS_ASK);
    ledger_trace(&self->ledger, "  command %u is message %llu", plan->id,
                 (unsigned long long)command->id);
    give(command, runtime_edge(self->runtime, edge));
}

/* ---- oracles at rest ---- */

typedef struct lookup {
    uint64_t id;
    uint32_t count;
} lookup_t;

static err_t look(void *context, const journal_record_t *record)
{
    lookup_t *lookup = context;
    arena_t arena ARENA_SCOPED = {0};
    act_counted_t event;
    ASSERT(schema_decode(&act_counted_schema, record->event.payload, &arena, &event) == ERR_OK);
    lookup->count += event.id == lookup->id;
    return ERR_OK;
}

/* How many events the command's own steps emit; EVENTS_MAX: its answer says nothing about them. */
static uint32_t events_of(const plan_command_t *plan)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const plan_step_t *step = &plan->steps[i];
        bool is_ref = step->op == ACT_send_ref || step->op == ACT_tell_child;
        if (step->op == ACT_ask || step->op == ACT_ask_many || step->op == ACT_late ||
            step->op == ACT_silence ||
            (is_ref && step->count > 0)) /* whether they went along nobody knows */
            return EVENTS_MAX;
        if (step->op == ACT_emit)
            count++;
        else if (step->op == ACT_send)
            i += step->count;
    }
    return count;
}

static void check_journal(world_t *self, const client_command_t *command)
{
    uint32_t kind = command->plan->target / TARGET_KEYS;
    bool is_durable = kind == TARGET_durable || kind == TARGET_durable_idle;
    uint32_t want = events_of(command->plan);
    if (command->plan->means != MEANS_ASK || !is_durable || want == EVENTS_MAX)
        return;
    lookup_t found = {.id = command->id};
    journal_t *journal = bad_journal_inner(&self->journal);
    ASSERT(journal->table->feed(journal, 0, SIZE_MAX, look, &found) == ERR_OK);
    bool is_unknown = command->is_unknown || command->err == ERR_TIMEOUT;
    bool is_ok = found.count == (command->err == ERR_OK ? want : 0);
    if (is_unknown)
        is_ok = found.count == 0 || found.count == want;
    if (!is_ok)
        ledger_fail(&self->ledger, ORACLE_JOURNAL,
                    "message %llu ended with %s: %u of its %u events are in the journal",
                    (unsigned long long)command->id, err_name(command->err), found.count, want);
}

static void check_commands(world_t *self)
{
    for (uint32_t i = 0; i < self->next; i++) {
        const client_command_t *command = &self->commands[i];
        if (command->plan->means == MEANS_ASK && command->answers != 1)
            ledger_fail(&self->ledger, ORACLE_ANSWER, "command %u has %u answers",
                        command->plan->id, command->answers);
        check_journal(self, command);
    }
}

/* Between two steps nothing runs: what was sent is handled, dead, or on its way. */
static void check_conservation(world_t *self)
{
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    uint64_t in_flight = runtime_in_flight(self->runtime);
    if (stats.sent != stats.handled + stats.dead_letters + in_flight)
        ledger_fail(&self->ledger, ORACLE_LOSS,
                    "%llu sent, %llu handled, %llu dead, %llu in flight",
                    (unsigned long long)stats.sent, (unsigned long long)stats.handled,
                    (unsigned long long)stats.dead_letters, (unsigned long long)in_flight);
}

/* Nothing in the plan makes an actor fail: then none does, whatever the journal did. */
static void check_failures(world_t *self)
{
    static const uint64_t failing = UINT64_C(1) << ACT_fail | UINT64_C(1) << ACT_exit |
                                    UINT64_C(1) << ACT_kill | UINT64_C(1) << ACT_link |
                                    UINT64_C(1) << ACT_spawn_linked | UINT64_C(1) << ACT_wrong;
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    bool may_fail = self->crashes > 0 || stats.failures == 0;
    for (uint32_t i = 0; i < self->plan->fault_count; i++)
        may_fail |= self->plan->faults[i].kind == FAULT_ALLOCATION ||
                    self->plan->faults[i].kind == FAULT_READS;
    for (uint32_t i = 0; i < self->plan->command_count; i++) {
        const plan_command_t *command = &self->plan->commands[i];
        for (uint32_t j = 0; j < command->step_count; j++)
            may_fail |= (failing >> command->steps[j].op & 1) != 0;
    }
    if (!may_fail)
        ledger_fail(&self->ledger, ORACLE_FAILURE, "%llu actors failed, and nothing made them",
                    (unsigned long long)stats.failures);
}

static void check_rest(world_t *self)
{
    runtime_stats_t stats;
    check_conservation(self);
    runtime_stats(self->runtime, &stats);
    ledger_settle(&self->ledger, stats.dead_letters + runtime_in_flight(self->runtime),
                  memory_faults_failed() == 0);
    check_commands(self);
    check_failures(self);
    if (runtime_drain(self->runtime, 10000) != ERR_OK)
        ledger_fail(&self->ledger, ORACLE_END, "the node does not drain");
    runtime_stats(self->runtime, &stats);
    if (stats.actors != 0)
        ledger_fail(&self->ledger, ORACLE_LEAK, "%llu actors are left after the drain",
                    (unsigned long long)stats.actors);
    simulation_settle(self->simulation); /* schedulers take out what ended last */
    if (topic_is_heard(self->runtime, STR("even")) || topic_is_heard(self->runtime, STR("odd")))
        ledger_fail(&self->ledger, ORACLE_LEAK, "a subscription outlives its actor");
    for (uint64_t i = 0; i < self->ledger.state_count && !self->was_crashed; i++) {
        if (!self->ledger.states[i].is_over)
            ledger_fail(&self->ledger, ORACLE_LEAK, "state %llu was never freed",
                        (unsigned long long)(i + 1));
    }
}

/* ---- a run ---- */

static void apply_faults(world_t *self)
{
    uint64_t step = simulation_steps(self->simulation);
    bad_journal_apply(&self->journal, step);
    for (uint32_t i = 0; i < self->plan->fault_count && !self->is_calm; i++) {
        const plan_fault_t *fault = &self->plan->faults[i];
        bool is_now = fault->kind == FAULT_CRASH && step >= fault->at;
        if (is_now && (self->crashed & 1U << i) == 0) {
            self->crashed |= 1U << i;
            node_crash(self);
        }
    }
}

static bool step(world_t *self)
{
    apply_faults(self);
    memory_faults_arm(!self->is_calm);
    bool has_stepped = simulation_step(self->simulation);
    memory_faults_arm(false);
    if (simulation_steps(self->simulation) % CHECK_EVERY == 0)
        check_conservation(self);
    return has_stepped;
}

static bool is_broken(const world_t *self)
{
    return self->ledger.oracle != ORACLE_NONE;
}

static bool has_open_commands(const world_t *self)
{
    return self->next < self->plan->command_count || self->open > 0;
}

static void run_commands(world_t *self)
{
    uint64_t steps = 0;
    while (has_open_commands(self) && !is_broken(self)) {
        bool has_stepped = step(self);
        if ((!has_stepped && has_open_commands(self)) || steps++ > STEPS_MAX) {
            ledger_fail(&self->ledger, ORACLE_END, "%u commands are open and nothing happens",
                        self->open);
            return;
        }
    }
}

static void set_rested(void *context)
{
    world_t *self = context;
    self->is_rested = true;
}

/* No more faults, and time enough for every deadline, back-off and idle actor. */
static void come_to_rest(world_t *self)
{
    self->is_calm = self->journal.is_calm = true;
    simulation_after(self->simulation, REST_MS, set_rested, self);
    for (uint64_t steps = 0; !self->is_rested && !is_broken(self); steps++) {
        if (!step(self) || steps > STEPS_MAX) {
            ledger_fail(&self->ledger, ORACLE_END, "the node never rests");
            return;
        }
    }
    simulation_settle(self->simulation);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void choose_allocations(world_t *self)
{
    for (uint32_t i = 0; i < self->plan->fault_count; i++) {
        if (self->plan->faults[i].kind == FAULT_ALLOCATION)
            self->failing[self->failing_count++] = self->plan->faults[i].at;
    }
    qsort(self->failing, self->failing_count, sizeof(uint64_t), compare);
    memory_faults_reset();
    memory_faults_choose(self->failing, self->failing_count);
}

static void write_trace(void *context, str_t line)
{
    fprintf(context, "%.*s\n", STR_ARG(line));
}

static void world_open(world_t *self, const plan_t *plan, FILE *trace)
{
    self->plan = plan;
    self->ledger.trace = trace;
    simulation_options_t options = {.seed = plan->seed,
                                    .strategy = plan->strategy,
                                    .changes = plan->changes,
                                    .change_count = plan->change_count,
                                    .is_time_free = true,
                                    .is_turn_drawn = true,
                                    .trace = trace == NULL ? NULL : write_trace,
                                    .trace_context = trace};
    ASSERT(simulation_open(&options, &self->simulation) == ERR_OK);
    bad_journal_open(&self->journal, plan, &self->ledger);
    simulation_add_source(self->simulation, bad_journal_is_ready, bad_journal_step, &self->journal);
    simulation_add_source(self->simulation, is_client_ready, step_client, self);
    choose_allocations(self);
    node_start(self);
}

void world_run(const plan_t *plan, FILE *trace, outcome_t *out_outcome)
{
    int64_t live = memory_faults_live();
    world_t *self = calloc(1, sizeof *self);
    ASSERT(self != NULL);
    world_open(self, plan, trace);
    run_commands(self);
    if (!is_broken(self))
        come_to_rest(self);
    if (!is_broken(self))
        check_rest(self);

    *out_outcome = (outcome_t){.fingerprint = simulation_fingerprint(self->simulation),
                               .steps = simulation_steps(self->simulation),
                               .messages = self->ledger.message_count,
                               .crashes = self->crashes,
                               .failed_allocations = memory_faults_failed(),
                               .append_faults = self->journal.append_faults,
                               .absences = self->journal.absences};
    node_free(self);
    sleep_store_close(&self->store);
    bad_journal_close(&self->journal);
    simulation_free(self->simulation);
    if (memory_faults_live() != live)
        ledger_fail(&self->ledger, ORACLE_LEAK, "%lld blocks of memory are left",
                    (long long)(memory_faults_live() - live));
    out_outcome->oracle = self->ledger.oracle;
    memcpy(out_outcome->failure, self->ledger.failure, sizeof out_outcome->failure);
    ledger_deinit(&self->ledger);
    free(self);
}
