#pragma once
/* journal_store.h -- a journal as a node holds it, whatever is behind it: what the runtime is
 * given, and who is told of new records.
 *
 * Ownership  The store owns its journal: journal_store_close. A value; copies are the same store.
 * Threads    Open and close from one; all else any. */

#include "runtime/journal.h"
#include "storage/journal/journal_hooks.h"

typedef struct journal_store_stats {
    uint64_t head, commits, appends, refused, unknown, queued_size;
    /* Of a replica that the feed is read from. Missed: how often it was not, for it was away or
     * behind for too long. */
    uint64_t replica_behind_ms, replica_pages, replica_missed;
    uint64_t went_back;  /* how often something that was acknowledged was lost */
    uint64_t fenced;     /* appends to what is another node's */
    uint64_t stalled_ms; /* for so long the feed could not show all that is durable */
    bool is_away;        /* takes no appends now */
} journal_store_stats_t;

typedef struct journal_store_table {
    void (*close)(journal_t *journal);
    void (*stats)(journal_t *journal, journal_store_stats_t *out_stats);
    void (*hurry)(journal_t *journal, uint64_t within_ms); /* NULL: it waits for nobody */
} journal_store_table_t;

typedef struct journal_store {
    const journal_store_table_t *table;
    journal_t *journal; /* NULL: not open */
    journal_hooks_t *hooks;
} journal_store_t;

/* Ends every waiting append. One that is not open is fine. */
static inline void journal_store_close(journal_store_t *self)
{
    if (self->journal != NULL)
        self->table->close(self->journal);
    *self = (journal_store_t){0};
}

/* Before it is closed: what has no answer by then is given up, so that a server that is silent
 * keeps nobody from ending. Any thread. */
static inline void journal_store_hurry(const journal_store_t *self, uint64_t within_ms)
{
    if (self->journal != NULL && self->table->hurry != NULL)
        self->table->hurry(self->journal, within_ms);
}

static inline void journal_store_stats(const journal_store_t *self,
                                       journal_store_stats_t *out_stats)
{
    self->table->stats(self->journal, out_stats);
}
