#include "runtime/simulation.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/kernel.h"

#include <stdio.h>
#include <string.h>

enum { NODES_MAX = 16, SOURCES_MAX = 16 };

typedef struct planned {
    struct planned *next;
    uint64_t due_ns;
    void (*fn)(void *context);
    void *context;
} planned_t;

typedef struct source {
    bool (*is_ready)(void *context);
    void (*step)(void *context);
    void *context;
} source_t;

typedef enum choice_kind {
    CHOICE_INBOX,
    CHOICE_ACTOR,
    CHOICE_JOB,
    CHOICE_SOURCE,
    CHOICE_PLANNED,
    CHOICE_TIME,
    CHOICE_WORK /* of a job that has begun; index: lane and thread */
} choice_kind_t;

/* Something that may happen next. The id stays the same from step to step. */
typedef struct choice {
    choice_kind_t kind;
    uint32_t node, index, at; /* index: a scheduler, lane or source; at: in its queue */
    uint64_t id;
} choice_t;

/* A priority that fell: below all that did not. */
typedef struct fallen {
    uint64_t id, priority;
} fallen_t;

struct simulation {
    simulation_options_t options;
    uint64_t changes[SIMULATION_CHANGES_MAX];
    fallen_t fallen[SIMULATION_CHANGES_MAX];
    size_t fallen_count;
    uint64_t steps, timed_at; /* the step at which time last passed */
    choice_t choice[SIMULATION_CHOICES_MAX];
    uint32_t choice_count;
    random_seed_t choices; /* what the scheduler draws from */
    random_seed_t numbers; /* what the program draws from */
    uint64_t now_ns;
    uint64_t fingerprint;
    runtime_t *nodes[NODES_MAX];
    uint32_t node_count;
    source_t sources[SOURCES_MAX];
    uint32_t source_count;
    planned_t *planned; /* by time, then as they came */
};

/* Virtual time begins here, so that 0 stays "none": an hour on the clock, a day in 2026. */
#define SIMULATION_START_NS (UINT64_C(3600) * 1000000000)
#define SIMULATION_START_WALL_MS INT64_C(1767225600000)

err_t simulation_open(const simulation_options_t *options, simulation_t **out_simulation)
{
    if (options->change_count > SIMULATION_CHANGES_MAX)
        return ERR_LIMIT;
    simulation_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    if (options->change_count > 0)
        memcpy(self->changes, options->changes, options->change_count * sizeof self->changes[0]);
    self->options.changes = self->changes;
    self->choices.state = options->seed;
    self->numbers.state = ~options->seed;
    self->now_ns = SIMULATION_START_NS;
    self->fingerprint = str_hash((str_t){NULL, 0});
    *out_simulation = self;
    return ERR_OK;
}

err_t simulation_new(uint64_t seed, simulation_t **out_simulation)
{
    return simulation_open(&(simulation_options_t){.seed = seed}, out_simulation);
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
    *planned = (planned_t){NULL, self->now_ns + delay_ms * 1000000, fn, context};
    planned_t **at = &self->planned;
    while (*at != NULL && (*at)->due_ns <= planned->due_ns)
        at = &(*at)->next;
    planned->next = *at;
    *at = planned;
}

uint64_t simulation_steps(const simulation_t *self)
{
    return self->steps;
}

uint64_t simulation_fingerprint(const simulation_t *self)
{
    return self->fingerprint;
}

/* ---- what may happen next ---- */

/* Ids that no actor's has: actors hash their kind and key. */
static uint64_t id_of(choice_kind_t kind, uint32_t node, uint64_t detail)
{
    uint64_t row[3] = {(uint64_t)kind, node, detail};
    return str_hash(str_of(row, sizeof row));
}

static void offer(simulation_t *self, choice_t choice)
{
    if (self->choice_count < SIMULATION_CHOICES_MAX) /* the rest are choices of a later step */
        self->choice[self->choice_count++] = choice;
}

static void offer_scheduler(simulation_t *self, uint32_t node, scheduler_t *scheduler)
{
    uint32_t index = scheduler->index;
    if (atomic_load(&scheduler->inbox_count) > 0)
        offer(self, (choice_t){CHOICE_INBOX, node, index, 0, id_of(CHOICE_INBOX, node, index)});
    const actor_t *actor;
    for (uint32_t at = 0; at < SIMULATION_QUEUE_MAX; at++) {
        actor = scheduler_peek_at(scheduler, at);
        if (actor == NULL)
            break;
        uint64_t id = id_of(CHOICE_ACTOR, node, registry_hash(actor) ^ actor_slot(actor));
        offer(self, (choice_t){CHOICE_ACTOR, node, index, at, id});
    }
}

