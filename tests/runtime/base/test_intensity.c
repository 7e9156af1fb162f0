#include "runtime/base/intensity.h"
#include "tests/support/check.h"

#define PERIOD UINT64_C(100)

static bool add(intensity_t *self, uint64_t now)
{
    return intensity_add(self, 3, PERIOD, now);
}

Test(intensity, so_many_within_the_period_and_not_one_more)
{
    intensity_t self = {.count = 0};

    cr_assert(add(&self, 10) && add(&self, 10) && add(&self, 20));
    cr_assert_not(add(&self, 20));
    cr_assert_not(add(&self, 10 + PERIOD)); /* the first is in it still */
    cr_assert(add(&self, 11 + PERIOD) && add(&self, 11 + PERIOD));
    cr_assert_not(add(&self, 11 + PERIOD)); /* 20 counts, and what was refused does not */
    cr_assert(add(&self, 21 + PERIOD));
    intensity_deinit(&self);
}

/* Counting from the first one of each period would let five through within one. */
Test(intensity, the_period_begins_anywhere)
{
    intensity_t self = {.count = 0};

    cr_assert(add(&self, 1) && add(&self, PERIOD - 1) && add(&self, PERIOD));
    cr_assert(add(&self, PERIOD + 2));
    cr_assert_not(add(&self, PERIOD + 3));
    intensity_deinit(&self);
}

Test(intensity, none_is_one_too_many)
{
    intensity_t self = {.count = 0};

    cr_assert_not(intensity_add(&self, 0, PERIOD, 1));
    intensity_deinit(&self);
}

Test(intensity, it_takes_the_memory_of_what_counts)
{
    intensity_t self = {.count = 0};

    for (uint64_t now = 0; now < 1000; now++)
        cr_assert(intensity_add(&self, UINT32_MAX, 9, now));
    cr_assert(eq(u32, self.count, 10));
    cr_assert(le(u32, self.room, 16));
    for (uint64_t i = 0; i < 1000; i++) /* the ring is cut open where it grows */
        cr_assert(intensity_add(&self, UINT32_MAX, 9, 1001));
    cr_assert(eq(u32, self.count, 1008));
    intensity_deinit(&self);
}

Test(intensity, a_smaller_bound_holds_at_once)
{
    intensity_t self = {.count = 0};

    cr_assert(add(&self, 1) && add(&self, 2) && add(&self, 3));
    cr_assert_not(intensity_add(&self, 1, PERIOD, 4));
    cr_assert_not(intensity_add(&self, 1, PERIOD, 3 + PERIOD));
    cr_assert(intensity_add(&self, 1, PERIOD, 4 + PERIOD));
    intensity_deinit(&self);
}
