#include "runtime/schedule/governor.h"

#include "runtime/base/attributes.h"
#include "tests/support/check.h"

enum { SCHEDULERS_MAX_HERE = 8, MS = 1000 * 1000 };
#define DIV_UP(a, b) (((a) + (b)-1) / (b))

/* Work, by how many share it: what it comes to in a millisecond. */
typedef struct work {
    uint64_t messages_a_ms[SCHEDULERS_MAX_HERE + 1];
    uint64_t busy_us_a_ms[SCHEDULERS_MAX_HERE + 1]; /* over all; 0: all who share are busy */
    bool stays;                                     /* nobody moves; else one in 64 */
} work_t;

static governor_t governor;
static governor_sample_t sums;

static void begin(uint32_t scheduler_count)
{
    sums = (governor_sample_t){.now_ns = 7 * (uint64_t)MS};
    governor_init(&governor, scheduler_count, sums.now_ns);
    governor_step(&governor, &sums); /* which begins the first look */
}

/* To the next step, and takes it. */
static void pass(const work_t *work)
{
    uint64_t for_ns = governor.due_ns - sums.now_ns;
    uint64_t busy_us_a_ms = work->busy_us_a_ms[governor.limit];
    if (busy_us_a_ms == 0)
        busy_us_a_ms = governor.limit * 1000;
    sums.now_ns = governor.due_ns;
    uint64_t messages = work->messages_a_ms[governor.limit] * for_ns / MS;
    sums.messages += messages;
    sums.moved += work->stays ? messages / GOVERNOR_MOVED - 1 : DIV_UP(messages, GOVERNOR_MOVED);
    sums.slept_ns += (governor.scheduler_count * 1000 - busy_us_a_ms) * for_ns / 1000;
    governor_step(&governor, &sums);
}

static void pass_until_held(const work_t *work)
{
    uint32_t steps = 0;
    do {
        pass(work);
        cr_assert(le(u32, ++steps, 100), "it never comes to hold");
    } while (governor.phase != GOVERNOR_HOLD);
}

/* And through the whole of it. */
static void pass_hold(const work_t *work)
{
    while (governor.phase == GOVERNOR_HOLD)
        pass(work);
}

static const work_t talkative = {.messages_a_ms = {0, 20000, 16000}};
static const work_t parallel = {.messages_a_ms = {0, 10000, 19000}};

Test(governor, short_work_on_more_than_one_core_is_tried_with_fewer_and_nothing_else)
{
    static const struct {
        const char *what;
        uint64_t messages_a_ms, busy_us_a_ms;
        bool stays;
        governor_phase_t phase;
    } cases[] = {
        {"idle", 0, 1, false, GOVERNOR_REST},
        {"one core is enough", 20000, 1000, false, GOVERNOR_REST},
        {"a little more than one", 20000, 1062, false, GOVERNOR_REST},
        {"a sixteenth more than one", 20000, 1063, false, GOVERNOR_TRIAL},
        {"both, a microsecond a message", 2000, 2000, false, GOVERNOR_TRIAL},
        {"both, longer than that", 1999, 2000, false, GOVERNOR_REST},
        {"both, long", 200, 2000, false, GOVERNOR_REST},
        {"both, and each has its own", 20000, 2000, true, GOVERNOR_REST},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(2);
        pass(&(work_t){.messages_a_ms[2] = cases[i].messages_a_ms,
                       .busy_us_a_ms[2] = cases[i].busy_us_a_ms,
                       .stays = cases[i].stays});

        cr_assert(governor.phase == cases[i].phase, "%s: %d", cases[i].what, governor.phase);
        cr_assert(eq(u32, governor.limit, 2), "the first window is of what is there");
    }
}

