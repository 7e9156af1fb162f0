#include "runtime/simulation.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/kernel.h"

enum { NODES_MAX = 16, SOURCES_MAX = 16 };

typedef struct planned {
    struct planned *next;
    uint64_t due_ns, order;
    void (*fn)(void *context);
    void *context;
} planned_t;

typedef struct source {
    bool (*is_ready)(void *context);
    void (*step)(void *context);
    void *context;
} source_t;

struct simulation {
    random_seed_t choices; /* what the scheduler draws from */
    random_seed_t numbers; /* what the program draws from */
    uint64_t now_ns;
    uint64_t fingerprint;
    runtime_t *nodes[NODES_MAX];
    uint32_t node_count;
    source_t sources[SOURCES_MAX];
    uint32_t source_count;
    planned_t *planned; /* by time, then by order */
};

/* Virtual time begins here, so that 0 stays "none": an hour on the clock, a day in 2026. */
#define SIMULATION_START_NS (UINT64_C(3600) * 1000000000)
#define SIMULATION_START_WALL_MS INT64_C(1767225600000)

err_t simulation_new(uint64_t seed, simulation_t **out_simulation)
{
    simulation_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->choices.state = seed;
    self->numbers.state = ~seed;
    self->now_ns = SIMULATION_START_NS;
    self->fingerprint = str_hash((str_t){NULL, 0});
    *out_simulation = self;
    return ERR_OK;
}

void simulation_free(simulation_t *self)
{
    if (self == NULL)
        return;
    while (self->planned != NULL) {
        planned_t *planned = self->planned;
        self->planned = planned->next;
        memory_free(planned);
    }
    memory_free(self);
}

static uint64_t mono_ns(void *context)
{
    const simulation_t *self = context;
    return self->now_ns;
}

static int64_t wall_ms(void *context)
{
    const simulation_t *self = context;
    return SIMULATION_START_WALL_MS + (int64_t)((self->now_ns - SIMULATION_START_NS) / 1000000);
}

ms_clock_t simulation_clock(simulation_t *self)
{
    return (ms_clock_t){mono_ns, wall_ms, self};
}

ms_random_t simulation_random(simulation_t *self)
{
    return random_seeded(&self->numbers);
}

void simulation_attach(simulation_t *self, runtime_t *runtime)
{
    ASSERT(self->node_count < NODES_MAX && runtime->is_simulated);
    self->nodes[self->node_count++] = runtime;
}

void simulation_detach(simulation_t *self, runtime_t *runtime)
{
    for (uint32_t i = 0; i < self->node_count; i++) {
        if (self->nodes[i] == runtime) {
            self->nodes[i] = self->nodes[--self->node_count];
            return;
        }
    }
}

void simulation_add_source(simulation_t *self, bool (*is_ready)(void *context),
                           void (*step)(void *context), void *context)
{
    ASSERT(self->source_count < SOURCES_MAX);
    self->sources[self->source_count++] = (source_t){is_ready, step, context};
}

void simulation_after(simulation_t *self, uint64_t delay_ms, void (*fn)(void *context),
                      void *context)
{
    planned_t *planned = memory_new(sizeof *planned);
    ASSERT(planned != NULL);
    *planned = (planned_t){NULL, self->now_ns + delay_ms * 1000000, 0, fn, context};
    planned_t **at = &self->planned;
    while (*at != NULL && (*at)->due_ns <= planned->due_ns)
        at = &(*at)->next;
    planned->next = *at;
    *at = planned;
}

uint64_t simulation_fingerprint(const simulation_t *self)
{
    return self->fingerprint;
}

/* ---- one step ---- */

static void note(simulation_t *self, uint64_t what, uint64_t detail)
{
    uint64_t row[3] = {what, detail, self->now_ns};
    self->fingerprint = str_hash_more(self->fingerprint, str_of(row, sizeof row));
}

typedef enum choice_kind {
    CHOICE_INBOX,
    CHOICE_ACTOR,
    CHOICE_JOB,
    CHOICE_SOURCE,
    CHOICE_PLANNED
} choice_kind_t;

/* Calls `take` with the chosen-th of all ready things, in an order that depends on nothing but the
 * history; or counts them, when take is NULL. */
typedef struct survey {
    uint64_t count, chosen;
    bool is_taken;
} survey_t;

static bool is_chosen(survey_t *survey, uint64_t weight)
{
    uint64_t before = survey->count;
    survey->count += weight;
    bool is_hit = !survey->is_taken && survey->chosen >= before && survey->chosen < survey->count;
    survey->is_taken |= is_hit;
    return is_hit;
}

