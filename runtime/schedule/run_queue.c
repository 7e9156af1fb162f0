#include "runtime/schedule/run_queue.h"

void run_queue_init(run_queue_t *self, bool is_plain)
{
    *self = (run_queue_t){.is_plain = is_plain};
}

/* ---- lists ---- */

static void list_put(run_list_t *list, actor_t *actor)
{
    actor->run_next = NULL;
    if (list->first == NULL)
        list->first = actor;
    else
        list->last->run_next = actor;
    list->last = actor;
}

static actor_t *list_take(run_list_t *list)
{
    actor_t *actor = list->first;
    if (actor != NULL)
        list->first = actor->run_next;
    return actor;
}

/* ---- the ring (as Go's runtime and D. Vyukov's bounded queues: the owner's tail, a shared head)
 * --
 */

static inline uint32_t ring_count(const run_queue_t *self)
{
    uint32_t head = atomic_load_explicit(&self->head, memory_order_relaxed);
    return atomic_load_explicit(&self->tail, memory_order_relaxed) - head;
}

static bool ring_put(run_queue_t *self, actor_t *actor)
{
    /* Acquire: who moved the head has read what it took. */
    uint32_t head = atomic_load_explicit(&self->head, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&self->tail, memory_order_relaxed);
    if (tail - head >= RUN_RING)
        return false;
    atomic_store_explicit(&self->ring[tail % RUN_RING], actor, memory_order_relaxed);
    /* Release: pairs with the acquire in run_queue_steal. */
    atomic_store_explicit(&self->tail, tail + 1, memory_order_release);
    return true;
}

static actor_t *ring_take(run_queue_t *self)
{
    uint32_t head = atomic_load_explicit(&self->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&self->tail, memory_order_relaxed);
    while (head != tail) {
        actor_t *actor = atomic_load_explicit(&self->ring[head % RUN_RING], memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&self->head, &head, head + 1,
                                                  memory_order_acq_rel, memory_order_relaxed))
            return actor;
    }
    return NULL;
}

/* With so many in the ring: never the only one that waits, unless it waits for long. */
static inline bool may_take(const run_queue_t *self, uint32_t count)
{
    return count >= 2 ||
           (count == 1 && (atomic_load_explicit(&self->woken, memory_order_relaxed) != NULL ||
                           atomic_load_explicit(&self->is_generous, memory_order_relaxed)));
}

uint32_t run_queue_steal(run_queue_t *self, actor_t **out_actors)
{
    uint32_t head = atomic_load_explicit(&self->head, memory_order_acquire);
    for (;;) {
        uint32_t count = atomic_load_explicit(&self->tail, memory_order_acquire) - head;
        if (!may_take(self, count) || count > RUN_RING) /* more: the head has moved on since */
            return 0;
        uint32_t share = MIN((count + 1) / 2, (uint32_t)RUN_STEAL_MAX);
        for (uint32_t i = 0; i < share; i++)
            out_actors[i] =
                atomic_load_explicit(&self->ring[(head + i) % RUN_RING], memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&self->head, &head, head + share,
                                                  memory_order_acq_rel, memory_order_acquire))
            return share;
    }
}

void run_queue_ask(run_queue_t *self)
{
    if (may_take(self, run_queue_born(self)) &&
        !atomic_load_explicit(&self->is_asked, memory_order_relaxed))
        atomic_store_explicit(&self->is_asked, true, memory_order_relaxed);
}

/* ---- putting ---- */

void run_queue_put(run_queue_t *self, actor_t *actor)
{
    if (UNLIKELY(self->is_plain))
        list_put(&self->overflow, actor);
    else if (actor->kind->is_pinned)
        list_put(&self->pinned, actor);
    else if (self->overflow.first != NULL || !ring_put(self, actor))
        list_put(&self->overflow, actor);
}

static void count_born(_Atomic uint32_t *end, uint32_t change)
{
    uint32_t value = atomic_load_explicit(end, memory_order_relaxed);
    atomic_store_explicit(end, value + change, memory_order_relaxed);
}

/* NULL: there is none. */
static actor_t *born_newest(run_queue_t *self)
{
    if (run_queue_born(self) == 0)
        return NULL;
    count_born(&self->born_end, UINT32_MAX);
    return self->born[atomic_load_explicit(&self->born_end, memory_order_relaxed) % RUN_BORN];
}

static actor_t *born_oldest(run_queue_t *self)
{
    uint32_t first = atomic_load_explicit(&self->born_first, memory_order_relaxed);
    count_born(&self->born_first, 1);
    return self->born[first % RUN_BORN];
}

static void put_oldest_born(run_queue_t *self)
{
    run_queue_put(self, born_oldest(self));
}

void run_queue_put_newborn(run_queue_t *self, actor_t *actor)
{
    if (UNLIKELY(self->is_plain || actor->kind->is_pinned)) {
        run_queue_put(self, actor);
        return;
    }
    if (UNLIKELY(run_queue_born(self) == RUN_BORN))
        put_oldest_born(self);
    self->born[atomic_load_explicit(&self->born_end, memory_order_relaxed) % RUN_BORN] = actor;
    count_born(&self->born_end, 1);
}

