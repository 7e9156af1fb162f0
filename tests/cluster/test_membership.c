#include "tests/support/check.h"
#include "tests/support/cluster/world.h"
#include "tests/support/scale.h"

#include <stdio.h>

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

/* ---- starting over and over ---- */

enum { TABLE_ROWS_FEW = MEMBERSHIP_DEAD_KEPT + 2 * MEMBERSHIP_PREDECESSORS_KEPT + 16 };

/* A process that dies as soon as it is in the table, or up to so much later, at one address. */
static void crash_often(world_t *world, uint32_t at, uint32_t times, uint64_t lives_ms,
                        const ms_random_t *random)
{
    uint32_t now = at;
    for (uint32_t i = 0; i < times; i++) {
        uint32_t before = now;
        now = world_restart(world, before);
        world_bury(world, before);
        world_run(world, random_below(random, lives_ms));
        cr_assert(world_table(world)->count <= TABLE_ROWS_FEW, "%u rows after %u starts",
                  world_table(world)->count, i);
    }
    cr_assert(world_run_until(world, world_is_whole, NULL, 30 * LEASE_MS));
}

Test(membership, ten_thousand_starts_of_one_node_fill_no_table)
{
    random_seed_t state = {11};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(11, 3);
    crash_often(world, 2, 5000, 400, &random);
    crash_often(world, world_count(world) - 1, 5000, LEASE_MS, &random);
}

/* Alone, and never there for long enough to clean up, but for what it enters over. */
Test(membership, nor_do_those_of_a_node_that_is_alone)
{
    random_seed_t state = {12};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(12, 1);
    crash_often(world, 0, 1500, 15, &random);
}

/* A member that has no database, and lives by the others' answers, acknowledges nothing. */
Test(membership, nor_while_a_member_knows_of_nothing_new)
{
    random_seed_t state = {13};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(13, 4);
    world_cut_table(world, 1, true);
    for (uint32_t i = 0, now = 2; i < 1500; i++) {
        uint32_t before = now;
        now = world_restart(world, before);
        world_bury(world, before);
        world_run(world, random_below(&random, LEASE_MS));
        cr_assert(world_table(world)->count <= TABLE_ROWS_FEW, "%u", world_table(world)->count);
    }
    world_heal(world);
    if (world_is_stopped(world, 1)) /* it was taken for dead meanwhile */
        world_restart(world, 1);
    cr_assert(world_run_until(world, world_is_whole, NULL, 30 * LEASE_MS));
}

/* Three of five stand still for good: nobody can say that they have no lease. */
Test(membership, nor_while_a_dead_ones_lease_may_be_kept)
{
    random_seed_t state = {14};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(14, 5);
    for (uint32_t i = 0; i < 3; i++)
        world_pause(world, i, true);
    world_run(world, 20 * LEASE_MS);
    check_true(!view_is_settled(world_table(world)));
    for (uint32_t i = 0, now = 4; i < 1500; i++) {
        uint32_t before = now;
        now = world_restart(world, before);
        world_bury(world, before);
        world_run(world, random_below(&random, LEASE_MS));
        cr_assert(world_table(world)->count <= TABLE_ROWS_FEW, "%u", world_table(world)->count);
    }
    for (uint32_t i = 0; i < 3; i++)
        check_true(view_find(world_table(world), world_node(world, i)) != NULL);
    world_heal(world);
    world_run(world, LEASE_MS);
    for (uint32_t i = 0; i < 3; i++)
        check_true(world_is_stopped(world, i));
}

/* Its row is gone, not only dead. */
Test(membership, a_zombie_that_was_forgotten_stops)
{
    random_seed_t state = {15};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(15, 4);
    world_pause(world, 1, true);
    world_run(world, 5 * LEASE_MS);
    for (uint32_t i = 0, now = 2; i < 500; i++) {
        uint32_t before = now;
        now = world_restart(world, before);
        world_bury(world, before);
        world_run(world, random_below(&random, LEASE_MS));
    }
    /* Nodes at addresses of their own, each taken for dead: as many as are kept, and one. */
    for (uint32_t i = 0; i <= MEMBERSHIP_DEAD_KEPT; i++) {
        uint32_t one = world_start(world);
        world_run(world, 2 * LEASE_MS);
        world_kill(world, one);
    }
    world_run(world, 10 * LEASE_MS);
    cr_assert(view_find(world_table(world), world_node(world, 1)) == NULL);

    world_pause(world, 1, false);
    world_run(world, LEASE_MS);
    check_true(world_is_stopped(world, 1));
    check_true(world_is_whole(world, NULL));
}

/* ---- what may be forgotten, row by row ---- */

enum { VIEW_VERSION = 100 };

static void put(view_t *view, member_t member)
{
    member.weight = MEMBER_WEIGHT_USUAL;
    member.seen_ms = view->read_ms;
    snprintf(member.address, sizeof member.address, "[::1]:%u", (unsigned)member.node);
    check_ok(view_put(view, &member));
}

/* Node 1 is the oldest; as many dead as are kept, who went by themselves when all was settled. */
static void begin_view(view_t *view)
{
    *view = (view_t){.version = VIEW_VERSION, .read_ms = 1000000};
    put(view,
        (member_t){.node = 1, .status = MEMBER_ACTIVE, .joined = 2, .acknowledged = VIEW_VERSION});
    for (uint32_t i = 0; i < MEMBERSHIP_DEAD_KEPT; i++)
        put(view, (member_t){.node = 1000 + i,
                             .status = MEMBER_DEAD,
                             .joined = 60 + (i % 8),
                             .died = 80 + (i % 8),
                             .acknowledged = MEMBER_GONE});
}

