#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/code/plugins.h"
#include "runtime/context.h"
#include "runtime/inside/crashes.h"
#include "runtime/inside/inside.h"
#include "runtime/kit/probe.h"
#include "runtime/life/groups.h"
#include "runtime/life/names.h"
#include "runtime/remote/remote.h"
#include "runtime/schedule/help.h"

#include <string.h>

static uint32_t scheduler_count_of(const runtime_options_t *options)
{
    uint32_t count = options->scheduler_count;
    if (count == 0)
        count = uv_available_parallelism();
    return MIN(MAX(count, 1U), (uint32_t)SCHEDULERS_MAX);
}

static err_t init(runtime_t *self, const runtime_options_t *options)
{
    self->clock = options->clock.mono_ns == NULL ? clock_system() : options->clock;
    self->random = options->random.fill == NULL ? random_system() : options->random;
    self->log = options->log;
    self->journal = options->journal;
    self->state_store = options->state_store;
    self->pressure.max = options->memory_max;
    self->is_simulated = options->is_simulated;
    uint32_t count = scheduler_count_of(options);
    self->pool_count = count;
    self->pool_backing = options->is_heap_only ? POOL_HEAP : pool_backing_default();
    self->registry = registry_new(self);
    self->chunks = self->registry == NULL ? NULL : registry_chunks(self->registry);
    self->topics = topic_index_new();
    self->dead_letters = dead_letters_new();
    self->names = names_new(self);
    self->groups = groups_new(self);
    self->crashes = crashes_new();
    self->plugins = plugins_new();
    self->schedulers = memory_new_aligned(_Alignof(scheduler_t), count * sizeof(scheduler_t));
    if (self->names == NULL || self->groups == NULL)
        return ERR_NO_MEMORY;
    if (self->registry == NULL || self->topics == NULL || self->dead_letters == NULL ||
        self->crashes == NULL || self->plugins == NULL || self->schedulers == NULL)
        return ERR_NO_MEMORY;
    for (; self->scheduler_count < count; self->scheduler_count++)
        TRY(scheduler_init(&self->schedulers[self->scheduler_count], self, self->scheduler_count));
    help_init(self);
    TRY(inside_new(self, options, &self->inside));
    return offload_new(self, options, &self->offload);
}

err_t runtime_new(const runtime_options_t *options, runtime_t **out_runtime)
{
    runtime_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    err_t err = init(self, options);
    if (err != ERR_OK) {
        runtime_free(self);
        return err;
    }
    *out_runtime = self;
    return ERR_OK;
}

static void stop_threads(runtime_t *self)
{
    atomic_store(&self->is_draining, true);
    atomic_store(&self->is_stopping, true);
    for (uint32_t i = 0; i < self->scheduler_count; i++)
        scheduler_join(&self->schedulers[i]);
}

void runtime_free(runtime_t *self)
{
    if (self == NULL)
        return;
    stop_threads(self);
    /* A journal ends every append; a simulated one that crashed has forgotten them. */
    while (!self->is_simulated && atomic_load(&self->counters.appends_in_flight) > 0)
        uv_sleep(1);
    offload_free(self->offload);
    if (self->registry != NULL)
        registry_dispose(self->registry);
    for (uint32_t i = 0; i < self->scheduler_count; i++)
        scheduler_deinit(&self->schedulers[i]);
    inside_free(self->inside);
    registry_free(self->registry);
    topic_index_free(self->topics);
    dead_letters_free(self->dead_letters);
    names_free(self->names);
    groups_free(self->groups);
    crashes_free(self->crashes);
    plugins_free(self->plugins);
    remote_free(self->remote);
    for (uint32_t i = 0; i < self->scheduler_count; i++)
        pool_deinit(&self->schedulers[i].pool);
    memory_free(self->schedulers);
    memory_free(self);
}

