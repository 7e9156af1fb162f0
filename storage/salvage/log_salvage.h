#pragma once
/* log_salvage.h -- what can still be read of a damaged LMDB journal, as a journal's feed.
 *
 * Records are found page by page (log_pages.h), without LMDB's tree. A stream is taken as far as
 * its versions go without a gap: an event is never handed to an actor whose event before is lost.
 *
 * Ownership  The caller closes it. About 24 bytes of memory a record, 100 a stream.
 * Threads    One.
 * Errors     As log_pages.h. */

#include "runtime/journal.h"

typedef struct log_salvage log_salvage_t;

typedef struct log_salvage_stats {
    uint64_t taken;
    uint64_t lost;     /* positions of which nothing was found */
    uint64_t left_out; /* whole records behind a lost one of their stream */
} log_salvage_stats_t;

/* path: the folder of the environment `journal`. head: the newest position by LMDB's own account;
 * what lies past it was never committed. 0: nobody knows. */
err_t log_salvage_open(const char *path, uint64_t head, log_salvage_t **out_salvage);
void log_salvage_close(log_salvage_t *self); /* NULL is fine */
void log_salvage_scope_end(log_salvage_t **self);
#define LOG_SALVAGE_SCOPED SCOPED(log_salvage_scope_end)

void log_salvage_stats(const log_salvage_t *self, log_salvage_stats_t *out_stats);
/* Every stream that ends before its time: how far it goes, and how many records were left out. */
err_t log_salvage_each_cut(const log_salvage_t *self,
                           err_t (*visit)(void *context, str_t stream, uint64_t version,
                                          uint64_t left_out),
                           void *context);
/* Its feed and its head; the rest as journal_feed.h says. */
journal_t *log_salvage_journal(log_salvage_t *self);
