#include "tests/support/check.h"
#include "tests/support/cluster/world.h"
#include "tests/support/scale.h"

#include <stdio.h>

enum { LEASE_MS = 3000 };

static world_t *world_of(uint64_t seed, uint32_t count)
{
    return world_whole(seed, count, LEASE_MS);
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
        /* That all know it is read soon, not with the next beat. */
        cr_assert(free_ms - dead_ms < LEASE_MS * 12 / 10, "%u nodes: %zu ms", counts[i],
                  (size_t)(free_ms - dead_ms));
    }
}

/* Two must vote: two must have watched it, whatever numbers the nodes have. */
Test(membership, whoever_is_killed_was_watched_by_enough)
{
    static const uint32_t counts[] = {3, 4, 6};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        world_t *world WORLD_SCOPED = world_of(300 + i, counts[i]);
        uint32_t at[8];
        for (uint32_t j = 0; j < counts[i]; j++)
            at[j] = j;
        for (uint32_t round = 0; round < 40; round++) {
            uint32_t *victim = &at[round % counts[i]];
            uint64_t node = world_node(world, *victim), began_ms = world_now_ms(world);
            uint32_t witness = at[(round + 1) % counts[i]];
            world_kill(world, *victim);
            while (
                !membership_is_free(world_membership(world, witness), node, world_now_ms(world)) &&
                world_now_ms(world) - began_ms < 4 * LEASE_MS)
                world_run(world, 10);
            cr_assert(world_now_ms(world) - began_ms < 3 * LEASE_MS, "%u nodes, round %u",
                      counts[i], round);
            *victim = world_restart(world, *victim);
            cr_assert(world_run_until(world, world_is_whole, NULL, 60000));
        }
    }
}

static uint32_t dead_count(const world_t *world)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world_table(world)->count; i++)
        count += world_table(world)->members[i].status == MEMBER_DEAD;
    return count;
}

Test(membership, who_alone_does_not_reach_the_table_is_replaced_for_good)
{
    static const uint32_t counts[] = {2, 3, 5, 20};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        world_t *world WORLD_SCOPED = world_of(200 + i, counts[i]);
        uint64_t node = world_node(world, 1), began_ms;
        world_run(world, 20 * LEASE_MS);
        began_ms = world_now_ms(world);
        world_cut_table(world, 1, true);
        world_run(world, (MEMBERSHIP_STALE_LEASES - 1) * LEASE_MS);
        cr_assert(dead_count(world) == 0, "%u nodes: too early", counts[i]);
        check_true(counts[i] == 2 || world_has_lease(world, 1)); /* its neighbours answer for it */

        while (!membership_is_free(world_membership(world, 0), node, world_now_ms(world)) &&
               world_now_ms(world) - began_ms < 30 * LEASE_MS)
            world_run(world, 10);
        uint64_t free_ms = world_now_ms(world) - began_ms;
        cr_log_info("%u nodes: free %zu", counts[i], (size_t)free_ms);
        cr_assert(free_ms < (MEMBERSHIP_STALE_LEASES + 6) * LEASE_MS, "%u nodes: %zu ms", counts[i],
                  (size_t)free_ms);
        cr_assert(dead_count(world) == 1);
        check_true(!world_has_lease(world, 1));
    }
}

Test(membership, who_comes_back_to_the_table_later_than_others_is_not_replaced_for_that)
{
    world_t *world WORLD_SCOPED = world_of(210, 5);
    world_run(world, 20 * LEASE_MS);

    world_cut_all_tables(world, true);
    world_run(world, 20 * LEASE_MS);
    world_cut_table(world, 0, false); /* sees rows that are 20 leases old */
    world_cut_table(world, 1, false);
    world_run(world, (MEMBERSHIP_STALE_LEASES - 1) * LEASE_MS);
    cr_assert(dead_count(world) == 0);
    world_heal(world);
    world_run(world, 20 * LEASE_MS);

    cr_assert(dead_count(world) == 0);
    check_true(world_is_whole(world, NULL));
}

/* ---- most of them at once ---- */

/* No majority of the last view is left to say that it does not keep a lease: it is waited for as
 * long as a majority's answers count without the table. */
