/* Names and groups of actors. */
#include "runtime/kernel.h"
#include "runtime/life/groups.h"
#include "runtime/life/names.h"
#include "tests/runtime/life/clan.h"
#include "tests/support/actors/scene.h"

static const actor_kind_t *const kinds[] = {&clan_kind, &resting_kind};
static clan_world_t world;

static void begin(scene_t *scene, uint64_t seed)
{
    memset(&world, 0, sizeof world);
    scene_begin(
        scene, &(scene_options_t){
                   .seed = seed, .kinds = kinds, .kind_count = COUNT_OF(kinds), .service = &world});
}

static address_t clan(const char *key)
{
    return address_of("clan", str_from(key));
}

static uint64_t who(scene_t *scene, const char *key)
{
    return scene_asked(scene, clan(key), clan_who).value;
}

static uint64_t named(const scene_t *scene, const char *name)
{
    return runtime_whereis(scene->runtime, str_from(name)).bits;
}

/* ---- names ---- */

Test(names, a_name_has_one_actor_until_that_gives_it_up)
{
    scene_t scene;
    begin(&scene, 1);

    check_ok(scene_asked(&scene, clan("a"), clan_register, .name = STR("boss")).err);
    check_ok(scene_asked(&scene, clan("a"), clan_register, .name = STR("boss")).err);
    check_err(scene_asked(&scene, clan("b"), clan_register, .name = STR("boss")).err, ERR_CONFLICT);
    check_err(scene_asked(&scene, clan("b"), clan_unregister, .name = STR("boss")).err,
              ERR_NOT_FOUND);
    cr_assert(eq(u64, named(&scene, "boss"), who(&scene, "a")));
    check_ok(scene_asked(&scene, clan("a"), clan_unregister, .name = STR("boss")).err);
    cr_assert(eq(u64, named(&scene, "boss"), 0));
    check_ok(scene_asked(&scene, clan("b"), clan_register, .name = STR("boss")).err);
    cr_assert(eq(u64, named(&scene, "boss"), who(&scene, "b")));
    scene_end(&scene);
}

Test(names, messages_find_who_has_the_name)
{
    scene_t scene;
    begin(&scene, 1);
    check_ok(scene_asked(&scene, clan("a"), clan_register, .name = STR("boss")).err);

    check_ok(scene_send(&scene, address_named(STR("boss")), clan_note, .value = 1));
    check_ok(scene_asked(&scene, address_named(STR("boss")), clan_who).err);
    check_ok(scene_asked(&scene, clan("b"), clan_send_named, .name = STR("boss"), .value = 2).err);
    check_err(scene_send(&scene, address_named(STR("nobody")), clan_note, .value = 3),
              ERR_NOT_FOUND);
    check_err(scene_asked(&scene, address_named(STR("nobody")), clan_who).err, ERR_NOT_FOUND);
    scene_settle(&scene);

    cr_assert(world.note_count == 2 && world.noted_by[0] == 'a' && world.noted_by[1] == 'a');
    scene_end(&scene);
}

Test(names, a_failure_an_end_and_a_restart_free_the_name)
{
    scene_t scene;
    begin(&scene, 1);

    for (int i = 0; i < 2; i++) {
        check_ok(scene_asked(&scene, clan("a"), clan_register, .name = STR("boss")).err);
        check_ok(scene_asked(&scene, clan("a"), clan_join, .group = STR("g")).err);
        check_ok(i == 0 ? scene_send(&scene, clan("a"), clan_break)
                        : scene_send(&scene, clan("a"), clan_stop));
        scene_settle(&scene);
        cr_assert(eq(u64, named(&scene, "boss"), 0));
        cr_assert(eq(u32, runtime_group_members(scene.runtime, STR("g"), NULL, 0), 0));
    }
    scene_end(&scene);
}

