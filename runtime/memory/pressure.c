#include "runtime/memory/pressure.h"

enum { AGES = 256, AGE_BITS = 3 };

typedef struct walk {
    runtime_t *runtime;
    uint32_t now_ms;
    uint64_t bytes[AGES];      /* of idle actors, by age_of */
    uint32_t age_min, age_max; /* who leaves */
    uint64_t wanted;           /* bytes still to be freed */
    uint64_t asked;
} walk_t;

/* Ages in eight steps an octave of milliseconds. */
static uint32_t age_of(uint32_t ms)
{
    if (ms < 1U << AGE_BITS)
        return ms;
    uint32_t octave = 31 - (uint32_t)__builtin_clz(ms);
    return ((octave - AGE_BITS + 1) << AGE_BITS) + (ms >> (octave - AGE_BITS) & 7);
}

/* As far as one can tell from outside: the actor decides. One of the system lane is the walk's. */
static bool is_idle(const actor_t *actor)
{
    const actor_kind_t *kind = actor->kind;
    bool may_leave = kind->idle_ms > 0 && (kind->applier_count > 0 || kind->hibernates);
    return may_leave && actor->is_virtual && mailbox_is_pinned_only(&actor->mailbox);
}

static uint64_t size_of(const actor_t *actor)
{
    return actor_charged(actor) + ACTOR_SLOT_SIZE;
}

static void measure(void *context, actor_t *actor)
{
    walk_t *walk = context;
    if (is_idle(actor))
        walk->bytes[age_of(walk->now_ms - actor_active_ms(actor))] += size_of(actor);
}

static void ask_to_leave(void *context, actor_t *actor)
{
    walk_t *walk = context;
    uint32_t active_ms = actor_active_ms(actor);
    uint32_t age = age_of(walk->now_ms - active_ms);
    if (walk->wanted == 0 || age < walk->age_min || age > walk->age_max || !is_idle(actor))
        return;
    message_t *message = message_new_plain(MESSAGE_LEAVE, NULL, NULL);
    if (message == NULL)
        return;
    message->sender = active_ms; /* who did something since is not idle */
    if (!deliver_system(walk->runtime, actor_bits(actor), message)) {
        message_free(message);
        return;
    }
    walk->asked++;
    walk->wanted -= MIN(walk->wanted, size_of(actor));
}

static uint64_t held(const runtime_t *runtime)
{
    return runtime_charged(runtime) + registry_count(runtime->registry) * ACTOR_SLOT_SIZE;
}

static void log_it(runtime_t *runtime, uint64_t asked)
{
    pressure_t *pressure = &runtime->pressure;
    uint64_t now_ms = clock_mono_ms(&runtime->clock);
    if (runtime->log == NULL || (atomic_load(&pressure->logged_ms) != 0 &&
                                 now_ms - atomic_load(&pressure->logged_ms) < PRESSURE_LOG_MS))
        return;
    atomic_store(&pressure->logged_ms, now_ms);
    log_warning(runtime->log, "runtime",
                "actors hold %llu bytes, more than %llu: %llu that idled longest shall leave",
                (unsigned long long)held(runtime), (unsigned long long)pressure->max,
                (unsigned long long)asked);
}

/* The oldest ages whole, and of the youngest age that leaves as many as are needed. */
static void choose(walk_t *walk)
{
    runtime_t *runtime = walk->runtime;
    uint64_t wanted = walk->wanted, older = 0;
    registry_each(runtime->registry, measure, walk);
    uint32_t age = AGES - 1;
    while (age > 0 && older + walk->bytes[age] < wanted)
        older += walk->bytes[age--];
    walk->age_min = age + 1;
    walk->age_max = AGES - 1;
    walk->wanted = UINT64_MAX;
    registry_each(runtime->registry, ask_to_leave, walk);
    walk->age_min = walk->age_max = age;
    walk->wanted = wanted - MIN(wanted, older);
    registry_each(runtime->registry, ask_to_leave, walk);
}

/* On the offload pool. */
static err_t walk_slots(void *data)
{
    runtime_t *runtime = data;
    pressure_t *pressure = &runtime->pressure;
    walk_t walk = {.runtime = runtime, .now_ms = (uint32_t)clock_mono_ms(&runtime->clock)};
    uint64_t target = pressure->max / 100 * PRESSURE_TARGET_PERCENT, now = held(runtime);
    if (now > target) {
        walk.wanted = now - target;
        choose(&walk);
    }
    atomic_fetch_add(&pressure->asked, walk.asked);
    /* Nobody idles: not so soon again. */
    uint32_t pause_ms = walk.asked > 0 ? 0 : atomic_load(&pressure->pause_ms) * 2;
    atomic_store(&pressure->pause_ms,
                 MIN(MAX(pause_ms, (uint32_t)PRESSURE_PAUSE_MS), (uint32_t)PRESSURE_PAUSE_MAX_MS));
    log_it(runtime, walk.asked);
    return ERR_OK;
}

static void walked(void *data, err_t err)
{
    runtime_t *runtime = data;
    scheduler_t *here = scheduler_current();
    (void)err; /* BUSY: later */
    alarm_t *alarm =
        held(runtime) > runtime->pressure.max ? alarm_new(ALARM_PRESSURE, 0, NULL, NULL) : NULL;
    if (alarm == NULL) {
        atomic_store(&runtime->pressure.is_walking, false);
        return;
    }
    alarm_arm(alarm, here, MAX(atomic_load(&runtime->pressure.pause_ms), 1U));
    alarm_unref(alarm); /* the wheel's is enough: nobody cancels it */
}

void pressure_walk(scheduler_t *here)
{
    edge_offload(&here->edge, OFFLOAD_COMPUTE, walk_slots, walked, here->runtime);
}

void pressure_look_closer(context_t *ctx)
{
    pressure_t *pressure = &ctx->runtime->pressure;
    scheduler_t *here = ctx->scheduler;
    uint64_t charged = atomic_load_explicit(&here->charged, memory_order_relaxed);
    uint64_t step = MIN(pressure->max / PRESSURE_STEPS, (uint64_t)PRESSURE_STEP_MAX);
    if ((int64_t)(charged - here->looked_at) < (int64_t)step)
        return;
    bool is_past = held(ctx->runtime) > pressure->max;
    if (!is_past)
        here->looked_at = charged;
    else if (!atomic_exchange(&pressure->is_walking, true))
        pressure_walk(here);
}
