#pragma once
/* search_keeper.h -- keeps the search index up with the catalog
 * (storage/search/feed/search_feed.h): updates it when the catalog has moved, and has it built
 * anew, beside the one that answers, when it wants to be or somebody asks; after a build that
 * failed, again.
 *
 * A first one, or one of another catalog, waits until the catalog is whole: what it lacks would
 * have to be built again. Where records of the catalog are damaged it is said, and once asked that
 * the catalog is made anew.
 *
 * state       searches                      what is going on
 * WAITING     are refused                   there is no index, nor is one built: the catalog is not
 *                                           whole yet, or a build has failed
 * BUILDING    are refused                   the first one is built
 * READY       are answered                  it follows the catalog
 * REBUILDING  are answered, but of what is  another one is built beside
 *             damaged
 * OUTDATED    the same                      it is to be built: damaged, of another version or
 *                                           catalog, or full; it may not follow
 * It is READY only when there is one.
 *
 * Threads  start, stop, rebuild: the edge's. moved, state, describe, append_metrics: any; they read
 *          nothing from the disk. */

#include "runtime/runtime.h"
#include "storage/search/asking/search_asker.h"
#include "storage/search/feed/search_feed.h"

#include <stdatomic.h>
#include <uv.h>

enum {
    SEARCH_KEEPER_JOBS = 2,         /* of OFFLOAD_FILE at a time: a build, a step of an update */
    SEARCH_KEEPER_AGAIN_MS = 30000, /* after an update or a build that failed */
    SEARCH_KEEPER_AGAIN_MS_MAX = 600000, /* each build more that fails doubles it */
    SEARCH_KEEPER_LOOK_MS = 1000,        /* at how far a build is, and at what it waits for */
    SEARCH_KEEPER_IDLE_MS = 600000,      /* at whether the ranks are old */
};

#define SEARCH_STATE_LIST(ROW) ROW(WAITING) ROW(BUILDING) ROW(READY) ROW(REBUILDING) ROW(OUTDATED)
typedef enum search_state {
#define SEARCH_STATE_ROW(name) SEARCH_STATE_##name,
    SEARCH_STATE_LIST(SEARCH_STATE_ROW)
#undef SEARCH_STATE_ROW
} search_state_t;

typedef struct search_keeper {
    /* Given. */
    search_feed_t *feed;
    search_asker_t *asker; /* for its figures; NULL: none */
    edge_t *edge;
    const ms_log_t *log;
    bool (*is_source_ready)(void *context); /* any thread */
    void (*source_damaged)(void *context);  /* the edge's, once; NULL: nobody asks */
    void *source;
    uint32_t again_ms; /* 0: SEARCH_KEEPER_AGAIN_MS */

    /* Of any thread. */
    atomic_bool is_woken, is_building, is_stopped;
    atomic_uint ended;    /* builds, well or not */
    atomic_int build_err; /* err_t of the last one */

    /* The edge's. */
    uv_timer_t timer;
    bool is_updating, is_dirty;
    bool is_behind;     /* of the update under way; then the edge's */
    search_want_t want; /* of the build under way */
    uint32_t told_percent;
    uint64_t again_at_ms;  /* of the loop: no build begins before; 0: nothing failed */
    uint64_t pause_ms;     /* after the last build; 0: it did not fail */
    uint64_t told_damages; /* of the catalog */
    bool is_damage_told;   /* to source_damaged */
} search_keeper_t;

extern const char *const SEARCH_KIND_NAMES[SEARCH_KIND_COUNT]; /* of one */

void search_keeper_start(search_keeper_t *self);
/* Nothing starts any more; what runs ends soon, before the runtime has drained. */
void search_keeper_stop(search_keeper_t *self);
/* The catalog has changed, or is another one. */
void search_keeper_moved(void *self);
/* BUSY: it is being built already. */
err_t search_keeper_rebuild(search_keeper_t *self, search_want_t want);

search_state_t search_keeper_state(search_keeper_t *self);
/* Of the build under way; of none 100, or 0 where there is no index. */
uint32_t search_keeper_percent(search_keeper_t *self);
/* {"state", "wants", "is_building", "is_ready", "percent", "builds", "err"; and figures}: builds
 * that ended, and the error of the last one. */
void search_keeper_describe(search_keeper_t *self, buf_t *out);
void search_keeper_append_metrics(search_keeper_t *self, buf_t *out);
