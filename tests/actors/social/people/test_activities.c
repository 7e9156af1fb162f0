/* Activities beside a naive twin, and who sees them on a running runtime. */

#include "actors/protocol/playlist.h"
#include "actors/social/people/activities.h"
#include "runtime/base/random.h"
#include "tests/actors/social/social_world.h"
#include "tests/support/patience.h"

enum { STEPS = 2000, NUMBERS = STEPS + 1 };

/* By number: the track of each, 0: it is not kept. */
typedef struct twin {
    uint64_t tracks[NUMBERS];
    uint64_t last, count;
} twin_t;

static void twin_drop(twin_t *twin, uint64_t number)
{
    twin->count -= twin->tracks[number] != 0;
    twin->tracks[number] = 0;
}

static void act(activities_t *list, twin_t *twin, uint64_t track)
{
    user_acted_t event = {.kind = ACTIVITY_FAVOURITE, .track_id = track};
    activities_next(list, &event);
    check_ok(activities_apply_acted(list, &event, (int64_t)twin->last + 1));
    bool is_full = twin->count == USER_ACTIVITIES_MAX;
    for (uint64_t i = 1; i <= twin->last && is_full; i++)
        if (twin->tracks[i] != 0) {
            twin_drop(twin, i);
            is_full = false;
        }
    twin->tracks[++twin->last] = track;
    twin->count += track != 0;
}

static void check_same(const activities_t *list, const twin_t *twin)
{
    user_activity_t page[USER_ACTIVITIES_MAX];
    uint32_t count = activities_page(list, 0, USER_ACTIVITIES_MAX, page);
    uint64_t at = twin->last;
    cr_assert(eq(u64, count, twin->count));
    cr_assert(eq(u64, list->last, twin->last));
    for (uint32_t i = 0; i < count; i++, at--) {
        while (twin->tracks[at] == 0)
            at--;
        cr_assert(eq(u64, page[i].number, at));
        cr_assert(eq(u64, page[i].track_id, twin->tracks[at]));
    }
}

static void replace_by_records(activities_t *list)
{
    arena_t arena ARENA_SCOPED = {0};
    activities_t read = {.last = list->last};
    const user_activity_t *items;
    check_ok(activities_to_records(list, &arena, &items));
    check_ok(activities_from_records(&read, items, list->count));
    activities_deinit(list);
    *list = read;
}

Test(activities, what_comes_and_goes_does_the_same_to_a_naive_twin)
{
    random_seed_t seed = {3};
    ms_random_t random = random_seeded(&seed);
    activities_t list SCOPED(activities_deinit) = {0};
    twin_t *twin = &(twin_t){0};
    for (uint32_t i = 0; i < STEPS; i++) {
        uint64_t what = random_below(&random, 20),
                 number = 1 + random_below(&random, twin->last + 1);
        if (what < 18) {
            act(&list, twin, what == 0 ? 0 : 1 + random_below(&random, 1000));
        } else if (what == 18) {
            activities_apply_dropped(&list, number);
            if (number <= twin->last)
                twin_drop(twin, number);
        } else {
            replace_by_records(&list);
        }
        check_same(&list, twin);
    }
    cr_assert(eq(u32, list.count, USER_ACTIVITIES_MAX));
}

Test(activities, one_is_found_by_its_kind_and_object)
{
    activities_t list SCOPED(activities_deinit) = {0};
    const user_acted_t events[] = {
        {.number = 1, .kind = ACTIVITY_FAVOURITE, .track_id = 7},
        {.number = 2, .kind = ACTIVITY_RATING, .track_id = 7, .rating = 3},
        {.number = 3, .kind = ACTIVITY_FOLLOW, .object_id = STR("bob")},
    };
    user_activity_t page[3];
    for (size_t i = 0; i < COUNT_OF(events); i++)
        check_ok(activities_apply_acted(&list, &events[i], 10 + (int64_t)i));

    cr_assert(eq(u64, activities_find(&list, ACTIVITY_RATING, 7, STR("")), 2));
    cr_assert(eq(u64, activities_find(&list, ACTIVITY_FOLLOW, 0, STR("bob")), 3));
    cr_assert(eq(u64, activities_find(&list, ACTIVITY_PLAYLIST, 0, STR("bob")), 0));
    cr_assert(eq(u64, activities_find(&list, ACTIVITY_FAVOURITE, 8, STR("")), 0));
    cr_assert(eq(u32, activities_page(&list, 11, 3, page), 2)); /* not after */
    cr_assert(eq(u64, page[0].number, 2));
}

