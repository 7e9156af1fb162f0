#include "runtime/schedule/scheduler.h"

#include "runtime/base/assert.h"
#include "runtime/base/thread.h"
#include "runtime/context.h"
#include "runtime/inside/inside.h"
#include "runtime/memory/pressure.h"
#include "runtime/schedule/help.h"
#include "runtime/schedule/readable.h"

enum { INBOX_BATCH = 256 };

_Thread_local scheduler_t *scheduler_of_thread;

pool_t *pool_current(void)
{
    return scheduler_of_thread == NULL ? NULL : &scheduler_of_thread->pool;
}

void scheduler_set_current(scheduler_t *self)
{
    scheduler_of_thread = self;
}

/* ---- the run queue ---- */

actor_t *scheduler_pop(scheduler_t *self)
{
    return run_queue_take(&self->queue);
}

const actor_t *scheduler_peek_at(scheduler_t *self, uint32_t index)
{
    return run_queue_at(&self->queue, index);
}

actor_t *scheduler_pop_at(scheduler_t *self, uint32_t index)
{
    actor_t *actor = run_queue_at(&self->queue, index);
    if (actor != NULL)
        run_queue_remove(&self->queue, actor);
    return actor;
}

/* ---- waking ---- */

void scheduler_wake(scheduler_t *self)
{
    /* Pairs with the announcement in go_to_sleep: either it sees our work, or we see it asleep. */
    if (self == scheduler_of_thread || !atomic_load(&self->is_asleep))
        return;
    if (atomic_exchange(&self->is_asleep, false) && self->has_loop)
        uv_async_send(&self->async);
}