void run_queue_share(run_queue_t *self)
{
    atomic_store_explicit(&self->is_asked, false, memory_order_relaxed);
    for (uint32_t left = (run_queue_born(self) + 1) / 2; left > 0; left--)
        put_oldest_born(self);
}

void run_queue_send(run_queue_t *self, actor_t *actor)
{
    actor_t *first = atomic_load_explicit(&self->incoming, memory_order_relaxed);
    do {
        actor->run_next = first;
        /* Sequentially consistent: then the sender looks whether the owner sleeps. */
    } while (!atomic_compare_exchange_weak(&self->incoming, &first, actor));
}

actor_t *run_queue_take_incoming(run_queue_t *self)
{
    if (atomic_load_explicit(&self->incoming, memory_order_relaxed) == NULL)
        return NULL;
    return atomic_exchange_explicit(&self->incoming, NULL, memory_order_acquire);
}

static void accept_incoming(run_queue_t *self)
{
    actor_t *actor = run_queue_take_incoming(self);
    actor_t *oldest = NULL;
    while (actor != NULL) {
        actor_t *next = actor->run_next;
        actor->run_next = oldest;
        oldest = actor;
        actor = next;
    }
    while (oldest != NULL) {
        actor_t *next = oldest->run_next;
        run_queue_put(self, oldest);
        oldest = next;
    }
}

/* ---- taking ---- */

static bool others_wait(const run_queue_t *self)
{
    return run_queue_born(self) > 0 || ring_count(self) > 0 || self->pinned.first != NULL ||
           self->overflow.first != NULL ||
           atomic_load_explicit(&self->incoming, memory_order_relaxed) != NULL;
}

static actor_t *take_waiting(run_queue_t *self)
{
    accept_incoming(self);
    actor_t *actor = NULL;
    if (self->pinned.first != NULL && (self->turns++ & 1) == 0)
        return list_take(&self->pinned);
    if ((actor = ring_take(self)) != NULL)
        return actor;
    while (self->overflow.first != NULL && !self->is_plain) {
        actor = self->overflow.first;
        actor_t *next = actor->run_next;
        if (!ring_put(self, actor))
            break;
        self->overflow.first = next;
    }
    if ((actor = ring_take(self)) != NULL || (actor = list_take(&self->overflow)) != NULL)
        return actor;
    return list_take(&self->pinned);
}

actor_t *run_queue_take_slowly(run_queue_t *self)
{
    if (UNLIKELY(atomic_load_explicit(&self->is_asked, memory_order_relaxed)))
        run_queue_share(self);
    actor_t *woken = atomic_load_explicit(&self->woken, memory_order_relaxed);
    if (woken == NULL && self->streak < RUN_STREAK && run_queue_born(self) > 0) {
        self->streak++;
        return born_newest(self);
    }
    if (woken != NULL) {
        atomic_store_explicit(&self->woken, NULL, memory_order_relaxed);
        if (!others_wait(self))
            return woken;
        run_queue_put(self, woken);
    }
    if (run_queue_born(self) > 0)
        put_oldest_born(self);
    self->streak = 0;
    return take_waiting(self);
}

actor_t *run_queue_take_free(run_queue_t *self)
{
    accept_incoming(self);
    actor_t *woken = atomic_load_explicit(&self->woken, memory_order_relaxed);
    atomic_store_explicit(&self->woken, NULL, memory_order_relaxed);
    if (woken != NULL && !woken->kind->is_pinned)
        return woken;
    if (woken != NULL)
        run_queue_put(self, woken);
    if (run_queue_born(self) > 0)
        return born_oldest(self);
    actor_t *actor = ring_take(self);
    return actor != NULL ? actor : list_take(&self->overflow);
}

/* ---- looking ---- */

bool run_queue_is_empty(const run_queue_t *self)
{
    /* Sequentially consistent: pairs with run_queue_send. Lists are looked at by their owner. */
    return atomic_load(&self->incoming) == NULL &&
           atomic_load_explicit(&self->woken, memory_order_relaxed) == NULL &&
           run_queue_born(self) == 0 && ring_count(self) == 0 && self->pinned.first == NULL &&
           self->overflow.first == NULL;
}

uint32_t run_queue_count(const run_queue_t *self)
{
    bool has_woken = atomic_load_explicit(&self->woken, memory_order_relaxed) != NULL;
    return run_queue_born(self) + ring_count(self) + (has_woken ? 1 : 0);
}

bool run_queue_is_crowded(const run_queue_t *self)
{
    return may_take(self, ring_count(self) + run_queue_born(self));
}

/* ---- a simulation's ---- */

actor_t *run_queue_at(run_queue_t *self, uint32_t index)
{
    accept_incoming(self);
    actor_t *actor = self->overflow.first;
    for (uint32_t i = 0; i < index && actor != NULL; i++)
        actor = actor->run_next;
    return actor;
}

void run_queue_remove(run_queue_t *self, actor_t *actor)
{
    actor_t *previous = NULL;
    actor_t *at = self->overflow.first;
    while (at != actor) {
        previous = at;
        at = at->run_next;
    }
    if (previous == NULL)
        self->overflow.first = actor->run_next;
    else
        previous->run_next = actor->run_next;
    if (self->overflow.last == actor)
        self->overflow.last = previous;
}