Test(governor, fewer_are_chosen_when_they_do_better_by_the_margin)
{
    static const struct {
        const char *what;
        uint64_t alone, both;
        uint32_t chosen;
    } cases[] = {
        {"both do better", 10000, 19000, 2},     {"the same", 16000, 16000, 2},
        {"a sixteenth better", 17000, 16000, 2}, {"more than that", 17001, 16000, 1},
        {"twice as good", 20000, 10000, 1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        work_t work = {.messages_a_ms = {0, cases[i].alone, cases[i].both}};
        begin(2);
        pass_until_held(&work);

        cr_assert(governor.chosen == cases[i].chosen, "%s: %u", cases[i].what, governor.chosen);
        cr_assert(eq(u32, governor.limit, cases[i].chosen));
    }
}

Test(governor, both_are_chosen_again_as_soon_as_one_is_not_better_by_the_margin)
{
    static const struct {
        const char *what;
        uint64_t alone, both;
        uint32_t chosen;
    } cases[] = {
        {"still better", 17001, 16000, 1},
        {"a sixteenth", 17000, 16000, 2},
        {"worse", 10000, 19000, 2},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        work_t work = {.messages_a_ms = {0, cases[i].alone, cases[i].both}};
        begin(2);
        pass_until_held(&talkative);
        cr_assert(eq(u32, governor.chosen, 1));

        pass_hold(&talkative);
        pass_until_held(&work);

        cr_assert(governor.chosen == cases[i].chosen, "%s: %u", cases[i].what, governor.chosen);
    }
}

Test(governor, a_trial_compares_pairs_of_windows_the_other_way_round_the_second_time)
{
    static const uint32_t limits[] = {2, 1, 1, 2};
    begin(2);
    pass(&talkative);

    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        cr_assert(governor.phase == GOVERNOR_TRIAL && governor.limit == limits[i], "%zu", i);
        bool is_new = i > 0 && limits[i] != limits[i - 1];
        if (is_new) {
            cr_assert(eq(u64, governor.due_ns - sums.now_ns, GOVERNOR_SETTLE_NS));
            pass(&talkative);
        }
        uint64_t window_ns = limits[i] == 2 ? GOVERNOR_WINDOW_OF_MORE_NS : GOVERNOR_WINDOW_NS;
        cr_assert(eq(u64, governor.due_ns - sums.now_ns, window_ns));
        pass(&talkative);
    }
    cr_assert(governor.phase == GOVERNOR_HOLD && governor.chosen == 1);
}

/* By a tenth each window, whoever shares it. */
Test(governor, what_becomes_faster_or_slower_by_itself_changes_nothing)
{
    for (uint32_t is_slower = 0; is_slower < 2; is_slower++) {
        uint64_t rate = 20000;
        begin(2);

        do {
            pass(&(work_t){.messages_a_ms = {0, rate, rate}});
            rate += is_slower == 1 ? -(rate / 10) : rate / 10;
        } while (governor.phase != GOVERNOR_HOLD);

        cr_assert(eq(u32, governor.chosen, 2));
    }
}

Test(governor, one_window_that_somebody_disturbed_changes_nothing)
{
    static const work_t same = {.messages_a_ms = {0, 20000, 20000}};
    static const work_t disturbed = {.messages_a_ms = {0, 4000, 4000}};

    for (uint32_t at = 0; at < 8; at++) {
        begin(2);
        pass(&same);
        for (uint32_t i = 0; governor.phase == GOVERNOR_TRIAL; i++)
            pass(i == at ? &disturbed : &same);
        cr_assert(governor.chosen == 2, "%u", at);
    }
}

Test(governor, a_window_begins_when_work_was_handed_over_or_help_has_come_or_it_takes_too_long)
{
    work_t late = talkative;
    begin(2);
    pass(&talkative);
    pass(&talkative);

    late.busy_us_a_ms[1] = 1251; /* the other one is still at it */
    for (uint32_t i = 0; i < GOVERNOR_SETTLES - 1; i++) {
        cr_assert(eq(u32, governor.settling, GOVERNOR_SETTLES - i));
        pass(&late);
        cr_assert(eq(u64, governor.due_ns - sums.now_ns, GOVERNOR_SETTLE_NS));
    }
    pass(&late);
    cr_assert(eq(u64, governor.due_ns - sums.now_ns, GOVERNOR_WINDOW_NS), "all the same");
    pass(&talkative);
    pass(&talkative);

    cr_assert(governor.limit == 2 && governor.settling == GOVERNOR_SETTLES);
    late.busy_us_a_ms[2] = 1062; /* nobody has come */
    pass(&late);
    cr_assert(eq(u32, governor.settling, GOVERNOR_SETTLES - 1));
    late.busy_us_a_ms[2] = 1063;
    pass(&late);
    cr_assert(governor.settling == 0 && governor.phase == GOVERNOR_TRIAL);
}

Test(governor, what_is_confirmed_is_held_twice_as_long_each_time)
{
    static const work_t *const works[] = {&talkative, &parallel};

    for (size_t i = 0; i < COUNT_OF(works); i++) {
        begin(2);
        pass_until_held(works[i]);
        for (uint64_t hold_ns = GOVERNOR_HOLD_NS; hold_ns <= 4 * (uint64_t)GOVERNOR_HOLD_MAX_NS;
             hold_ns *= 2) {
            uint64_t begin_ns = sums.now_ns;
            pass_hold(works[i]);
            cr_assert(
                eq(u64, sums.now_ns - begin_ns, MIN(hold_ns, (uint64_t)GOVERNOR_HOLD_MAX_NS)));
            pass_until_held(works[i]);
        }
        pass_hold(works[i]);
        pass_until_held(works[1 - i]);
        cr_assert(eq(u64, governor.hold_until_ns - sums.now_ns, GOVERNOR_HOLD_NS), "and anew");
    }
}

