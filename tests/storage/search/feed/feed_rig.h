#pragma once
/* feed_rig.h -- a feed over a catalog that changes at random, and whether its index is the one that
 * is built anew. */

#include "storage/search/feed/search_feed.h"
#include "tests/support/catalog/catalog_rig.h"

enum { FEED_RIG_DELTA_MAX = 30 };

typedef struct feed_rig {
    catalog_rig_t catalog;
    temporary_name_t path;
    search_feed_t *feed;
    uint64_t delta_full;
    _Atomic int64_t later_ms; /* its clock is so much ahead */
} feed_rig_t;

extern const atomic_bool FEED_NEVER; /* is_stopped */

void feed_rig_init(feed_rig_t *self, uint64_t seed);
void feed_rig_deinit(feed_rig_t *self);
#define FEED_RIG_SCOPED SCOPED(feed_rig_deinit)
/* It was closed. */
void feed_rig_open(feed_rig_t *self);
/* Until nothing is behind. */
void feed_rig_catch_up(feed_rig_t *self);
/* The same documents, words and facets as one that is built of this catalog now. */
void feed_rig_check_as_new(feed_rig_t *self);
