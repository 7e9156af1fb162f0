/* Latency under load, the first message after idling, and timers. */

#include "bench/actors/actors.h"

#include <stdlib.h>

enum {
    BUSY_ACTORS = 8,
    BUSY_NS = 20000,
    RTT_TICKS = 2000,
    RTT_SETTLE_MS = 300,
    WAKES = 8,
    WAKE_IDLE_MS = 2000,
    TIMER_ACTORS = 1000,
    TIMERS_EACH = 1000, /* an actor may hold ACTOR_TIMERS_MAX of them: 1,024 */
    TIMER_FIRST_MS = 2000,
    TIMER_SPREAD_MS = 3000
};

static struct {
    uint64_t work_rounds;
    uint64_t rtt_ns[RTT_TICKS], wake_ns[WAKES];
    uint64_t timer_actors[TIMER_ACTORS], actor_count, timer_count, arm_ns, cancel_ns;
    uint64_t *late_ns;
    _Atomic uint64_t fired;
} times;

/* ---- busy_rtt: a ping each ms while 8 actors have 20 us messages without pause ---- */

typedef struct busy {
    char nothing;
} busy_t;

HANDLER(busy, go)
{
    bench_work(times.work_rounds);
    SEND(SELF(), go);
    return ERR_OK;
}

HANDLERS(busy, HEARS(busy, go))
KIND(busy)

typedef struct stamper {
    char nothing;
} stamper_t;

HANDLER(stamper, stamp)
{
    SEND(message->from, stamped, .sent_ns = message->sent_ns);
    return ERR_OK;
}

HANDLERS(stamper, HEARS(stamper, stamp))
KIND(stamper)

typedef struct pinger {
    uint64_t stamper;
    uint32_t sent, received;
    actor_timer_t timer;
} pinger_t;

HANDLER(pinger, go)
{
    self->stamper = SPAWN(stamper);
    self->timer = actor_timer_start(ctx, 1, 1, tick);
    return ERR_OK;
}

HANDLER(pinger, tick)
{
    SEND(self->stamper, stamp, .from = SELF(), .sent_ns = bench_now_ns());
    if (++self->sent == RTT_TICKS)
        actor_timer_cancel(ctx, self->timer);
    return ERR_OK;
}

HANDLER(pinger, stamped)
{
    times.rtt_ns[self->received] = bench_now_ns() - message->sent_ns;
    if (++self->received == RTT_TICKS)
        stage_done();
    return ERR_OK;
}

HANDLERS(pinger, HEARS(pinger, stamped), HEARS(pinger, tick), HEARS(pinger, go))
KIND(pinger)

typedef struct load {
    char nothing;
} load_t;

HANDLER(load, setup)
{
    for (uint32_t i = 0; i < BUSY_ACTORS; i++)
        SEND(SPAWN(busy), go);
    stage_done();
    return ERR_OK;
}

HANDLER(load, go)
{
    SEND(SPAWN(pinger), go);
    return ERR_OK;
}

HANDLERS(load, HEARS(load, setup), HEARS(load, go))
ROOT(load)

void bench_busy_rtt(void)
{
    times.work_rounds = bench_calibrate(BUSY_NS);
    stage_open(&load_kind);
    address_t root = address_of("root", STR("run"));
    ASSERT(runtime_send(stage_runtime(), root, setup) == ERR_OK);
    stage_wait();
    uv_sleep(RTT_SETTLE_MS);
    ASSERT(runtime_send(stage_runtime(), root, go) == ERR_OK);
    stage_wait();
    bench_percentiles("busy_rtt", times.rtt_ns, RTT_TICKS);
    _Exit(0); /* the busy ones never end */
}

/* ---- idle_wake: from another thread into an actor of a runtime that slept, and back ---- */

typedef struct woken {
    char nothing;
} woken_t;

HANDLER(woken, go)
{
    stage_done();
    return ERR_OK;
}

HANDLERS(woken, HEARS(woken, go))
ROOT(woken)

