#include "runtime/schedule/scheduler.h"

#include "runtime/base/assert.h"
#include "runtime/context.h"
#include "runtime/inside/inside.h"
#include "runtime/memory/pressure.h"

#include <time.h>

enum { INBOX_BATCH = 256 };

/* The only thread-local of the program: everything else hangs from a runtime. */
static _Thread_local scheduler_t *current;

scheduler_t *scheduler_current(void)
{
    return current;
}

pool_t *pool_current(void)
{
    return current == NULL ? NULL : &current->pool;
}

void scheduler_set_current(scheduler_t *self)
{
    current = self;
}

/* ---- the run queue ---- */

static void queue_push(scheduler_t *self, actor_t *actor)
{
    uv_mutex_lock(&self->lock);
    actor->run_next = NULL;
    if (self->run_last == NULL)
        self->run_first = actor;
    else
        self->run_last->run_next = actor;
    self->run_last = actor;
    atomic_fetch_add(&self->run_count, 1);
    uv_mutex_unlock(&self->lock);
}

/* Takes out the actor behind *previous (NULL: the first). Under the lock. */
static actor_t *queue_take(scheduler_t *self, actor_t *previous)
{
    actor_t *actor = previous == NULL ? self->run_first : previous->run_next;
    if (previous == NULL)
        self->run_first = actor->run_next;
    else
        previous->run_next = actor->run_next;
    if (self->run_last == actor)
        self->run_last = previous;
    actor->run_next = NULL;
    atomic_fetch_sub(&self->run_count, 1);
    return actor;
}

actor_t *scheduler_pop_at(scheduler_t *self, uint32_t index)
{
    if (atomic_load(&self->run_count) == 0)
        return NULL;
    uv_mutex_lock(&self->lock);
    actor_t *previous = NULL;
    for (uint32_t i = 0; i < index && self->run_first != NULL; i++)
        previous = previous == NULL ? self->run_first : previous->run_next;
    bool has_one = previous == NULL ? self->run_first != NULL : previous->run_next != NULL;
    actor_t *actor = has_one ? queue_take(self, previous) : NULL;
    uv_mutex_unlock(&self->lock);
    return actor;
}

const actor_t *scheduler_peek_at(scheduler_t *self, uint32_t index)
{
    uv_mutex_lock(&self->lock);
    const actor_t *actor = self->run_first;
    for (uint32_t i = 0; i < index && actor != NULL; i++)
        actor = actor->run_next;
    uv_mutex_unlock(&self->lock);
    return actor;
}

actor_t *scheduler_pop(scheduler_t *self)
{
    return scheduler_pop_at(self, 0);
}

/* The oldest free actor of a queue of two or more: never the only runnable one. */
static actor_t *queue_steal(scheduler_t *victim)
{
    if (atomic_load(&victim->run_count) < 2 || uv_mutex_trylock(&victim->lock) != 0)
        return NULL;
    actor_t *stolen = NULL;
    if (atomic_load(&victim->run_count) >= 2) {
        actor_t *previous = NULL;
        actor_t *actor = victim->run_first;
        while (actor != NULL && actor->kind->is_pinned) {
            previous = actor;
            actor = actor->run_next;
        }
        if (actor != NULL)
            stolen = queue_take(victim, previous);
    }
    uv_mutex_unlock(&victim->lock);
    return stolen;
}

static actor_t *steal(scheduler_t *self)
{
    runtime_t *runtime = self->runtime;
    for (uint32_t i = 1; i < runtime->scheduler_count; i++) {
        uint32_t index = (self->index + i) % runtime->scheduler_count;
        actor_t *actor = queue_steal(&runtime->schedulers[index]);
        if (actor != NULL) {
            count_one(&self->counters.stolen);
            if (inside_watches(runtime, INSIDE_MESSAGES))
                inside_stolen(self, actor, index);
            return actor;
        }
    }
    return NULL;
}

/* ---- waking ---- */

