#pragma once
/* search_wait.h -- who asks at the command line waits until the index has what the catalog has now,
 * but not for long: while it is full, damaged or far behind, what is there is better than nothing.
 *
 * Threads  search_wait and `then`: the edge's.
 * Errors   as search_feed_wait; then `then` is not called. */

#include "runtime/runtime.h"
#include "storage/search/feed/search_feed.h"

enum {
    SEARCH_WAIT_MS = 2000,
    SEARCH_WAIT_LOOK_MS = 100, /* after it was reached, and nobody could be told yet */
};

typedef struct search_wait_options {
    search_feed_t *feed;
    edge_t *edge;
    uint32_t wait_ms; /* 0: SEARCH_WAIT_MS */
    void (*then)(void *context);
    void *context;
} search_wait_options_t;

/* `then` once, later. The errors of search_feed_wait. */
err_t search_wait(const search_wait_options_t *options);
