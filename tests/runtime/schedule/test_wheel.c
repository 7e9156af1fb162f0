#include "runtime/base/random.h"
#include "runtime/schedule/wheel.h"
#include "tests/support/check.h"

enum { ENTRIES = 300, STEPS = 20000 };

typedef struct model {
    wheel_t wheel;
    wheel_entry_t entries[ENTRIES];
    uint64_t due_ms[ENTRIES]; /* 0: not in the wheel */
} model_t;

static uint64_t earliest(const model_t *self)
{
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i < ENTRIES; i++) {
        if (self->due_ms[i] != 0)
            best = MIN(best, self->due_ms[i]);
    }
    return best;
}

static void advance(model_t *self, uint64_t now_ms)
{
    wheel_entry_t *entry;
    uint64_t last_ms = 0;
    while ((entry = wheel_take_due(&self->wheel, now_ms)) != NULL) {
        size_t i = (size_t)(entry - self->entries);
        cr_assert(self->due_ms[i] != 0 && self->due_ms[i] <= now_ms, "not before its time");
        cr_assert(ge(u64, self->due_ms[i], last_ms), "in the order of time");
        last_ms = self->due_ms[i];
        self->due_ms[i] = 0;
    }
    cr_assert(gt(u64, earliest(self), now_ms), "nothing due is left");
}

/* Against a plain list: a random program of adding, removing and moving on. */
static void run(uint64_t seed_value, uint64_t reach_ms)
{
    static model_t model;
    random_seed_t seed = {seed_value};
    ms_random_t random = random_seeded(&seed);
    uint64_t now_ms = 1 + random_below(&random, UINT64_C(1) << 40);
    memset(&model, 0, sizeof model);
    wheel_init(&model.wheel, now_ms);
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, ENTRIES);
        uint64_t choice = random_below(&random, 10);
        if (choice < 5 && model.due_ms[i] == 0) {
            model.due_ms[i] =
                now_ms + 1 + random_below(&random, 1 + (reach_ms >> random_below(&random, 30)));
            wheel_add(&model.wheel, &model.entries[i], model.due_ms[i]);
        } else if (choice < 7) {
            wheel_remove(&model.wheel, &model.entries[i]);
            model.due_ms[i] = 0;
        } else {
            uint64_t next_ms = 0;
            bool has_next = wheel_next_ms(&model.wheel, &next_ms);
            cr_assert(eq(u64, has_next, earliest(&model) != UINT64_MAX));
            if (has_next)
                cr_assert(le(u64, next_ms, earliest(&model)), "it never oversleeps");
            now_ms += random_below(&random, 1 + (reach_ms >> random_below(&random, 30)));
            advance(&model, now_ms);
        }
    }
}

Test(wheel, agrees_with_a_plain_list)
{
    static const uint64_t reaches_ms[] = {10, 100, 10000, 1000000, UINT64_C(1) << 33};
    for (size_t i = 0; i < COUNT_OF(reaches_ms); i++)
        run(i + 1, reaches_ms[i]);
}

Test(wheel, entries_of_one_moment_fire_in_the_order_they_came)
{
    wheel_t wheel;
    wheel_entry_t entries[3] = {0};
    wheel_init(&wheel, 5);
    for (size_t i = 0; i < 3; i++)
        wheel_add(&wheel, &entries[i], 9000);

    for (size_t i = 0; i < 3; i++)
        cr_assert(wheel_take_due(&wheel, 9000) == &entries[i]);
    cr_assert(wheel_take_due(&wheel, 9000) == NULL);
}
