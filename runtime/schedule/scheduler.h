#pragma once
/* scheduler.h -- one thread, one libuv loop, one run queue, one timer wheel.
 *
 * A scheduler takes its inbox, fires its wheel, gives actors their turns, and polls its loop at
 * least every SCHEDULER_POLL_NS. With nothing to do it announces that it sleeps, looks again at
 * everything that could have come in between, and only then waits in the loop's poll; who brings it
 * work and finds the announcement takes it back and wakes the loop.
 *
 * What is made ready on a scheduler's thread runs there, next (run_queue.h). When others help, and
 * what they take, is help.h's.
 *
 * Time is read every SCHEDULER_TICK messages while those are short, else after each: `now_ns` is
 * behind by what so many short messages take. Nobody ticks while nothing happens.
 *
 * Threads  scheduler_ready, scheduler_post and scheduler_wake any; the rest its own. */

#include "runtime/life/registry.h"
#include "runtime/mail/topic.h"
#include "runtime/runtime.h"
#include "runtime/schedule/alarm_clock.h"
#include "runtime/schedule/run_queue.h"

enum {
    SCHEDULERS_MAX = 64,
    SCHEDULER_TURN_MESSAGES = 64,
    SCHEDULER_TURN_NS = 200 * 1000,
    SCHEDULER_POLL_NS = 500 * 1000,
    SCHEDULER_SLOW_NS = 10 * 1000 * 1000,
    SCHEDULER_SPINS = 64,
    SCHEDULER_TICK = 16,       /* messages between two looks at the clock */
    SCHEDULER_SHORT_NS = 1000, /* a message that takes no longer is short */
    SCHEDULER_LONG_NS = 5000,  /* and one that takes as long is long: waiting behind it is, too */
    SCHEDULER_HELP_NS = 50 * 1000,
    SCHEDULER_HELP_MAX_NS = 5 * 1000 * 1000
};

struct edge {
    scheduler_t *scheduler;
    ask_table_t asks;
};

/* Written by the scheduler alone, read by others. */
typedef struct scheduler_counters {
    _Atomic uint64_t messages, turns, slow_turns, stolen, handed_over, moved, sent, handled,
        activations;
    _Atomic uint64_t slept_ns, sleeps_since_ns; /* 0: it is awake */
} scheduler_counters_t;

/* What ran since the clock was read last: one of them was slow, if any was. */
typedef struct scheduler_step {
    uint64_t actor; /* actor_ref bits */
    const actor_kind_t *kind;
    const schema_t *schema; /* NULL: a continuation */
} scheduler_step_t;

/* What another was seen at, first. */
typedef struct help_watch {
    const scheduler_t *host;
    uint64_t messages, since_ns;
} help_watch_t;

struct scheduler {
    /* Cores fetch lines in pairs: no half of one belongs to the next scheduler. */
    _Alignas(2 * ACTOR_LINE) runtime_t *runtime;
    uint32_t index;
    edge_t edge;

    /* Shared. */
    _Alignas(ACTOR_LINE) lane_t inbox;
    _Atomic uint64_t inbox_count;
    _Atomic bool is_asleep;
    _Atomic bool is_robbed; /* somebody took actors since it looked last */
    run_queue_t queue;