Test(membership, what_most_of_the_nodes_had_is_free_when_they_are_killed_at_once)
{
    static const struct {
        uint32_t count, killed;
    } cases[] = {{3, 2}, {4, 3}, {5, 3}, {5, 4}, {20, 11}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        world_t *world WORLD_SCOPED = world_of(400 + i, cases[i].count);
        uint32_t last = cases[i].count - 1;
        world_run(world, 5 * LEASE_MS);
        uint64_t began_ms = world_now_ms(world);
        for (uint32_t j = 0; j < cases[i].killed; j++)
            world_kill(world, j);
        for (uint32_t j = 0; j < cases[i].killed; j++)
            while (!membership_is_free(world_membership(world, last), world_node(world, j),
                                       world_now_ms(world)) &&
                   world_now_ms(world) - began_ms < 3 * MEMBERSHIP_MAJORITY_LEASES * LEASE_MS)
                world_run(world, 10);
        uint64_t free_ms = world_now_ms(world) - began_ms;
        cr_log_info("%u of %u: free %zu", cases[i].killed, cases[i].count, (size_t)free_ms);
        cr_assert(free_ms > MEMBERSHIP_MAJORITY_LEASES * LEASE_MS, "%zu", (size_t)free_ms);
        cr_assert(free_ms < (MEMBERSHIP_MAJORITY_LEASES * 11 / 10 + 3) * LEASE_MS, "%u of %u: %zu",
                  cases[i].killed, cases[i].count, (size_t)free_ms);
    }
}

/* They are a majority, and the third has the table: it may take over, so they must stop. */
Test(membership, a_majority_without_the_table_serves_for_so_long_and_no_longer)
{
    world_t *world WORLD_SCOPED = world_of(410, 3);
    world_run(world, 5 * LEASE_MS);
    world_part(world, 2);
    world_cut_table(world, 0, true);
    world_cut_table(world, 1, true);

    world_run(world, (MEMBERSHIP_MAJORITY_LEASES - 1) * LEASE_MS);
    check_true(world_has_lease(world, 0) && world_has_lease(world, 1));
    check_true(
        !membership_is_free(world_membership(world, 2), world_node(world, 0), world_now_ms(world)));
    world_run(world, 2 * LEASE_MS + LEASE_MS / 2);
    check_true(!world_has_lease(world, 0) && !world_has_lease(world, 1));
    world_run(world, (MEMBERSHIP_MAJORITY_LEASES / 10 + 2) * LEASE_MS);
    for (uint32_t i = 0; i < 2; i++)
        check_true(membership_is_free(world_membership(world, 2), world_node(world, i),
                                      world_now_ms(world)));
}

Test(membership, where_all_answer_a_stopped_database_stops_no_node)
{
    world_t *world WORLD_SCOPED = world_of(411, 3);
    world_run(world, 5 * LEASE_MS);
    world_cut_all_tables(world, true);
    for (uint32_t i = 0; i < 5 * MEMBERSHIP_MAJORITY_LEASES; i++) {
        world_run(world, LEASE_MS);
        for (uint32_t j = 0; j < 3; j++)
            check_true(world_has_lease(world, j));
    }
}

/* One node of a cluster that starts without the others' answers is no reason to declare them dead:
 * the table was away for all. */
Test(membership, who_is_first_to_have_the_table_again_is_not_alone_for_that)
{
    world_t *world WORLD_SCOPED = world_of(412, 3);
    world_run(world, 5 * LEASE_MS);
    world_cut_all_tables(world, true);
    world_part(world, 1);
    world_run(world, 5 * LEASE_MS);
    world_cut_table(world, 0, false); /* sees rows that are 5 leases old, of two suspects */
    world_run(world, (MEMBERSHIP_SILENT_LEASES - 1) * LEASE_MS);
    cr_assert(dead_count(world) == 0);
    world_heal(world);
    world_run(world, 5 * LEASE_MS);
    cr_assert(dead_count(world) == 0);
    check_true(world_is_whole(world, NULL));
}

/* ---- one node, and a table that is told by hand ---- */

enum { ME = 1, OTHER = 2 };