void scheduler_wake(scheduler_t *self)
{
    /* Pairs with the announcement in go_to_sleep: either it sees our work, or we see it asleep. */
    if (self == current || !atomic_load(&self->is_asleep))
        return;
    if (atomic_exchange(&self->is_asleep, false) && self->has_loop)
        uv_async_send(&self->async);
}

static void wake_helper(scheduler_t *self)
{
    runtime_t *runtime = self->runtime;
    for (uint32_t i = 1; i < runtime->scheduler_count; i++) {
        scheduler_t *other = &runtime->schedulers[(self->index + i) % runtime->scheduler_count];
        if (atomic_load(&other->is_asleep)) {
            scheduler_wake(other);
            return;
        }
    }
}

void scheduler_ready(actor_t *actor)
{
    runtime_t *runtime = actor_runtime(actor);
    uint32_t home = atomic_load_explicit(&actor->home, memory_order_relaxed);
    scheduler_t *target = &runtime->schedulers[home];
    if (!actor->kind->is_pinned && current != NULL && current->runtime == runtime)
        target = current;
    queue_push(target, actor);
    if (target != current)
        scheduler_wake(target);
    else if (atomic_load(&target->run_count) >= SCHEDULER_WAKE_BACKLOG)
        wake_helper(target);
}

void scheduler_notify(actor_t *actor)
{
    /* Pairs with the release at the end of turn_run: it clears the mark, then looks at the length
     * again; we made the length, then look at the mark. */
    if (!atomic_load(&actor->is_scheduled) && !atomic_exchange(&actor->is_scheduled, true))
        scheduler_ready(actor);
}

void scheduler_post(scheduler_t *self, message_t *message)
{
    atomic_fetch_add(&self->inbox_count, 1);
    lane_push(&self->inbox, message);
    scheduler_wake(self);
}

/* ---- the pieces of the loop ---- */

static void inbox_message(scheduler_t *self, message_t *message)
{
    switch ((int)message->kind) {
    case MESSAGE_REPLY:
        edge_take(self, message);
        return;
    case MESSAGE_JOB: {
        job_t *job = CONTAINER_OF(message, job_t, message);
        job->edge_then(job->data, job->err);
        job_free(job);
        return;
    }
    case MESSAGE_POST:
        message_post(message).fn(message_post(message).context);
        break;
    case MESSAGE_PUBLISH:
        topic_deliver(self, message);
        break;
    case MESSAGE_UNSUBSCRIBE:
        topic_unsubscribe_actor(self, message->sender, message->incarnation);
        break;
    default:
        assert_failed("a message that is for a scheduler", __FILE_NAME__, __LINE__);
    }
    message_free(message);
}

bool scheduler_take_inbox(scheduler_t *self, uint32_t count_max)
{
    bool has_taken = false;
    for (uint32_t i = 0; i < count_max; i++) {
        message_t *message = lane_pop(&self->inbox);
        if (message == NULL)
            break;
        atomic_fetch_sub(&self->inbox_count, 1);
        inbox_message(self, message);
        has_taken = true;
    }
    return has_taken;
}

void scheduler_arm(scheduler_t *self, wheel_entry_t *entry, uint64_t delay_ms)
{
    /* The wheel may be behind; counting from the clock and rounding up, nothing fires early. */
    uint64_t now_ns = clock_mono_ns(&self->runtime->clock);
    uint64_t due_ns;
    if (__builtin_mul_overflow(delay_ms, UINT64_C(1000000), &due_ns) ||
        __builtin_add_overflow(due_ns, now_ns, &due_ns))
        due_ns = UINT64_MAX;
    scheduler_arm_at(self, entry, due_ns);
}

void scheduler_arm_at(scheduler_t *self, wheel_entry_t *entry, uint64_t due_ns)
{
    wheel_add(&self->wheel, entry, due_ns / 1000000 + (due_ns % 1000000 != 0));
    /* Armed by another timer of the loop, on the way into a poll whose end does not know of it. */
    if (atomic_load(&self->is_asleep))
        uv_stop(&self->loop);
}

