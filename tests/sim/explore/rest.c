#include "tests/sim/explore/inside.h"

#include "runtime/base/assert.h"
#include "runtime/mail/dead_letters.h"
#include "runtime/mail/topic.h"
#include "tests/sim/explore/post.h"
#include "tests/support/faults/memory_faults.h"

enum { EVENTS_MAX = 8 };

typedef struct lookup {
    uint64_t id;
    uint32_t count;
} lookup_t;

static err_t look(void *context, const journal_record_t *record)
{
    lookup_t *lookup = context;
    if (!str_equal(record->event.name, str_from(act_counted_schema.name)))
        return ERR_OK;
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
        else if (step->op == ACT_send || step->op == ACT_send_name)
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

void rest_check(world_t *self)
{
    check_conservation(self);
    crowd_check(&self->crowd, self->runtime);
}

void rest_settle(world_t *self)
{
    runtime_stats_t stats;
    rest_check(self);
    runtime_stats(self->runtime, &stats);
    bool has_memory = memory_faults_failed() == 0;
    ledger_settle(&self->ledger, stats.dead_letters + runtime_in_flight(self->runtime),
                  crowd_missing(&self->crowd) + flows_missing(&self->flows), has_memory);
    crowd_settle(&self->crowd, has_memory && stats.dead_letters == 0);
    flows_settle(&self->flows);
    check_commands(self);
    check_failures(self);
    self->letters = post_settle(&self->ledger, bad_journal_inner(&self->journal));
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
