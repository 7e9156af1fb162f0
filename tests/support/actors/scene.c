#include "tests/support/actors/scene.h"
#include "tests/support/patience.h"

#include "runtime/kernel.h"

#include <stdio.h>

enum { STEPS_MAX = 1000000 };

static uint64_t mono_ns(void *context)
{
    const scene_t *self = context;
    ms_clock_t clock = simulation_clock(self->simulation);
    return clock_mono_ns(&clock) + self->skipped_ns;
}

static int64_t wall_ms(void *context)
{
    const scene_t *self = context;
    ms_clock_t clock = simulation_clock(self->simulation);
    return clock_wall_ms(&clock) + (int64_t)(self->skipped_ns / 1000000);
}

void scene_skip(scene_t *self, uint64_t ms)
{
    self->skipped_ns += ms * 1000000;
}

static void join(runtime_t *runtime, const router_t *router)
{
    check_ok(runtime_join(runtime, 1, router));
    runtime_set_serving(runtime, true);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        check_ok(runtime_place(runtime, i, 1));
}

void scene_begin(scene_t *self, const scene_options_t *options)
{
    self->skipped_ns = 0;
    self->before_free = NULL;
    check_ok(simulation_new(options->seed, &self->simulation));
    runtime_options_t made = {.scheduler_count =
                                  options->scheduler_count == 0 ? 2 : options->scheduler_count,
                              .clock = {mono_ns, wall_ms, self},
                              .random = simulation_random(self->simulation),
                              .state_store = options->state_store,
                              .memory_max = options->memory_max,
                              .journal = options->journal,
                              .recorder_path = options->recorder_path,
                              .recorder_records = 64,
                              .is_heap_only = options->is_heap_only,
                              .is_simulated = true};
    memcpy(made.offload_queue_max, options->offload_queue_max, sizeof made.offload_queue_max);
    check_ok(runtime_new(&made, &self->runtime));
    for (size_t i = 0; i < options->kind_count; i++)
        check_ok(runtime_register(self->runtime, options->kinds[i], options->service));
    for (size_t i = 0; i < options->each_count; i++)
        check_ok(runtime_register(self->runtime, options->each[i].kind, options->each[i].service));
    if (options->router != NULL)
        join(self->runtime, options->router);
    check_ok(runtime_start(self->runtime));
    simulation_attach(self->simulation, self->runtime);
}

void scene_check_sum(const scene_t *self)
{
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    cr_assert(
        eq(u64, stats.sent, stats.handled + stats.dead_letters + runtime_in_flight(self->runtime)));
}

void scene_end(scene_t *self)
{
    scene_check_sum(self);
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    scene_check_sum(self);
    if (self->before_free != NULL)
        self->before_free(self);
    runtime_free(self->runtime);
    simulation_free(self->simulation);
}

void scene_settle(scene_t *self)
{
    simulation_settle(self->simulation);
}

static void set(void *context)
{
    *(bool *)context = true;
}

static bool is_set(void *context)
{
    return *(bool *)context;
}

void scene_pass(scene_t *self, uint64_t ms)
{
    bool is_over = false;
    simulation_after(self->simulation, ms, set, &is_over);
    cr_assert(simulation_run(self->simulation, is_set, &is_over, STEPS_MAX));
    scene_settle(self);
}

uint64_t scene_dead(const scene_t *self, dead_reason_t reason)
{
    return dead_letters_of(self->runtime->dead_letters, reason);
}

static void on_answer(void *context, const answer_t *answer)
{
    scene_answer_t *self = context;
    self->is_there = true;
    self->count++;
    self->err = answer->err;
    snprintf(self->text, sizeof self->text, "%.*s", STR_ARG(answer->text));
    if (answer->schema == NULL)
        return;
    snprintf(self->schema, sizeof self->schema, "%s", answer->schema->name);
    if (answer->schema->size >= sizeof self->value)
        memcpy(&self->value, answer->message, sizeof self->value);
}

void scene_ask_message(scene_t *self, scene_answer_t *answer, address_t to, uint64_t timeout_ms,
                       const schema_t *schema, const void *message)
{
    *answer = (scene_answer_t){0};
    edge_ask_message(runtime_edge(self->runtime, 0), to, timeout_ms, STR(""), on_answer, answer,
                     schema, message);
}

static bool is_there(void *context)
{
    return ((const scene_answer_t *)context)->is_there;
}

scene_answer_t scene_asked_message(scene_t *self, address_t to, const schema_t *schema,
                                   const void *message)
{
    scene_answer_t answer;
    scene_ask_message(self, &answer, to, 0, schema, message);
    cr_assert(simulation_run(self->simulation, is_there, &answer, STEPS_MAX));
    return answer;
}
