#pragma once
/* keeper_rig.h -- the keeper with a runtime around it, over a catalog that changes at random, and a
 * clock at which builds can be held.
 *
 * Threads  The test's, where nothing else is said. */

#include "node/search/search_keeper.h"
#include "tests/support/catalog/catalog_rig.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

/* Where a build waits for the test. */
typedef enum keeper_gate {
    GATE_OPEN,
    GATE_START,  /* before anything is read */
    GATE_SOURCE, /* the catalog's mark is read, none of its documents */
} keeper_gate_t;

typedef struct keeper_rig {
    catalog_rig_t catalog;
    temporary_name_t path;
    search_feed_t *feed;
    ms_log_t log;
    runtime_t *runtime;
    search_keeper_t keeper;
    _Atomic keeper_gate_t gate;
    atomic_bool is_held;
    _Atomic pthread_t builder;
    atomic_bool is_source_ready, is_stopped;
    atomic_uint asked;   /* whether the catalog is whole */
    atomic_uint damaged; /* times that it was said to be */
    uint64_t delta_max;
    uint32_t again_ms;
} keeper_rig_t;

/* A catalog and a feed, with an index or none, and a runtime whose file lane has one thread more
 * than the keeper may take. The rest is given before. */
void keeper_rig_init(keeper_rig_t *self, uint64_t seed, bool has_index);
void keeper_rig_start(keeper_rig_t *self);
/* Nothing starts any more; builds that are held go on. */
void keeper_rig_stop(keeper_rig_t *self);
/* Stops as well, if that was not done. */
void keeper_rig_deinit(keeper_rig_t *self);

/* So many transactions, and the keeper is told. */
void keeper_rig_change(keeper_rig_t *self, int count);
/* Another catalog in its place, with another generation. */
void keeper_rig_swap_catalog(keeper_rig_t *self);
/* From the edge, and waits for its answer. */
err_t keeper_rig_rebuild(keeper_rig_t *self);
search_feed_stats_t keeper_rig_stats(keeper_rig_t *self);

#define keeper_rig_reaches(self, state)                                                            \
    wait_until(search_keeper_state(&(self)->keeper) == SEARCH_STATE_##state)