/* There must be somewhere to sleep, a time to fall asleep, and a way to write the state down. */
static bool can_hibernate(const actor_kind_t *kind)
{
    bool is_described =
        kind->state_schema != NULL || (kind->snapshot != NULL && kind->restore != NULL);
    return kind->idle_ms > 0 && kind->applier_count == 0 && is_described;
}

const char *kind_placement_problem(const actor_kind_t *kind)
{
    bool is_durable = kind->applier_count > 0;
    if (kind->placement == PLACED_NEAR && is_durable)
        return "is durable and placed near: each node would write its journal";
    if (kind->placement == PLACED_BY_LOAD && (is_durable || kind->hibernates))
        return "keeps a state and is placed by load: the next message would not find it";
    if (kind->placement == PLACED_BY_KEY && kind->hibernates)
        return "hibernates and is placed by key: it would sleep on a node that it has left";
    return NULL;
}

/* Names of the runtime's own events. */
static bool has_reserved_events(const actor_kind_t *kind)
{
    for (size_t i = 0; i < kind->applier_count; i++)
        if (str_starts_with(str_from(kind->appliers[i].schema->name), STR("outbox_")))
            return true;
    return false;
}

const char *runtime_kind_problem(const runtime_t *self, const actor_kind_t *kind)
{
    if (kind->applier_count > 0 && self->journal == NULL)
        return "is durable, and there is no journal";
    if (has_reserved_events(kind))
        return "has an event 'outbox_...', which is the runtime's own: rename it";
    if (kind->hibernates && self->state_store == NULL)
        return "hibernates, and there is no store of states";
    if (kind->hibernates && !can_hibernate(kind))
        return "hibernates, and is durable, has no .idle_ms, or a state that is not described: "
               "give "
               "it .state_schema, or .snapshot and .restore";
    return kind_placement_problem(kind);
}

err_t runtime_add_kind(runtime_t *self, const actor_kind_t *kind, void *service)
{
    if (runtime_kind(self, kind->name) != NULL)
        return ERR_CONFLICT;
    const char *problem = runtime_kind_problem(self, kind);
    if (problem != NULL) {
        log_error(self->log, "runtime", "the actor kind %s %s", kind->name, problem);
        return ERR_INVALID;
    }
    if (self->kind_count == KINDS_MAX)
        return ERR_LIMIT;
    self->kinds[self->kind_count] = *kind;
    self->kinds[self->kind_count].service = service;
    atomic_store(&self->current[self->kind_count], &self->kinds[self->kind_count]);
    atomic_fetch_add(&self->kind_count, 1); /* from here on others may find it */
    return ERR_OK;
}

