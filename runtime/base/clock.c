#include "runtime/base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t system_mono_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int64_t system_wall_ms(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

ms_clock_t clock_system(void)
{
    return (ms_clock_t){system_mono_ns, system_wall_ms, NULL};
}

void clock_iso(int64_t wall_ms, char out[ISO_TIME_SIZE])
{
    int64_t seconds = wall_ms / 1000, ms = wall_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    time_t time = (time_t)seconds;
    struct tm utc = {0};
    gmtime_r(&time, &utc);
    size_t size = strftime(out, ISO_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + size, ISO_TIME_SIZE - size, ".%03dZ", (int)ms);
}