/* What node 1 does when it has had this view for two leases: whether that row goes. */
static bool is_forgotten(const view_t *view, uint64_t node)
{
    membership_options_t options = {.lease_ms = LEASE_MS};
    membership_t *self MEMBERSHIP_SCOPED = NULL;
    membership_effect_t effect;
    bool is_removed = false;
    options.self = *view_find(view, 1);
    check_ok(membership_new(&options, 1, &self));
    for (uint64_t now_ms = 1; now_ms < 2 * LEASE_MS; now_ms += 100) {
        size_t count = 0;
        membership_tick(self, now_ms);
        while (membership_next(self, &effect)) {
            const membership_change_t *changes = membership_changes(self, &count);
            if (effect.kind == MEMBERSHIP_DO_POLL)
                membership_polled(self, view->version, MEMBER_ACTIVE, now_ms);
            else if (effect.kind == MEMBERSHIP_DO_READ)
                membership_read(self, view, now_ms);
            if (effect.kind != MEMBERSHIP_DO_WRITE)
                continue;
            for (size_t i = 0; i < count; i++)
                is_removed = is_removed || (changes[i].is_removed && changes[i].row.node == node);
            membership_written(self, false, now_ms);
        }
    }
    return is_removed;
}

Test(membership, a_dead_row_is_forgotten_when_nothing_follows_from_it)
{
    static const struct {
        const char *what;
        member_t row;          /* dead, node 3 */
        uint64_t acknowledged; /* by node 2, which lives */
        uint64_t unsettled;    /* node 4 died then, and may keep its lease; 0: nobody */
        bool want;
    } cases[] = {
        {"all know it", {.joined = 5, .died = 20, .acknowledged = 20}, 20, 0, true},
        {"its lease is over", {.joined = 5, .died = 20, .acknowledged = 19}, 20, 0, true},
        {"one does not know it", {.joined = 5, .died = 20, .acknowledged = 20}, 19, 0, false},
        {"nor of one that is gone",
         {.joined = 5, .died = 20, .acknowledged = MEMBER_GONE},
         19,
         0,
         true},
        {"nor of one that never joined", {.died = 20}, 19, 0, true},
        {"it lived with one that may have a lease",
         {.joined = 5, .died = 20, .acknowledged = 20},
         30,
         30,
         false},
        {"which is gone itself",
         {.joined = 5, .died = 20, .acknowledged = MEMBER_GONE},
         30,
         30,
         false},
        {"it came after", {.joined = 40, .died = 50, .acknowledged = 50}, 50, 30, true},
        {"with it", {.joined = 30, .died = 50, .acknowledged = 50}, 50, 30, true},
        {"just before", {.joined = 29, .died = 50, .acknowledged = 50}, 50, 30, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        view_t view VIEW_SCOPED;
        member_t row = cases[i].row;
        begin_view(&view);
        row.node = 3;
        row.status = MEMBER_DEAD;
        put(&view, row);
        put(&view, (member_t){.node = 2,
                              .status = MEMBER_ACTIVE,
                              .joined = 2,
                              .acknowledged = cases[i].acknowledged});
        for (uint64_t node = 4; cases[i].unsettled != 0 && node < 8; node++)
            put(&view, (member_t){.node = node,
                                  .status = MEMBER_DEAD,
                                  .joined = 2,
                                  .died = cases[i].unsettled,
                                  .acknowledged = 3});
        bool got = is_forgotten(&view, 3);
        cr_expect(got == cases[i].want, "%s", cases[i].what);
    }
}

Test(membership, as_many_of_the_dead_as_are_kept_stay)
{
    view_t view VIEW_SCOPED;
    begin_view(&view);
    check_true(is_forgotten(&view, 1000) == false);
    put(&view, (member_t){.node = 2000,
                          .status = MEMBER_DEAD,
                          .joined = 60,
                          .died = 90,
                          .acknowledged = MEMBER_GONE});
    check_true(is_forgotten(&view, 1000)); /* the oldest */
    check_true(is_forgotten(&view, 2000) == false);
}

/* Views hold no more rows than that: one more would be read by nobody. */
Test(membership, a_full_table_is_not_entered)
{
    view_t view VIEW_SCOPED = {.version = VIEW_VERSION, .read_ms = 1000000};
    membership_options_t options = {.lease_ms = LEASE_MS, .self = {.node = 9999}};
    membership_effect_t effect;
    for (uint64_t node = 1; node < VIEW_MEMBERS_MAX; node++)
        put(&view, (member_t){.node = node, .status = MEMBER_ACTIVE, .joined = 2});
    snprintf(options.self.address, sizeof options.self.address, "[::1]:9999");
    for (int is_full = 0; is_full < 2; is_full++) {
        membership_t *self MEMBERSHIP_SCOPED = NULL;
        size_t count = 0;
        check_ok(membership_new(&options, 1, &self));
        check_true(membership_next(self, &effect) && effect.kind == MEMBERSHIP_DO_READ);
        membership_read(self, &view, 10);
        for (uint64_t now_ms = 20; now_ms < LEASE_MS; now_ms += 100)
            membership_tick(self, now_ms);
        (void)membership_changes(self, &count);
        cr_expect(count == (is_full ? 0 : 1));
        put(&view, (member_t){.node = 5000, .status = MEMBER_ACTIVE, .joined = 2});
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
