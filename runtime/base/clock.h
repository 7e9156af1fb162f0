#pragma once
/* clock.h -- time through a table of functions, so that simulation can own it.
 *
 * mono_ns   monotonic, from an arbitrary start: for deadlines and durations.
 * wall_ms   milliseconds since 1970-01-01 UTC: for what people see. It may jump.
 * Named ms_clock_t because <time.h> has a clock_t.
 * Threads   Any. */

#include "runtime/base/attributes.h"

API_BEGIN

typedef struct ms_clock {
    uint64_t (*mono_ns)(void *context);
    int64_t (*wall_ms)(void *context);
    void *context;
} ms_clock_t;

/* The machine's own. */
ms_clock_t clock_system(void);

static inline uint64_t clock_mono_ns(const ms_clock_t *clock)
{
    return clock->mono_ns(clock->context);
}

static inline uint64_t clock_mono_ms(const ms_clock_t *clock)
{
    return clock->mono_ns(clock->context) / 1000000;
}

static inline int64_t clock_wall_ms(const ms_clock_t *clock)
{
    return clock->wall_ms(clock->context);
}

enum { ISO_TIME_SIZE = 25 }; /* "2026-11-22T15:32:27.123Z" and a terminator */
/* RFC 3339 in UTC with milliseconds. */
void clock_iso(int64_t wall_ms, char out[ISO_TIME_SIZE]);

API_END
