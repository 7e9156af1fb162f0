#pragma once
/* bench.h -- what every bench program prints, and how it measures: medians of alternating runs. */

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_PAIRS = 5 };

static inline double bench_seconds(void)
{
    ms_clock_t clock = clock_system();
    return (double)clock_mono_ns(&clock) / 1e9;
}

static inline int bench_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Sorts the figures. */
static inline double bench_median(double *figures, size_t count)
{
    qsort(figures, count, sizeof *figures, bench_compare);
    return count % 2 == 1 ? figures[count / 2] : (figures[count / 2 - 1] + figures[count / 2]) / 2;
}

static inline void bench_print(const char *name, double value, const char *unit)
{
    printf("%s %.*f %s\n", name, value >= 100 ? 0 : 3, value, unit);
    fflush(stdout);
}

/* What no file backs of this process, in MB: mappings of files are the page cache's. */
static inline double bench_private_mb(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double kilobytes = 0;
    ASSERT(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Anonymous:", 10) == 0)
            kilobytes = strtod(line + 10, NULL);
    fclose(file);
    return kilobytes * 1024 / 1e6;
}
