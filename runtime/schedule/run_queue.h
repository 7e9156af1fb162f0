#pragma once
/* run_queue.h -- the ready actors of one scheduler.
 *
 *     woken      one actor, just made ready here: next, so that a pair that talks stays in the
 * cache born       spawned here, the newest first: a tree of them is walked in depth, few are alive
 *     ring       the others, first in first out; what other schedulers take from
 *     overflow   when the ring is full
 *     pinned     of those that stay here
 *     incoming   made ready by other threads
 *
 *  1. `woken` and `born` are taken at most RUN_STREAK times in a row while others wait; then
 *     `woken`, and the oldest of `born`, go behind them.
 *  2. Others take only from the ring, up to half of it, and only when two or more wait, `woken`
 *     counted; or one, when the owner says that its turns are long (is_generous). Who finds nothing
 *     there asks for newborns: the owner puts the older half into the ring as soon as `woken` is
 *     not next, after RUN_STREAK turns at the latest.
 *
 * Threads  run_queue_send, run_queue_steal, run_queue_ask and run_queue_take_incoming any; the rest
 * its owner. */

#include "runtime/life/activation.h"

enum { RUN_RING = 256, RUN_STREAK = 16, RUN_STEAL_MAX = 32, RUN_BORN = 64 };

typedef struct run_list {
    actor_t *first, *last;
} run_list_t;

typedef struct run_queue {
    _Atomic(actor_t *) woken; /* its owner's; others see whether there is one */
    run_list_t overflow, pinned;
    uint32_t streak, turns;
    bool is_plain; /* a simulation's: all in `overflow`, to choose from */
    _Atomic bool is_generous;
    _Atomic bool is_asked; /* somebody would take some of `born` */

    _Atomic uint32_t born_first, born_end; /* its owner's; others see whether there are some */
    actor_t *born[RUN_BORN];

    _Alignas(ACTOR_LINE) _Atomic uint32_t head; /* the owner and thieves: compare-and-set */
    _Alignas(ACTOR_LINE) _Atomic uint32_t tail; /* the owner */
    _Atomic(actor_t *) ring[RUN_RING];

    _Alignas(ACTOR_LINE) _Atomic(actor_t *) incoming; /* newest first */
} run_queue_t;

void run_queue_init(run_queue_t *self, bool is_plain);
/* Behind those that wait. */
void run_queue_put(run_queue_t *self, actor_t *actor);
/* Next. */
static inline void run_queue_put_woken(run_queue_t *self, actor_t *actor)
{
    if (UNLIKELY(self->is_plain)) {
        run_queue_put(self, actor);
        return;
    }
    actor_t *before = atomic_load_explicit(&self->woken, memory_order_relaxed);
    atomic_store_explicit(&self->woken, actor, memory_order_relaxed);
    if (before != NULL)
        run_queue_put(self, before);
}
static inline uint32_t run_queue_born(const run_queue_t *self)
{
    return atomic_load_explicit(&self->born_end, memory_order_relaxed) -
           atomic_load_explicit(&self->born_first, memory_order_relaxed);
}
/* One that has not run yet: next but for `woken`. */
void run_queue_put_newborn(run_queue_t *self, actor_t *actor);
/* The older half of the newborns goes where others may take them. */
void run_queue_share(run_queue_t *self);
void run_queue_send(run_queue_t *self, actor_t *actor);
actor_t *run_queue_take_slowly(run_queue_t *self);
/* For its owner: nobody is next, born or in the ring. */
static inline bool run_queue_is_quiet(const run_queue_t *self)
{
    return atomic_load_explicit(&self->woken, memory_order_relaxed) == NULL &&
           run_queue_born(self) == 0 &&
           atomic_load_explicit(&self->head, memory_order_relaxed) ==
               atomic_load_explicit(&self->tail, memory_order_relaxed);
}
/* NULL: none. */
static inline actor_t *run_queue_take(run_queue_t *self)
{
    actor_t *woken = atomic_load_explicit(&self->woken, memory_order_relaxed);
    if (UNLIKELY(woken == NULL || self->streak >= RUN_STREAK))
        return run_queue_take_slowly(self);
    self->streak++;
    atomic_store_explicit(&self->woken, NULL, memory_order_relaxed);
    return woken;
}
/* One that need not stay here. NULL: there is none. */
actor_t *run_queue_take_free(run_queue_t *self);
/* Returns how many; out_actors has room for RUN_STEAL_MAX. */
uint32_t run_queue_steal(run_queue_t *self, actor_t **out_actors);
/* For who found nothing. */
void run_queue_ask(run_queue_t *self);
/* All that was sent and not accepted yet, linked by run_next, newest first: for who found the owner
 * stuck. */
actor_t *run_queue_take_incoming(run_queue_t *self);

bool run_queue_is_empty(const run_queue_t *self);
/* From any thread, about: without what lies in the lists. */
uint32_t run_queue_count(const run_queue_t *self);
/* Others may take some. */
bool run_queue_is_crowded(const run_queue_t *self);

/* The index-th of a plain one. NULL: there are not so many. */
actor_t *run_queue_at(run_queue_t *self, uint32_t index);
void run_queue_remove(run_queue_t *self, actor_t *actor);
