/* The histogram against the sorted values themselves. */

#include "runtime/inside/histogram.h"
#include "tests/support/check.h"

#include <stdlib.h>

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 11;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

Test(histogram, places_follow_each_other_without_gap_or_overlap)
{
    for (uint32_t place = 0; place < HISTOGRAM_PLACES; place++) {
        uint64_t end_ns = histogram_end_ns(place);
        cr_assert(histogram_place(end_ns - 1) == place, "the last of place %u", place);
        if (place + 1 < HISTOGRAM_PLACES)
            cr_assert(histogram_place(end_ns) == place + 1, "the first behind place %u", place);
    }
    cr_assert(histogram_place(0) == 0);
    cr_assert(histogram_place(UINT64_MAX) == HISTOGRAM_PLACES - 1);
}

Test(histogram, quantiles_are_within_an_eighth_of_the_true_ones)
{
    enum { VALUES = 20000 };
    static const double shares[] = {0.01, 0.5, 0.9, 0.99, 0.999, 1.0};
    static uint64_t values[VALUES];
    histogram_t histogram = {0};
    histogram_sum_t sum = {0};
    uint64_t state = 7, total = 0;
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = next(&state) % (UINT64_C(200) << next(&state) % 28);
        histogram_add(&histogram, values[i]);
        total += values[i];
    }
    qsort(values, VALUES, sizeof values[0], compare);

    histogram_merge(&sum, &histogram);

    cr_assert(eq(u64, sum.count, VALUES));
    cr_assert(eq(u64, sum.sum_ns, total));
    cr_assert(eq(u64, sum.max_ns, values[VALUES - 1]));
    for (size_t i = 0; i < COUNT_OF(shares); i++) {
        uint64_t want = values[(size_t)(shares[i] * VALUES + 0.5) - 1];
        uint64_t got = histogram_quantile_ns(&sum, shares[i]);
        uint64_t slack = want / 8 + (1 << HISTOGRAM_SHIFT);
        cr_expect(got + slack >= want && got <= want + slack, "share %g: %llu, truly %llu",
                  shares[i], (unsigned long long)got, (unsigned long long)want);
    }
}

Test(histogram, an_empty_one_and_the_sum_of_two)
{
    histogram_t a = {0}, b = {0};
    histogram_sum_t sum = {0};
    cr_assert(eq(u64, histogram_quantile_ns(&sum, 0.5), 0));
    histogram_add(&a, 100);
    histogram_add(&b, UINT64_C(1) << 40);

    histogram_merge(&sum, &a);
    histogram_merge(&sum, &b);

    cr_assert(eq(u64, sum.count, 2));
    cr_assert(eq(u64, histogram_quantile_ns(&sum, 0.5), 112));
    cr_assert(eq(u64, histogram_quantile_ns(&sum, 1.0), UINT64_C(1) << 36), "the last place's end");
}