static void step_actor(simulation_t *self, scheduler_t *scheduler, uint64_t index)
{
    actor_t *actor = scheduler_pop_at(scheduler, (uint32_t)index);
    note(self, CHOICE_ACTOR, actor->hash);
    scheduler_turn(scheduler, actor);
}

static void survey_scheduler(simulation_t *self, scheduler_t *scheduler, survey_t *survey)
{
    scheduler_set_current(scheduler);
    uint64_t inbox = atomic_load(&scheduler->inbox_count) > 0 ? 1 : 0;
    if (is_chosen(survey, inbox)) {
        note(self, CHOICE_INBOX, scheduler->index);
        (void)scheduler_take_inbox(scheduler, 1);
    }
    uint64_t begin = survey->count;
    if (is_chosen(survey, survey->is_taken ? 0 : atomic_load(&scheduler->run_count)))
        step_actor(self, scheduler, survey->chosen - begin);
    scheduler_set_current(NULL);
}

static void survey_node(simulation_t *self, runtime_t *node, survey_t *survey)
{
    for (uint32_t i = 0; i < node->scheduler_count && !survey->is_taken; i++)
        survey_scheduler(self, &node->schedulers[i], survey);
    uint64_t jobs = survey->is_taken ? 0 : offload_open(node->offload);
    if (is_chosen(survey, jobs)) {
        ms_random_t random = random_seeded(&self->choices);
        uint64_t lane = random_u64(&random);
        note(self, CHOICE_JOB, lane % OFFLOAD_LANES);
        (void)offload_step(node->offload, lane % OFFLOAD_LANES);
    }
}

static void run_planned(simulation_t *self)
{
    planned_t *planned = self->planned;
    self->planned = planned->next;
    note(self, CHOICE_PLANNED, 0);
    planned->fn(planned->context);
    memory_free(planned);
}

/* All that is ready now, in one order: nodes, sources, planned calls. */
static void survey_all(simulation_t *self, survey_t *survey)
{
    for (uint32_t i = 0; i < self->node_count && !survey->is_taken; i++)
        survey_node(self, self->nodes[i], survey);
    for (uint32_t i = 0; i < self->source_count && !survey->is_taken; i++) {
        source_t *source = &self->sources[i];
        if (is_chosen(survey, source->is_ready(source->context) ? 1 : 0)) {
            note(self, CHOICE_SOURCE, i);
            source->step(source->context);
        }
    }
    bool is_due = self->planned != NULL && self->planned->due_ns <= self->now_ns;
    if (!survey->is_taken && is_chosen(survey, is_due ? 1 : 0))
        run_planned(self);
}

static bool fire_alarms(simulation_t *self)
{
    bool has_fired = false;
    for (uint32_t i = 0; i < self->node_count; i++) {
        for (uint32_t j = 0; j < self->nodes[i]->scheduler_count; j++) {
            scheduler_t *scheduler = &self->nodes[i]->schedulers[j];
            scheduler_set_current(scheduler);
            has_fired |= scheduler_fire_alarms(scheduler);
            scheduler_set_current(NULL);
        }
    }
    return has_fired;
}

/* Nothing is ready: on to the next moment at which something may be. */
static bool jump(simulation_t *self)
{
    uint64_t next_ns = self->planned == NULL ? UINT64_MAX : self->planned->due_ns;
    for (uint32_t i = 0; i < self->node_count; i++) {
        for (uint32_t j = 0; j < self->nodes[i]->scheduler_count; j++) {
            uint64_t at_ms = 0;
            if (wheel_next_ms(&self->nodes[i]->schedulers[j].wheel, &at_ms))
                next_ns = MIN(next_ns, at_ms * 1000000);
        }
    }
    if (next_ns == UINT64_MAX)
        return false;
    self->now_ns = MAX(self->now_ns, next_ns);
    (void)fire_alarms(self);
    return true;
}

static bool step_ready(simulation_t *self)
{
    survey_t counted = {.chosen = UINT64_MAX};
    survey_all(self, &counted);
    if (counted.count == 0)
        return false;
    ms_random_t random = random_seeded(&self->choices);
    survey_t taken = {.chosen = random_below(&random, counted.count)};
    survey_all(self, &taken);
    return true;
}

bool simulation_step(simulation_t *self)
{
    return step_ready(self) || jump(self);
}

void simulation_settle(simulation_t *self)
{
    while (step_ready(self))
        ;
}

bool simulation_run(simulation_t *self, bool (*is_done)(void *context), void *context,
                    uint64_t steps_max)
{
    for (uint64_t i = 0; i < steps_max; i++) {
        if (is_done != NULL && is_done(context))
            return true;
        if (!simulation_step(self))
            break;
    }
    return is_done != NULL && is_done(context);
}
