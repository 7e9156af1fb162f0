#pragma once
/* pressure.h -- when actors hold more than runtime_options_t.memory_max, those that idled longest
 * leave: durable ones are passivated, those that hibernate fall asleep, until the charge is below
 * PRESSURE_TARGET_PERCENT of it.
 *
 * A scheduler looks at the sum when its own part of it has grown; past it, somebody walks, again
 * and again until it is below. One walk over the slots, on the offload pool, makes a histogram of
 * what idle actors hold by how long they have idled; a second one asks the oldest of them to leave.
 * Each looks for itself whether it still idles: a busy one never leaves. Kinds that never idle out
 * (idle_ms 0) are left alone.
 *
 * Threads  pressure_look a scheduler in a turn. */

#include "runtime/context.h"

enum {
    PRESSURE_TARGET_PERCENT = 90,
    PRESSURE_STEP_MAX = 64 << 10, /* bytes of growth after which a scheduler looks, */
    PRESSURE_STEPS = 128,         /* or this part of the maximum */
    PRESSURE_PAUSE_MS = 100,      /* between two walks, doubled each time that nobody idled */
    PRESSURE_PAUSE_MAX_MS = 10000,
    PRESSURE_LOG_MS = 10000
};

/* The time for the next walk has come. */
void pressure_walk(scheduler_t *here);
void pressure_look_closer(context_t *ctx);

/* At the end of a turn. */
static inline void pressure_look(context_t *ctx)
{
    if (UNLIKELY(ctx->runtime->pressure.max != 0))
        pressure_look_closer(ctx);
}