Test(names, who_has_a_name_or_is_in_a_group_is_not_passivated)
{
    scene_t scene;
    begin(&scene, 1);
    runtime_stats_t stats;
    address_t to = address_of("resting", STR("a"));

    check_ok(scene_asked(&scene, to, clan_register, .name = STR("boss")).err);
    check_ok(scene_asked(&scene, to, clan_join, .group = STR("g")).err);
    scene_pass(&scene, 200);
    check_ok(scene_asked(&scene, to, clan_unregister, .name = STR("boss")).err);
    scene_pass(&scene, 200);
    runtime_stats(scene.runtime, &stats);
    cr_assert(eq(u64, stats.passivations, 0));
    check_ok(scene_asked(&scene, to, clan_leave, .group = STR("g")).err);
    scene_pass(&scene, 200);

    runtime_stats(scene.runtime, &stats);
    cr_assert(eq(u64, stats.passivations, 1));
    scene_end(&scene);
}

Test(names, each_bound_holds_from_both_sides)
{
    scene_t scene;
    begin(&scene, 1);
    char long_name[NAME_SIZE_MAX + 1];
    memset(long_name, 'n', sizeof long_name);
    char name[16];

    check_err(scene_asked(&scene, clan("a"), clan_register, .name = STR("")).err, ERR_INVALID);
    check_err(scene_asked(&scene, clan("a"), clan_join, .group = STR("")).err, ERR_INVALID);
    check_ok(scene_asked(&scene, clan("a"), clan_register, .name = str_of(long_name, NAME_SIZE_MAX))
                 .err);
    check_err(
        scene_asked(&scene, clan("a"), clan_register, .name = str_of(long_name, NAME_SIZE_MAX + 1))
            .err,
        ERR_LIMIT);
    check_ok(
        scene_asked(&scene, clan("a"), clan_join, .group = str_of(long_name, NAME_SIZE_MAX)).err);
    check_err(
        scene_asked(&scene, clan("a"), clan_join, .group = str_of(long_name, NAME_SIZE_MAX + 1))
            .err,
        ERR_LIMIT);
    for (int i = 1; i <= ACTOR_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        check_err(scene_asked(&scene, clan("a"), clan_register, .name = str_from(name)).err,
                  i < ACTOR_NAMES_MAX ? ERR_OK : ERR_LIMIT);
    }
    for (int i = 1; i <= ACTOR_GROUPS_MAX; i++) {
        snprintf(name, sizeof name, "g%d", i);
        check_err(scene_asked(&scene, clan("a"), clan_join, .group = str_from(name)).err,
                  i < ACTOR_GROUPS_MAX ? ERR_OK : ERR_LIMIT);
    }
    for (int i = 0; i <= GROUP_WATCHERS_MAX; i++) {
        snprintf(name, sizeof name, "w%d", i);
        check_err(scene_asked(&scene, clan(name), clan_watch, .group = STR("g1")).err,
                  i < GROUP_WATCHERS_MAX ? ERR_OK : ERR_LIMIT);
    }
    scene_end(&scene);
}

/* ---- groups ---- */

Test(groups, one_after_the_other_any_or_all_are_sent_to)
{
    scene_t scene;
    begin(&scene, 1);
    static const char *const keys[] = {"a", "b", "c"};

    check_err(scene_asked(&scene, clan("x"), clan_send_one, .group = STR("g")).err, ERR_NOT_FOUND);
    check_err(scene_asked(&scene, clan("x"), clan_send_all, .group = STR("g")).err, ERR_NOT_FOUND);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        check_ok(scene_asked(&scene, clan(keys[i]), clan_join, .group = STR("g")).err);
        check_ok(scene_asked(&scene, clan(keys[i]), clan_join, .group = STR("g")).err);
    }
    for (int i = 0; i < 6; i++) {
        check_ok(scene_asked(&scene, clan("x"), clan_send_one, .group = STR("g")).err);
        scene_settle(&scene);
    }
    cr_assert(memcmp(world.noted_by, "abcabc", 6) == 0 && world.note_count == 6);
    world.note_count = 0;
    for (int i = 0; i < 300; i++) {
        check_ok(scene_asked(&scene, clan("x"), clan_send_one, .group = STR("g"), .is_random = true)
                     .err);
        scene_settle(&scene);
    }
    uint32_t counts[3] = {0};
    for (uint32_t i = 0; i < world.note_count; i++)
        counts[world.noted_by[i] - 'a']++;
    cr_assert(counts[0] > 50 && counts[1] > 50 && counts[2] > 50 && world.note_count == 300);
    world.note_count = 0;
    cr_assert(eq(u64, scene_asked(&scene, clan("x"), clan_send_all, .group = STR("g")).value, 3));
    scene_settle(&scene);
    cr_assert(eq(u32, world.note_count, 3));
    scene_end(&scene);
}

