/* Listeners who follow each other, on a running runtime: both ends agree, whatever happens between
 * them. */

#include "actors/protocol/user.h"
#include "tests/actors/social/social_world.h"
#include "tests/support/patience.h"

#include <stdio.h>

static address_t user(const char *name)
{
    return address_of(USER_KIND, str_from(name));
}

static asked_t set_follow(world_t *world, const char *who, const char *whom, bool is_following)
{
    return ask(&world->asking, user(who), user_set_follow, .user_id = str_from(whom),
               .is_following = is_following);
}

static user_standing_t standing(world_t *world, const char *who, const char *to)
{
    return *asked_as(ask(&world->asking, user(who), user_get_standing, .user_id = str_from(to)),
                     user_standing);
}

static bool has_followers(world_t *world, const char *who, const char *of, uint32_t count,
                          bool is_follower)
{
    user_standing_t now = standing(world, who, of);
    return now.follower_count == count && now.is_follower == is_follower;
}

/* Until `who` has so many followers, and `of` is one of them, or none. */
static void wait_followers(world_t *world, const char *who, const char *of, uint32_t count,
                           bool is_follower)
{
    wait_until(has_followers(world, who, of, count, is_follower));
}

Test(follows, both_ends_have_it_and_a_restart_changes_nothing)
{
    world_t world;
    world_init(&world);

    user_standing_t said = *asked_as(set_follow(&world, "ann", "bob", true), user_standing);
    set_follow(&world, "ann", "bob", true); /* twice is once */
    check_ok(set_follow(&world, "ann", "cid", true).err);
    wait_followers(&world, "bob", "ann", 1, true);
    world_restart(&world);

    cr_assert(said.is_following && said.following_count == 1);
    user_standing_t now = standing(&world, "ann", "bob");
    cr_assert(now.is_following && !now.is_follower && now.following_count == 2);
    wait_followers(&world, "bob", "ann", 1, true);
    const user_links_t *whom =
        asked_as(ask(&world.asking, user("ann"), user_get_links, .first = 9), user_links);
    const user_links_t *by = asked_as(
        ask(&world.asking, user("bob"), user_get_links, .is_of_followers = true, .first = 9),
        user_links);
    cr_assert(eq(u32, whom->total_count, 2));
    check_str(whom->links.items[0].user_id, STR("cid")); /* newest first */
    check_str(by->links.items[0].user_id, STR("ann"));
    cr_assert(eq(i64, by->links.items[0].since, whom->links.items[1].since));
    world_deinit(&world);
}

Test(follows, the_end_of_one_is_told_to_the_other_end)
{
    world_t world;
    world_init(&world);
    check_ok(set_follow(&world, "ann", "bob", true).err);

    check_ok(set_follow(&world, "ann", "bob", false).err);
    check_ok(set_follow(&world, "ann", "bob", false).err);

    check_ok(set_follow(&world, "cid", "bob", true).err);
    wait_followers(&world, "bob", "ann", 1, false); /* cid, and ann no more */
    cr_assert_not(standing(&world, "ann", "bob").is_following);
    world_deinit(&world);
}

Test(follows, whom_nobody_can_follow)
{
    world_t world;
    world_init(&world);

    check_err(set_follow(&world, "ann", "ann", true).err, ERR_INVALID);
    check_err(set_follow(&world, "ann", "", true).err, ERR_INVALID);
    check_err(set_follow(&world, "ann", "012345678901234567890123456789012", true).err,
              ERR_INVALID);
    check_err(set_follow(&world, "ann", "nobody", true).err, ERR_NOT_FOUND);
    check_ok(set_follow(&world, "ann", "nobody", false).err); /* there is nothing to end */

    cr_assert(eq(sz, journal_memory_count(world.journal), 0));
    world_deinit(&world);
}

static void part(world_t *world, const char *who)
{
    for (;;) {
        asked_t asked = ask(&world->asking, user(who), user_part);
        if (asked_as(asked, user_parted)->left == 0)
            return;
    }
}

Test(follows, parting_ends_all_of_them_at_both_ends)
{
    world_t world;
    world_init(&world);
    check_ok(set_follow(&world, "ann", "bob", true).err);
    check_ok(set_follow(&world, "bob", "ann", true).err);
    check_ok(set_follow(&world, "cid", "ann", true).err);
    check_ok(set_follow(&world, "cid", "bob", true).err);
    wait_followers(&world, "ann", "cid", 2, true);

    part(&world, "ann");

    wait_followers(&world, "bob", "ann", 1, false);
    cr_assert_not(standing(&world, "bob", "ann").is_following);
    user_standing_t cid = standing(&world, "cid", "ann");
    check_true(!cid.is_following && cid.following_count == 1);
    world_deinit(&world);
}

/* More than the outbox holds at once: it is emptied in between. */
Test(follows, parting_from_many_takes_several_turns)
{
    enum { MANY = 1300 };
    world_t world;
    world_init(&world);
    for (uint32_t i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%u", i);
        err_t err;
        do /* LIMIT: the outbox is full for a moment */
            err = set_follow(&world, "ann", name, true).err;
        while (err == ERR_LIMIT);
        check_ok(err);
    }

    part(&world, "ann");

    cr_assert(eq(u32, standing(&world, "ann", "u0").following_count, 0));
    wait_followers(&world, "u0", "ann", 0, false);
    wait_followers(&world, "u1299", "ann", 0, false);
    world_deinit(&world);
}

/* It came between the parting and the erasure: its other end would keep it for good. */
Test(follows, who_is_followed_again_is_not_erased_before_that_is_ended)
{
    world_t world;
    world_init(&world);
    part(&world, "bob");
    check_ok(set_follow(&world, "ann", "bob", true).err);
    wait_followers(&world, "bob", "ann", 1, true);

    check_err(ask(&world.asking, user("bob"), user_erase).err, ERR_BUSY);

    part(&world, "bob");
    check_ok(ask(&world.asking, user("bob"), user_erase).err);
    cr_assert_not(standing(&world, "ann", "bob").is_following);
    world_deinit(&world);
}

/* What was under way to somebody who was erased meanwhile: the follow is undone. */
Test(follows, somebody_who_is_erased_takes_no_followers)
{
    world_t world;
    world_init(&world);
    check_ok(ask(&world.asking, user("bob"), user_erase).err);

    check_ok(set_follow(&world, "ann", "bob", true).err);

    wait_until(!standing(&world, "ann", "bob").is_following);
    wait_followers(&world, "bob", "ann", 0, false);
    cr_assert(eq(u32, standing(&world, "ann", "bob").following_count, 0));
    world_deinit(&world);
}
