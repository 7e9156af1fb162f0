#include "runtime/kernel.h"
#include "runtime/life/behaviour.h"
#include "runtime/mail/backlog.h"
#include "tests/support/actors/gauge.h"
#include "tests/support/actors/scene.h"

#include "docs/samples/door/door.h"

static const actor_kind_t *const kinds[] = {&gauge_kind, &modulo_kind, &door_kind};
static gauge_world_t world;

static void begin(scene_t *scene)
{
    memset(&world, 0, sizeof world);
    scene_begin(scene,
                &(scene_options_t){
                    .seed = 1, .kinds = kinds, .kind_count = COUNT_OF(kinds), .service = &world});
}

static address_t gauge(void)
{
    return address_of("gauge", STR("a"));
}

static void check_log(const char *what, const uint64_t *wanted, uint32_t count)
{
    cr_assert(world.count == count, "%s: %u are handled, not %u", what, world.count, count);
    for (uint32_t i = 0; i < count; i++)
        cr_assert(world.log[i] == wanted[i], "%s: %llu at %u, not %llu", what,
                  (unsigned long long)world.log[i], i, (unsigned long long)wanted[i]);
    world.count = 0;
}
#define check_handled(what, ...)                                                                   \
    check_log((what), (uint64_t[]){__VA_ARGS__}, COUNT_OF(((uint64_t[]){__VA_ARGS__})))

/* ---- coalescing ---- */

Test(backlog, a_mailbox_at_its_bound_coalesces_nothing_above_it_only_the_newest_of_a_key_is_left)
{
    scene_t scene;
    begin(&scene);

    for (uint64_t i = 1; i <= 4; i++)
        check_ok(scene_send(&scene, gauge(), gauge_set, .id = 7, .value = i));
    scene_settle(&scene);
    check_handled("at the bound", 1, 2, 3, 4);
    for (uint64_t i = 1; i <= 5; i++)
        check_ok(scene_send(&scene, gauge(), gauge_set, .id = 7, .value = i));
    scene_settle(&scene);
    check_handled("above it", 5);

    cr_assert(eq(u64, scene_dead(&scene, DEAD_SUPERSEDED), 4));
    scene_end(&scene);
}

Test(backlog, the_rest_keeps_its_order_and_what_has_no_key_stays)
{
    scene_t scene;
    begin(&scene);
    address_t to = gauge();

    check_ok(scene_send(&scene, to, gauge_set, .id = 1, .value = 10));
    check_ok(scene_send(&scene, to, gauge_plain, .value = 11));
    check_ok(scene_send(&scene, to, gauge_name, .name = STR("1"), .value = 12));
    check_ok(scene_send(&scene, to, gauge_set, .id = 2, .value = 13));
    check_ok(scene_send(&scene, to, gauge_set, .id = 1, .value = 14));
    check_ok(scene_send(&scene, to, gauge_name, .name = STR("1"), .value = 15));
    check_ok(scene_send(&scene, to, gauge_set, .id = 2, .value = 16));
    check_ok(scene_send(&scene, to, gauge_name, .name = STR(""), .value = 17));
    check_err(scene_send(&scene, to, gauge_set, .id = 1, .value = 18), ERR_BUSY); /* twice */
    scene_settle(&scene);

    check_handled("five are left and one of them is dropped", 14, 15, 16, 17);
    cr_assert(eq(u64, scene_dead(&scene, DEAD_SUPERSEDED), 3));
    cr_assert(eq(u64, scene_dead(&scene, DEAD_FULL), 2));
    scene_end(&scene);
}

Test(backlog, who_asked_what_was_superseded_is_told)
{
    scene_t scene;
    begin(&scene);
    scene_answer_t answers[6];

    for (uint64_t i = 0; i < COUNT_OF(answers); i++)
        scene_ask(&scene, &answers[i], gauge(), 0, gauge_set, .id = i % 2, .value = i);
    scene_settle(&scene);

    check_handled("the newest of two keys", 4, 5);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        cr_assert(eq(u32, answers[i].count, 1));
        check_err(answers[i].err, i < 4 ? ERR_STALE : ERR_OK);
    }
    scene_end(&scene);
}

Test(backlog, a_kind_may_say_itself_what_a_key_is)
{
    scene_t scene;
    begin(&scene);
    address_t to = address_of("modulo", STR("a"));

    for (uint64_t i = 0; i < 5; i++)
        check_ok(scene_send(&scene, to, gauge_plain, .value = i % 2 + 10 * i));
    scene_settle(&scene);

    check_handled("by the last digit", 31, 40);
    scene_end(&scene);
}