bool runtime_places_by_load(const runtime_t *self)
{
    uint32_t count = atomic_load_explicit(&self->kind_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if (self->kinds[i].placement == PLACED_BY_LOAD)
            return true;
    return false;
}

err_t runtime_register(runtime_t *self, const actor_kind_t *kind, void *service)
{
    ASSERT(!self->is_started);
    return runtime_add_kind(self, kind, service);
}

err_t runtime_start(runtime_t *self)
{
    ASSERT(!self->is_started);
    self->is_started = true;
    for (uint32_t i = 0; i < self->scheduler_count && !self->is_simulated; i++) {
        err_t err = scheduler_start(&self->schedulers[i]);
        if (err != ERR_OK) {
            stop_threads(self);
            return err;
        }
    }
    return ERR_OK;
}

/* ---- draining ---- */

typedef struct drain_scan {
    bool is_busy;
} drain_scan_t;

static void scan_actor(void *context, actor_t *actor)
{
    drain_scan_t *scan = context;
    /* A place is the walk's own. */
    if (!mailbox_is_pinned_only(&actor->mailbox))
        scan->is_busy = true;
}

static uint64_t turns_of(const runtime_t *self)
{
    uint64_t turns = 0;
    for (uint32_t i = 0; i < self->scheduler_count; i++)
        turns += atomic_load(&self->schedulers[i].counters.turns);
    return turns;
}

/* Nothing is queued, running, appended or asked of the pool; and nothing began while we looked. */
static bool is_quiet(runtime_t *self)
{
    uint64_t turns = turns_of(self);
    drain_scan_t scan = {false};
    if (atomic_load(&self->counters.appends_in_flight) > 0 || offload_open(self->offload) > 0)
        return false;
    for (uint32_t i = 0; i < self->scheduler_count; i++) {
        if (atomic_load(&self->schedulers[i].inbox_count) > 0)
            return false;
    }
    registry_each(self->registry, scan_actor, &scan);
    return !scan.is_busy && atomic_load(&self->counters.appends_in_flight) == 0 &&
           offload_open(self->offload) == 0 && turns_of(self) == turns;
}

static bool is_empty(runtime_t *self)
{
    return registry_count(self->registry) == 0;
}

/* One round of everything, where no threads do it. */
static void step_simulated(runtime_t *self)
{
    for (uint32_t i = 0; i < self->scheduler_count; i++) {
        scheduler_t *scheduler = &self->schedulers[i];
        scheduler_set_current(scheduler);
        scheduler_take_inbox(scheduler, UINT32_MAX);
        actor_t *actor;
        while ((actor = scheduler_pop(scheduler)) != NULL)
            scheduler_turn(scheduler, actor);
        while (offload_step(self->offload, 0))
            ;
        scheduler_set_current(NULL);
    }
}

void runtime_wait_a_moment(runtime_t *self)
{
    if (self->is_simulated)
        step_simulated(self);
    else
        uv_sleep(1);
}

static bool wait_until(runtime_t *self, bool (*is_done)(runtime_t *self), uint64_t deadline_ms)
{
    ms_clock_t clock = clock_system();
    for (uint32_t rounds = 0; !is_done(self); rounds++) {
        bool is_late = self->is_simulated ? rounds >= RUNTIME_SIMULATED_ROUNDS_MAX
                                          : clock_mono_ms(&clock) >= deadline_ms;
        if (is_late)
            return false;
        runtime_wait_a_moment(self);
    }
    return true;
}

void runtime_stop_next(runtime_t *self)
{
    message_t *message = &self->stop_rest;
    uint64_t slots = (uint64_t)REGISTRY_CHUNKS_MAX * ACTOR_CHUNK;
    while (message->sender < slots) {
        const actor_t *actor = actor_at(self->chunks, ++message->sender);
        if (actor != NULL && deliver_system(self, actor_bits(actor), message))
            return; /* it is that one's now */
    }
}

typedef struct stop_walk {
    runtime_t *runtime;
    uint64_t missed; /* the first slot for which there was no memory; 0: none */
} stop_walk_t;

static void ask_to_stop(void *context, actor_t *actor)
{
    stop_walk_t *walk = context;
    message_t *message = message_new_plain(MESSAGE_STOP, NULL, NULL);
    if (message == NULL)
        walk->missed = walk->missed == 0 ? actor_slot(actor) : walk->missed;
    else if (!deliver_system(walk->runtime, actor_bits(actor), message))
        message_free(message);
}

static void ask_all_to_stop(runtime_t *self)
{
    stop_walk_t walk = {self, 0};
    registry_each(self->registry, ask_to_stop, &walk);
    if (walk.missed == 0)
        return;
    message_init(&self->stop_rest, MESSAGE_STOP_REST, NULL);
    self->stop_rest.sender = walk.missed; /* who was asked already does not mind */
    runtime_stop_next(self);
}

err_t runtime_drain(runtime_t *self, uint64_t timeout_ms)
{
    ASSERT(scheduler_current() == NULL);
    atomic_store(&self->is_draining, true);
    ms_clock_t clock = clock_system();
    uint64_t deadline_ms = clock_mono_ms(&clock) + timeout_ms;
    bool is_done = wait_until(self, is_quiet, deadline_ms);
    atomic_store(&self->is_ending, true); /* before the walk: what was started is asked */
    ask_all_to_stop(self);
    is_done = wait_until(self, is_empty, deadline_ms) && is_done;
    stop_threads(self);
    return is_done ? ERR_OK : ERR_TIMEOUT;
}

/* ---- small things ---- */

uint32_t runtime_scheduler_count(const runtime_t *self)
{
    return self->scheduler_count;
}

const ms_clock_t *runtime_clock(const runtime_t *self)
{
    return &self->clock;
}

const ms_log_t *runtime_log(const runtime_t *self)
{
    return self->log;
}

const ms_random_t *runtime_random(const runtime_t *self)
{
    return &self->random;
}

uv_loop_t *runtime_loop(runtime_t *self, uint32_t scheduler)
{
    bool has_one = scheduler < self->scheduler_count && self->schedulers[scheduler].has_loop;
    return has_one ? &self->schedulers[scheduler].loop : NULL;
}

const actor_kind_t *runtime_kind(const runtime_t *self, const char *name)
{
    uint32_t count = atomic_load_explicit(&self->kind_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        if (self->kinds[i].name == name || strcmp(self->kinds[i].name, name) == 0)
            return atomic_load_explicit(&self->current[i], memory_order_acquire);
    }
    return self->probe == NULL ? NULL : self->probe->kind(self->probe->context, name);
}

uint32_t runtime_kind_count(const runtime_t *self)
{
    return self->kind_count;
}

const actor_kind_t *runtime_newest(const runtime_t *self, const actor_kind_t *kind)
{
    for (uint32_t i = 0; i < self->kind_count; i++) {
        const actor_kind_t *current = atomic_load(&self->current[i]);
        if (strcmp(self->kinds[i].name, kind->name) == 0)
            return current == &self->kinds[i] ? kind : current;
    }
    return kind;
}

void runtime_set_kind(runtime_t *self, const actor_kind_t *version)
{
    for (uint32_t i = 0; i < self->kind_count; i++) {
        if (self->kinds[i].name == version->name)
            atomic_store(&self->current[i], version);
    }
}

const actor_kind_t *runtime_kind_named(const runtime_t *self, str_t name)
{
    for (uint32_t i = 0; i < self->kind_count; i++) {
        if (str_equal(str_from(self->kinds[i].name), name))
            return atomic_load(&self->current[i]);
    }
    return NULL;
}

const schema_t *runtime_reply_schema(const runtime_t *self, str_t name)
{
    for (uint32_t i = 0; i < self->kind_count; i++) {
        const actor_kind_t *kind = atomic_load(&self->current[i]);
        for (size_t j = 0; j < kind->reply_count; j++) {
            if (str_equal(str_from(kind->replies[j]->name), name))
                return kind->replies[j];
        }
    }
    return NULL;
}

err_t runtime_send_message(runtime_t *self, address_t to, const schema_t *schema,
                           const void *message)
{
    if (atomic_load(&self->is_draining))
        return ERR_UNAVAILABLE;
    to = address_resolve(self, to);
    const actor_kind_t *kind = to.kind == NULL ? NULL : runtime_kind(self, to.kind);
    message_t *copy =
        message_new(MESSAGE_COMMAND, schema, message, (str_t){NULL, 0}, (str_t){NULL, 0});
    if (copy == NULL)
        return ERR_NO_MEMORY;
    return deliver(self, kind, to.key, to.kind == NULL ? to.ref.bits : 0, copy);
}

void runtime_publish_message(runtime_t *self, str_t topic, const schema_t *schema,
                             const void *message)
{
    message_t *copy = message_new(MESSAGE_PUBLISH, schema, message, (str_t){NULL, 0}, topic);
    if (copy == NULL)
        topic_missed(self, topic);
    else
        topic_publish(self, copy);
}
