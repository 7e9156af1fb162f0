#include "cluster/suspicion.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <math.h>

Test(suspicion, until_it_has_learnt_it_waits_as_long_as_it_may)
{
    suspicion_t suspicion = {0};
    for (uint32_t i = 0; i < SUSPICION_SAMPLES_MIN; i++) {
        cr_assert(suspicion_limit_ms(&suspicion, 10, 1000) == 1000);
        suspicion_add(&suspicion, 20);
    }
    cr_assert(suspicion_limit_ms(&suspicion, 10, 1000) == 21);
    cr_assert(suspicion_limit_ms(&suspicion, 100, 1000) == 100);
    cr_assert(suspicion_limit_ms(&suspicion, 5, 15) == 15);
}

/* Beside the formula in floating point, over the last samples only. */
Test(suspicion, it_is_the_mean_and_5_61_deviations_of_the_last)
{
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);
    uint64_t took[1000];
    suspicion_t suspicion = {0};
    for (uint32_t i = 0; i < COUNT_OF(took); i++) {
        took[i] = random_below(&random, 3) == 0 ? random_below(&random, 70000) : 5;
        suspicion_add(&suspicion, took[i]);
        if (i + 1 < SUSPICION_SAMPLES_MIN)
            continue;
        uint32_t count = MIN(i + 1, (uint32_t)SUSPICION_SAMPLES);
        double sum = 0, squares = 0;
        for (uint32_t j = i + 1 - count; j <= i; j++) {
            double ms = (double)MIN(took[j], (uint64_t)SUSPICION_TOOK_MAX_MS);
            sum += ms;
            squares += ms * ms;
        }
        double mean = sum / count, variance = squares / count - mean * mean;
        double want = mean + 5.61 * sqrt(MAX(variance, 0.0));
        double got = (double)suspicion_limit_ms(&suspicion, 0, UINT32_MAX);
        cr_assert(got >= want - 1 && got <= want + 2, "%f of %f", got, want);
    }
}
