#pragma once
/* seats.h -- the small numbers that this process gives to other nodes, each once and for ever.
 *
 * Invariants  A seat has some of its low bits set (ref.h). What seat a node has never changes.
 * Threads     Any. To look takes no lock. */

#include "runtime/life/id_map.h"
#include "runtime/remote/ref.h"

#include <uv.h>

enum {
    SEATS_CHUNK = 1 << REF_SEAT_LOW_BITS,
    SEATS_CHUNKS = 1 << REF_SEAT_HIGH_BITS,
    SEATS_RECENT = 256
};

typedef struct seats {
    _Atomic(_Atomic uint64_t *) chunks[SEATS_CHUNKS]; /* nodes by seat */
    _Atomic uint32_t recent[SEATS_RECENT];            /* seats, by their nodes' low bits */
    uv_mutex_t lock;
    id_map_t by_node;
    uint32_t last; /* given out */
} seats_t;

void seats_init(seats_t *self);
void seats_deinit(seats_t *self);
/* 0: it has none. */
uint32_t seats_find(seats_t *self, uint64_t node);
/* Its own, or a new one. LIMIT: ROUTER_SEATS_MAX are given; NO_MEMORY. */
err_t seats_give(seats_t *self, uint64_t node, uint32_t *out_seat);
/* 0: nobody's. */
uint64_t seats_node(const seats_t *self, uint32_t seat);
