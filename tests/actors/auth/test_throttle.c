#include "actors/auth/throttle.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

enum { FREE = 3 };

Test(throttle, the_wait_doubles_up_to_a_bound_and_is_forgotten)
{
    throttle_t *throttle MEMORY_SCOPED = memory_new(sizeof *throttle);
    uint64_t now = 1000000, waits[] = {0, 0, 1000, 2000, 4000};

    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        throttle_count(throttle, 7, FREE, now);
        cr_assert(eq(u64, throttle_wait_ms(throttle, 7, now), waits[i]));
        now += waits[i];
        cr_assert(eq(u64, throttle_wait_ms(throttle, 7, now), 0));
    }
    for (int i = 0; i < 100; i++)
        throttle_count(throttle, 7, FREE, now);
    cr_assert(eq(u64, throttle_wait_ms(throttle, 7, now), THROTTLE_WAIT_MAX_MS));
    cr_assert(eq(u64, throttle_wait_ms(throttle, 8, now), 0));

    now += THROTTLE_FORGET_MS;
    throttle_count(throttle, 7, FREE, now);
    cr_assert(eq(u64, throttle_wait_ms(throttle, 7, now), 0));
}

Test(throttle, who_was_right_starts_anew)
{
    throttle_t *throttle MEMORY_SCOPED = memory_new(sizeof *throttle);
    for (int i = 0; i < FREE; i++)
        throttle_count(throttle, 7, FREE, 5000);
    cr_assert(gt(u64, throttle_wait_ms(throttle, 7, 5000), 0));

    throttle_clear(throttle, 7);

    cr_assert(eq(u64, throttle_wait_ms(throttle, 7, 5000), 0));
}

Test(throttle, a_full_set_gives_up_the_one_unused_longest)
{
    throttle_t *throttle MEMORY_SCOPED = memory_new(sizeof *throttle);
    uint64_t stride = THROTTLE_SLOTS / THROTTLE_WAYS;

    for (uint64_t way = 0; way <= THROTTLE_WAYS; way++)
        for (int i = 0; i < FREE; i++)
            throttle_count(throttle, 1 + way * stride, FREE, 5000 + way);

    cr_assert(eq(u64, throttle_wait_ms(throttle, 1, 5005), 0)); /* it gave way */
    for (uint64_t way = 1; way <= THROTTLE_WAYS; way++)
        cr_assert(gt(u64, throttle_wait_ms(throttle, 1 + way * stride, 5005), 0));
}