/* A random lane against a naive twin. */
Test(backlog, what_is_left_is_what_a_naive_twin_leaves)
{
    random_seed_t seed = {42};
    ms_random_t random = random_seeded(&seed);
    for (int round = 0; round < 300; round++) {
        scene_t scene;
        begin(&scene);
        uint64_t ids[8], wanted[8];
        uint32_t count = 1 + (uint32_t)random_below(&random, 8), left = 0;
        for (uint32_t i = 0; i < count; i++) {
            ids[i] = random_below(&random, 6);
            check_ok(scene_send(&scene, gauge(), gauge_set, .id = ids[i], .value = i));
        }
        for (uint32_t i = 0; i < count; i++) {
            bool is_newest = true;
            for (uint32_t j = i + 1; j < count; j++)
                is_newest &= ids[j] != ids[i];
            if (is_newest || count <= 4)
                wanted[left++] = i;
        }
        uint32_t skip = left > 4 ? left - 4 : 0;
        scene_settle(&scene);
        check_log("against the twin", wanted + skip, left - skip);
        scene_end(&scene);
    }
}

/* ---- stash ---- */

Test(backlog, what_is_put_aside_comes_back_in_order_before_what_is_newer)
{
    scene_t scene;
    begin(&scene);

    for (uint64_t i = 1; i <= 3; i++)
        check_ok(scene_send(&scene, gauge(), gauge_keep, .value = i));
    scene_settle(&scene);
    scene_check_sum(&scene);
    cr_assert(eq(u32, world.count, 0));
    check_ok(scene_send(&scene, gauge(), gauge_open));
    check_ok(scene_send(&scene, gauge(), gauge_plain, .value = 4));
    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 5));
    scene_settle(&scene);

    check_handled("in order", 1, 2, 3, 4, 5);
    scene_end(&scene);
}

Test(backlog, what_is_put_aside_again_comes_before_what_is_still_to_come_back)
{
    scene_t scene;
    begin(&scene);

    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 1));
    check_ok(scene_send(&scene, gauge(), gauge_keep_once, .value = 2));
    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 3));
    scene_settle(&scene);
    check_ok(scene_send(&scene, gauge(), gauge_become, .which = 0));
    scene_settle(&scene);

    check_handled("1 was put aside again when 2 opened", 2, 1, 3);
    scene_end(&scene);
}

Test(backlog, a_stash_holds_as_many_as_the_mailbox_and_who_asked_what_is_more_gets_busy)
{
    scene_t scene;
    begin(&scene);
    scene_answer_t answers[5];

    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        scene_ask(&scene, &answers[i], gauge(), 0, gauge_keep, .value = i);
        scene_settle(&scene);
    }
    cr_assert(answers[3].count == 0 && answers[4].count == 1, "four wait");
    check_err(answers[4].err, ERR_BUSY);
    check_ok(scene_asked(&scene, gauge(), gauge_open).err);
    scene_settle(&scene);

    check_handled("the four", 0, 1, 2, 3);
    check_ok(answers[3].err);
    cr_assert(eq(u64, answers[3].value, 3), "who asked is answered when its turn comes again");
    cr_assert(eq(u32, world.kept, 1));
    scene_end(&scene);
}

Test(backlog, a_failure_gives_the_stash_to_the_next_incarnation_in_order)
{
    scene_t scene;
    begin(&scene);

    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 1));
    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 2));
    scene_settle(&scene);
    check_ok(scene_send(&scene, gauge(), gauge_break));
    check_ok(scene_send(&scene, gauge(), gauge_plain, .value = 3));
    world.is_open = true;
    scene_settle(&scene);

    check_handled("in order", 1, 2, 3);
    scene_end(&scene);
}

Test(backlog, an_end_gives_the_stash_to_the_next_activation)
{
    scene_t scene;
    begin(&scene);

    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 1));
    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 2));
    scene_settle(&scene);
    world.is_open = true;
    check_ok(scene_send(&scene, gauge(), gauge_stop));
    check_ok(scene_send(&scene, gauge(), gauge_plain, .value = 3));
    scene_settle(&scene);

    check_handled("in order", 1, 2, 3);
    scene_end(&scene);
}

Test(backlog, what_cannot_be_put_aside_fails_the_actor_and_nothing_is_answered_twice)
{
    scene_t scene;
    begin(&scene);
    scene_answer_t after, failing, late;

    scene_ask(&scene, &after, gauge(), 0, gauge_keep_badly, .how = 0);
    scene_settle(&scene);
    scene_ask(&scene, &failing, gauge(), 0, gauge_keep_badly, .how = 1);
    scene_settle(&scene);
    scene_ask(&scene, &late, gauge(), 100, gauge_keep_badly, .how = 2);
    scene_settle(&scene);

    check_err(after.err, ERR_INTERNAL);
    check_err(failing.err, ERR_INTERNAL);
    cr_assert(eq(u32, late.count, 0), "it is put aside");
    cr_assert(eq(u64, scene_dead(&scene, DEAD_SECOND_REPLY), 1));
    scene_pass(&scene, 200);
    check_err(late.err, ERR_TIMEOUT);
    check_ok(scene_asked(&scene, gauge(), gauge_open).err);
    scene_settle(&scene);
    cr_assert(eq(u64, scene_dead(&scene, DEAD_EXPIRED), 1), "its deadline ran on");
    scene_end(&scene);
}