static void offer_lane(simulation_t *self, uint32_t node, offload_lane_t lane)
{
    offload_t *offload = self->nodes[node]->offload;
    bool may_begin = self->options.is_work_split ? offload_may_begin(offload, lane)
                                                 : offload_queued(offload, lane) > 0;
    if (may_begin)
        offer(self, (choice_t){CHOICE_JOB, node, lane, 0, id_of(CHOICE_JOB, node, lane)});
    for (uint32_t thread = 0; thread < OFFLOAD_SIMULATED_THREADS; thread++) {
        uint32_t index = lane * OFFLOAD_SIMULATED_THREADS + thread;
        if (offload_has_begun(offload, lane, thread))
            offer(self, (choice_t){CHOICE_WORK, node, index, 0, id_of(CHOICE_WORK, node, index)});
    }
}

static void offer_node(simulation_t *self, uint32_t node)
{
    const runtime_t *runtime = self->nodes[node];
    for (uint32_t i = 0; i < runtime->scheduler_count; i++)
        offer_scheduler(self, node, &runtime->schedulers[i]);
    for (uint32_t lane = 0; lane < OFFLOAD_LANES; lane++)
        offer_lane(self, node, (offload_lane_t)lane);
}

/* In one order, that depends on nothing but the history. */
static void offer_ready(simulation_t *self)
{
    self->choice_count = 0;
    for (uint32_t i = 0; i < self->node_count; i++)
        offer_node(self, i);
    for (uint32_t i = 0; i < self->source_count; i++) {
        if (self->sources[i].is_ready(self->sources[i].context))
            offer(self, (choice_t){CHOICE_SOURCE, 0, i, 0, id_of(CHOICE_SOURCE, 0, i)});
    }
    if (self->planned != NULL && self->planned->due_ns <= self->now_ns)
        offer(self, (choice_t){CHOICE_PLANNED, 0, 0, 0, id_of(CHOICE_PLANNED, 0, 0)});
}

/* When something is next due, planned calls that are overdue aside. False: nothing is. */
static bool next_moment(const simulation_t *self, uint64_t *out_ns)
{
    uint64_t next_ns = self->planned == NULL ? UINT64_MAX : self->planned->due_ns;
    for (uint32_t i = 0; i < self->node_count; i++) {
        for (uint32_t j = 0; j < self->nodes[i]->scheduler_count; j++) {
            uint64_t at_ns = 0;
            if (wheel_next_ns(&self->nodes[i]->schedulers[j].wheel, &at_ns))
                next_ns = MIN(next_ns, at_ns);
        }
    }
    *out_ns = next_ns;
    return next_ns != UINT64_MAX;
}

/* ---- choosing ---- */

enum { TIME_STEPS_MIN = 16, TIME_ONE_IN = 48 };

static void offer_time(simulation_t *self)
{
    uint64_t next_ns;
    ms_random_t random = random_seeded(&self->choices);
    /* Rarely: else every ask runs into its deadline. Never twice at once: else nothing else runs.
     */
    bool is_time = self->options.is_time_free && self->choice_count > 0 &&
                   self->steps - self->timed_at >= TIME_STEPS_MIN &&
                   random_below(&random, TIME_ONE_IN) == 0 && next_moment(self, &next_ns);
    if (is_time)
        offer(self, (choice_t){CHOICE_TIME, 0, 0, 0, id_of(CHOICE_TIME, 0, 0)});
}

static uint64_t priority_of(const simulation_t *self, uint64_t id)
{
    for (size_t i = 0; i < self->fallen_count; i++) {
        if (self->fallen[i].id == id)
            return self->fallen[i].priority;
    }
    uint64_t row[2] = {self->options.seed, id};
    return str_hash(str_of(row, sizeof row)) | SIMULATION_CHANGES_MAX;
}

static size_t highest(const simulation_t *self)
{
    size_t best = 0;
    for (size_t i = 1; i < self->choice_count; i++) {
        if (priority_of(self, self->choice[i].id) > priority_of(self, self->choice[best].id))
            best = i;
    }
    return best;
}

static void fall(simulation_t *self, uint64_t id)
{
    size_t at = 0;
    while (at < self->fallen_count && self->fallen[at].id != id)
        at++;
    if (at == self->fallen_count)
        self->fallen_count++;
    self->fallen[at] = (fallen_t){id, SIMULATION_CHANGES_MAX - 1 - self->options.change_count};
    self->options.change_count--; /* those that are left */
}

static size_t choose(simulation_t *self)
{
    ms_random_t random = random_seeded(&self->choices);
    if (self->options.strategy == SIMULATION_RANDOM)
        return random_below(&random, self->choice_count);
    size_t chosen = highest(self);
    while (self->options.change_count > 0 && *self->options.changes <= self->steps) {
        self->options.changes++;
        fall(self, self->choice[chosen].id);
        chosen = highest(self);
    }
    return chosen;
}

