#pragma once
/* intensity.h -- whether something happens too often: more than `max` times within a period,
 * whenever that begins. It keeps the times of what counts, so it takes the memory of as many, at
 * most `max`.
 *
 * Zeroed, it is ready. Times are nanoseconds of one clock that never goes back. One thread at a
 * time. */

#include "runtime/base/attributes.h"

typedef struct intensity {
    uint64_t *times; /* a ring: `count` from `oldest` on */
    uint32_t room, oldest, count;
} intensity_t;

void intensity_deinit(intensity_t *self);
/* One more: whether it is one of at most `max` within the period up to now, and counts. False
 * without memory, too: what can't be counted is too often. */
bool intensity_add(intensity_t *self, uint32_t max, uint64_t period_ns, uint64_t now_ns);