/* What it asks of the table, until it reads: nothing lands. */
static bool asks_to_read(membership_t *self, uint64_t version, uint64_t now_ms)
{
    membership_effect_t effect;
    while (membership_next(self, &effect)) {
        if (effect.kind == MEMBERSHIP_DO_READ)
            return true;
        if (effect.kind == MEMBERSHIP_DO_POLL)
            membership_polled(self, version, MEMBER_ACTIVE, now_ms);
        else if (effect.kind == MEMBERSHIP_DO_WRITE)
            membership_written(self, false, now_ms);
    }
    return false;
}

static void reads(membership_t *self, const view_t *view, uint64_t *now_ms)
{
    bool is_read = false;
    membership_told(self, view->version, *now_ms);
    for (uint32_t i = 0; i < 10 && !is_read; i++) {
        *now_ms += LEASE_MS / 30;
        membership_tick(self, *now_ms);
        is_read = asks_to_read(self, view->version, *now_ms);
    }
    check_true(is_read);
    membership_read(self, view, *now_ms);
    if (asks_to_read(self, view->version, *now_ms))
        membership_away(self, *now_ms);
}

/* Both joined long ago; this node has acknowledged `known`. */
static void put_both(view_t *view, uint64_t version, uint64_t known, uint64_t other_died)
{
    member_t me = {.node = ME, .status = MEMBER_ACTIVE, .joined = 1, .acknowledged = known};
    member_t other = {.node = OTHER, .joined = 2, .acknowledged = 2, .died = other_died};
    other.status = other_died == 0 ? MEMBER_ACTIVE : MEMBER_DEAD;
    snprintf(me.address, sizeof me.address, "a:1");
    snprintf(other.address, sizeof other.address, "b:1");
    view->version = version;
    check_ok(view_put(view, &me));
    check_ok(view_put(view, &other));
}

Test(membership, whose_death_a_fail_over_has_lost_is_not_free_as_soon_as_it_dies_again)
{
    enum { DIED = 3 };
    const uint64_t other_history = UINT64_C(1) << VIEW_HISTORY_SHIFT;
    uint64_t now_ms = 1000000;
    membership_t *self MEMBERSHIP_SCOPED = NULL;
    view_t view VIEW_SCOPED = {0};
    membership_options_t options = {.self = {.node = ME, .address = "a:1"}, .lease_ms = LEASE_MS};
    check_ok(membership_new(&options, now_ms, &self));
    put_both(&view, DIED, DIED, DIED);
    reads(self, &view, &now_ms);
    now_ms += 2 * LEASE_MS;
    check_true(membership_is_free(self, OTHER, now_ms));

    put_both(&view, other_history, DIED, 0);
    reads(self, &view, &now_ms);
    check_true(!membership_is_free(self, OTHER, now_ms));
    now_ms += LEASE_MS;
    put_both(&view, other_history + 1, other_history, other_history + 1);
    reads(self, &view, &now_ms);

    check_true(!membership_is_free(self, OTHER, now_ms)); /* not all know, no lease has passed */
    put_both(&view, other_history + 1, other_history + 1, other_history + 1);
    now_ms += LEASE_MS;
    reads(self, &view, &now_ms);
    check_true(!membership_is_free(self, OTHER, now_ms)); /* a lease from here on */
    now_ms += 2 * LEASE_MS;
    check_true(membership_is_free(self, OTHER, now_ms));
}

/* How long the other one, which never answers, is probed until it is suspect. */
static uint64_t suspect_after_ms(bool is_down)
{
    uint64_t now_ms = 1000000, began_ms;
    membership_t *self MEMBERSHIP_SCOPED = NULL;
    membership_effect_t effect;
    view_t view VIEW_SCOPED = {0};
    membership_options_t options = {.self = {.node = ME, .address = "a:1"}, .lease_ms = LEASE_MS};
    check_ok(membership_new(&options, now_ms, &self));
    put_both(&view, 3, 3, 0);
    reads(self, &view, &now_ms);
    began_ms = now_ms;
    if (is_down)
        membership_link_lost(self, OTHER, now_ms);
    while (!membership_is_suspect(self, OTHER) && now_ms - began_ms < 10 * LEASE_MS) {
        now_ms += LEASE_MS / 30;
        membership_tick(self, now_ms);
        while (membership_next(self, &effect))
            if (effect.kind <= MEMBERSHIP_DO_WRITE)
                membership_away(self, now_ms);
    }
    return now_ms - began_ms;
}

