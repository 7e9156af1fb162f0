#pragma once
/* histogram.h -- durations counted in fixed memory, log-linear as in HdrHistogram (G. Tene): eight
 * steps an octave, so a value is known to within an eighth.
 *
 * Below HISTOGRAM_STEPS units each value has its own place; a value of 2^HISTOGRAM_BITS_MAX units
 * or more goes into the last. One writer; readers copy, and may miss what is just being counted.
 *
 * Threads  histogram_add: one; histogram_merge any. */

#include "runtime/base/attributes.h"

#include <stdatomic.h>

enum {
    HISTOGRAM_SHIFT = 4, /* a unit is 16 ns */
    HISTOGRAM_STEP_BITS = 3,
    HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS,
    HISTOGRAM_BITS_MAX = 32, /* 2^36 ns: 69 s */
    HISTOGRAM_PLACES = (HISTOGRAM_BITS_MAX - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS
};

typedef struct histogram {
    _Atomic uint32_t counts[HISTOGRAM_PLACES];
    _Atomic uint64_t sum_ns, max_ns;
} histogram_t;

/* The sum of several, to read from. */
typedef struct histogram_sum {
    uint64_t counts[HISTOGRAM_PLACES];
    uint64_t count, sum_ns, max_ns;
} histogram_sum_t;

static inline uint32_t histogram_place(uint64_t ns)
{
    uint64_t units = ns >> HISTOGRAM_SHIFT;
    if (units < HISTOGRAM_STEPS)
        return (uint32_t)units;
    if (units >= UINT64_C(1) << HISTOGRAM_BITS_MAX)
        return HISTOGRAM_PLACES - 1;
    uint32_t octave = 63 - (uint32_t)__builtin_clzll(units) - HISTOGRAM_STEP_BITS;
    return (octave + 1) * HISTOGRAM_STEPS + (uint32_t)(units >> octave & (HISTOGRAM_STEPS - 1));
}

static inline void histogram_add(histogram_t *self, uint64_t ns)
{
    _Atomic uint32_t *place = &self->counts[histogram_place(ns)];
    atomic_store_explicit(place, atomic_load_explicit(place, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    uint64_t sum_ns = atomic_load_explicit(&self->sum_ns, memory_order_relaxed);
    atomic_store_explicit(&self->sum_ns, sum_ns + ns, memory_order_relaxed);
    if (ns > atomic_load_explicit(&self->max_ns, memory_order_relaxed))
        atomic_store_explicit(&self->max_ns, ns, memory_order_relaxed);
}

/* The first value above a place's. */
uint64_t histogram_end_ns(uint32_t place);
void histogram_merge(histogram_sum_t *self, const histogram_t *from);
/* The value that a share (0 to 1) of all lie below or at, rounded up to its place's end, at most
 * the largest seen. 0: none. */
uint64_t histogram_quantile_ns(const histogram_sum_t *self, double share);
