#pragma once
/* catalog_rig.h -- a catalog whose tracks come, change, go and are played at random, for tests of
 * what is made of it. Everything follows from the seed. */

#include "runtime/base/random.h"
#include "storage/blob/blob_folder.h"
#include "storage/catalog/catalog.h"
#include "tests/support/temporary.h"

typedef struct catalog_rig {
    temporary_t folder;
    catalog_t *catalog;
    catalog_write_t *writer;
    blob_folder_t *blobs; /* lyrics */
    arena_t arena;
    random_seed_t seed;
    ms_random_t random;
} catalog_rig_t;

void catalog_rig_init(catalog_rig_t *self, uint64_t seed);
void catalog_rig_deinit(catalog_rig_t *self);
#define CATALOG_RIG_SCOPED SCOPED(catalog_rig_deinit)

uint64_t catalog_rig_below(catalog_rig_t *self, uint64_t count);
/* One transaction of some changes; now and then it is given up. */
void catalog_rig_change(catalog_rig_t *self);
