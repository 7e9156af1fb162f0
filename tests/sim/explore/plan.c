#include "tests/sim/explore/plan.h"

#include "tests/sim/explore/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_names[] = {
#define X(name) #name,
    ACT_OPS(X)
#undef X
};
static const char *const means_names[] = {"ask", "send", "pause"};
static const char *const fault_names[] = {"allocation", "append",  "reads", "crash",
                                          "away",       "replace", "slow",  "reorder"};
static const char *const strategy_names[] = {"random", "priorities"};

/* ---- scenarios ---- */

#define OP(name) (UINT64_C(1) << ACT_##name)
#define KIND(name) (1U << TARGET_##name)
#define FAULT(name) (1U << FAULT_##name)
#define ALWAYS (OP(reply) | OP(send) | OP(ask) | OP(emit))

typedef struct scenario {
    const char *name;
    uint64_t ops;
    uint32_t kinds, faults;
} scenario_t;

static const scenario_t scenarios[] = {
    {"mail", ALWAYS | OP(refuse) | OP(send_ref) | OP(silence) | OP(late),
     KIND(plain) | KIND(tiny) | KIND(newest) | KIND(oldest) | KIND(pinned), 0},
    {"failure",
     ALWAYS | OP(fail) | OP(stop) | OP(spawn) | OP(tell_child) | OP(monitor) | OP(send_ref),
     KIND(plain) | KIND(idle) | KIND(pinned), 0},
    {"links",
     ALWAYS | OP(fail) | OP(stop) | OP(spawn_linked) | OP(tell_child) | OP(monitor) |
         OP(demonitor) | OP(link) | OP(unlink) | OP(exit) | OP(kill),
     KIND(plain) | KIND(idle) | KIND(trapper) | KIND(durable) | KIND(tiny), FAULT(APPEND)},
    {"talk", ALWAYS | OP(stash) | OP(unstash) | OP(become) | OP(ask_many) | OP(fail) | OP(late),
     KIND(plain) | KIND(awaiter) | KIND(newest_of_key) | KIND(durable) | KIND(tiny), FAULT(APPEND)},
    {"sleep", ALWAYS | OP(timer) | OP(fail) | OP(stop) | OP(monitor) | OP(ask_many) | OP(kill),
     KIND(sleeper) | KIND(idle) | KIND(awaiter), 0},
    {"durable", ALWAYS | OP(fail) | OP(refuse) | OP(late) | OP(stop) | OP(spawn) | OP(publish),
     KIND(durable) | KIND(durable_idle) | KIND(plain),
     FAULT(APPEND) | FAULT(READS) | FAULT(SLOW) | FAULT(REORDER) | FAULT(CRASH)},
    {"crash", ALWAYS | OP(fail) | OP(offload) | OP(timer),
     KIND(durable) | KIND(durable_idle) | KIND(plain),
     FAULT(APPEND) | FAULT(CRASH) | FAULT(SLOW) | FAULT(REORDER)},
    {"away",
     ALWAYS | OP(refuse) | OP(late) | OP(publish) | OP(subscribe) | OP(offload) | OP(timer) |
         OP(monitor) | OP(spawn),
     KIND(durable) | KIND(durable_idle) | KIND(plain), FAULT(AWAY)},
    {"post", OP(emit) | OP(post) | OP(fail) | OP(stop) | OP(stash) | OP(become) | OP(kill),
     KIND(durable) | KIND(durable_idle),
     FAULT(APPEND) | FAULT(READS) | FAULT(CRASH) | FAULT(AWAY) | FAULT(REPLACE)},
    {"time", ALWAYS | OP(timer) | OP(cancel) | OP(offload) | OP(silence) | OP(stop),
     KIND(plain) | KIND(idle) | KIND(pinned) | KIND(durable_idle), 0},
    {"topics", ALWAYS | OP(subscribe) | OP(publish) | OP(fail) | OP(stop),
     KIND(plain) | KIND(tiny) | KIND(idle) | KIND(durable), FAULT(APPEND)},
    {"crowd",
     ALWAYS | OP(register) | OP(unregister) | OP(send_name) | OP(join) | OP(leave) |
         OP(watch_group) | OP(send_one) | OP(send_all) | OP(fail) | OP(stop) | OP(kill),
     KIND(plain) | KIND(idle) | KIND(tiny) | KIND(sleeper) | KIND(durable) | KIND(trapper),
     FAULT(APPEND)},
    {"jobs",
     ALWAYS | OP(work) | OP(cancel_work) | OP(await_room) | OP(offload) | OP(fail) | OP(stop) |
         OP(kill),
     KIND(plain) | KIND(idle) | KIND(durable) | KIND(awaiter), FAULT(APPEND)},
    {"flow",
     ALWAYS | OP(flow) | OP(flow_end) | OP(flow_stop) | OP(become) | OP(fail) | OP(stop) | OP(kill),
     KIND(plain) | KIND(tiny) | KIND(oldest) | KIND(newest_of_key) | KIND(awaiter) | KIND(sleeper) |
         KIND(durable),
     FAULT(APPEND)},
    {"undone",
     ALWAYS | OP(flow) | OP(flow_end) | OP(flow_stop) | OP(work) | OP(cancel_work) | OP(register) |
         OP(join) | OP(send_all) | OP(refuse) | OP(fail),
     KIND(durable) | KIND(durable_idle) | KIND(plain), FAULT(APPEND)},
    {"replace",
     ALWAYS | OP(timer) | OP(become) | OP(stash) | OP(work) | OP(flow) | OP(register) | OP(join) |
         OP(link) | OP(monitor) | OP(spawn) | OP(fail) | OP(kill) | OP(stop) | OP(ask_many),
     KIND(plain) | KIND(idle) | KIND(durable) | KIND(sleeper) | KIND(awaiter) | KIND(pinned),
     FAULT(REPLACE) | FAULT(APPEND)},
    {"memory", (UINT64_C(1) << ACT_OPS_DRAWN) - 1, (1U << TARGET_KINDS) - 1, FAULT(ALLOCATION)},
    {"everything", (UINT64_C(1) << ACT_OPS_DRAWN) - 1, (1U << TARGET_KINDS) - 1,
     FAULT(ALLOCATION) | FAULT(APPEND) | FAULT(READS) | FAULT(CRASH) | FAULT(AWAY) |
         FAULT(REPLACE) | FAULT(SLOW) | FAULT(REORDER)},
};