/* One that is for the scheduler itself. */
static void scheduler_alarm(scheduler_t *self, const alarm_t *alarm)
{
    if (alarm->purpose == ALARM_PRESSURE)
        pressure_walk(self);
    else
        edge_expire(self);
}

bool scheduler_fire_alarms(scheduler_t *self)
{
    uint64_t now_ms = clock_mono_ms(&self->runtime->clock);
    bool has_fired = false;
    wheel_entry_t *entry;
    while ((entry = wheel_take_due(&self->wheel, now_ms)) != NULL) {
        alarm_t *alarm = CONTAINER_OF(entry, alarm_t, entry);
        has_fired = true;
        if (atomic_load(&alarm->is_cancelled)) {
            alarm_unref(alarm);
        } else if (alarm->receiver == 0) {
            scheduler_alarm(self, alarm);
            alarm_unref(alarm);
        } else if (!deliver_system(self->runtime, alarm->receiver, &alarm->message)) {
            alarm_unref(alarm);
        }
    }
    return has_fired;
}

void scheduler_turn(scheduler_t *self, actor_t *actor)
{
    count_one(&self->counters.turns);
    atomic_store_explicit(&actor->home, (uint8_t)self->index, memory_order_relaxed);
    turn_run(self, actor);
}

/* ---- the loop ---- */

static void on_async(uv_async_t *async)
{
    (void)async;
}

/* libuv runs timers before it polls: one that is due by then would leave the poll to wait for ever.
 * uv_stop makes this poll look only, and the next round of the loop fires the alarm. */
