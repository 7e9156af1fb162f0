#pragma once
/* journal_copy.h -- all records of one journal into another, whatever is behind them, and the proof
 * that it is all.
 *
 * The copy goes by the feed, so each stream keeps its order; positions are the target's own, and
 * snapshots are made anew. What the target already has of a stream is left as it is: a copy that
 * was cut short goes on where it ended. Nobody else may append to either meanwhile.
 *
 * Threads  One; it waits. Errors  Of either journal; CONFLICT: the target holds something else;
 * NO_MEMORY: a stream costs about 100 bytes while it runs. */

#include "runtime/journal.h"

enum { JOURNAL_COPY_IN_FLIGHT = 256, JOURNAL_COPY_PAGE = 1000 };

/* Count, and a sum over a hash of each record without its position: equal for equal streams, in
 * whatever order the feed has them. */
typedef struct journal_digest {
    uint64_t count, sum;
} journal_digest_t;

typedef void (*journal_progress_fn)(void *context, uint64_t count);

void journal_digest_add(journal_digest_t *self, const journal_record_t *record);
err_t journal_digest(journal_t *journal, journal_digest_t *out_digest);
/* `progress` (may be NULL) is called now and then with the records that were passed. */
err_t journal_copy(journal_t *from, journal_t *to, journal_progress_fn progress, void *context);
