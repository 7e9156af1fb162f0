#include "runtime/base/random.h"
#include "runtime/schedule/wheel.h"
#include "tests/support/check.h"

enum { ENTRIES = 300, STEPS = 20000 };

#define TICK ((uint64_t)WHEEL_TICK_NS)

typedef struct model {
    wheel_t wheel;
    wheel_entry_t entries[ENTRIES];
    uint64_t due_ns[ENTRIES]; /* 0: not in the wheel */
    uint64_t now_ns;
} model_t;

static uint64_t earliest(const model_t *self)
{
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i < ENTRIES; i++) {
        if (self->due_ns[i] != 0)
            best = MIN(best, self->due_ns[i]);
    }
    return best;
}

static uint64_t tick_of(uint64_t ns)
{
    return (ns + TICK - 1) / TICK;
}

static void fire(model_t *self)
{
    wheel_entry_t *entry;
    uint64_t last = 0;
    while ((entry = wheel_take_due(&self->wheel, self->now_ns)) != NULL) {
        size_t i = (size_t)(entry - self->entries);
        cr_assert(self->due_ns[i] != 0 && self->due_ns[i] <= self->now_ns, "not before its time");
        cr_assert(ge(u64, tick_of(self->due_ns[i]), last), "in the order of time");
        cr_assert(eq(u64, wheel_due_ns(entry), tick_of(self->due_ns[i]) * TICK));
        last = tick_of(self->due_ns[i]);
        self->due_ns[i] = 0;
    }
    cr_assert(gt(u64, earliest(self), self->now_ns - TICK), "nothing is late by a tick");
}

static void advance(model_t *self, uint64_t by_ns)
{
    uint64_t next_ns = 0;
    (void)wheel_settle(&self->wheel, self->now_ns);
    bool has_next = wheel_next_ns(&self->wheel, &next_ns);
    cr_assert(eq(u64, has_next, earliest(self) != UINT64_MAX));
    if (has_next)
        cr_assert(lt(u64, next_ns, earliest(self) + TICK), "it never oversleeps");
    self->now_ns += by_ns;
    fire(self);
}

static void add(model_t *self, size_t i, uint64_t in_ns)
{
    bool is_delay = in_ns % 2 == 0;
    if (is_delay) {
        uint64_t ms = in_ns / 1000000;
        self->due_ns[i] = self->now_ns + ms * 1000000;
        wheel_add_after(&self->wheel, &self->entries[i], ms);
    } else {
        self->due_ns[i] = self->now_ns + in_ns;
        wheel_add(&self->wheel, &self->entries[i], self->due_ns[i]);
    }
}

static uint64_t draw(ms_random_t *random, uint64_t reach_ns)
{
    return 1 + random_below(random, 1 + (reach_ns >> random_below(random, 40)));
}

/* Against a plain list: a random program of adding, removing and moving on. */
static void run(uint64_t seed_value, uint64_t reach_ns)
{
    static model_t model;
    random_seed_t seed = {seed_value};
    ms_random_t random = random_seeded(&seed);
    memset(&model, 0, sizeof model);
    model.now_ns = TICK + random_below(&random, UINT64_C(1) << 60);
    wheel_init(&model.wheel, model.now_ns);
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, ENTRIES);
        uint64_t choice = random_below(&random, 10);
        if (choice < 5 && model.due_ns[i] == 0) {
            add(&model, i, draw(&random, reach_ns));
        } else if (choice < 7) {
            if (model.due_ns[i] != 0)
                wheel_remove(&model.wheel, &model.entries[i]);
            model.due_ns[i] = 0;
        } else {
            advance(&model, draw(&random, reach_ns));
        }
    }
}

Test(wheel, agrees_with_a_plain_list)
{
    static const uint64_t reaches_ns[] = {1000,         1000000,         100000000,
                                          10000000000u, 3600000000000ul, UINT64_C(1) << 53};
    for (size_t i = 0; i < COUNT_OF(reaches_ns); i++)
        run(i + 1, reaches_ns[i]);
}

Test(wheel, entries_of_one_moment_fire_in_the_order_they_came)
{
    static wheel_t wheel;
    wheel_entry_t entries[3] = {0};
    wheel_init(&wheel, 5 * TICK);
    for (size_t i = 0; i < 3; i++)
        wheel_add(&wheel, &entries[i], 9000 * TICK);

    for (size_t i = 0; i < 3; i++)
        cr_assert(wheel_take_due(&wheel, 9000 * TICK) == &entries[i]);
    cr_assert(wheel_take_due(&wheel, 9000 * TICK) == NULL);
}

Test(wheel, what_never_comes_due_comes_at_the_end_of_time)
{
    static wheel_t wheel;
    wheel_entry_t entries[2] = {0};
    wheel_init(&wheel, UINT64_C(1) << 60);
    wheel_add(&wheel, &entries[0], UINT64_MAX);
    wheel_add_after(&wheel, &entries[1], UINT64_MAX);
    (void)wheel_settle(&wheel, UINT64_C(1) << 60);

    cr_assert(wheel_take_due(&wheel, UINT64_MAX >> 1) == NULL);
    cr_assert(wheel_take_due(&wheel, UINT64_MAX) == &entries[0]);
    cr_assert(wheel_take_due(&wheel, UINT64_MAX) == &entries[1]);
    cr_assert(wheel_take_due(&wheel, UINT64_MAX) == NULL);
}

Test(wheel, a_delay_counts_from_when_it_is_settled)
{
    static wheel_t wheel;
    wheel_entry_t entries[3] = {0};
    uint64_t next_ns = 0;
    wheel_init(&wheel, 0);
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        wheel_add_after(&wheel, &entries[i], 3 - i);
    wheel_remove(&wheel, &entries[1]);

    cr_assert(eq(u64, wheel_is_settled(&wheel), false));
    cr_assert(eq(u64, wheel_settle(&wheel, 7 * TICK - 1), 7 * TICK + 1000000));

    cr_assert(wheel_is_settled(&wheel));
    cr_assert(wheel_next_ns(&wheel, &next_ns) && next_ns == 7 * TICK + 1000000);
    cr_assert(wheel_take_due(&wheel, 7 * TICK + 999999) == NULL);
    cr_assert(wheel_take_due(&wheel, 7 * TICK + 1000000) == &entries[2]);
    cr_assert(wheel_take_due(&wheel, 7 * TICK + 3000000) == &entries[0]);
    cr_assert(eq(u64, wheel_next_ns(&wheel, &next_ns), false));
}
