#include "cluster/link/spin.h"
#include "tests/support/check.h"

enum { MOST_NS = 100000 };

static void wait_often(spin_t *spin, int times, uint64_t waited_ns, bool has_slept)
{
    for (int i = 0; i < times; i++)
        spin_waited(spin, waited_ns, has_slept);
}

Test(spin, nobody_looks_on_before_waits_were_short)
{
    spin_t spin = {.most_ns = MOST_NS};
    cr_assert(spin_for(&spin) == 0);
    wait_often(&spin, 1000, 2 * MOST_NS + 1, true);
    cr_assert(spin_for(&spin) == 0);
    wait_often(&spin, 1000, UINT64_MAX, true);
    cr_assert(spin_for(&spin) == 0, "timers are none");
}

Test(spin, half_of_the_waits_of_late_decide)
{
    spin_t spin = {.most_ns = MOST_NS};
    wait_often(&spin, 20, 2 * MOST_NS, true);
    cr_assert(spin_for(&spin) == MOST_NS);
    for (int i = 0; i < 100; i++) {
        wait_often(&spin, 3, MOST_NS, false);
        wait_often(&spin, 1, MOST_NS + 1, false);
    }
    cr_assert(spin_for(&spin) == MOST_NS);
    for (int i = 0; i < 100; i++) {
        wait_often(&spin, 1, MOST_NS, false);
        wait_often(&spin, 3, MOST_NS + 1, false);
    }
    cr_assert(spin_for(&spin) == 0);
}

Test(spin, who_becomes_idle_looks_on_a_few_times_more)
{
    spin_t spin = {.most_ns = MOST_NS};
    int times = 0;
    wait_often(&spin, 1000, 0, false);
    for (; spin_for(&spin) != 0; times++)
        spin_waited(&spin, UINT64_MAX, true);
    cr_assert(times >= 2 && times <= 2 * SPIN_LATE, "%d", times);
}

Test(spin, with_nothing_to_gain_nobody_looks_on)
{
    spin_t spin = {.most_ns = 0};
    wait_often(&spin, 1000, 0, false);
    cr_assert(spin_for(&spin) == 0);
}
