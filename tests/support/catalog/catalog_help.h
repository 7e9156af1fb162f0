#pragma once
/* catalog_help.h -- tracks for tests of the catalog. */

#include "runtime/base/random.h"
#include "storage/catalog/catalog.h"
#include "tests/support/temporary.h"

/* A track as a tagged file gives one; strings in the arena. Same number, same track. */
catalog_track_t made_track(arena_t *arena, uint64_t number);
/* Random tags out of few, so that tracks meet in albums, artists and genres. */
catalog_track_t random_track(arena_t *arena, const ms_random_t *random, uint64_t id);