/* ---- a naive twin ---- */

enum { ACTORS = 6, NAMES = 4, STEPS = 400 };
static const char *const keys[ACTORS] = {"a", "b", "c", "d", "e", "f"};
static const char *const names[NAMES] = {"n0", "n1", "n2", "n3"};

typedef struct twin {
    int owner[NAMES]; /* actor, or -1 */
    bool is_member[ACTORS];
} twin_t;

static void forget(twin_t *twin, int actor)
{
    for (int i = 0; i < NAMES; i++) {
        if (twin->owner[i] == actor)
            twin->owner[i] = -1;
    }
    twin->is_member[actor] = false;
}

static void step(scene_t *scene, twin_t *twin, ms_random_t *random)
{
    int actor = (int)random_below(random, ACTORS), name = (int)random_below(random, NAMES);
    address_t to = clan(keys[actor]);
    str_t text = str_from(names[name]), group = STR("g");
    switch (random_below(random, 6)) {
    case 0: {
        err_t want = twin->owner[name] == -1 || twin->owner[name] == actor ? ERR_OK : ERR_CONFLICT;
        check_err(scene_asked(scene, to, clan_register, .name = text).err, want);
        if (want == ERR_OK)
            twin->owner[name] = actor;
        break;
    }
    case 1:
        check_err(scene_asked(scene, to, clan_unregister, .name = text).err,
                  twin->owner[name] == actor ? ERR_OK : ERR_NOT_FOUND);
        if (twin->owner[name] == actor)
            twin->owner[name] = -1;
        break;
    case 2:
        check_ok(scene_asked(scene, to, clan_join, .group = group).err);
        twin->is_member[actor] = true;
        break;
    case 3:
        check_err(scene_asked(scene, to, clan_leave, .group = group).err,
                  twin->is_member[actor] ? ERR_OK : ERR_NOT_FOUND);
        twin->is_member[actor] = false;
        break;
    case 4:
        check_ok(scene_send(scene, to, clan_break));
        forget(twin, actor);
        break;
    default:
        check_ok(scene_send(scene, to, clan_stop));
        forget(twin, actor);
    }
    scene_settle(scene);
}

static void compare(scene_t *scene, const twin_t *twin)
{
    uint32_t wanted = 0;
    for (int i = 0; i < NAMES; i++) {
        uint64_t got = named(scene, names[i]);
        uint64_t want = twin->owner[i] < 0 ? 0 : who(scene, keys[twin->owner[i]]);
        cr_assert(eq(u64, got, want));
    }
    actor_ref_t members[ACTORS];
    for (int i = 0; i < ACTORS; i++)
        wanted += twin->is_member[i];
    uint32_t count = runtime_group_members(scene->runtime, STR("g"), members, ACTORS);
    cr_assert(eq(u32, count, wanted));
    cr_assert(world.wrong == 0 && world.seen_count == count, "the watcher's view: %u, not %u",
              world.seen_count, count);
    for (uint32_t i = 0; i < count; i++) {
        bool is_seen = false;
        for (uint32_t j = 0; j < count; j++)
            is_seen |= world.seen[j] == members[i].bits;
        cr_assert(is_seen);
    }
}

Test(groups, a_random_history_is_that_of_a_naive_twin_and_of_who_watches)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        scene_t scene;
        begin(&scene, seed);
        random_seed_t plan = {seed};
        ms_random_t random = random_seeded(&plan);
        twin_t twin = {{-1, -1, -1, -1}, {false}};
        check_ok(scene_asked(&scene, clan("watcher"), clan_watch, .group = STR("g")).err);
        for (int i = 0; i < STEPS; i++) {
            step(&scene, &twin, &random);
            compare(&scene, &twin);
        }
        scene_end(&scene);
    }
}
