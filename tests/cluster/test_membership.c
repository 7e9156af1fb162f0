#include "tests/support/check.h"
#include "tests/support/cluster/world.h"
#include "tests/support/scale.h"

enum { LEASE_MS = 3000 };

static world_t *world_of(uint64_t seed, uint32_t count)
{
    world_options_t options = {.seed = seed, .lease_ms = LEASE_MS, .delay_ms = 5};
    world_t *world = world_new(&options);
    world_start_many(world, count);
    cr_assert(world_run_until(world, world_is_whole, NULL, 60000), "seed %zu", (size_t)seed);
    return world;
}

Test(membership, nodes_that_start_together_come_to_one_view)
{
    static const uint32_t counts[] = {1, 2, 3, 5, 20};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        world_t *world WORLD_SCOPED = world_of(i + 1, counts[i]);
        cr_assert(view_live_count(world_table(world)) == counts[i]);
        for (uint32_t j = 0; j < counts[i]; j++)
            check_true(world_has_lease(world, j));
    }
}

Test(membership, who_is_killed_is_dead_for_all_and_free_within_three_leases)
{
    static const uint32_t counts[] = {2, 3, 5, 20};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        world_t *world WORLD_SCOPED = world_of(100 + i, counts[i]);
        uint64_t node = world_node(world, 1), began_ms;
        world_run(world, 20000);
        began_ms = world_now_ms(world);
        world_kill(world, 1);
        cr_assert(world_run_until(world, world_is_whole, NULL, 60000), "%u nodes", counts[i]);
        uint64_t dead_ms = world_now_ms(world) - began_ms;
        while (!membership_is_free(world_membership(world, 0), node, world_now_ms(world)))
            world_run(world, 10);
        uint64_t free_ms = world_now_ms(world) - began_ms;
        cr_log_info("%u nodes: dead %zu free %zu", counts[i], (size_t)dead_ms, (size_t)free_ms);
        cr_assert(free_ms < 3 * LEASE_MS, "%u nodes: %zu ms", counts[i], (size_t)free_ms);
    }
}

/* One thing that goes wrong, or right again. */
static void disturb(world_t *world, const ms_random_t *random, uint32_t count)
{
    uint32_t who = (uint32_t)random_below(random, count);
    uint32_t other = (uint32_t)random_below(random, count);
    bool is_on = random_below(random, 2) == 0;
    switch (random_below(random, 9)) {
    case 0:
        world_cut_table(world, who, is_on);
        break;
    case 1:
        world_part(world, is_on ? other : 0);
        break;
    case 2:
        world_cut(world, who, other, is_on);
        break;
    case 3:
        world_pause(world, who, is_on);
        break;
    case 4:
        world_cut_all_tables(world, is_on);
        break;
    case 5:
        world_restart(world, who);
        break;
    case 6:
        world_set_table_delay(world, who, is_on ? LEASE_MS / 2 : 0);
        break;
    case 7:
        world_set_delay(world, who, is_on ? LEASE_MS / 4 : 0);
        break;
    default: /* those who have the table are few, or many */
        for (uint32_t i = 0; i < other; i++)
            world_cut_table(world, i, is_on);
    }
}

static void restart_stopped(world_t *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (world_is_stopped(world, i) && !world_is_replaced(world, i))
            world_restart(world, i);
}

/* world.c looks after each tick that nobody takes what another may still serve. */
static void one_history(uint64_t seed)
{
    world_options_t options = {.seed = seed,
                               .lease_ms = LEASE_MS,
                               .delay_ms = 1 + (uint32_t)(seed % 200),
                               .loss_percent = (uint32_t)(seed % 4)};
    world_t *world WORLD_SCOPED = world_new(&options);
    random_seed_t state = {seed * 7919};
    ms_random_t random = random_seeded(&state);
    uint32_t count = 2 + (uint32_t)random_below(&random, 6);
    world_start_many(world, count);
    world_run(world, 5 * LEASE_MS);
    for (int round = 0; round < 12; round++) {
        disturb(world, &random, count);
        world_run(world, random_below(&random, 5 * LEASE_MS));
    }
    world_heal(world);
    restart_stopped(world, count);
    bool is_whole = world_run_until(world, world_is_whole, NULL, 30 * LEASE_MS);
    if (!is_whole)
        world_print(world);
    cr_assert(is_whole, "seed %zu", (size_t)seed);
}

Test(membership, in_many_histories_nothing_is_served_twice_and_all_heal)
{
    for (uint64_t seed = 1; seed <= 100 * scale_rounds(); seed++)
        one_history(seed);
}

/* 60; with --long 500, what the design is meant for (a minute of a core). */
Test(membership, a_tenth_of_many_die_at_once)
{
    uint32_t count = scale_rounds() > 1 ? 500 : 60;
    world_options_t options = {.seed = 5, .lease_ms = LEASE_MS, .delay_ms = 5};
    world_t *world WORLD_SCOPED = world_new(&options);
    world_start_many(world, count);
    check_true(world_run_until(world, world_is_whole, NULL, 100 * LEASE_MS));
    uint64_t joined_ms = world_now_ms(world), messages = world_messages(world);
    world_run(world, 10000);
    messages = world_messages(world) - messages;
    for (uint32_t i = 0; i < count; i += 10)
        world_kill(world, i);
    uint64_t began_ms = world_now_ms(world);
    check_true(world_run_until(world, world_is_whole, NULL, 5 * LEASE_MS));

    cr_log_info("%u joined in %zu s; then %.1f messages a node and second; a tenth dead for all "
                "after %zu ms",
                count, (size_t)joined_ms / 1000, (double)messages / count / 10,
                (size_t)(world_now_ms(world) - began_ms));
    cr_assert(messages <=
              10 * count * 3 * MEMBERSHIP_RINGS); /* a probe and an answer a second, each */
}
