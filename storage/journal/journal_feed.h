#pragma once
/* journal_feed.h -- the table of a journal that only has a feed: one that is read beside its
 * writer, or out of a backup. Appends end UNAVAILABLE, streams and snapshots are UNSUPPORTED. */

#include "runtime/journal.h"

void journal_feed_no_append(journal_t *self, const journal_append_t *append);
err_t journal_feed_no_read(journal_t *self, str_t stream, uint64_t after_version,
                           journal_visit_fn visit, void *context);
void journal_feed_no_snapshot_put(journal_t *self, str_t stream, uint64_t version, str_t state);
err_t journal_feed_no_snapshot_get(journal_t *self, str_t stream, uint64_t *out_version,
                                   buf_t *out);

#define JOURNAL_FEED_TABLE(feed_, head_)                                                           \
    {                                                                                              \
        .append = journal_feed_no_append, .read = journal_feed_no_read,                            \
        .snapshot_put = journal_feed_no_snapshot_put,                                              \
        .snapshot_get = journal_feed_no_snapshot_get, .feed = (feed_), .head = (head_)             \
    }
