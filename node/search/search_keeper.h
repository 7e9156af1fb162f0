#pragma once
/* search_keeper.h -- keeps the search index up with the catalog
 * (storage/search/feed/search_feed.h): updates it when the catalog has moved, and has it built
 * anew, beside the one that answers, when it wants to be or somebody asks; after a build that
 * failed, again.
 *
 * A first one, or one of another catalog, waits until the catalog is whole: what it lacks would
 * have to be built again.
 *
 * Threads  start, stop, rebuild: the edge's. moved, describe, append_metrics: any. */

#include "runtime/runtime.h"
#include "storage/search/feed/search_feed.h"

#include <stdatomic.h>
#include <uv.h>

enum {
    SEARCH_KEEPER_AGAIN_MS = 30000, /* after an update or a build that failed */
    SEARCH_KEEPER_LOOK_MS = 1000,   /* at how far a build is, and at what it waits for */
    SEARCH_KEEPER_IDLE_MS = 600000, /* at whether the ranks are old */
};

typedef struct search_keeper {
    /* Given. */
    search_feed_t *feed;
    edge_t *edge;
    const ms_log_t *log;
    bool (*is_source_ready)(void *context); /* any thread */
    void *source;
    uint32_t again_ms; /* 0: SEARCH_KEEPER_AGAIN_MS */

    uv_timer_t timer;
    bool is_updating, is_dirty;
    bool is_behind; /* of the update under way; then the edge's */
    atomic_bool is_woken, is_building, is_stopped;
    search_want_t want; /* of the build under way */
    uint32_t told_percent;
    uint64_t failed_at_ms; /* of the loop; 0: nothing failed */
    atomic_uint ended;     /* builds, well or not */
    atomic_int build_err;  /* err_t of the last one */
} search_keeper_t;

void search_keeper_start(search_keeper_t *self);
/* Nothing starts any more; what runs ends soon, before the runtime has drained. */
void search_keeper_stop(search_keeper_t *self);
/* The catalog has changed, or is another one. */
void search_keeper_moved(void *self);
/* BUSY: it is being built already. */
err_t search_keeper_rebuild(search_keeper_t *self, search_want_t want);

/* {"is_building", "is_ready", "percent", "builds", "err"; and figures}: builds that ended, and the
 * error of the last one. */
void search_keeper_describe(search_keeper_t *self, buf_t *out);
void search_keeper_append_metrics(search_keeper_t *self, buf_t *out);