    /* Its own. */
    _Alignas(ACTOR_LINE) scheduler_counters_t counters;
    _Atomic uint64_t charged; /* to actors, here; written by this one only; may be below 0 */
    context_t *context;
    uint64_t now_ns;
    uint32_t now_ms;          /* of now_ns; wraps */
    uint32_t tick, tick_left; /* messages from one look at the clock to the next */
    uint64_t step_ns;         /* about what a message took lately */
    scheduler_step_t steps[SCHEDULER_TICK];
    uint64_t crowded_ns, help_ns; /* since when actors wait (0: none does); how long they may */
    uint64_t alarm_ns;            /* when the wheel is due, or before */
    uint64_t woke_ns;             /* from its last sleep */
    help_watch_t watch;
    bool has_loop, is_started, is_to_hand_over;
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t async;
    alarm_clock_t alarm_clock;
    wheel_t wheel;
    arena_t arena;
    slot_cache_t slots;
    pool_t pool; /* gone with the runtime's last block, after every scheduler */
    topic_table_t topics;
    struct readable *readable;           /* readable.h; NULL: nobody here waited for a descriptor */
    uint32_t turn_messages;              /* a turn handles at most; a simulation may draw it */
    struct recorder_head *recorder_head; /* recorder_format.h; NULL: nothing is recorded */
    uint64_t polled_ns, break_ns; /* polled last; when to stop running actors for it or an alarm */
    uint64_t looked_at;           /* what was charged when the pressure was looked at */
    uint64_t here_from_ns;        /* states at hand are read here, since then (recover.h) */
};

err_t scheduler_init(scheduler_t *self, runtime_t *runtime, uint32_t index);
void scheduler_deinit(scheduler_t *self);
err_t scheduler_start(scheduler_t *self);
void scheduler_join(scheduler_t *self);

/* The only thread-local of the program: everything else hangs from a runtime. */
extern __attribute__((tls_model("initial-exec"))) _Thread_local scheduler_t *scheduler_of_thread;
/* The scheduler whose thread this is; NULL: none. */
static inline scheduler_t *scheduler_current(void)
{
    return scheduler_of_thread;
}
/* For simulation, which is all schedulers in turn. */
void scheduler_set_current(scheduler_t *self);

/* Makes an actor that is the caller's ready: next on this thread, or sent to its home. */
void scheduler_ready(actor_t *actor);
/* The same on the thread of this scheduler of the actor's runtime. */
static inline void scheduler_ready_here(scheduler_t *self, actor_t *actor)
{
    if (LIKELY(!actor->kind->is_pinned))
        run_queue_put_woken(&self->queue, actor);
    else
        scheduler_ready(actor);
}
/* For what mailbox_push and its sisters return. */
static inline void scheduler_notify(actor_t *actor, push_result_t result)
{
    if ((result & PUSH_READY) != 0)
        scheduler_ready(actor);
}
/* A message to the scheduler itself. */
void scheduler_post(scheduler_t *self, message_t *message);
void scheduler_wake(scheduler_t *self);
/* After so long at least, from the next look at the clock: a few messages on at the latest, and
 * when it looks the handler at hand has come to its end. */
void scheduler_arm(scheduler_t *self, wheel_entry_t *entry, uint64_t delay_ms);
void scheduler_arm_at(scheduler_t *self, wheel_entry_t *entry, uint64_t due_ns);

/* The pieces of its loop, also for simulation. */
bool scheduler_take_inbox(scheduler_t *self, uint32_t count_max);
bool scheduler_fire_alarms(scheduler_t *self);
actor_t *scheduler_pop(scheduler_t *self);
/* What was read last, and reading it. */
void scheduler_read_clock(scheduler_t *self);
/* After each message. True: the clock was read. */
static inline bool scheduler_tick(scheduler_t *self)
{
    if (LIKELY(--self->tick_left > 0))
        return false;
    scheduler_read_clock(self);
    return true;
}
/* The clock is to be read after the message at hand: it may have taken long. */
static inline void scheduler_tick_soon(scheduler_t *self)
{
    self->tick -= self->tick_left - 1;
    self->tick_left = 1;
}
/* Before a message. */
static inline void scheduler_note_step(scheduler_t *self, uint64_t actor, const actor_kind_t *kind,
                                       const schema_t *schema)
{
    self->steps[(self->tick - self->tick_left) % SCHEDULER_TICK] =
        (scheduler_step_t){actor, kind, schema};
}
/* The index-th of the queue. */
actor_t *scheduler_pop_at(scheduler_t *self, uint32_t index);
const actor_t *scheduler_peek_at(scheduler_t *self, uint32_t index); /* NULL: no so many */
void scheduler_turn(scheduler_t *self, actor_t *actor);
