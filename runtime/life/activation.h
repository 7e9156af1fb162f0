#pragma once
/* activation.h -- what the runtime keeps of one actor: its slot, from STARTING to ENDED.
 *
 * A header of two cache lines: what senders touch, then what the owner touches. What few actors
 * need (asks, timers, children, a journal) lies in actor_extra_t, made with the first of it.
 *
 * Invariants
 *  1. An actor has one owner at most (mailbox.h): the sender that makes it ready, the run queue it
 *     lies in, the scheduler that gives it its turn; or who keeps it as a free slot, or sets it up.
 *     Only its owner touches anything but the mailbox's sending side.
 *  2. Handlers and continuations run in ACTOR_RUNNING only, continuations also in ACTOR_HOLDING. In
 *     the other phases user messages wait in their lane, and continuations wait in `deferred`.
 *  3. An actor with an append in flight is not recycled, rebuilt or restarted: ACTOR_SETTLING waits
 *     for the last outcome.
 *  4. A slot's memory lives as long as the runtime, so a reference may always be followed to its
 *     mailbox word, which knows the generation.
 *
 * A crashed actor is restarted in its slot: references to it stay good, `incarnation` tells apart
 * what was meant for the one before (answers, downs). */

#include "runtime/base/assert.h"
#include "runtime/base/intensity.h"
#include "runtime/durable/durable.h"
#include "runtime/mail/ask.h"
#include "runtime/mail/mailbox.h"
#include "runtime/memory/actor_memory.h"
#include "runtime/schedule/timers.h"

#include <stddef.h>

typedef enum actor_phase {
    ACTOR_FREE,
    ACTOR_STARTING,   /* no state yet; the next turn makes it */
    ACTOR_RECOVERING, /* the state is being read from the journal, on the offload pool; or
                       * is_waiting
                       */
    ACTOR_RUNNING,
    ACTOR_SETTLING,  /* waits until no append is in flight; then as `settle` says */
    ACTOR_DORMANT,   /* crashed, nothing left: the next message starts it again */
    ACTOR_BACKOFF,   /* crashed: an alarm starts it again */
    ACTOR_PARKED,    /* crashed too often: refuses until parked_until_ns */
    ACTOR_HOLDING,   /* its kind is being replaced: finishes what can't wait, takes no messages */
    ACTOR_HELD,      /* at rest for that (code/hold.h); without a state where it has none yet */
    ACTOR_WAITING,   /* down: its supervisor says how it goes on */
    ACTOR_ARRANGING, /* a supervisor that starts or stops children: what it is asked waits */
    ACTOR_ENDED      /* closed; waits for the last sender to step back */
} actor_phase_t;

typedef struct backlog backlog_t;

typedef enum actor_settle { SETTLE_REBUILD, SETTLE_CRASH, SETTLE_END } actor_settle_t;

enum { ACTOR_CHILDREN_MAX = 4096, ACTOR_TIMERS_MAX = 1024, ACTOR_TOPICS_MAX = 256 };
enum { ACTOR_REASON_SIZE = 128, ACTOR_LINE = 64, ACTOR_KEY_INSIDE = 8 };

/* What an actor needs that does more than handle messages and send some. */
typedef struct actor_extra {
    /* What makes each message a special case: see actor_is_plain. */
    durable_t *durable; /* NULL: not a durable kind, or no state yet */
    backlog_t *backlog; /* NULL: none; see backlog.h */
    struct hold *hold;  /* its kind is being replaced; NULL: no */
    uint32_t deferred_count;
    struct memory_of_messages
        *remembered; /* what it handled last; NULL: nobody asked (crashes.h) */

    ask_table_t asks;
    timer_table_t timers;
    alarm_t *idle_alarm, *restart_alarm;
    uint32_t jobs_open;
    struct edge_subscription *subscriptions; /* to topics: their tables own them */
    uint32_t subscription_count;
    uint32_t subscriber;      /* incarnation for topics: another state, another one; 0: none yet */
    uint64_t tokens_until_ns; /* somebody may wait for a later answer until then */
    lane_t deferred;
    struct name_entry *names; /* its own; the tables own them */
    struct group_bond *groups;

    struct bonds *bonds;       /* links and monitors; NULL: none so far */
    struct children *children; /* NULL: none so far; see relations.h */

    actor_memory_t memory;
    bool is_woken;        /* its state comes from the state store */
    bool is_storing;      /* a call of the state store is under way: it may not end */
    bool is_vacating;     /* its partition goes to another node (remote/vacating.h) ... */
    bool is_vacating_now; /* ... and it waits for nothing any more but its appends */
    bool is_answer_owed;  /* somebody may wait for a later answer of one that is_vacating */
    bool is_waiting;      /* RECOVERING: until the journal can be read; see durable/away.h */
    uint32_t waits;       /* in a row */

    struct outbox *outbox_before; /* of the state that failed; NULL: none */
    intensity_t failures;
    uint64_t failed_ns, parked_until_ns; /* when it failed last */
    uint32_t streak, parkings;           /* failures, and parkings, in a row */
    uint64_t crash_number;               /* of the report of its last failure; 0: none */
    char reason[ACTOR_REASON_SIZE];      /* why it failed */

    arena_t state_arena; /* what a state that was taken over borrows */
} actor_extra_t;

