#include "tests/sim/explore/inside.h"

#include "runtime/base/assert.h"
#include "tests/support/faults/memory_faults.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 60000, REST_MS = 20000, CHECK_EVERY = 32, PATIENCE = 16 };

static void apply_faults(world_t *self)
{
    uint64_t step = simulation_steps(self->simulation);
    bad_journal_apply(&self->journal, step);
    for (uint32_t i = 0; i < self->plan->fault_count && !self->is_calm; i++) {
        const plan_fault_t *fault = &self->plan->faults[i];
        bool is_once = fault->kind == FAULT_CRASH || fault->kind == FAULT_REPLACE;
        if (!is_once || step < fault->at || (self->crashed & 1U << i) != 0)
            continue;
        self->crashed |= 1U << i;
        if (fault->kind == FAULT_CRASH)
            node_crash(self, fault->detail);
        else
            versions_begin(self, PATIENCE * (uint64_t)fault->detail);
    }
}

static bool step(world_t *self)
{
    apply_faults(self);
    memory_faults_arm(!self->is_calm);
    bool has_stepped = simulation_step(self->simulation);
    memory_faults_arm(false);
    versions_step(self, !has_stepped);
    if (simulation_steps(self->simulation) % CHECK_EVERY == 0)
        rest_check(self);
    return has_stepped;
}

static bool is_broken(const world_t *self)
{
    return self->ledger.oracle != ORACLE_NONE;
}

static void run_commands(world_t *self)
{
    uint64_t steps = 0;
    while (clients_are_open(self) && !is_broken(self)) {
        bool has_stepped = step(self);
        if ((!has_stepped && clients_are_open(self)) || steps++ > STEPS_MAX) {
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

static void rest(world_t *self)
{
    self->is_rested = false;
    /* First what is ready: time is free, and would jump to the end past a node that has just been
     * started again, whose actors have armed no alarm yet. */
    simulation_settle(self->simulation);
    simulation_after(self->simulation, REST_MS, set_rested, self);
    for (uint64_t steps = 0; !self->is_rested && !is_broken(self); steps++) {
        if (!step(self) || steps > STEPS_MAX) {
            ledger_fail(&self->ledger, ORACLE_END, "the node never rests");
            return;
        }
    }
    simulation_settle(self->simulation);
}

/* No more faults, and time enough for every deadline, back-off and idle actor; and for messages
 * that wait, which go out again as often as a node wakes their senders. */
static void come_to_rest(world_t *self)
{
    enum { RESTS_MAX = 30 };
    self->is_calm = self->journal.is_calm = true;
    versions_step(self, true); /* who is held needs the time, too */
    rest(self);
    for (uint32_t i = 0; i < RESTS_MAX && !is_broken(self) && node_wake_senders(self); i++)
        rest(self);
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
    self->crowd.ledger = self->jobs.ledger = self->flows.ledger = &self->ledger;
    self->ledger.trace = trace;
    self->ledger.crowd = &self->crowd;
    self->ledger.jobs = &self->jobs;
    self->ledger.flows = &self->flows;
    simulation_options_t options = {.seed = plan->seed,
                                    .strategy = plan->strategy,
                                    .changes = plan->changes,
                                    .change_count = plan->change_count,
                                    .is_time_free = true,
                                    .is_turn_drawn = true,
                                    .is_work_split = plan->is_work_split,
                                    .trace = trace == NULL ? NULL : write_trace,
                                    .trace_context = trace};
    ASSERT(simulation_open(&options, &self->simulation) == ERR_OK);
    bad_journal_open(&self->journal, plan, &self->ledger);
    simulation_add_source(self->simulation, bad_journal_is_ready, bad_journal_step, &self->journal);
    simulation_add_source(self->simulation, clients_are_ready, clients_step, self);
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
        rest_settle(self);

    *out_outcome = (outcome_t){.fingerprint = simulation_fingerprint(self->simulation),
                               .steps = simulation_steps(self->simulation),
                               .messages = self->ledger.message_count,
                               .crashes = self->crashes,
                               .failed_allocations = memory_faults_failed(),
                               .append_faults = self->journal.append_faults,
                               .absences = self->journal.absences,
                               .reordered = self->journal.reordered,
                               .torn = self->journal.torn,
                               .replacements = self->replacements,
                               .letters = self->letters};
    node_free(self);
    sleep_store_close(&self->store);
    bad_journal_close(&self->journal);
    simulation_free(self->simulation);
    if (memory_faults_live() != live)
        ledger_fail(&self->ledger, ORACLE_LEAK, "%lld blocks of memory are left",
                    (long long)(memory_faults_live() - live));
    out_outcome->oracle = self->ledger.oracle;
    memcpy(out_outcome->failure, self->ledger.failure, sizeof out_outcome->failure);
    crowd_deinit(&self->crowd);
    jobs_deinit(&self->jobs);
    flows_deinit(&self->flows);
    ledger_deinit(&self->ledger);
    free(self);
}