static void on_alarm_clock(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void poll_loop(scheduler_t *self, uv_run_mode mode)
{
    uv_run(&self->loop, mode);
    self->polled_ns = clock_mono_ns(&self->runtime->clock);
}

static bool has_work(scheduler_t *self)
{
    return atomic_load(&self->run_count) > 0 || atomic_load(&self->inbox_count) > 0 ||
           atomic_load(&self->runtime->is_stopping);
}

/* For who looks in: how much of its time a scheduler sleeps. */
static void count_sleep(scheduler_t *self, uint64_t begin_ns)
{
    scheduler_counters_t *counters = &self->counters;
    uint64_t slept_ns = atomic_load_explicit(&counters->slept_ns, memory_order_relaxed);
    atomic_store_explicit(&counters->slept_ns, slept_ns + self->polled_ns - begin_ns,
                          memory_order_relaxed);
    atomic_store_explicit(&counters->sleeps_since_ns, 0, memory_order_relaxed);
    if (inside_watches(self->runtime, INSIDE_MESSAGES))
        inside_slept(self, begin_ns, self->polled_ns);
}

static void go_to_sleep(scheduler_t *self)
{
    uint64_t begin_ns = clock_mono_ns(&self->runtime->clock);
    atomic_store_explicit(&self->counters.sleeps_since_ns, begin_ns, memory_order_relaxed);
    pool_idle(&self->pool);
    uint64_t next_ms = 0;
    if (wheel_next_ms(&self->wheel, &next_ms)) {
        uint64_t now_ms = clock_mono_ms(&self->runtime->clock);
        uv_update_time(&self->loop);
        uv_timer_start(&self->alarm_clock, on_alarm_clock, next_ms > now_ms ? next_ms - now_ms : 0,
                       0);
    } else {
        uv_timer_stop(&self->alarm_clock);
    }
    atomic_store(&self->is_asleep, true);
    poll_loop(self, has_work(self) ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    atomic_store(&self->is_asleep, false);
    count_sleep(self, begin_ns);
}

static bool run_actors(scheduler_t *self)
{
    bool has_run = false;
    do {
        actor_t *actor = scheduler_pop(self);
        if (actor == NULL)
            break;
        uint64_t begin_ns = clock_mono_ns(&self->runtime->clock);
        scheduler_turn(self, actor);
        has_run = true;
        uint64_t end_ns = clock_mono_ns(&self->runtime->clock);
        if (end_ns - begin_ns >= SCHEDULER_TURN_NS / 2 && atomic_load(&self->run_count) >= 2)
            wake_helper(self); /* others wait behind long turns */
        if (end_ns - self->polled_ns >= SCHEDULER_POLL_NS)
            break;
    } while (atomic_load(&self->inbox_count) == 0);
    return has_run;
}

static bool look_for_work(scheduler_t *self)
{
    for (uint32_t i = 0; i < SCHEDULER_SPINS; i++) {
        if (has_work(self))
            return true;
        actor_t *stolen = steal(self);
        if (stolen != NULL) {
            scheduler_turn(self, stolen);
            return true;
        }
        __builtin_ia32_pause();
    }
    return false;
}

static void scheduler_main(void *context)
{
    scheduler_t *self = context;
    current = self;
    while (!atomic_load(&self->runtime->is_stopping)) {
        bool has_worked = scheduler_take_inbox(self, INBOX_BATCH);
        has_worked |= scheduler_fire_alarms(self);
        has_worked |= run_actors(self);
        if (!has_worked && !look_for_work(self))
            go_to_sleep(self);
        else if (clock_mono_ns(&self->runtime->clock) - self->polled_ns >= SCHEDULER_POLL_NS)
            poll_loop(self, UV_RUN_NOWAIT);
    }
    current = NULL;
}

/* ---- life ---- */

/* Others gave back a lot of its memory while it slept. */
static void pool_is_rich(void *context)
{
    scheduler_wake(context);
}

err_t scheduler_init(scheduler_t *self, runtime_t *runtime, uint32_t index)
{
    self->runtime = runtime;
    self->index = index;
    self->edge.scheduler = self;
    self->turn_messages = SCHEDULER_TURN_MESSAGES;
    lane_init(&self->inbox);
    atomic_init(&self->is_asleep, false);
    wheel_init(&self->wheel, clock_mono_ms(&runtime->clock));
    pool_init(&self->pool, index, runtime->pool_count, runtime->pool_backing);
    self->pool.wake = pool_is_rich;
    self->pool.context = self;
    if (uv_mutex_init(&self->lock) != 0)
        return ERR_NO_MEMORY;
    if (runtime->is_simulated)
        return ERR_OK;
    int rc = uv_loop_init(&self->loop);
    if (rc != 0)
        return err_from_errno(-rc);
    self->has_loop = true;
    rc = uv_async_init(&self->loop, &self->async, on_async);
    if (rc == 0)
        rc = uv_timer_init(&self->loop, &self->alarm_clock);
    return rc == 0 ? ERR_OK : err_from_errno(-rc);
}

err_t scheduler_start(scheduler_t *self)
{
    int rc = uv_thread_create(&self->thread, scheduler_main, self);
    self->is_started = rc == 0;
    return rc == 0 ? ERR_OK : err_from_errno(-rc);
}

void scheduler_join(scheduler_t *self)
{
    if (!self->is_started)
        return;
    atomic_store(&self->is_asleep, false);
    uv_async_send(&self->async);
    uv_thread_join(&self->thread);
    self->is_started = false;
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void drop_inbox(scheduler_t *self)
{
    message_t *message;
    while ((message = lane_pop(&self->inbox)) != NULL) {
        if (message->kind == MESSAGE_JOB)
            job_free(CONTAINER_OF(message, job_t, message));
        else
            message_free(message);
    }
}

static void drop_alarms(scheduler_t *self)
{
    wheel_entry_t *entry;
    while ((entry = wheel_take_due(&self->wheel, UINT64_MAX >> 1)) != NULL)
        alarm_unref(CONTAINER_OF(entry, alarm_t, entry));
}

void scheduler_deinit(scheduler_t *self)
{
    current = self; /* its wheel and tables are ours now */
    ask_table_deinit(&self->edge.asks);
    drop_inbox(self);
    drop_alarms(self);
    topic_table_deinit(self);
    arena_deinit(&self->arena);
    if (self->has_loop) {
        uv_walk(&self->loop, close_handle, NULL);
        uv_run(&self->loop, UV_RUN_DEFAULT);
        ASSERT(uv_loop_close(&self->loop) == 0);
    }
    uv_mutex_destroy(&self->lock);
    current = NULL;
}
