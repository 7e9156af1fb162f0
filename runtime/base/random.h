#pragma once
/* random.h -- random numbers through a table of functions, so that a simulation replays from its
 * seed.
 *
 * random_system is the kernel's getrandom, fit for keys. random_seeded is SplitMix64 (Steele, Lea,
 * Flood, 2014): fast, reproducible, for simulation and tests only. Threads  random_system any; a
 * seeded one belongs to one thread. */

#include "runtime/base/attributes.h"

API_BEGIN

typedef struct ms_random {
    void (*fill)(void *context, void *out, size_t size);
    void *context;
} ms_random_t;

typedef struct random_seed {
    uint64_t state;
} random_seed_t;

ms_random_t random_system(void);
ms_random_t random_seeded(random_seed_t *seed); /* keeps the pointer */

void random_fill(const ms_random_t *random, void *out, size_t size);
uint64_t random_u64(const ms_random_t *random);
/* 0 to below - 1, without bias; 0 when below is 0. */
uint64_t random_below(const ms_random_t *random, uint64_t below);

API_END
