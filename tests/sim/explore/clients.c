#include "tests/sim/explore/inside.h"

#include "tests/support/faults/memory_faults.h"

enum { OPEN_MAX = 8 };

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

bool clients_are_ready(void *context)
{
    const world_t *self = context;
    return self->next < self->plan->command_count && self->open < OPEN_MAX && !self->is_paused;
}

void clients_step(void *context)
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

bool clients_are_open(const world_t *self)
{
    return self->next < self->plan->command_count || self->open > 0;
}

void clients_crash(world_t *self)
{
    for (uint32_t i = 0; i < self->next; i++) {
        client_command_t *command = &self->commands[i];
        command->is_unknown |= command->answers == 0;
        command->answers = 1;
    }
    self->open = 0;
}
