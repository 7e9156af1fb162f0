/* Many nodes: handover.h over a simulated table, network, fence and load (moving.h). */

#include "tests/support/check.h"
#include "tests/support/cluster/moving.h"
#include "tests/support/scale.h"

enum {
    LEASE_MS = 3000,
    LEASE_FAST_MS = 1000,
    ASKS_A_STEP = 4,
    MANY_ASKS_A_STEP = 40,
    REST_MS = 20
};

static moving_options_t options_of(uint64_t seed, uint64_t lease_ms)
{
    return (moving_options_t){
        .world = {.seed = seed, .lease_ms = lease_ms, .delay_ms = 5, .says_gone = true},
        .asks_a_step = ASKS_A_STEP,
        .rest_ms = REST_MS};
}

static moving_t *moving_of(const moving_options_t *options, uint32_t count)
{
    moving_t *moving = moving_new(options);
    world_start_many(moving_world(moving), count);
    bool is_settled = moving_run_until(moving, moving_is_settled, 60000);
    if (!is_settled)
        moving_print(moving);
    cr_assert(is_settled, "%u nodes", count);
    return moving;
}

static void run_out(moving_t *moving)
{
    moving_set_asks(moving, 0);
    moving_run(moving, MOVING_DEADLINE_MS + 100);
    cr_expect(moving_figures(moving).open == 0, "an ask without an end");
    cr_expect(moving_figures(moving).held == 0, "held past its deadline");
}

Test(moving, who_joins_takes_its_share_and_nothing_else_moves)
{
    for (uint32_t count = 1; count <= 5; count++) {
        moving_options_t options = options_of(count, LEASE_MS);
        moving_t *moving MOVING_SCOPED = moving_of(&options, count);
        uint32_t before[8], given = 0;
        moving_set_asks(moving, MANY_ASKS_A_STEP); /* several at a time of one client about one */
        for (uint32_t i = 0; i < count; i++)
            before[i] = moving_served(moving, i);
        moving_mark(moving);
        uint32_t joined = world_start(moving_world(moving));
        moving_run(moving, 100);
        cr_assert(moving_run_until(moving, moving_is_settled, 60000));

        uint32_t share = moving_served(moving, joined);
        for (uint32_t i = 0; i < count; i++)
            given += before[i] - moving_served(moving, i);
        moving_figures_t figures = moving_figures(moving);
        cr_log_info("to %u nodes: moved %u, %.3f of the ideal; p50 %zu p99 %zu most %zu ms",
                    count + 1, share, share * (count + 1.0) / PARTITION_COUNT,
                    (size_t)figures.p50_ms, (size_t)figures.p99_ms, (size_t)figures.most_ms);
        cr_expect(given == share, "%u were given, %u taken", given, share);
        cr_expect(share <= PARTITION_COUNT * 1.1 / (count + 1), "%u of %u", share, count + 1);
        run_out(moving);
        figures = moving_figures(moving);
        cr_expect(figures.refused + figures.expired + figures.disordered == 0,
                  "refused %zu expired %zu disordered %zu", (size_t)figures.refused,
                  (size_t)figures.expired, (size_t)figures.disordered);
    }
}

static bool has_left(moving_t *moving)
{
    return world_is_stopped(moving_world(moving), 1) && moving_is_settled(moving);
}

Test(moving, a_drain_under_load_loses_nothing_and_delays_little)
{
    for (uint32_t count = 2; count <= 5; count++) {
        moving_options_t options = options_of(50 + count, LEASE_MS);
        moving_t *moving MOVING_SCOPED = moving_of(&options, count);
        moving_set_asks(moving, MANY_ASKS_A_STEP);
        moving_mark(moving);
        moving_run(moving, 5000);
        uint64_t calm_ms = moving_figures(moving).p99_ms;
        moving_mark(moving);
        moving_drain(moving, 1);
        uint64_t began_ms = world_now_ms(moving_world(moving));
        cr_assert(moving_run_until(moving, has_left, 60000), "%u nodes", count);
        uint64_t took_ms = world_now_ms(moving_world(moving)) - began_ms;

        run_out(moving);
        moving_figures_t figures = moving_figures(moving);
        cr_log_info("%u nodes: drained in %zu ms; p99 %zu ms, was %zu; most %zu ms", count,
                    (size_t)took_ms, (size_t)figures.p99_ms, (size_t)calm_ms,
                    (size_t)figures.most_ms);
        cr_expect(figures.p99_ms <= calm_ms + 500);
        cr_expect(figures.refused + figures.disordered == 0, "refused %zu disordered %zu",
                  (size_t)figures.refused, (size_t)figures.disordered);
        /* Its clients end with it. */
        cr_expect(figures.expired < 100, "%zu", (size_t)figures.expired);
    }
}