typedef struct actor actor_t;
struct actor {
    /* Senders. */
    mailbox_t mailbox;
    const actor_kind_t *kind;
    union {
        char inside[ACTOR_KEY_INSIDE]; /* with a terminator */
        char *outside;                 /* owned */
    } key;
    _Atomic uint16_t mailbox_max; /* a late sender may look while the slot is set up again */
    uint8_t key_size;
    _Atomic uint8_t home; /* the scheduler it ran on last; of a pinned one: always */
    /* Its owner's, where there is room. */
    uint8_t phase;  /* actor_phase_t */
    uint8_t settle; /* actor_settle_t */
    bool is_virtual : 1, is_stopping : 1, is_failed_start : 1;
    bool is_failed : 1;  /* its end is not a normal one */
    bool is_removed : 1; /* from the registry */
    bool is_linked : 1;  /* a child of actor_spawn_linked: not restarted */
    bool is_state_pooled : 1;
    bool has_run : 1; /* this activation was RUNNING before */
    uint32_t incarnation;
    _Atomic uint32_t active_ms; /* when it last did something; wraps; read by others, relaxed */
    union {
        actor_t *run_next;  /* in a run queue */
        actor_t *free_next; /* in no use */
    };

    /* Its owner. */
    mailbox_end_t mailbox_end; /* `taken` of it: messages handled, ever */
    void *state;
    actor_extra_t *extra;     /* actor_extra_none: nothing yet; see actor_peek */
    _Atomic uint64_t busy_ns; /* read by others, relaxed */
} __attribute__((aligned(ACTOR_LINE)));

_Static_assert(sizeof(actor_t) == 2 * (size_t)ACTOR_LINE, "an actor's header is two cache lines");
_Static_assert(offsetof(actor_t, mailbox) == 0, "the mailbox's word is what a sender meets first");
_Static_assert(offsetof(actor_t, mailbox_end) == ACTOR_LINE, "the owner has a line of its own");

/* Slots lie in chunks, aligned to their size; in the place of a chunk's first slot stands this. */
enum { ACTOR_CHUNK = 512, ACTOR_CHUNK_SIZE = ACTOR_CHUNK * 2 * ACTOR_LINE };

/* What the registry knows of a slot. */
typedef struct actor_entry {
    uint32_t hash;   /* of kind and key; of an actor without a name: not set */
    uint32_t next;   /* in its bucket: slot + 1; under the lock of its shard */
    uint64_t parent; /* actor_ref bits; 0: none; or what it is tied by: see actor_parent (tie.h) */
    /* What the actor holds beyond its slot: written by its owner only. */
    _Atomic uint64_t charged;
    uint64_t started_ns; /* its state runs since then; 0: it does not */
} actor_entry_t;

typedef struct actor_chunk {
    runtime_t *runtime;
    actor_entry_t *entries; /* one a slot */
    uint32_t first_slot;
} actor_chunk_t;

_Static_assert(sizeof(actor_chunk_t) <= sizeof(actor_t), "a chunk's head takes one slot's place");

enum { ACTOR_SLOT_SIZE = sizeof(actor_t) + sizeof(actor_entry_t) };

static inline const actor_chunk_t *actor_chunk(const actor_t *self)
{
    return (const actor_chunk_t *)((uintptr_t)self & ~(uintptr_t)(ACTOR_CHUNK_SIZE - 1));
}