const char *plan_scenario(size_t index)
{
    return index < COUNT_OF(scenarios) ? scenarios[index].name : NULL;
}

/* ---- making ---- */

typedef struct maker {
    random_seed_t seed;
    const scenario_t *scenario;
} maker_t;

static uint32_t draw(maker_t *self, uint32_t below)
{
    ms_random_t random = random_seeded(&self->seed);
    return (uint32_t)random_below(&random, below);
}

static uint32_t draw_bit(maker_t *self, uint64_t bits)
{
    uint32_t chosen = draw(self, (uint32_t)__builtin_popcountll(bits));
    for (; chosen > 0; chosen--)
        bits &= bits - 1;
    return (uint32_t)__builtin_ctzll(bits);
}

static uint32_t draw_target(maker_t *self)
{
    return draw_bit(self, self->scenario->kinds) * TARGET_KEYS + draw(self, TARGET_KEYS);
}

static void make_command(maker_t *self, uint32_t index, plan_command_t *command)
{
    *command = (plan_command_t){.id = index + 1};
    uint32_t means = draw(self, 16);
    command->means = means < 9 ? MEANS_ASK : means < 15 ? MEANS_SEND : MEANS_PAUSE;
    command->target = command->means == MEANS_PAUSE ? 1 + draw(self, 30) : draw_target(self);
    if (command->means == MEANS_PAUSE)
        return;
    command->step_count = 1 + draw(self, PLAN_STEPS_MAX);
    for (uint32_t i = 0; i < command->step_count; i++) {
        /* Every other step one of what all do, else failures end most before they begin. */
        uint64_t ops = draw(self, 2) == 0 ? ALWAYS : self->scenario->ops;
        command->steps[i] = (plan_step_t){draw_bit(self, ops), draw_target(self), draw(self, 8),
                                          draw(self, command->step_count - i)};
    }
}