/* ---- a step ---- */

static const char *const choice_names[] = {"inbox",   "actor", "job", "source",
                                           "planned", "time",  "work"};

static void note(simulation_t *self, const choice_t *choice, const actor_t *actor)
{
    uint64_t row[4] = {(uint64_t)choice->kind, choice->index, choice->id, self->now_ns};
    self->fingerprint = str_hash_more(self->fingerprint, str_of(row, sizeof row));
    if (self->options.trace == NULL)
        return;
    char line[512];
    int size = snprintf(line, sizeof line, "%llu %llu %s %u.%u", (unsigned long long)self->steps,
                        (unsigned long long)(self->now_ns - SIMULATION_START_NS),
                        choice_names[choice->kind], choice->node, choice->index);
    if (actor != NULL)
        size += snprintf(line + size, sizeof line - (size_t)size, " %s/%.*s %u.%u",
                         actor->kind->name, STR_ARG(actor_key(actor)), actor_slot(actor),
                         mailbox_generation(&actor->mailbox));
    self->options.trace(self->options.trace_context,
                        str_of(line, MIN((size_t)size, sizeof line - 1)));
}

static void step_actor(simulation_t *self, scheduler_t *scheduler, const choice_t *choice)
{
    actor_t *actor = scheduler_pop_at(scheduler, choice->at);
    note(self, choice, actor);
    if (self->options.is_turn_drawn) {
        ms_random_t random = random_seeded(&self->choices);
        scheduler->turn_messages =
            random_below(&random, 4) > 0 ? 1 : 1 + (uint32_t)random_below(&random, 8);
    }
    scheduler_turn(scheduler, actor);
}

static void fire_alarms(simulation_t *self)
{
    for (uint32_t i = 0; i < self->node_count; i++) {
        for (uint32_t j = 0; j < self->nodes[i]->scheduler_count; j++) {
            scheduler_t *scheduler = &self->nodes[i]->schedulers[j];
            scheduler_set_current(scheduler);
            (void)scheduler_fire_alarms(scheduler);
            scheduler_set_current(NULL);
        }
    }
}

static bool pass_time(simulation_t *self)
{
    uint64_t next_ns;
    if (!next_moment(self, &next_ns))
        return false;
    self->now_ns = MAX(self->now_ns, next_ns);
    self->timed_at = self->steps;
    fire_alarms(self);
    return true;
}

static void run_planned(simulation_t *self)
{
    planned_t *planned = self->planned;
    self->planned = planned->next;
    planned->fn(planned->context);
    memory_free(planned);
}

static void step_scheduler(simulation_t *self, const choice_t *choice)
{
    scheduler_t *scheduler = &self->nodes[choice->node]->schedulers[choice->index];
    scheduler_set_current(scheduler);
    if (choice->kind == CHOICE_INBOX)
        (void)scheduler_take_inbox(scheduler, 1);
    else
        step_actor(self, scheduler, choice);
    scheduler_set_current(NULL);
}

static void step_job(simulation_t *self, const choice_t *choice)
{
    offload_t *offload = self->nodes[choice->node]->offload;
    uint32_t index = choice->index;
    if (choice->kind == CHOICE_WORK)
        offload_go_on(offload, (offload_lane_t)(index / OFFLOAD_SIMULATED_THREADS),
                      index % OFFLOAD_SIMULATED_THREADS);
    else if (self->options.is_work_split)
        offload_begin(offload, (offload_lane_t)index);
    else
        (void)offload_step(offload, index);
}

static void take(simulation_t *self, const choice_t *choice)
{
    if (choice->kind != CHOICE_ACTOR)
        note(self, choice, NULL);
    switch (choice->kind) {
    case CHOICE_INBOX:
    case CHOICE_ACTOR:
        step_scheduler(self, choice);
        break;
    case CHOICE_JOB:
    case CHOICE_WORK:
        step_job(self, choice);
        break;
    case CHOICE_SOURCE:
        self->sources[choice->index].step(self->sources[choice->index].context);
        break;
    case CHOICE_PLANNED:
        run_planned(self);
        break;
    case CHOICE_TIME:
        (void)pass_time(self);
        break;
    }
}

static bool step_ready(simulation_t *self, bool may_time_pass)
{
    offer_ready(self);
    if (self->choice_count == 0)
        return false;
    self->steps++;
    if (may_time_pass)
        offer_time(self);
    choice_t chosen = self->choice[choose(self)];
    take(self, &chosen);
    return true;
}

bool simulation_step(simulation_t *self)
{
    return step_ready(self, true) || pass_time(self);
}

void simulation_settle(simulation_t *self)
{
    while (step_ready(self, false))
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
