#include "runtime/base/clock.h"
#include "runtime/schedule/alarm_clock.h"
#include "tests/support/check.h"

enum { HOUR_S = 3600 };
#define HOUR_NS (HOUR_S * UINT64_C(1000000000))

typedef struct fixture {
    uv_loop_t loop;
    alarm_clock_t clock;
    ms_clock_t time;
} fixture_t;

static void begin(fixture_t *self)
{
    self->time = clock_system();
    cr_assert(eq(int, uv_loop_init(&self->loop), 0));
    check_ok(alarm_clock_init(&self->clock, &self->loop));
}

static void end(fixture_t *self)
{
    uv_close((uv_handle_t *)&self->clock.poll, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    cr_assert(eq(int, uv_loop_close(&self->loop), 0));
    alarm_clock_deinit(&self->clock);
}

static uint64_t set_in(fixture_t *self, uint64_t ns)
{
    uint64_t now_ns = clock_mono_ns(&self->time);
    alarm_clock_set(&self->clock, now_ns + ns, now_ns);
    return now_ns + ns;
}

/* Only its ring ends this poll. */
static void wait_for_ring(fixture_t *self)
{
    while (self->clock.rings_ns != UINT64_MAX)
        uv_run(&self->loop, UV_RUN_ONCE);
}

Test(alarm_clock, ends_a_poll_and_not_before_its_time)
{
    static const uint64_t in_ns[] = {1, 1000, 300000, 1700000};
    fixture_t f;
    begin(&f);
    for (size_t i = 0; i < COUNT_OF(in_ns); i++) {
        uint64_t due_ns = set_in(&f, in_ns[i]);
        wait_for_ring(&f);
        cr_assert(ge(u64, clock_mono_ns(&f.time), due_ns));
    }
    end(&f);
}

Test(alarm_clock, the_earlier_one_counts)
{
    fixture_t f;
    begin(&f);
    uint64_t first_ns = set_in(&f, HOUR_NS);
    (void)set_in(&f, 2 * HOUR_NS);
    cr_assert(eq(u64, f.clock.rings_ns, first_ns), "a later one is for when that has rung");

    (void)set_in(&f, 1000000);
    wait_for_ring(&f);

    end(&f);
}

Test(alarm_clock, one_that_passed_unseen_does_not_end_the_next_poll)
{
    fixture_t f;
    begin(&f);
    uint64_t due_ns = set_in(&f, 1);
    while (clock_mono_ns(&f.time) <= due_ns)
        ;

    (void)set_in(&f, HOUR_NS);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    cr_assert(ne(u64, f.clock.rings_ns, UINT64_MAX), "it waits for the hour");

    end(&f);
}

Test(alarm_clock, what_is_due_already_rings_at_once)
{
    fixture_t f;
    begin(&f);
    uint64_t now_ns = clock_mono_ns(&f.time);
    alarm_clock_set(&f.clock, now_ns - 1, now_ns);
    wait_for_ring(&f);
    end(&f);
}
