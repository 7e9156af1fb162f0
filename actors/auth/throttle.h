#pragma once
/* throttle.h -- slows down guessing: after some free failures each further one must wait twice as
 * long; pure, in memory only.
 *
 * A fixed table of THROTTLE_SLOTS counters by hash, in sets of THROTTLE_WAYS; the one unused
 * longest gives way. A counter is forgotten THROTTLE_FORGET_MS after its last failure. The wait is
 * at most THROTTLE_WAIT_MAX_MS, so nobody can lock somebody out for long.
 *
 * Threads  None. Times are monotonic milliseconds. */

#include "runtime/base/str.h"

enum {
    THROTTLE_SLOTS = 4096,
    THROTTLE_WAYS = 4,
    THROTTLE_FORGET_MS = 900000,
    THROTTLE_WAIT_MAX_MS = 300000
};

typedef struct throttle_slot {
    uint64_t key; /* 0: empty */
    uint32_t failures;
    uint64_t last_ms, open_at_ms;
} throttle_slot_t;

/* One counter by itself, for who has only one. */
uint64_t throttle_slot_wait_ms(const throttle_slot_t *self, uint64_t now_ms);
void throttle_slot_count(throttle_slot_t *self, uint32_t free_failures, uint64_t now_ms);

typedef struct throttle {
    throttle_slot_t slots[THROTTLE_SLOTS];
} throttle_t;

/* How long this key has to wait; 0: it may try. */
uint64_t throttle_wait_ms(const throttle_t *self, uint64_t key, uint64_t now_ms);
/* Counts an attempt, before it is known how it ends, so that many at once all count. */
void throttle_count(throttle_t *self, uint64_t key, uint32_t free_failures, uint64_t now_ms);
/* It was right. */
void throttle_clear(throttle_t *self, uint64_t key);
