#pragma once
/* journal_oracle.h -- writers that append to a journal while a test breaks things, and what must be
 * true afterwards, whatever was broken and whatever is behind the journal.
 *
 * A writer a stream knows the number of the append at each of its versions: what was acknowledged
 * is there, at its version, once; what was refused is not; of what ended unknown it looks, once the
 * stream can be read. Versions have no gap, the feed skips nothing and repeats nothing, a stream
 * reads as the feed has it.
 *
 * Ownership  The journal is the caller's, and may be another one after journal_oracle_stop.
 * Threads    One calls; the writers are its own. Errors: a broken promise ends the test. */

#include "runtime/journal.h"

typedef struct journal_oracle journal_oracle_t;

enum { JOURNAL_ORACLE_STREAMS = 8 };

typedef struct journal_oracle_counts {
    uint64_t durable, wrong, refused, unknown, landed; /* of unknown: found to be there */
} journal_oracle_counts_t;

journal_oracle_t *journal_oracle_new(void);
void journal_oracle_free(journal_oracle_t *self);
void journal_oracle_scope_end(journal_oracle_t **self);
#define JOURNAL_ORACLE_SCOPED SCOPED(journal_oracle_scope_end)

/* Writes until stop. may_refuse: whether what is right may be refused meanwhile, for any reason but
 * a conflict. */
void journal_oracle_start(journal_oracle_t *self, journal_t *journal, bool may_refuse);
void journal_oracle_stop(journal_oracle_t *self);
/* Any time. */
journal_oracle_counts_t journal_oracle_counts(const journal_oracle_t *self);
/* Stopped, and the journal can be read. Returns false and says in *problem what was broken. */
bool journal_oracle_holds(journal_oracle_t *self, journal_t *journal, buf_t *problem);
