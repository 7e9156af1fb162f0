#pragma once
/* vacate.h -- letting all activations of some partitions come to rest, so that another node may
 * serve them.
 *
 * The partitions are ROUTER_HELD beforehand: no activation of them begins. An activation that is
 * asked to go takes no further message; what it asked for, what runs for it on the offload pool and
 * what it owes an answer to it waits for, then it ends as one that is stopped: its appends durable,
 * what waited for them carried out. What is left in its mailbox goes to the holder, in order.
 *
 * Threads  Any that is no scheduler's. */

#include "runtime/router.h"

typedef struct partition_set {
    uint64_t bits[PARTITION_COUNT / 64];
} partition_set_t;

static inline void partition_set_add(partition_set_t *self, uint32_t partition)
{
    self->bits[partition / 64] |= UINT64_C(1) << partition % 64;
}

static inline bool partition_set_has(const partition_set_t *self, uint32_t partition)
{
    return (self->bits[partition / 64] >> partition % 64 & 1) != 0;
}

enum {
    VACATE_FIRST_MS = 4,      /* after the first time it asks; then twice that, and so on */
    VACATE_LAST_MS = 1000,    /* at most */
    VACATE_PATIENCE_MS = 300, /* then activations wait for nothing any more but their appends */
    VACATE_ASKS_MAX = 32      /* of one activation, all in all */
};

/* One emptying of a set; zeroed but for the set. */
typedef struct vacate {
    partition_set_t set;
    uint64_t began_ms, asked_ms;
    uint32_t asks;
    bool is_forced;
} vacate_t;

/* One walk over all activations: how many of the set there are still. To be called again, every few
 * milliseconds, until that is 0; it asks them to go when it is time to. What an activation asked
 * for is forgotten when patience is over; who waits for its answer waits until the deadline. */
uint64_t vacate_step(runtime_t *runtime, vacate_t *self, uint64_t now_ms);
