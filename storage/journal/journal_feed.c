#include "storage/journal/journal_feed.h"

void journal_feed_no_append(UNUSED journal_t *self, const journal_append_t *append)
{
    append->done(append->done_context, ERR_UNAVAILABLE, 0, 0);
}

err_t journal_feed_no_read(UNUSED journal_t *self, UNUSED str_t stream,
                           UNUSED uint64_t after_version, UNUSED journal_visit_fn visit,
                           UNUSED void *context)
{
    return ERR_UNSUPPORTED;
}

void journal_feed_no_snapshot_put(UNUSED journal_t *self, UNUSED str_t stream,
                                  UNUSED uint64_t version, UNUSED str_t state)
{
}

err_t journal_feed_no_snapshot_get(UNUSED journal_t *self, UNUSED str_t stream,
                                   UNUSED uint64_t *out_version, UNUSED buf_t *out)
{
    return ERR_UNSUPPORTED;
}