Test(backlog, a_drain_ends_an_actor_with_a_stash)
{
    scene_t scene;
    begin(&scene);

    check_ok(scene_send(&scene, gauge(), gauge_keep, .value = 1));
    scene_settle(&scene);

    scene_end(&scene); /* and the sum is right */
}

/* ---- behaviours ---- */

Test(behaviour, a_locked_door_lets_nobody_in_until_it_is_unlocked)
{
    scene_t scene;
    begin(&scene);
    address_t door = address_of("door", STR("front"));
    scene_answer_t in[2];

    check_err(scene_asked(&scene, door, door_unlock).err, ERR_CONFLICT);
    check_ok(scene_asked(&scene, door, door_lock).err);
    check_err(scene_asked(&scene, door, door_look).err, ERR_UNAVAILABLE);
    scene_ask(&scene, &in[0], door, 0, door_enter, .who = STR("ann"));
    scene_ask(&scene, &in[1], door, 0, door_enter, .who = STR("bob"));
    scene_settle(&scene);
    cr_assert(in[0].count == 0 && in[1].count == 0, "they wait");
    check_ok(scene_asked(&scene, door, door_unlock).err);
    scene_settle(&scene);

    cr_assert(in[0].value == 1 && in[1].value == 2, "in their order");
    cr_assert(eq(u64, scene_asked(&scene, door, door_look).value, 2));
    scene_end(&scene);
}

Test(behaviour, what_it_does_not_hear_is_refused_inherited_or_put_aside)
{
    scene_t scene;
    begin(&scene);
    address_t to = gauge();

    check_ok(scene_asked(&scene, to, gauge_become, .which = 1).err);
    check_err(scene_asked(&scene, to, gauge_plain, .value = 1).err, ERR_UNSUPPORTED);
    check_ok(scene_asked(&scene, to, gauge_become, .which = 3).err);
    check_ok(scene_asked(&scene, to, gauge_plain, .value = 2).err);
    check_ok(scene_asked(&scene, to, gauge_set, .id = 1, .value = 3).err);
    check_ok(scene_asked(&scene, to, gauge_become, .which = 2).err);
    check_ok(scene_send(&scene, to, gauge_plain, .value = 4));
    scene_settle(&scene);
    check_ok(scene_send(&scene, to, gauge_plain, .value = 5));
    scene_settle(&scene);
    check_ok(scene_asked(&scene, to, gauge_open).err); /* puts both aside again */
    scene_settle(&scene);
    check_handled("so far", 5, 3);
    check_ok(scene_asked(&scene, to, gauge_become, .which = 0).err);
    scene_settle(&scene);

    check_handled("then, in order", 4, 5);
    scene_end(&scene);
}

Test(backlog, what_became_of_others_cannot_be_put_aside)
{
    scene_t scene;
    begin(&scene);
    world.stashes_downs = true;

    check_ok(scene_asked(&scene, gauge(), gauge_watch, .ref_bits = 77).err); /* down at once */
    scene_settle(&scene);

    runtime_stats_t stats;
    runtime_stats(scene.runtime, &stats);
    cr_assert(eq(u64, stats.failures, 1));
    scene_end(&scene);
}

Test(behaviour, a_full_stash_refuses_and_what_became_of_others_is_always_heard)
{
    scene_t scene;
    begin(&scene);
    address_t to = gauge();

    check_ok(scene_send(&scene, to, gauge_watch, .ref_bits = 77)); /* nobody: a down, behind */
    check_ok(scene_send(&scene, to, gauge_become, .which = 2));
    scene_settle(&scene);
    for (uint64_t i = 0; i < 5; i++) {
        check_ok(scene_send(&scene, to, gauge_plain, .value = i));
        scene_settle(&scene);
    }
    check_handled("the down", 1000);
    cr_assert(eq(u64, scene_dead(&scene, DEAD_FULL), 1));
    check_ok(scene_asked(&scene, to, gauge_become, .which = 0).err);
    scene_settle(&scene);

    check_handled("the four", 0, 1, 2, 3);
    scene_end(&scene);
}

Test(behaviour, a_failure_brings_back_the_kinds_own)
{
    scene_t scene;
    begin(&scene);
    address_t to = gauge();

    check_ok(scene_asked(&scene, to, gauge_become, .which = 2).err);
    check_ok(scene_send(&scene, to, gauge_plain, .value = 1));
    scene_settle(&scene);
    check_ok(scene_send(&scene, to, gauge_break));
    scene_settle(&scene);

    check_handled("handled by the next incarnation", 1);
    scene_end(&scene);
}
