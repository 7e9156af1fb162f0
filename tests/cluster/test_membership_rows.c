#include "tests/support/check.h"
#include "tests/support/cluster/world.h"

#include <stdio.h>

enum { LEASE_MS = 3000 };

static world_t *world_of(uint64_t seed, uint32_t count)
{
    return world_whole(seed, count, LEASE_MS);
}

/* ---- starting over and over ---- */

enum { TABLE_ROWS_FEW = MEMBERSHIP_DEAD_KEPT + 2 * MEMBERSHIP_PREDECESSORS_KEPT + 16 };

/* A process that dies as soon as it is in the table, or up to so much later, at one address. */
static void restart_often(world_t *world, uint32_t at, uint32_t times, uint64_t lives_ms,
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
}

static void crash_often(world_t *world, uint32_t at, uint32_t times, uint64_t lives_ms,
                        const ms_random_t *random)
{
    restart_often(world, at, times, lives_ms, random);
    cr_assert(world_run_until(world, world_is_whole, NULL, 30 * LEASE_MS));
}

Test(membership_rows, ten_thousand_starts_of_one_node_fill_no_table)
{
    random_seed_t state = {11};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(11, 3);
    crash_often(world, 2, 5000, 400, &random);
    crash_often(world, world_count(world) - 1, 5000, LEASE_MS, &random);
}

/* Alone, and never there for long enough to clean up, but for what it enters over. */
Test(membership_rows, nor_do_those_of_a_node_that_is_alone)
{
    random_seed_t state = {12};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(12, 1);
    crash_often(world, 0, 1500, 15, &random);
}

/* A member that has no database, and lives by the others' answers, acknowledges nothing. */
Test(membership_rows, nor_while_a_member_knows_of_nothing_new)
{
    random_seed_t state = {13};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(13, 4);
    world_cut_table(world, 1, true);
    restart_often(world, 2, 1500, LEASE_MS, &random);
    world_heal(world);
    if (world_is_stopped(world, 1)) /* it was taken for dead meanwhile */
        world_restart(world, 1);
    cr_assert(world_run_until(world, world_is_whole, NULL, 30 * LEASE_MS));
}

/* Three of five stand still for good: nobody can say that they have no lease. */
Test(membership_rows, nor_while_a_dead_ones_lease_may_be_kept)
{
    random_seed_t state = {14};
    ms_random_t random = random_seeded(&state);
    world_t *world WORLD_SCOPED = world_of(14, 5);
    for (uint32_t i = 0; i < 3; i++)
        world_pause(world, i, true);
    world_run(world, 20 * LEASE_MS);
    check_true(!view_is_settled(world_table(world)));
    restart_often(world, 4, 1500, LEASE_MS, &random);
    for (uint32_t i = 0; i < 3; i++)
        check_true(view_find(world_table(world), world_node(world, i)) != NULL);
    world_heal(world);
    world_run(world, LEASE_MS);
    for (uint32_t i = 0; i < 3; i++)
        check_true(world_is_stopped(world, i));
}

/* Its row is gone, not only dead. */
Test(membership_rows, a_zombie_that_was_forgotten_stops)
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

Test(membership_rows, a_dead_row_is_forgotten_when_nothing_follows_from_it)
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

Test(membership_rows, as_many_of_the_dead_as_are_kept_stay)
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
Test(membership_rows, a_full_table_is_not_entered)
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
