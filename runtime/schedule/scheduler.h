#pragma once
/* scheduler.h -- one thread, one libuv loop, one run queue, one timer wheel.
 *
 * A scheduler takes its inbox, fires its wheel, gives actors their turns, and polls its loop at
 * least every SCHEDULER_POLL_NS. With nothing to do it announces that it sleeps, looks again at
 * everything that could have come in between, and only then waits in the loop's poll; who brings it
 * work and finds the announcement takes it back and wakes the loop. Stealing takes only from queues
 * of two or more, only actors that are not pinned.
 *
 * Threads  scheduler_push, scheduler_post and scheduler_wake any; the rest its own. */

#include "runtime/life/registry.h"
#include "runtime/mail/topic.h"
#include "runtime/runtime.h"

enum {
    SCHEDULERS_MAX = 64,
    SCHEDULER_TURN_MESSAGES = 64,
    SCHEDULER_TURN_NS = 200 * 1000,
    SCHEDULER_POLL_NS = 500 * 1000,
    SCHEDULER_SLOW_NS = 10 * 1000 * 1000,
    SCHEDULER_SPINS = 64,
    SCHEDULER_WAKE_BACKLOG = 8 /* ready actors at which another scheduler is woken to help */
};

struct edge {
    scheduler_t *scheduler;
    ask_table_t asks;
};

typedef struct scheduler_counters {
    _Atomic uint64_t messages, turns, slow_turns, stolen, sent, handled;
    _Atomic uint64_t slept_ns, sleeps_since_ns; /* 0: it is awake */
} scheduler_counters_t;

struct scheduler {
    runtime_t *runtime;
    uint32_t index;
    edge_t edge;

    /* Shared. */
    lane_t inbox;
    _Atomic uint64_t inbox_count;
    _Atomic bool is_asleep;
    uv_mutex_t lock; /* of the queue */
    actor_t *run_first, *run_last;
    _Atomic uint32_t run_count;
    scheduler_counters_t counters;
    _Atomic uint64_t charged; /* to actors, here; written by this one only; may be below 0 */

    /* Its own. */
    bool has_loop, is_started;
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t async;
    uv_timer_t alarm_clock;
    wheel_t wheel;
    arena_t arena;
    slot_cache_t slots;
    pool_t pool; /* gone with the runtime's last block, after every scheduler */
    topic_table_t topics;
    uint32_t turn_messages; /* a turn handles at most; a simulation may draw it */
    uint64_t polled_ns;
    uint64_t looked_at; /* what was charged when the pressure was looked at */
};

err_t scheduler_init(scheduler_t *self, runtime_t *runtime, uint32_t index);
void scheduler_deinit(scheduler_t *self);
err_t scheduler_start(scheduler_t *self);
void scheduler_join(scheduler_t *self);

/* The scheduler whose thread this is; NULL: none. */
scheduler_t *scheduler_current(void);
/* For simulation, which is all schedulers in turn. */
void scheduler_set_current(scheduler_t *self);

/* A ready actor (its is_scheduled is true and the caller's) to the queue it belongs in. */
void scheduler_ready(actor_t *actor);
/* Makes an actor ready if nobody has yet. */
void scheduler_notify(actor_t *actor);
/* A message to the scheduler itself. */
void scheduler_post(scheduler_t *self, message_t *message);
void scheduler_wake(scheduler_t *self);
void scheduler_arm(scheduler_t *self, wheel_entry_t *entry, uint64_t delay_ms);
void scheduler_arm_at(scheduler_t *self, wheel_entry_t *entry, uint64_t due_ns);

/* The pieces of its loop, also for simulation. */
bool scheduler_take_inbox(scheduler_t *self, uint32_t count_max);
bool scheduler_fire_alarms(scheduler_t *self);
actor_t *scheduler_pop(scheduler_t *self);
/* The index-th of the queue. */
actor_t *scheduler_pop_at(scheduler_t *self, uint32_t index);
const actor_t *scheduler_peek_at(scheduler_t *self, uint32_t index); /* NULL: no so many */
void scheduler_turn(scheduler_t *self, actor_t *actor);