void bench_idle_wake(void)
{
    stage_open(&woken_kind);
    for (uint32_t i = 0; i < 1 + WAKES; i++) { /* the first one starts the actor */
        uv_sleep(i == 0 ? 10 : WAKE_IDLE_MS);
        uint64_t begin_ns = bench_now_ns();
        ASSERT(runtime_send(stage_runtime(), address_of("root", STR("w")), go) == ERR_OK);
        stage_wait();
        if (i > 0)
            times.wake_ns[i - 1] = bench_now_ns() - begin_ns;
    }
    bench_percentiles("idle_wake", times.wake_ns, WAKES);
    stage_close();
}

/* ---- timers: one actor after the other arms its thousand, then cancels every second one ---- */

typedef struct clockwork {
    uint32_t index;
    actor_timer_t timers[TIMERS_EACH];
} clockwork_t;

HANDLER(clockwork, arm)
{
    self->index = (uint32_t)message->index;
    uint64_t begin_ns = bench_now_ns();
    for (uint64_t i = 0; i < TIMERS_EACH; i++) {
        uint64_t number = self->index * (uint64_t)TIMERS_EACH + i;
        uint64_t delay_ms = TIMER_FIRST_MS +
                            number * 7919 % times.timer_count * TIMER_SPREAD_MS / times.timer_count;
        self->timers[i] =
            actor_timer_start(ctx, delay_ms, 0, due, .due_ns = bench_now_ns() + delay_ms * 1000000);
    }
    times.arm_ns += bench_now_ns() - begin_ns;
    if (self->index + 1 < times.actor_count)
        SEND(times.timer_actors[self->index + 1], arm, .index = self->index + 1);
    else
        stage_done();
    return ERR_OK;
}

HANDLER(clockwork, go)
{
    uint64_t begin_ns = bench_now_ns();
    for (uint64_t i = 0; i < TIMERS_EACH; i += 2)
        actor_timer_cancel(ctx, self->timers[i]);
    times.cancel_ns += bench_now_ns() - begin_ns;
    if (self->index + 1 < times.actor_count)
        SEND(times.timer_actors[self->index + 1], go);
    return ERR_OK;
}

HANDLER(clockwork, due)
{
    uint64_t now_ns = bench_now_ns();
    uint64_t index = atomic_fetch_add(&times.fired, 1);
    times.late_ns[index] = now_ns > message->due_ns ? now_ns - message->due_ns : 0;
    if (index + 1 == times.timer_count / 2)
        stage_done();
    return ERR_OK;
}

HANDLERS(clockwork, HEARS(clockwork, due), HEARS(clockwork, arm), HEARS(clockwork, go))
KIND(clockwork, .mailbox_max = 2 * TIMERS_EACH)

typedef struct tower {
    char nothing;
} tower_t;

HANDLER(tower, setup)
{
    for (uint32_t i = 0; i < times.actor_count; i++)
        times.timer_actors[i] = SPAWN(clockwork);
    SEND(times.timer_actors[0], arm, .index = 0);
    return ERR_OK;
}

HANDLER(tower, go)
{
    SEND(times.timer_actors[0], go);
    return ERR_OK;
}

HANDLERS(tower, HEARS(tower, setup), HEARS(tower, go))
ROOT(tower)

void bench_timers(void)
{
    times.actor_count = bench_amount(TIMER_ACTORS);
    times.timer_count = times.actor_count * TIMERS_EACH;
    size_t half = times.timer_count / 2;
    times.late_ns = calloc(half, sizeof *times.late_ns);
    ASSERT(times.late_ns != NULL);
    stage_open(&tower_kind);
    (void)stage_run_ns("run", 1, 1); /* its end is the last timer's */
    bench_line("timer_arm", (double)times.arm_ns / (double)times.timer_count, "ns");
    bench_line("timer_cancel", (double)times.cancel_ns / (double)half, "ns");
    bench_percentiles("timer_late", times.late_ns, half);
    stage_close();
    free(times.late_ns);
}
