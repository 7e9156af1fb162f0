#pragma once
/* catalog_help.h -- tracks for tests of the catalog, and one that is empty. */

#include "runtime/base/random.h"
#include "storage/catalog/catalog.h"
#include "tests/support/temporary.h"

/* A track as a tagged file gives one; strings in the arena. Same number, same track. */
catalog_track_t made_track(arena_t *arena, uint64_t number);
/* Random tags out of few, so that tracks meet in albums, artists and genres. */
catalog_track_t random_track(arena_t *arena, const ms_random_t *random, uint64_t id);

/* An empty catalog in a folder of its own, and its writer. */
typedef struct catalog_fixture {
    temporary_t folder;
    catalog_t *catalog;
    catalog_write_t *writer;
    arena_t arena;
} catalog_fixture_t;

catalog_fixture_t catalog_fixture_new(void);
void catalog_fixture_scope_end(catalog_fixture_t *self);
#define CATALOG_FIXTURE_SCOPED SCOPED(catalog_fixture_scope_end)