Test(governor, a_limit_ends_with_the_first_look_at_other_work)
{
    static const struct {
        const char *what;
        uint64_t messages_a_ms, busy_us_a_ms;
        uint32_t limit;
    } cases[] = {
        {"one core is busy", 20000, 938, 1},
        {"and is not", 20000, 937, 2},
        {"a microsecond a message", 1000, 1000, 1},
        {"longer", 999, 1000, 2},
        {"idle", 0, 1, 2},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(2);
        pass_until_held(&talkative);
        cr_assert(eq(u64, governor.due_ns - sums.now_ns, GOVERNOR_LOOK_NS));

        pass(&(work_t){.messages_a_ms[1] = cases[i].messages_a_ms,
                       .busy_us_a_ms[1] = cases[i].busy_us_a_ms});

        cr_assert(governor.limit == cases[i].limit, "%s: %u", cases[i].what, governor.limit);
        cr_assert(eq(u32, governor.chosen, governor.limit));
        cr_assert(eq(u64, governor.due_ns - sums.now_ns, GOVERNOR_LOOK_NS));
    }
}

Test(governor, a_trial_ends_when_its_work_does)
{
    static const work_t idle = {.busy_us_a_ms = {0, 1, 1}};
    begin(2);
    pass(&talkative);
    pass(&talkative);
    cr_assert(governor.limit == 1 && governor.phase == GOVERNOR_TRIAL);

    pass(&idle);

    cr_assert(governor.limit == 2 && governor.phase == GOVERNOR_HOLD);
    pass(&idle);
    cr_assert(governor.phase == GOVERNOR_REST);
    for (uint32_t i = 0; i < 10; i++) {
        pass(&idle);
        cr_assert(governor.phase == GOVERNOR_REST && governor.limit == 2);
    }
}

Test(governor, a_limit_that_holds_work_up_is_lifted_and_none_is_tried_for_a_while)
{
    begin(2);
    pass_until_held(&talkative);

    governor_lift(&governor, sums.now_ns);

    cr_assert(governor.limit == 2 && governor.phase == GOVERNOR_REST);
    cr_assert(eq(u64, governor.due_ns - sums.now_ns, GOVERNOR_HOLD_NS));
    pass(&talkative);
    pass_until_held(&talkative);
    cr_assert(eq(u32, governor.chosen, 1), "it has not become blind");
}

Test(governor, of_many_schedulers_it_finds_as_many_as_do_most)
{
    static const struct {
        const char *what;
        work_t work;
        uint32_t chosen;
    } cases[] = {
        {"all", {.messages_a_ms = {0, 10000, 20000, 0, 40000, 0, 0, 0, 80000}}, 8},
        {"half", {.messages_a_ms = {0, 10000, 20000, 0, 40000, 0, 0, 0, 30000}}, 4},
        {"two", {.messages_a_ms = {0, 10000, 20000, 0, 18000, 0, 0, 0, 16000}}, 2},
        {"one", {.messages_a_ms = {0, 30000, 20000, 0, 18000, 0, 0, 0, 16000}}, 1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(8);
        for (uint32_t holds = 0; holds < 12; holds++) {
            pass_until_held(&cases[i].work);
            pass_hold(&cases[i].work);
        }
        cr_assert(governor.chosen == cases[i].chosen, "%s: %u", cases[i].what, governor.chosen);
    }
}

static uint64_t tried_in_a_second_ns(const work_t *work)
{
    uint64_t tried_ns = 0, begin_ns = sums.now_ns;
    while (sums.now_ns - begin_ns < 1000 * (uint64_t)MS) {
        bool is_other = governor.limit != governor.chosen;
        uint64_t from_ns = sums.now_ns;
        pass(work);
        tried_ns += is_other ? sums.now_ns - from_ns : 0;
    }
    return tried_ns;
}

Test(governor, where_the_choice_stays_trials_take_a_twentieth_of_a_second_and_then_a_fiftieth)
{
    static const work_t *const works[] = {&talkative, &parallel};

    for (size_t i = 0; i < COUNT_OF(works); i++) {
        begin(2);
        pass_until_held(works[i]);
        cr_assert(le(u64, tried_in_a_second_ns(works[i]), 1000 * (uint64_t)MS / 20));
        cr_assert(le(u64, tried_in_a_second_ns(works[i]), 1000 * (uint64_t)MS / 50));
    }
}