static void make_fault(maker_t *self, plan_fault_t *fault)
{
    fault->kind = (plan_fault_kind_t)draw_bit(self, self->scenario->faults);
    static const uint32_t ranges[FAULT_COUNT] = {1200, 30, 400, 500, 500, 300, 400, 400};
    fault->at = 1 + draw(self, ranges[fault->kind]);
    fault->detail = draw(self, 60);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

bool plan_make(uint64_t seed, const char *scenario, uint32_t change_count, plan_t *out_plan)
{
    maker_t maker = {.seed = {seed * 2 + 1}};
    *out_plan = (plan_t){.seed = seed, .is_work_split = true};
    uint32_t chosen = draw(&maker, COUNT_OF(scenarios));
    uint32_t drawn = draw(&maker, 2) == 0 ? 0 : 1 + draw(&maker, 5);
    maker.scenario = &scenarios[chosen];
    for (size_t i = 0; scenario != NULL && maker.scenario != NULL; i++) {
        maker.scenario = i < COUNT_OF(scenarios) ? &scenarios[i] : NULL;
        if (maker.scenario != NULL && strcmp(scenarios[i].name, scenario) == 0)
            break;
    }
    if (maker.scenario == NULL)
        return false;

    snprintf(out_plan->scenario, sizeof out_plan->scenario, "%s", maker.scenario->name);
    out_plan->command_count = 8 + draw(&maker, 40);
    for (uint32_t i = 0; i < out_plan->command_count; i++)
        make_command(&maker, i, &out_plan->commands[i]);
    bool has_faults = maker.scenario->faults != 0 && draw(&maker, 4) > 0;
    out_plan->fault_count = has_faults ? 1 + draw(&maker, 8) : 0;
    for (uint32_t i = 0; i < out_plan->fault_count; i++)
        make_fault(&maker, &out_plan->faults[i]);
    out_plan->change_count =
        MIN(change_count == PLAN_CHANGES_DRAWN ? drawn : change_count, (uint32_t)PLAN_CHANGES_MAX);
    out_plan->strategy = out_plan->change_count > 0 ? SIMULATION_PRIORITIES : SIMULATION_RANDOM;
    for (uint32_t i = 0; i < out_plan->change_count; i++)
        out_plan->changes[i] = 1 + draw(&maker, 800);
    qsort(out_plan->changes, out_plan->change_count, sizeof(uint64_t), compare);
    out_plan->is_at_hand = draw(&maker, 2) == 0;
    return true;
}

/* ---- text ---- */

void plan_write(const plan_t *self, buf_t *out)
{
    buf_printf(out, "scenario %s\nseed %llu\nstrategy %s\n", self->scenario,
               (unsigned long long)self->seed, strategy_names[self->strategy]);
    if (self->is_work_split)
        buf_printf(out, "jobs split\n");
    if (self->is_at_hand)
        buf_printf(out, "states at hand\n");
    for (uint32_t i = 0; i < self->change_count; i++)
        buf_printf(out, "change %llu\n", (unsigned long long)self->changes[i]);
    for (uint32_t i = 0; i < self->fault_count; i++)
        buf_printf(out, "fault %s %u %u\n", fault_names[self->faults[i].kind], self->faults[i].at,
                   self->faults[i].detail);
    for (uint32_t i = 0; i < self->command_count; i++) {
        const plan_command_t *command = &self->commands[i];
        buf_printf(out, "command %u %s %u", command->id, means_names[command->means],
                   command->target);
        for (uint32_t j = 0; j < command->step_count; j++) {
            const plan_step_t *step = &command->steps[j];
            buf_printf(out, " %s:%u:%u:%u", op_names[step->op], step->target, step->number,
                       step->count);
        }
        buf_append_char(out, '\n');
    }
}

/* The index of a name; count: none. */
static uint32_t index_of(const char *const *names, uint32_t count, const char *name)
{
    uint32_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool read_step(const char *text, plan_step_t *out_step)
{
    char name[32];
    plan_step_t step = {0};
    if (sscanf(text, "%31[a-z_]:%u:%u:%u", name, &step.target, &step.number, &step.count) != 4)
        return false;
    step.op = index_of(op_names, ACT_OP_COUNT, name);
    *out_step = step;
    return step.op < ACT_OP_COUNT && step.target < TARGET_KINDS * TARGET_KEYS;
}

static bool read_command(const char *text, plan_t *plan)
{
    char means[16];
    int used = 0;
    plan_command_t command = {0};
    if (plan->command_count == PLAN_COMMANDS_MAX ||
        sscanf(text, "%u %15s %u%n", &command.id, means, &command.target, &used) != 3)
        return false;
    command.means = (plan_means_t)index_of(means_names, MEANS_COUNT, means);
    if (command.means == MEANS_COUNT || command.id == 0 || command.id > PLAN_COMMANDS_MAX ||
        (command.means != MEANS_PAUSE && command.target >= TARGET_KINDS * TARGET_KEYS))
        return false;
    text += used;
    char word[96];
    while (sscanf(text, " %95s%n", word, &used) == 1) {
        if (command.step_count == PLAN_STEPS_MAX ||
            !read_step(word, &command.steps[command.step_count++]))
            return false;
        text += used;
    }
    plan->commands[plan->command_count++] = command;
    return true;
}

static bool read_fault(const char *text, plan_t *plan)
{
    char name[32];
    plan_fault_t fault = {0};
    if (plan->fault_count == PLAN_FAULTS_MAX ||
        sscanf(text, "%31s %u %u", name, &fault.at, &fault.detail) != 3)
        return false;
    fault.kind = (plan_fault_kind_t)index_of(fault_names, FAULT_COUNT, name);
    if (fault.kind == FAULT_COUNT)
        return false;
    plan->faults[plan->fault_count++] = fault;
    return true;
}

static bool read_line(char *line, plan_t *plan)
{
    char word[32], value[32];
    line[strcspn(line, "#\r\n")] = '\0';
    int used = 0;
    if (sscanf(line, " %31s%n", word, &used) != 1)
        return true;
    const char *rest = line + used;
    if (strcmp(word, "command") == 0)
        return read_command(rest, plan);
    if (strcmp(word, "fault") == 0)
        return read_fault(rest, plan);
    if (sscanf(rest, "%31s", value) != 1)
        return false;
    if (strcmp(word, "scenario") == 0) {
        snprintf(plan->scenario, sizeof plan->scenario, "%s", value);
    } else if (strcmp(word, "seed") == 0) {
        plan->seed = strtoull(value, NULL, 10);
    } else if (strcmp(word, "strategy") == 0) {
        plan->strategy = strcmp(value, "random") == 0 ? SIMULATION_RANDOM : SIMULATION_PRIORITIES;
    } else if (strcmp(word, "jobs") == 0) {
        plan->is_work_split = strcmp(value, "split") == 0;
    } else if (strcmp(word, "states") == 0) {
        plan->is_at_hand = strcmp(value, "at") == 0;
    } else if (strcmp(word, "change") == 0 && plan->change_count < PLAN_CHANGES_MAX) {
        plan->changes[plan->change_count++] = strtoull(value, NULL, 10);
    } else {
        return false;
    }
    return true;
}

err_t plan_read(str_t text, plan_t *out_plan)
{
    plan_t plan = {0};
    while (text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data) + 1;
        char line[1024];
        if (size >= sizeof line)
            return ERR_INVALID;
        memcpy(line, text.data, size);
        line[size] = '\0';
        if (!read_line(line, &plan))
            return ERR_INVALID;
        text = str_of(text.data + size, text.size - size);
    }
    *out_plan = plan;
    return ERR_OK;
}
