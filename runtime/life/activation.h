#pragma once
/* activation.h -- what the runtime keeps of one actor: its slot, from STARTING to ENDED.
 *
 * Invariants
 *  1. `is_scheduled` owns the actor: whoever turns it from false to true (or finds it true because
 *     the actor lies in the run queue it took it from) is the only thread that touches anything but
 *     the mailbox's sending side. A free slot keeps it true, so that a late sender never schedules
 *     a slot that is being set up.
 *  2. Handlers and continuations run in ACTOR_RUNNING only. In the other phases user messages wait
 *     in their lane, and continuations wait in `deferred`.
 *  3. An actor with an append in flight is not recycled, rebuilt or restarted: ACTOR_SETTLING waits
 *     for the last outcome.
 *  4. A slot's memory lives as long as the runtime, so a reference may always be followed to its
 *     mailbox word, which knows the generation.
 *
 * A crashed actor is restarted in its slot: references to it stay good, `incarnation` tells apart
 * what was meant for the one before (answers, downs). */

#include "runtime/durable/durable.h"
#include "runtime/mail/ask.h"
#include "runtime/mail/mailbox.h"
#include "runtime/schedule/alarm.h"

typedef enum actor_phase {
    ACTOR_FREE,
    ACTOR_STARTING,   /* no state yet; the next turn makes it */
    ACTOR_RECOVERING, /* the state is being read from the journal, on the offload pool */
    ACTOR_RUNNING,
    ACTOR_SETTLING, /* waits until no append is in flight; then as `settle` says */
    ACTOR_DORMANT,  /* crashed, nothing left: the next message starts it again */
    ACTOR_BACKOFF,  /* crashed: an alarm starts it again */
    ACTOR_PARKED,   /* crashed too often: refuses until parked_until_ns */
    ACTOR_ENDED     /* closed; waits for the last sender to step back */
} actor_phase_t;

typedef enum actor_settle { SETTLE_REBUILD, SETTLE_CRASH, SETTLE_END } actor_settle_t;

typedef struct actor_watcher {
    uint64_t ref_bits;
    uint32_t incarnation;
} actor_watcher_t;

enum { ACTOR_WATCHERS_MAX = 4096, ACTOR_CHILDREN_MAX = 4096, ACTOR_TIMERS_MAX = 1024 };
enum { ACTOR_REASON_SIZE = 128 };

typedef struct actor actor_t;
struct actor {
    mailbox_t mailbox;
    _Atomic bool is_scheduled;
    _Atomic uint32_t home; /* the scheduler it ran on last; of a pinned one: always */
    actor_t *run_next;     /* in a run queue */

    runtime_t *runtime;
    uint32_t slot, generation, incarnation;
    actor_phase_t phase;
    actor_settle_t settle;
    bool is_virtual, is_stopping, is_failed_start;
    bool is_removed; /* from the registry */
    const actor_kind_t *kind;
    str_t key; /* owned */
    uint64_t hash;
    void *state;
    durable_t *durable; /* NULL: not a durable kind, or no state yet */

    ask_table_t asks;
    alarm_t *timers, *idle_alarm, *restart_alarm;
    uint64_t timer_ids;
    uint32_t timer_count, jobs_open;
    uint64_t subscribed_on;   /* a bit a scheduler */
    uint64_t tokens_until_ns; /* somebody may wait for a later answer until then */
    uint64_t active_ns;
    lane_t deferred;
    uint32_t deferred_count;

    uint64_t parent; /* actor_ref bits */
    actor_watcher_t *watchers;
    uint32_t watcher_count;
    uint64_t *children;
    uint32_t child_count;

    uint64_t failures_since_ns, parked_until_ns;
    uint32_t failures, parkings;
    char reason[ACTOR_REASON_SIZE]; /* why it ends; empty: normal */

    _Atomic uint64_t messages, busy_ns;             /* read by others, relaxed */
    actor_t *hash_next, *live_next, *live_previous; /* the registry's, under its shard's lock */
    actor_t *free_next;
};

static inline uint64_t actor_bits(const actor_t *self)
{
    return (uint64_t)self->generation << 32 | ((uint64_t)self->slot + 1);
}

/* Frees what the activation holds, at its end or the runtime's. The slot stays. */
void actor_dispose(actor_t *self);
