#pragma once
/* loads.h -- which nodes take what is PLACED_BY_LOAD, how busy each is, and the choice for one
 * message.
 *
 * Two of them are drawn, and the less busy one is taken: nearly as even as the least busy of all
 * (Mitzenmacher: The Power of Two Choices in Randomized Load Balancing, 2001), and, since what is
 * known is old by up to a second, better: all who look for the least busy one find the same
 * (Mitzenmacher: How Useful Is Old Information?, 2000).
 *
 * A list that is replaced while somebody chooses gives a node of the old one or of the new one.
 *
 * Threads  Choosing: any, without a lock. Setting: one at a time. */

#include "runtime/remote/seats.h"
#include "runtime/router.h"

typedef struct loads {
    _Atomic uint32_t count;
    _Atomic uint64_t draws;                     /* so far */
    _Atomic uint32_t entries[ROUTER_LOADS_MAX]; /* {seat:16, busy:16}; seat 0: here */
} loads_t;

/* A node that has no bit in `unreachable`. 0: here, also where there is no other. */
uint32_t loads_pick(loads_t *self, uint64_t salt, const seat_bits_t *unreachable);