/* Nothing is known yet of how long its answers take. */
Test(membership, whose_link_broke_is_waited_for_half_as_long_and_for_as_many_probes)
{
    enum { BEAT_MS = LEASE_MS / 3, SLACK_MS = 4 * LEASE_MS / 30 };
    uint64_t usual_ms = suspect_after_ms(false), down_ms = suspect_after_ms(true);

    cr_assert(usual_ms >= 3 * BEAT_MS && usual_ms <= 3 * BEAT_MS + SLACK_MS, "%zu",
              (size_t)usual_ms);
    cr_assert(down_ms >= 3 * BEAT_MS / 2 && down_ms <= 3 * BEAT_MS / 2 + SLACK_MS, "%zu",
              (size_t)down_ms);
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
                               .loss_percent = (uint32_t)(seed % 4),
                               .says_gone = seed % 2 == 0};
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

/* ---- clocks ---- */

/* Nodes' clocks differ by up to a day, and each goes wrong by up to 4 %: any two by less than the
 * tenth of a lease that is_free adds. The database's is set back and forth. */
Test(membership, wrong_clocks_change_nothing)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    static const int64_t steps_ms[] = {3600000, -7200000, 5000, -400};
    for (uint64_t seed = 1; seed <= 40 * scale_rounds(); seed++) {
        world_options_t options = {.seed = seed,
                                   .lease_ms = LEASE_MS,
                                   .delay_ms = 5,
                                   .skew_ms = DAY_MS,
                                   .drift_per_mille = 40};
        world_t *world WORLD_SCOPED = world_new(&options);
        random_seed_t state = {seed * 104729};
        ms_random_t random = random_seeded(&state);
        uint32_t count = 2 + (uint32_t)random_below(&random, 5);
        world_start_many(world, count);
        world_run(world, 10 * LEASE_MS);
        for (int round = 0; round < 8; round++) {
            disturb(world, &random, count);
            world_step_table_clock(world, steps_ms[random_below(&random, COUNT_OF(steps_ms))]);
            world_run(world, random_below(&random, 5 * LEASE_MS));
        }
        world_heal(world);
        restart_stopped(world, count);
        cr_assert(world_run_until(world, world_is_whole, NULL, 30 * LEASE_MS), "seed %zu",
                  (size_t)seed);
    }
}

static bool is_first_dead(world_t *world, void *unused)
{
    (void)unused;
    const member_t *row = view_find(world_table(world), world_node(world, 0));
    return row != NULL && row->status == MEMBER_DEAD;
}

/* It had its lease renewed a moment before it was declared dead, and then hears nothing more: the
 * case in which the rates of two clocks matter. */
Test(membership, a_slow_clocks_lease_is_over_when_a_fast_clock_says_so)
{
    for (uint64_t seed = 1; seed <= 1000 * scale_rounds(); seed++) {
        world_options_t options = {.seed = seed,
                                   .lease_ms = LEASE_MS,
                                   .delay_ms = 5,
                                   .skew_ms = 1000000,
                                   .drift_per_mille = 45};
        world_t *world WORLD_SCOPED = world_new(&options);
        world_start_many(world, 3);
        cr_assert(world_run_until(world, world_is_whole, NULL, 20 * LEASE_MS));
        world_part(world, 1);
        cr_assert(world_run_until(world, is_first_dead, NULL, 5 * LEASE_MS));
        world_cut_table(world, 0, true);
        while (!membership_is_free(world_membership(world, 1), world_node(world, 0),
                                   world_clock_ms(world, 1)))
            world_run(world, 10);
        cr_assert(world_has_lease(world, 0) == false, "seed %zu", (size_t)seed);
    }
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
              10 * count * 3 * (MEMBERSHIP_RINGS + 1)); /* a probe and an answer a second, each */
}
