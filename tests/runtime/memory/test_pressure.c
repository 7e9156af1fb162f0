#include "tests/runtime/memory/dozer.h"
#include "tests/runtime/memory/shelf.h"

enum { CROWD = 60, EACH = 8000 };

typedef struct fixture {
    shelf_t shelf;
    bed_t bed;
} fixture_t;

static void fixture_begin(fixture_t *self, uint64_t memory_max)
{
    shelf_init(&self->shelf, true);
    bed_begin(&self->bed, &self->shelf.store, memory_max);
}

static void fixture_end(fixture_t *self)
{
    bed_end(&self->bed);
    shelf_deinit(&self->shelf);
}

static scene_answer_t ask_count(fixture_t *self, uint32_t i)
{
    char key[16];
    snprintf(key, sizeof key, "%u", i);
    return scene_asked(&self->bed.scene, address_of("napper", str_from(key)), dozer_count);
}

/* One after the other takes its share, a millisecond apart. */
static void fill(fixture_t *self, uint32_t count)
{
    char key[16];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(key, sizeof key, "%u", i);
        address_t to = address_of("napper", str_from(key));
        check_ok(scene_asked(&self->bed.scene, to, dozer_take, .size = EACH, .blocks = 1).err);
        scene_skip(&self->bed.scene, 1);
    }
}

static bool is_asleep(const fixture_t *self, uint32_t i)
{
    char key[32];
    snprintf(key, sizeof key, "napper/%u", i);
    const state_store_t *store = &self->shelf.store;
    return store->table->has((state_store_t *)(uintptr_t)store, str_from(key));
}

Test(pressure, past_the_maximum_those_that_idled_longest_leave)
{
    fixture_t f;
    uint64_t max = 40 * (uint64_t)EACH;
    fixture_begin(&f, max);

    fill(&f, CROWD);
    scene_pass(&f.bed.scene, 2000);
    runtime_stats_t stats = bed_stats(&f.bed);

    cr_assert(ge(u64, stats.sleeps, 1), "long before their time");
    cr_assert(le(u64, stats.actor_bytes, max));
    cr_assert(ge(u64, stats.actor_bytes, max / 5 * 4), "and no more of them than it takes");
    cr_assert(ge(u64, stats.pressed, stats.sleeps));
    cr_assert(is_asleep(&f, 0), "the oldest");
    for (uint32_t i = 1; i < CROWD; i++)
        cr_assert(is_asleep(&f, i) <= is_asleep(&f, i - 1), "%u before its turn", i);
    cr_assert(is_asleep(&f, CROWD - 1) == false, "not the newest");
    check_ok(ask_count(&f, 0).err);
    fixture_end(&f);
}

Test(pressure, below_it_nobody_leaves)
{
    fixture_t f;
    fixture_begin(&f, 100 * (uint64_t)EACH);

    fill(&f, 30);
    scene_pass(&f.bed.scene, 2000);

    cr_assert(eq(u64, bed_stats(&f.bed).pressed, 0));
    cr_assert(eq(u64, bed_stats(&f.bed).sleeps, 0));
    fixture_end(&f);
}

Test(pressure, who_waits_for_something_stays_whatever_it_holds)
{
    fixture_t f;
    char key[16];
    fixture_begin(&f, 10 * (uint64_t)EACH);
    for (uint32_t i = 0; i < 30; i++) {
        snprintf(key, sizeof key, "%u", i);
        address_t to = address_of("napper", str_from(key));
        check_ok(scene_asked(&f.bed.scene, to, dozer_timer, .delay_ms = 600000).err);
        check_ok(scene_asked(&f.bed.scene, to, dozer_take, .size = EACH, .blocks = 1).err);
        scene_skip(&f.bed.scene, 1);
    }
    scene_pass(&f.bed.scene, 1000);

    cr_assert(gt(u64, bed_stats(&f.bed).pressed, 0));
    cr_assert(eq(u64, bed_stats(&f.bed).sleeps, 0));
    cr_assert(eq(u64, bed_stats(&f.bed).actors, 30));
    fixture_end(&f);
}