static inline runtime_t *actor_runtime(const actor_t *self)
{
    return actor_chunk(self)->runtime;
}

static inline uint32_t actor_slot(const actor_t *self)
{
    const actor_chunk_t *chunk = actor_chunk(self);
    return chunk->first_slot + (uint32_t)(self - (const actor_t *)(const void *)chunk);
}

static inline actor_entry_t *actor_entry(const actor_t *self)
{
    const actor_chunk_t *chunk = actor_chunk(self);
    return &chunk->entries[self - (const actor_t *)(const void *)chunk];
}

/* Messages of both lanes, ever; wraps. */
static inline uint32_t actor_messages(const actor_t *self)
{
    return atomic_load_explicit(&self->mailbox_end.taken, memory_order_relaxed);
}

static inline uint64_t actor_bits(const actor_t *self)
{
    return (uint64_t)mailbox_generation(&self->mailbox) << 32 | ((uint64_t)actor_slot(self) + 1);
}

static inline str_t actor_key(const actor_t *self)
{
    return (str_t){self->key_size < ACTOR_KEY_INSIDE ? self->key.inside : self->key.outside,
                   self->key_size};
}

static inline void actor_is_active(actor_t *self, uint32_t now_ms)
{
    atomic_store_explicit(&self->active_ms, now_ms, memory_order_relaxed);
}

static inline uint32_t actor_active_ms(const actor_t *self)
{
    return atomic_load_explicit(&self->active_ms, memory_order_relaxed);
}

/* Keeps a copy of the key. NO_MEMORY. */
[[nodiscard]] err_t actor_set_key(actor_t *self, str_t key);

/* What an actor without an actor_extra_t has of it: nothing. */
extern const actor_extra_t actor_extra_none;

/* To look: all zero when there is none. */
static inline const actor_extra_t *actor_peek(const actor_t *self)
{
    return self->extra;
}

/* To change: made where there is none. NULL: no memory. */
[[nodiscard]] actor_extra_t *actor_extra(actor_t *self);
/* To change what its caller knows to be there. */
static inline actor_extra_t *actor_extra_there(actor_t *self)
{
    ASSERT(self->extra != &actor_extra_none);
    return self->extra;
}

/* To change what may be there; NULL: there is none. */
static inline actor_extra_t *actor_extra_or_null(actor_t *self)
{
    return self->extra == &actor_extra_none ? NULL : self->extra;
}

/* For who visits it while it runs: it may change to another version of itself. */
static inline const actor_kind_t *actor_kind(const actor_t *self)
{
    return __atomic_load_n(&self->kind, __ATOMIC_ACQUIRE);
}

/* Until the journal can be read. */
static inline bool actor_is_waiting(const actor_t *self)
{
    return self->phase == ACTOR_RECOVERING && actor_peek(self)->is_waiting;
}

/* Code of its kind may run. */
static inline bool actor_is_up(const actor_t *self)
{
    return self->phase == ACTOR_RUNNING || self->phase == ACTOR_HOLDING;
}

/* It runs, and its next message goes to its handler without further ado. */
static inline bool actor_is_plain(const actor_t *self)
{
    const actor_extra_t *extra = actor_peek(self);
    return self->phase == ACTOR_RUNNING && !self->is_stopping && extra->durable == NULL &&
           extra->backlog == NULL && extra->hold == NULL && extra->deferred_count == 0 &&
           !extra->is_vacating && !self->kind->awaits &&
           self->kind->overflow <= OVERFLOW_DROP_NEWEST;
}

static inline bool actor_is_durable(const actor_t *self)
{
    return actor_peek(self)->durable != NULL;
}

/* A zeroed state of the kind's size. NO_MEMORY. */
[[nodiscard]] err_t actor_new_state(actor_t *self);
/* Takes one that was made elsewhere, from the heap. */
void actor_take_state(actor_t *self, void *state);
/* The state, with its deinit. */
void actor_free_state(actor_t *self);
void actor_drop_deferred(actor_extra_t *extra);
/* A new slot, closed. */
void actor_init(actor_t *self);
/* Frees what the activation holds, at its end or the runtime's. The slot stays. */
void actor_dispose(actor_t *self);
