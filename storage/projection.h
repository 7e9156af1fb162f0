#pragma once
/* projection.h -- a follower of the journal's feed that keeps an environment up to date.
 *
 * Each step applies a batch of records in one write transaction that also stores the position it
 * reached; so a record is applied exactly once, whatever dies when. When the environment was wiped
 * (kv.h), when its format is another, or when it is ahead of the journal (an older journal was
 * restored; or its history is another one, and has fewer records up to here), it is emptied and
 * built again from the first record. One in an older format that can still be read is left as it is
 * instead, outdated: it takes no further records, until one that was built beside it in another
 * environment takes its place (projection_take_over).
 *
 * A step blocks on the disk: call it on an offload lane, again while it says that it is behind, and
 * whenever the journal's hook tells of a new head.
 *
 * Ownership  Borrows journal, kv and context; they outlive it.
 * Threads    Any; one step at a time (a second one gets BUSY). Waiters are called on the thread of
 *            the step, after its commit, with no lock held.
 * Errors     What apply returned, which stops the projection where it is; CORRUPT, FULL, IO. */

#include "runtime/journal.h"
#include "storage/kv.h"

#include <stdatomic.h>

enum {
    PROJECTION_BATCH_MAX = 1024,
    PROJECTION_WAITERS_MAX = 16384,
    PROJECTION_LAST_STEPS_MAX = 64, /* of a take-over, while nobody else steps */
};

typedef struct projection projection_t;

typedef struct projection_options {
    const char *name; /* its key in `table` */
    journal_t *journal;
    kv_t *kv;
    kv_table_t table;      /* where positions are kept */
    uint32_t format;       /* raise it to have everything built again */
    uint32_t format_read;  /* the oldest that can be read meanwhile; 0: none but `format` */
    uint32_t batch_max;    /* records a step; 0: PROJECTION_BATCH_MAX */
    size_t batch_size_max; /* bytes of events after which a step ends; 0: none */
    void *context;
    /* One record, in the order of the feed. Unknown events: ERR_OK. */
    err_t (*apply)(void *context, kv_tx_t *tx, const journal_record_t *record);
    /* Before a commit, to write what was collected. May be NULL. */
    err_t (*flush)(void *context, kv_tx_t *tx);
    /* Nothing of this batch was kept: forget what was collected. May be NULL. */
    void (*discard)(void *context);
    /* Empties what apply writes. */
    err_t (*reset)(void *context, kv_tx_t *tx);
} projection_options_t;

err_t projection_open(const projection_options_t *options, projection_t **out_projection);
/* Waiters get CANCELLED. NULL is fine. */
void projection_close(projection_t *self);
void projection_scope_end(projection_t **self);
#define PROJECTION_SCOPED SCOPED(projection_scope_end)

/* Applies one batch. *out_is_behind: there was as much as a batch takes, so there may be more.
 * BUSY: another thread is in it, which may have read the feed before the newest record: step again
 * after it; or it is outdated. */
err_t projection_step(projection_t *self, bool *out_is_behind);
/* Steps until nothing more is there or *is_stopped, and waits for who is in it before. The progress
 * of each step is told to `stepped`, which may be NULL. An outdated one takes nothing: ERR_OK. */
typedef void (*projection_stepped_fn)(void *context, uint64_t position);
err_t projection_follow(projection_t *self, const atomic_bool *is_stopped,
                        projection_stepped_fn stepped, void *context);
/* The position that readers of the environment see. */
uint64_t projection_position(const projection_t *self);
/* It has to be built beside. */
bool projection_is_outdated(const projection_t *self);

/* `fresh` follows the same journal with the same options but for its environment. It is brought up
 * to the journal's head while `self` can't step, then `swap` makes readers see its environment,
 * which `self` follows from now on, at a position that is not before its own; waits that this
 * fulfils end. From then on `fresh` can only be closed. What `swap` or a step returns ends it with
 * both as they were: LIMIT, when the journal grows faster than it is read. */
err_t projection_take_over(projection_t *self, projection_t *fresh, err_t (*swap)(void *context),
                           void *context);

/* Read your writes: calls `then(context, ERR_OK)` once the position is reached; at once, on this
 * thread, when it is already. *out_ticket is 0 then. LIMIT: too many wait. */
typedef void (*projection_then_fn)(void *context, err_t err);
err_t projection_wait(projection_t *self, uint64_t position, projection_then_fn then, void *context,
                      uint64_t *out_ticket);
/* True: `then` will not be called. False: it was, or is being. */
bool projection_cancel(projection_t *self, uint64_t ticket);
