#pragma once
/* suspicion.h -- how long an answer may take before its absence means something, learnt from how
 * long the others took.
 *
 * Accrual failure detection (Hayashibara, Defago, Yared, Katayama: The phi Accrual Failure
 * Detector, SRDS 2004): with times of mean m and standard deviation s taken as normal, waiting for
 * m + 5.61 s has phi = 8, which an answer that still comes reaches once in 10^8. Of the last
 * SUSPICION_SAMPLES times; until there are SUSPICION_SAMPLES_MIN the limit is the greatest.
 *
 * Zeroed, it is ready. Threads  One at a time. */

#include "runtime/base/attributes.h"

enum { SUSPICION_SAMPLES = 64, SUSPICION_SAMPLES_MIN = 5, SUSPICION_TOOK_MAX_MS = 60000 };

typedef struct suspicion {
    uint32_t took_ms[SUSPICION_SAMPLES]; /* a ring */
    uint32_t count, next;
    uint64_t sum, sum_of_squares;
} suspicion_t;

/* More than SUSPICION_TOOK_MAX_MS counts as that. */
void suspicion_add(suspicion_t *self, uint64_t took_ms);
/* Rounded up, and kept within the two. */
uint64_t suspicion_limit_ms(const suspicion_t *self, uint64_t least_ms, uint64_t greatest_ms);
