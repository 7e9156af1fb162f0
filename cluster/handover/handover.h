#pragma once
/* handover.h -- who serves which partition while views change: a node's part in it, a state machine
 * without I/O (docs/decisions/0025).
 *
 * Told what happened (the functions below), it says what is to be done (handover_next). The truth
 * is the fence: a row a partition, {owner, epoch}, which is claimed by compare-and-set on both, as
 * the epoch that follows. A node serves what it claimed until it has given that epoch up, for ever:
 *
 *   new owner T                                     old owner h, which serves on
 *   reads the row: (h, e);       -- WANT e -->      waits until all have told that they route by
 *   holds what comes                                the view: what they sent before is there
 *   forwards what comes          <-- SERVING e --   others are before it in the wave
 *   holds what comes             <-- DRAINING e --  holds what comes, lets its actors rest
 *   forwards nothing any more    -- HOLDING e -->
 *                                <-- mailboxes, what was held, RELEASED e --
 *   claims (h, e) as (T, e + 1), serves: mailboxes first, then what it held
 *
 * - A node routes by a view when all have told that they have taken it (TAKEN): nothing comes to a
 *   new owner that does not know yet that it is one. Then it tells that it does (VIEW). Who does
 * not tell is waited for HANDOVER_FLUSH_MS each time, and then may see its order broken
 * (late_views).
 * - Between SERVING and DRAINING T forwards to h: a partition is away for its own wave only.
 * - "I have given up epoch e" stays true: messages may be lost, doubled or late. T asks again.
 * - What a dead node owned is claimed when membership_is_free, with its lock taken.
 * - Where the database's server was replaced by one that does not know the newest changes
 *   (view_history), rows may have gone back. Who serves reads its rows again, serving on; what is
 *   not its own any more it gives up, and takes it anew at an epoch that it never served at. Until
 *   all have read, reads may be answered by two; what is appended meets the fence, as ever.
 * - Of one sender and one receiver the order is kept where one view change is under way at a time
 *   and links lose nothing: the messages below must not overtake forwarded requests. Where two
 *   overlap, each still arrives once, and may do so out of order (test_actors_move.c has seeds).
 *
 * Times are milliseconds of a clock that never goes back. Ownership  It borrows the placement until
 * the next handover_take. Threads  One at a time. */

#include "cluster/placement.h"

typedef struct handover handover_t;

enum {
    HANDOVER_BATCH_MAX = 1024,    /* items of a message, of a route */
    HANDOVER_WAVE_MAX = 512,      /* partitions that one node drains at a time */
    HANDOVER_CLAIM_MAX = 4096,    /* rows in one transaction */
    HANDOVER_RETRY_MS = 250,      /* what was asked is asked again */
    HANDOVER_FLUSH_MS = 100,      /* waited for those who have not told that they have the view */
    HANDOVER_FENCE_PAUSE_MS = 200 /* after the fence was away */
};

/* Destinations of a route beside nodes. */
#define HANDOVER_NOBODY ((uint64_t)PLACEMENT_NONE) /* requests are refused: to be tried again */
#define HANDOVER_HELD UINT64_MAX

typedef struct handover_item {
    uint32_t partition;
    uint64_t epoch;
    uint64_t node; /* ROUTE: its destination; of the fence: its owner; of a message: nothing */
} handover_item_t;

typedef enum handover_message_kind {
    HANDOVER_VIEW = 1, /* the sender routes by `version` from here on; no items */
    HANDOVER_TAKEN,    /* it has it, and holds what is placed on it; no items */
    HANDOVER_WANT,
    HANDOVER_SERVING,
    HANDOVER_DRAINING,
    HANDOVER_HOLDING,
    HANDOVER_RELEASED,
} handover_message_kind_t;

typedef struct handover_message {
    handover_message_kind_t kind;
    uint64_t version; /* of the sender's view: who is behind should read */
    size_t count;
    const handover_item_t *items;
} handover_message_t;

typedef enum handover_effect_kind {
    /* Where requests go from now on. What was held goes there first. To oneself: at `epoch`.
     * is_travelling: what is held is the old owner's, and marked so; RELEASED follows behind it. */
    HANDOVER_DO_ROUTE,
    /* Hold, and let all actors of them come to rest, what is in their mailboxes before what is
     * held; then handover_vacated, always. */
    HANDOVER_DO_VACATE,
    HANDOVER_DO_SEND,     /* `message` to `node`, behind all that was forwarded to it */
    HANDOVER_DO_SEND_ALL, /* to all members that are not dead, but oneself */
    /* The fence: one at a time, answered by handover_rows or handover_away. */
    HANDOVER_DO_READ,  /* the rows of `items` */
    HANDOVER_DO_CLAIM, /* those that are (node, epoch) still become (self, epoch + 1); then, if
                          is_locked, `node`'s lock is had once; then their rows */
} handover_effect_kind_t;

typedef struct handover_effect {
    handover_effect_kind_t kind;
    uint64_t node;
    bool is_travelling, is_locked;
    handover_message_t message;
    size_t count;
    const handover_item_t *items; /* until the next call; of the fence: until it is answered */
} handover_effect_t;

typedef struct handover_options {
    uint64_t self;
    /* membership_is_free of a node that is dead, or in no row. */
    bool (*is_free)(void *context, uint64_t node, uint64_t now_ms);
    void *context;
} handover_options_t;

/* NO_MEMORY */
err_t handover_new(const handover_options_t *options, handover_t **out_handover);
void handover_free(handover_t *self);
void handover_scope_end(handover_t **self);
#define HANDOVER_SCOPED SCOPED(handover_scope_end)

/* What is to be done next; false: nothing. To be taken until then after each call of the others. */
bool handover_next(handover_t *self, handover_effect_t *out);

/* A newer view, and its placement. LIMIT: it is not newer; NO_MEMORY: to be called again. */
err_t handover_take(handover_t *self, const view_t *view, const placement_t *placement,
                    uint64_t now_ms);
/* Some ten times a second. */
void handover_tick(handover_t *self, uint64_t now_ms);
/* The fence has refused what was appended as this partition's owner: its row is read again. */
void handover_doubt(handover_t *self, uint32_t partition);
/* What does not fit what is known is passed over: it may be old, or a peer's mistake. */
void handover_heard(handover_t *self, uint64_t from, const handover_message_t *message,
                    uint64_t now_ms);
void handover_vacated(handover_t *self, const uint32_t *partitions, size_t count, uint64_t now_ms);
/* The rows that were asked for, read in a transaction that saw the membership table at `version`.
 */
void handover_rows(handover_t *self, uint64_t version, const handover_item_t *rows, size_t count,
                   uint64_t now_ms);
/* The fence did not answer: what was claimed may be, or not. */
void handover_away(handover_t *self, uint64_t now_ms);

/* A node, HANDOVER_HELD or HANDOVER_NOBODY. */
uint64_t handover_route(const handover_t *self, uint32_t partition);
/* Of what it serves; 0: it does not. */
uint64_t handover_epoch(const handover_t *self, uint32_t partition);
typedef struct handover_counts {
    uint32_t served, draining, coming; /* coming: placed here, and not served here yet */
    uint64_t moved;                    /* claimed from live nodes, ever */
    uint64_t taken_over;               /* claimed from dead nodes */
    uint64_t lost;                     /* served, and somebody else's when it was looked at again */
    uint64_t late_views; /* waves that began before all had told that they have the view */
} handover_counts_t;
handover_counts_t handover_counts(const handover_t *self);
/* Nothing is served here, or can be any more: a node that leaves may end. */
bool handover_is_empty(const handover_t *self);
