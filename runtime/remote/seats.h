#pragma once
/* seats.h -- the small numbers that this process gives to other nodes, each once and for ever.
 *
 * Invariants  A seat has some of its low bits set (ref.h). What seat a node has never changes.
 * Threads     Any. To look takes no lock. */

#include "runtime/life/id_map.h"
#include "runtime/remote/ref.h"

#include <stdatomic.h>
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

/* Something of each seat. */
typedef struct seat_bits {
    _Atomic uint64_t words[SEATS_CHUNK * SEATS_CHUNKS / 64];
    _Atomic uint32_t count; /* that are set */
} seat_bits_t;

static inline bool seat_bits_has(const seat_bits_t *self, uint32_t seat)
{
    return atomic_load_explicit(&self->count, memory_order_acquire) > 0 &&
           (atomic_load(&self->words[seat / 64]) >> seat % 64 & 1) != 0;
}
/* The count is never too low. */
static inline void seat_bits_set(seat_bits_t *self, uint32_t seat)
{
    uint64_t bit = UINT64_C(1) << seat % 64;
    atomic_fetch_add(&self->count, 1);
    if ((atomic_fetch_or(&self->words[seat / 64], bit) & bit) != 0)
        atomic_fetch_sub(&self->count, 1);
}
static inline void seat_bits_clear(seat_bits_t *self, uint32_t seat)
{
    uint64_t bit = UINT64_C(1) << seat % 64;
    if ((atomic_fetch_and(&self->words[seat / 64], ~bit) & bit) != 0)
        atomic_fetch_sub(&self->count, 1);
}

void seats_init(seats_t *self);
void seats_deinit(seats_t *self);
/* 0: it has none. */
uint32_t seats_find(seats_t *self, uint64_t node);
/* Its own, or a new one. LIMIT: ROUTER_SEATS_MAX are given; NO_MEMORY. */
err_t seats_give(seats_t *self, uint64_t node, uint32_t *out_seat);
/* 0: nobody's. */
uint64_t seats_node(const seats_t *self, uint32_t seat);
