#pragma once
/* holding.h -- messages for partitions that are on their way from node to node, and the one way to
 * change where a partition is (the runtime's holder: router.h).
 *
 * Of each partition two lists, oldest first: what travelled (from the old owner, or left by
 * activations that came to rest here), and what came otherwise. Where the partition goes, both go
 * there, in this order, before anything newer can: newcomers wait for the lock.
 *
 * Bounds  HOLDING_PARTITION_MAX of one, HOLDING_MESSAGES_MAX and HOLDING_BYTES_MAX of all; then
 * BUSY. A message waits until shortly before its deadline, so that who asked hears UNAVAILABLE
 * (nothing was done) and not of a time-out, and at most HOLDING_MS_MAX.
 *
 * Threads  Any. Lock order: a shard here, then the registry's. */

#include "runtime/router.h"

typedef struct holding holding_t;

enum {
    HOLDING_PARTITION_MAX = 8192,
    HOLDING_MESSAGES_MAX = 65536,
    HOLDING_BYTES_MAX = 256 << 20,
    HOLDING_MS_MAX = 20000,
    HOLDING_SPARE_MS = 250 /* of its time is left, or a quarter of what there was: it is refused */
};

/* After runtime_join, before runtime_start. `view` is router_holder_t's; NULL: nobody wants to
 * know. NO_MEMORY */
err_t holding_new(runtime_t *runtime, void (*view)(void *context, uint64_t from, uint64_t version),
                  void *context, holding_t **out_holding);
/* What is held is refused, and what comes for a partition that is held. Before runtime_free, when
 * nothing of the runtime runs any more, and while its router is there. NULL is fine. */
void holding_free(holding_t *self);

/* runtime_place, with what is held: to this node it is served, to another it is sent there
 * (is_travelling: as the old owner's), to nobody refused. Any change of a place goes through here.
 * LIMIT, NO_MEMORY: of runtime_place; the place is as before, what was held may be gone. */
err_t holding_place(holding_t *self, uint32_t partition, uint64_t owner, bool is_travelling);
/* Some ten times a second: what has waited long enough is refused. */
void holding_expire(holding_t *self);

typedef struct holding_stats {
    uint64_t messages, bytes; /* at this moment */
    uint64_t expired, full;   /* refused, ever */
} holding_stats_t;
void holding_stats(const holding_t *self, holding_stats_t *out);