/* ---- who sees them ---- */

static address_t user(const char *name)
{
    return address_of(USER_KIND, str_from(name));
}

static const user_activities_t *seen(world_t *world, const char *whose, const char *by)
{
    return asked_as(ask(&world->asking, user(whose), user_get_activities, .user_id = str_from(by),
                        .first = 100),
                    user_activities);
}

static void share(world_t *world, const char *who, str_t word)
{
    const user_setting_t setting = {STR("activity_shared"), word};
    check_ok(ask(&world->asking, user(who), user_set_settings, .settings = {&setting, 1}).err);
}

static void favour(world_t *world, const char *who, uint64_t track, bool is_favourite)
{
    check_ok(ask(&world->asking, user(who), user_set_favourite, .track_id = track,
                 .is_favourite = is_favourite)
                 .err);
}

Test(acting, followers_see_what_is_shared_and_nobody_else)
{
    world_t world;
    world_init(&world);
    check_ok(ask(&world.asking, user("bob"), user_set_follow, .user_id = STR("ann"),
                 .is_following = true)
                 .err);
    favour(&world, "ann", 1, true); /* before it is shared */
    share(&world, "ann", STR("on"));

    favour(&world, "ann", 2, true);
    favour(&world, "ann", 3, true);
    favour(&world, "ann", 2, false); /* taken back: so is that it was done */
    check_ok(ask(&world.asking, user("ann"), user_set_rating, .track_id = 3, .rating = 2).err);
    check_ok(ask(&world.asking, user("ann"), user_set_rating, .track_id = 3, .rating = 5).err);
    check_ok(ask(&world.asking, user("ann"), user_set_follow, .user_id = STR("cid"),
                 .is_following = true)
                 .err);
    world_restart(&world);

    wait_until(seen(&world, "ann", "bob")->activities.count > 0);
    const user_activities_t *by_bob = seen(&world, "ann", "bob");
    cr_assert(eq(u32, by_bob->activities.count, 3));
    cr_assert(eq(u32, by_bob->activities.items[0].kind, ACTIVITY_FOLLOW));
    check_str(by_bob->activities.items[0].object_id, STR("cid"));
    cr_assert(eq(u32, by_bob->activities.items[1].rating, 5)); /* the last word */
    cr_assert(eq(u64, by_bob->activities.items[2].track_id, 3));
    cr_assert(eq(u32, seen(&world, "ann", "ann")->activities.count, 3));
    cr_assert(eq(u32, seen(&world, "ann", "cid")->activities.count, 0));

    share(&world, "ann", STR("off"));
    cr_assert(eq(u32, seen(&world, "ann", "bob")->activities.count, 0));
    share(&world, "ann", STR("on"));
    cr_assert(eq(u32, seen(&world, "ann", "bob")->activities.count, 0)); /* it is gone */
    world_deinit(&world);
}

Test(acting, a_playlist_that_is_made_public_is_among_them_until_it_is_taken_back)
{
    world_t world;
    world_init(&world);
    share(&world, "ann", STR("on"));
    const playlist_view_t *made = asked_as(
        ask(&world.asking, user("ann"), user_create_playlist, .name = STR("A")), playlist_view);
    address_t list = address_of(PLAYLIST_KIND, made->playlist_id);

    check_ok(ask(&world.asking, list, playlist_set_public, .user_id = STR("ann"), .is_public = true)
                 .err);
    wait_until(seen(&world, "ann", "ann")->activities.count == 1);
    check_str(seen(&world, "ann", "ann")->activities.items[0].object_id, made->playlist_id);
    check_ok(ask(&world.asking, user("ann"), user_delete_playlist, .playlist_id = made->playlist_id)
                 .err);
    wait_until(seen(&world, "ann", "ann")->activities.count == 0);
    world_deinit(&world);
}
