#pragma once
/* tie.h -- what ties a child to its supervisor: two doorbells, the wish of one, the state of the
 * other.
 *
 *  1. Neither waits for memory: each doorbell is a message inside the tie, rung only when it is not
 *     rung already; what it is about is read from the tie when it is answered.
 *  2. `wish` is the supervisor's. TIE_RUN is wished only of a child that is down.
 *  3. `starts`, `downs` and `is_ended` are the child's, and only grow: so the supervisor knows what
 *     has happened since it looked last, in order (a down is of the start before it).
 *  4. A child that is down waits (ACTOR_WAITING) until it is wished something else; it keeps its
 *     slot, its reference and what waits in its mailbox. One whose supervisor is gone ends.
 *  5. It is held once by each of the two, and once by each doorbell under way.
 *
 * A supervisor at the top has one too: without a supervisor, for its table.
 *
 * Threads  As marked. */

#include "runtime/context.h"
#include "runtime/supervisor.h"

typedef enum tie_wish {
    TIE_RUN,
    TIE_REST,     /* stop and wait */
    TIE_REST_NOW, /* as a kill */
    TIE_END,      /* stop and go */
    TIE_END_NOW
} tie_wish_t;

enum { TIE_WISH_BITS = 3 };

typedef struct child child_t;

struct tie {
    message_t order;  /* to the child */
    message_t notice; /* to the supervisor */
    _Atomic uint32_t refs;
    _Atomic bool is_order_rung, is_notice_rung;

    _Atomic uint64_t wish;     /* how many it is, TIE_WISH_BITS: tie_wish_t */
    _Atomic bool is_awaited;   /* a start that succeeds rings */
    _Atomic uint32_t delay_ms; /* before the next start */

    _Atomic uint64_t starts, downs;
    _Atomic uint64_t heard_at_down; /* the wish that it knew then */
    _Atomic bool is_ended, is_up;
    char reason[ACTOR_REASON_SIZE + 16]; /* of the last down; the child's until it counted it */
    bool is_abnormal;                    /* likewise */
    uint64_t crash_number;               /* likewise; 0: it did not fail */

    /* Set before the child runs. */
    runtime_t *runtime;
    uint64_t number;            /* in the order in which they were made */
    uint64_t child, supervisor; /* references; no supervisor: 0 */
    uint32_t supervisor_incarnation;
    const supervisor_spec_t *spec; /* of a child that is a supervisor */
    char id[SUPERVISOR_ID_SIZE_MAX];

    /* Its supervisor's. */
    child_t *owner;  /* NULL: let go */
    bool is_leaving; /* let go, and its end is waited for */
    uint64_t starts_seen, downs_seen;

    uint64_t heard; /* the child's: the last wish */
};

/* Held once. NULL: no memory. */
[[nodiscard]] tie_t *tie_new(runtime_t *runtime, const char *id, const supervisor_spec_t *spec);
void tie_ref(tie_t *self);
void tie_unref(tie_t *self);
/* Any thread that keeps it: it runs, as far as one can tell. */
bool tie_is_up(const tie_t *self);

/* The supervisor's side. */
void tie_wish(tie_t *self, tie_wish_t wish);
/* Whether the last down came after the wish to run, if that was the last one: else it is an old
 * one, or the answer to a wish before that. */
bool tie_has_heard(const tie_t *self);

/* The child's side: its turn or its end. */
#define TIE_TAG (UINT64_C(1) << 63) /* no reference and no address has this bit */
static inline uint64_t tie_as_parent(tie_t *self)
{
    return (uint64_t)(uintptr_t)self | TIE_TAG;
}
static inline tie_t *actor_tie(const actor_t *actor)
{
    uint64_t parent = actor_entry(actor)->parent;
    return (parent & TIE_TAG) == 0 ? NULL : (tie_t *)(uintptr_t)(parent & ~TIE_TAG);
}
/* Of any kind; 0: none. */
uint64_t actor_parent(const actor_t *actor);
bool tie_has_supervisor(const actor_t *actor);
/* Nobody will wish it anything. */
void tie_let_end(tie_t *self);
/* An order came. Takes the doorbell. */
void tie_ordered(context_t *ctx, message_t *order);
/* It runs. */
void tie_started(actor_t *actor);
/* It is down and waits. False: it shall end instead. */
bool tie_down(actor_t *actor);
/* It ends: the last thing that is heard of it. */
void tie_ended(actor_t *actor);
/* Whether it may end for good: nobody above waits for it to rest. */
bool tie_may_end(const actor_t *actor);
