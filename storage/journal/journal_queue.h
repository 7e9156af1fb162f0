#pragma once
/* journal_queue.h -- what waits for the committer: appends and snapshots, copied, in order.
 *
 * Whoever is answered often appends again at once. A taker that took what is there at that moment
 * would split a crowd into halves that wait for each other, and commit twice as often; so it waits
 * for as many as were answered, at most half as long as their batch took, and not as often once
 * that was in vain.
 *
 * Invariants  Waiting bytes never exceed the limits of journal_lmdb.h. A job is one block of
 * memory. Threads     Any pushes; one takes and expects. The taker is woken only when it sleeps. */

#include "runtime/journal.h"

typedef enum job_kind { JOB_APPEND, JOB_SNAPSHOT } job_kind_t;

typedef struct journal_job {
    struct journal_job *next;
    job_kind_t kind;
    size_t size;             /* of the block */
    journal_append_t append; /* of a snapshot: stream, expected_version = version, result = state */
    /* How it ended, filled in by the committer. An append that was wrong from the start comes with
     * its error, so that it is answered in its turn and on the committer's thread. */
    err_t err;
    bool is_written;
    bool is_chosen; /* the committer's own */
    uint64_t version, position;
} journal_job_t;

/* How often appends ended so. */
typedef struct journal_outcomes {
    _Atomic uint64_t *durable, *refused, *unknown;
} journal_outcomes_t;
/* Tells who waits for each append how it ended, and frees the jobs. */
void journal_jobs_answer(journal_job_t *jobs, const journal_outcomes_t *outcomes);

typedef struct journal_queue journal_queue_t;

err_t journal_queue_new(journal_queue_t **out_queue);
void journal_queue_free(journal_queue_t *self);

/* NO_MEMORY, BUSY: full, UNAVAILABLE: closed. Then nothing was queued. */
err_t journal_queue_append(journal_queue_t *self, const journal_append_t *append);
/* epoch: as an append's (journal.h). LIMIT, and the same. */
err_t journal_queue_snapshot(journal_queue_t *self, str_t stream, uint64_t version, uint64_t epoch,
                             str_t state);

enum {
    JOURNAL_GATHER_NS_MAX = 1000 * 1000, /* that a take waits for more */
    JOURNAL_GATHER_SKIPS_MAX = 63        /* batches without, after it was in vain */
};

/* Before the appends among these jobs are told how they ended; the batch took so long. */
void journal_queue_expect(journal_queue_t *self, const journal_job_t *jobs, uint64_t took_ns);
/* The next jobs, as a list, up to a batch's limits. Waits; NULL after `wait_ms`, or at once when it
 * is closed and empty. */
journal_job_t *journal_queue_take(journal_queue_t *self, uint64_t wait_ms);
void journal_queue_close(journal_queue_t *self);
bool journal_queue_is_closed(journal_queue_t *self);
uint64_t journal_queue_size(journal_queue_t *self);
