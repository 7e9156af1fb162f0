#pragma once
/* dozer.h -- the actor of these tests, and a runtime for it. Kinds: "dozer" hibernates after
 * DOZER_IDLE_MS, "napper" when memory is short, "waker" never idles out. */

#include "tests/support/actors/scene.h"

#define DEF_FILE "tests/runtime/memory/dozer.def"
#include "runtime/base/schema_declare.h"

enum { DOZER_IDLE_MS = 50, DOZER_MEMORY_MAX = 10000 };

extern const actor_kind_t dozer_kind, napper_kind, waker_kind;

typedef struct bed {
    scene_t scene;
    state_store_t *store;
} bed_t;

/* A simulated runtime over this store. memory_max 0: none. */
void bed_begin(bed_t *self, state_store_t *store, uint64_t memory_max);
/* Drains it; every byte that was charged to an actor was taken back. */
void bed_end(bed_t *self);
runtime_stats_t bed_stats(const bed_t *self);