void scheduler_ready(actor_t *actor)
{
    runtime_t *runtime = actor_runtime(actor);
    scheduler_t *home =
        &runtime->schedulers[atomic_load_explicit(&actor->home, memory_order_relaxed)];
    bool is_here = scheduler_of_thread != NULL && scheduler_of_thread->runtime == runtime;
    if (is_here && (home == scheduler_of_thread || !actor->kind->is_pinned)) {
        run_queue_put_woken(&scheduler_of_thread->queue, actor);
        return;
    }
    run_queue_send(&home->queue, actor);
    scheduler_wake(home);
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
        uint32_t before = inside_swap_trace(self->runtime, message->trace);
        job->edge_then(job->data, job->err);
        inside_swap_trace(self->runtime, before);
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
        topic_unsubscribed(message);
        return;
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

static void expect_alarm(scheduler_t *self, uint64_t due_ns)
{
    self->alarm_ns = MIN(self->alarm_ns, due_ns);
    self->break_ns = MIN(self->break_ns, due_ns);
}

/* What was armed since the clock was read last counts from now. */
static void settle_alarms(scheduler_t *self, uint64_t now_ns)
{
    if (!wheel_is_settled(&self->wheel))
        expect_alarm(self, wheel_settle(&self->wheel, now_ns));
}

void scheduler_arm_at(scheduler_t *self, wheel_entry_t *entry, uint64_t due_ns)
{
    wheel_add(&self->wheel, entry, due_ns);
    due_ns = wheel_due_ns(entry);
    expect_alarm(self, due_ns);
    /* By another handle of the loop, perhaps on the way into a poll that does not know of it. */
    if (UNLIKELY(atomic_load_explicit(&self->is_asleep, memory_order_relaxed)))
        alarm_clock_set(&self->alarm_clock, due_ns, clock_mono_ns(&self->runtime->clock));
}

void scheduler_arm(scheduler_t *self, wheel_entry_t *entry, uint64_t delay_ms)
{
    bool is_seen_to = !self->runtime->is_simulated &&
                      !atomic_load_explicit(&self->is_asleep, memory_order_relaxed);
    if (LIKELY(is_seen_to)) {
        wheel_add_after(&self->wheel, entry, delay_ms);
        return;
    }
    uint64_t now_ns = clock_mono_ns(&self->runtime->clock), due_ns;
    if (__builtin_mul_overflow(delay_ms, UINT64_C(1000000), &due_ns) ||
        __builtin_add_overflow(due_ns, now_ns, &due_ns))
        due_ns = UINT64_MAX;
    scheduler_arm_at(self, entry, due_ns);
}

/* One that is for the scheduler itself. */
static void scheduler_alarm(scheduler_t *self, const alarm_t *alarm)
{
    if (alarm->purpose == ALARM_PRESSURE)
        pressure_walk(self);
    else
        edge_expire(self);
}

static void fire(scheduler_t *self, alarm_t *alarm)
{
    uint64_t receiver = alarm_fire(alarm);
    bool is_handed_over = false;
    if (!alarm_is_cancelled(alarm)) {
        if (receiver == 0)
            scheduler_alarm(self, alarm);
        else
            is_handed_over = deliver_system(self->runtime, receiver, &alarm->message);
    }
    if (!is_handed_over)
        alarm_unref(alarm);
}

static bool fire_alarms(scheduler_t *self, uint64_t now_ns)
{
    bool has_fired = false;
    wheel_entry_t *entry;
    while ((entry = wheel_take_due(&self->wheel, now_ns)) != NULL) {
        has_fired = true;
        fire(self, CONTAINER_OF(entry, alarm_t, entry));
    }
    if (!wheel_next_ns(&self->wheel, &self->alarm_ns))
        self->alarm_ns = UINT64_MAX;
    return has_fired;
}

bool scheduler_fire_alarms(scheduler_t *self)
{
    return fire_alarms(self, clock_mono_ns(&self->runtime->clock));
}

/* ---- time ---- */

static void set_now(scheduler_t *self, uint64_t now_ns)
{
    self->now_ns = now_ns;
    self->now_ms = (uint32_t)(now_ns / 1000000);
}

/* Not on behalf of an actor: what was done since then is nobody's. */
static void restart_clock(scheduler_t *self)
{
    set_now(self, clock_mono_ns(&self->runtime->clock));
    self->tick_left = self->tick;
}

static void report_slow(scheduler_t *self, uint64_t took_ns, uint32_t count)
{
    count_own(&self->counters.slow_turns);
    for (uint32_t i = 0; i < count; i++) {
        const scheduler_step_t *step = &self->steps[i % SCHEDULER_TICK];
        inside_slow(self->runtime, step, self->now_ns, took_ns);
        if (self->runtime->log == NULL)
            continue;
        const actor_t *actor = registry_slot(self->runtime->registry, step->actor);
        /* Only a look: where the actor is another by now, its key is left out. */
        bool is_here = actor_bits(actor) == step->actor && actor == self->context->actor;
        str_t key = is_here ? actor_key(actor) : (str_t){NULL, 0};
        log_warning(self->runtime->log, "runtime",
                    "an actor of kind %s (%.*s, %llx) was busy for %llu ms with %s%s",
                    step->kind->name, STR_ARG(key), (unsigned long long)step->actor,
                    (unsigned long long)(took_ns / 1000000),
                    step->schema == NULL ? "a continuation" : step->schema->name,
                    count == 1 ? "" : ", or another that ran just before or after");
    }
}

void scheduler_read_clock(scheduler_t *self)
{
    uint64_t now_ns = clock_mono_ns(&self->runtime->clock);
    uint64_t took_ns = now_ns - self->now_ns;
    uint32_t count = self->tick - self->tick_left;
    set_now(self, now_ns);
    settle_alarms(self, now_ns);
    if (count > 0) {
        self->step_ns = took_ns / count;
        if (UNLIKELY(took_ns > SCHEDULER_SLOW_NS))
            report_slow(self, took_ns, count);
    }
    bool is_short = self->step_ns <= SCHEDULER_SHORT_NS && !self->runtime->is_simulated;
    self->tick = self->tick_left = is_short ? SCHEDULER_TICK : 1;
    if (self->runtime->scheduler_count > 1)
        help_look(self);
}

/* ---- turns ---- */

/* It ran elsewhere before. */
static void move_home(scheduler_t *self, actor_t *actor)
{
    atomic_store_explicit(&actor->home, (uint8_t)self->index, memory_order_relaxed);
    count_own(&self->counters.moved);
}

static void begin_turn(scheduler_t *self, actor_t *actor)
{
    count_own(&self->counters.turns);
    if (UNLIKELY(atomic_load_explicit(&actor->home, memory_order_relaxed) != self->index))
        move_home(self, actor);
    turn_run(self->context, actor);
}

void scheduler_turn(scheduler_t *self, actor_t *actor)
{
    restart_clock(self);
    jmp_buf landing;
    self->context->landing = &landing;
    if (setjmp(landing) == 0)
        begin_turn(self, actor);
    else
        turn_failed(self->context);
}

/* One landing for all of them: a handler costs no setjmp. */
static void run_actors(scheduler_t *self)
{
    jmp_buf landing;
    self->context->landing = &landing;
    if (setjmp(landing) != 0)
        turn_failed(self->context);
    do {
        actor_t *actor = run_queue_take(&self->queue);
        if (actor == NULL)
            break;
        begin_turn(self, actor);
    } while (self->now_ns < self->break_ns && lane_is_empty(&self->inbox));
}

/* ---- the loop ---- */

static void on_async(uv_async_t *async)
{
    (void)async;
}

static void poll_loop(scheduler_t *self, uv_run_mode mode)
{
    scheduler_read_clock(self);
    uv_run(&self->loop, mode);
    restart_clock(self);
    self->polled_ns = self->now_ns;
}

static bool has_work(scheduler_t *self)
{
    return !run_queue_is_empty(&self->queue) || atomic_load(&self->inbox_count) > 0 ||
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
    settle_alarms(self, begin_ns);
    /* The wheel wants to be looked at then, perhaps long before anything is due; who wakes for it
     * must look, or the clock would ring at once for ever. */
    uint64_t watch_ns = help_watch_ns(self, begin_ns);
    if (wheel_next_ns(&self->wheel, &self->alarm_ns) || watch_ns != UINT64_MAX)
        alarm_clock_set(&self->alarm_clock, MIN(self->alarm_ns, watch_ns), begin_ns);
    atomic_store(&self->is_asleep, true);
    atomic_fetch_add(&self->runtime->sleepers, 1);
    poll_loop(self, has_work(self) ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    atomic_fetch_sub(&self->runtime->sleepers, 1);
    atomic_store(&self->is_asleep, false);
    self->woke_ns = self->polled_ns;
    count_sleep(self, begin_ns);
}

static bool look_for_work(scheduler_t *self)
{
    for (uint32_t i = 0; i < SCHEDULER_SPINS; i++) {
        if (has_work(self) || help_steal(self))
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

static void scheduler_main(void *context)
{
    scheduler_t *self = context;
    scheduler_of_thread = self;
    thread_name("scheduler-%u", self->index);
    while (!atomic_load(&self->runtime->is_stopping)) {
        scheduler_read_clock(self);
        if (scheduler_take_inbox(self, INBOX_BATCH))
            restart_clock(self);
        if (self->now_ns >= self->alarm_ns && fire_alarms(self, self->now_ns))
            restart_clock(self);
        self->break_ns = MIN(self->polled_ns + SCHEDULER_POLL_NS, self->alarm_ns);
        run_actors(self);
        if (UNLIKELY(self->is_to_hand_over))
            help_hand_over(self);
        if (self->now_ns - self->polled_ns >= SCHEDULER_POLL_NS)
            poll_loop(self, UV_RUN_NOWAIT);
        else if (!has_work(self) && !look_for_work(self))
            go_to_sleep(self);
    }
    scheduler_of_thread = NULL;
}

/* ---- life ---- */

/* Others gave back a lot of its memory while it slept. */
static void pool_is_rich(void *context)
{
    scheduler_wake(context);
}

static err_t init_loop(scheduler_t *self)
{
    int rc = uv_loop_init(&self->loop);
    if (rc != 0)
        return err_from_errno(-rc);
    self->has_loop = true;
    rc = uv_async_init(&self->loop, &self->async, on_async);
    return rc == 0 ? alarm_clock_init(&self->alarm_clock, &self->loop) : err_from_errno(-rc);
}

err_t scheduler_init(scheduler_t *self, runtime_t *runtime, uint32_t index)
{
    self->runtime = runtime;
    self->index = index;
    self->edge.scheduler = self;
    self->turn_messages = SCHEDULER_TURN_MESSAGES;
    lane_init(&self->inbox);
    atomic_init(&self->is_asleep, false);
    wheel_init(&self->wheel, clock_mono_ns(&runtime->clock));
    pool_init(&self->pool, index, runtime->pool_count, runtime->pool_backing);
    self->pool.wake = pool_is_rich;
    self->pool.context = self;
    run_queue_init(&self->queue, runtime->is_simulated);
    self->alarm_ns = UINT64_MAX;
    self->alarm_clock.fd = -1;
    self->tick = self->tick_left = 1;
    self->help_ns = SCHEDULER_HELP_NS;
    self->context = context_new(self);
    if (self->context == NULL)
        return ERR_NO_MEMORY;
    if (runtime->is_simulated)
        return ERR_OK;
    return init_loop(self);
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
        else if (message->kind != MESSAGE_UNSUBSCRIBE) /* the table's, which goes next */
            message_free(message);
    }
}

static void drop_alarms(scheduler_t *self)
{
    wheel_entry_t *entry;
    settle_alarms(self, 0);
    while ((entry = wheel_take_due(&self->wheel, UINT64_MAX)) != NULL)
        alarm_unref(CONTAINER_OF(entry, alarm_t, entry));
}

void scheduler_deinit(scheduler_t *self)
{
    scheduler_of_thread = self; /* its wheel and tables are ours now */
    ask_table_deinit(&self->edge.asks);
    drop_inbox(self);
    drop_alarms(self);
    topic_table_deinit(self);
    arena_deinit(&self->arena);
    if (self->has_loop) {
        uv_walk(&self->loop, close_handle, NULL);
        uv_run(&self->loop, UV_RUN_DEFAULT);
        ASSERT(uv_loop_close(&self->loop) == 0);
        alarm_clock_deinit(&self->alarm_clock);
    }
    readable_free(self->readable);
    context_free(self->context);
    scheduler_of_thread = NULL;
}
