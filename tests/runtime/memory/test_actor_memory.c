#include "tests/runtime/memory/dozer.h"
#include "tests/runtime/memory/shelf.h"

static const address_t dozer = {"dozer", STR_INIT("a"), {0}};

typedef struct fixture {
    shelf_t shelf;
    bed_t bed;
} fixture_t;

static void fixture_begin(fixture_t *self)
{
    shelf_init(&self->shelf, true);
    bed_begin(&self->bed, &self->shelf.store, 0);
}

static void fixture_end(fixture_t *self)
{
    bed_end(&self->bed);
    shelf_deinit(&self->shelf);
}

Test(actor_memory, blocks_are_zeroed_charged_and_given_back)
{
    fixture_t f;
    fixture_begin(&f);
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_count).err);
    uint64_t before = bed_stats(&f.bed).actor_bytes;

    scene_answer_t got = scene_asked(&f.bed.scene, dozer, dozer_take, .size = 100, .blocks = 20);
    uint64_t with = bed_stats(&f.bed).actor_bytes;
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_give_back).err);
    uint64_t half = bed_stats(&f.bed).actor_bytes;
    scene_answer_t again = scene_asked(&f.bed.scene, dozer, dozer_take, .size = 100, .blocks = 10);

    cr_assert(eq(u64, got.value, 20));
    cr_assert(eq(u64, with - before, 20 * 132));
    cr_assert(eq(u64, half - before, 10 * 132));
    check_ok(again.err);
    cr_assert(eq(u64, again.value, 20));
    cr_assert(eq(u64, bed_stats(&f.bed).actor_bytes, with));
    fixture_end(&f);
}

Test(actor_memory, past_the_kinds_maximum_there_is_none)
{
    fixture_t f;
    fixture_begin(&f);

    scene_answer_t got = scene_asked(&f.bed.scene, dozer, dozer_take, .size = 1000, .blocks = 64);
    scene_answer_t grown = scene_asked(&f.bed.scene, dozer, dozer_grow, .size = 100000);
    err_t past = scene_asked(&f.bed.scene, dozer, dozer_must_take, .size = 2000).err;

    cr_assert(eq(u64, got.value, 9), "of %d bytes", DOZER_MEMORY_MAX);
    cr_assert(le(u64, grown.value, 700));
    cr_assert(ge(u64, grown.value, 100), "what the blocks left");
    check_err(past, ERR_INTERNAL);
    cr_assert(eq(u64, bed_stats(&f.bed).failures, 1));
    fixture_end(&f);
}

Test(actor_memory, a_failure_frees_all_of_it)
{
    fixture_t f;
    fixture_begin(&f);
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_count).err);
    uint64_t before = bed_stats(&f.bed).actor_bytes;
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_take, .size = 500, .blocks = 8).err);
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_grow, .size = 2000).err);

    check_err(scene_asked(&f.bed.scene, dozer, dozer_break).err, ERR_INTERNAL);
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_count).err);
    scene_answer_t again = scene_asked(&f.bed.scene, dozer, dozer_take, .size = 1000, .blocks = 8);

    cr_assert(eq(u64, again.value, 8), "the quota is whole again");
    check_err(scene_asked(&f.bed.scene, dozer, dozer_break).err, ERR_INTERNAL);
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_count).err);
    cr_assert(eq(u64, bed_stats(&f.bed).actor_bytes, before));
    fixture_end(&f);
}

Test(actor_memory, timers_and_asks_are_charged_and_all_ends_at_nothing)
{
    fixture_t f;
    fixture_begin(&f);
    check_ok(scene_asked(&f.bed.scene, dozer, dozer_count).err);
    uint64_t before = bed_stats(&f.bed).actor_bytes;
    for (uint32_t i = 0; i < 100; i++)
        check_ok(scene_asked(&f.bed.scene, dozer, dozer_timer, .delay_ms = 60000).err);
    cr_assert(ge(u64, bed_stats(&f.bed).actor_bytes, before + 100 * 64));
    check_ok(
        scene_asked(&f.bed.scene, dozer, dozer_ask, .to = STR("another, with a long key")).err);

    check_ok(scene_asked(&f.bed.scene, dozer, dozer_stop).err);
    scene_settle(&f.bed.scene);
    cr_assert(eq(u64, bed_stats(&f.bed).actors, 1), "the one that was asked");
    scene_pass(&f.bed.scene, 10 * (uint64_t)DOZER_IDLE_MS);

    cr_assert(eq(u64, bed_stats(&f.bed).actors, 0));
    cr_assert(eq(u64, bed_stats(&f.bed).actor_bytes, 0));
    fixture_end(&f);
}