static uint64_t killed_to_served_ms(uint64_t seed, uint64_t lease_ms, uint32_t count)
{
    moving_options_t options = options_of(seed, lease_ms);
    moving_t *moving MOVING_SCOPED = moving_of(&options, count);
    moving_run(moving, 5 * lease_ms);
    world_kill(moving_world(moving), (uint32_t)(seed % count));
    moving_mark(moving);
    cr_assert(moving_run_until(moving, moving_is_settled, 20 * lease_ms));
    moving_run(moving, 2000);
    moving_figures_t figures = moving_figures(moving);
    cr_assert(figures.last_ms != UINT64_MAX);
    return figures.last_ms;
}

Test(moving, who_was_with_a_killed_node_is_served_again)
{
    static const struct {
        const char *what;
        uint64_t lease_ms, most_ms;
    } cases[] = {{"usual", LEASE_MS, 8000}, {"fast", LEASE_FAST_MS, 3000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t most_ms = 0;
        for (uint64_t seed = 1; seed <= 4 * scale_rounds(); seed++)
            most_ms = MAX(most_ms,
                          killed_to_served_ms(seed, cases[i].lease_ms, 2 + (uint32_t)(seed % 4)));
        cr_log_info("%s: killed to served %zu ms", cases[i].what, (size_t)most_ms);
        cr_expect(most_ms <= cases[i].most_ms, "%s: %zu ms", cases[i].what, (size_t)most_ms);
    }
}

/* ---- all that can go wrong ---- */

static void disturb(moving_t *moving, const ms_random_t *random, uint32_t count)
{
    world_t *world = moving_world(moving);
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
    case 4:
        world_pause(world, who, is_on);
        break;
    case 5:
        world_restart(world, who);
        break;
    case 6:
        world_cut_all_tables(world, is_on);
        break;
    case 7:
        if (!world_is_dead(world, who))
            moving_drain(moving, who);
        break;
    default:
        if (world_count(world) < MOVING_NODES_MAX / 2)
            world_start(world);
    }
}

static void restart_stopped(world_t *world)
{
    for (uint32_t i = 0, count = world_count(world); i < count; i++)
        if (world_is_stopped(world, i) && !world_is_replaced(world, i))
            world_restart(world, i);
}

/* count 0: some. */
static uint64_t one_history(uint64_t seed, uint32_t count)
{
    moving_options_t options = options_of(seed, LEASE_MS);
    options.world.delay_ms = 1 + (uint32_t)(seed % 50);
    options.world.loss_percent = (uint32_t)(seed % 4);
    moving_t *moving MOVING_SCOPED = moving_new(&options);
    world_t *world = moving_world(moving);
    random_seed_t state = {seed * 7919};
    ms_random_t random = random_seeded(&state);
    uint32_t few = 2 + (uint32_t)random_below(&random, 4);
    count = count == 0 ? few : count;
    world_start_many(world, count);
    moving_run(moving, 2 * LEASE_MS);
    moving_mark(moving);
    for (int round = 0; round < 8; round++) {
        disturb(moving, &random, count);
        moving_run(moving, random_below(&random, 3 * LEASE_MS));
    }
    world_heal(world);
    restart_stopped(world);
    bool is_settled = moving_run_until(moving, moving_is_settled, 40 * LEASE_MS);
    if (!is_settled)
        moving_print(moving);
    cr_assert(is_settled, "seed %zu", (size_t)seed);
    moving_run(moving, 1000);
    uint64_t fenced = moving_figures(moving).fenced;
    moving_mark(moving);
    moving_run(moving, 1000);
    run_out(moving);
    moving_figures_t figures = moving_figures(moving);
    cr_assert(figures.refused + figures.expired == 0, "seed %zu: refused %zu, expired %zu",
              (size_t)seed, (size_t)figures.refused, (size_t)figures.expired);
    return fenced;
}

Test(moving, in_many_histories_nothing_is_served_twice_and_all_is_served_again)
{
    uint64_t fenced = 0, only = scale_number("MS_SEED", 0);
    if (only != 0) {
        one_history(only, 0);
        return;
    }
    static const uint64_t once_failed[] = {19, 43};
    for (size_t i = 0; i < COUNT_OF(once_failed); i++)
        fenced += one_history(once_failed[i], 0);
    for (uint64_t seed = 1; seed <= 10 * scale_rounds(); seed++)
        fenced += one_history(seed, 0);
    cr_log_info("%zu appends of zombies refused", (size_t)fenced);
    cr_expect(fenced > 0, "no zombie wrote: nothing was tried");
}

/* MS_ROUNDS over 1: with fifty. */
Test(moving, so_it_is_with_many_nodes)
{
    uint32_t count = scale_rounds() > 1 ? 50 : 16;
    uint64_t only = scale_number("MS_SEED", 0);
    for (uint64_t seed = 1; seed <= (only != 0 ? 1 : scale_rounds()); seed++)
        one_history(only != 0 ? only : seed, count);
}
