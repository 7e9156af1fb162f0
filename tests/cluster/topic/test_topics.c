#include "tests/support/check.h"
#include "tests/support/cluster/topic/topic_world.h"
#include "tests/support/scale.h"

#include <stdio.h>

/* A cut has ended, a retry and the ask behind it have had their time. */
enum { QUIET_MS = 12000 };

/* One history: things go wrong, then nothing more does. */
static void live_through(const topic_world_options_t *options, uint32_t events, bool is_calm)
{
    topic_world_t *world TOPIC_WORLD_SCOPED = topic_world_new(options);
    ms_random_t random;
    random_seed_t seed = {.state = options->seed ^ 0x9e37};
    random = random_seeded(&seed);
    for (uint32_t i = 0; i < events; i++) {
        topic_world_disturb(world, is_calm);
        topic_world_run(world, random_below(&random, 4) == 0 ? random_below(&random, 300) : 1);
    }
    topic_world_heal(world);
    topic_world_run(world, QUIET_MS);
    const char *wrong = topic_world_untold(world);
    cr_assert(wrong == NULL, "seed %zu: %s", (size_t)options->seed, wrong);
}

static void live_many(topic_world_options_t options, uint32_t rounds, bool is_calm)
{
    uint64_t only = scale_number("MS_SEED", 0);
    for (uint64_t i = 1; i <= rounds * scale_rounds(); i++) {
        options.seed = only != 0 ? only : i;
        live_through(&options, 300, is_calm);
        if (only != 0)
            return;
    }
}

Test(topics, nobody_misses_anything_for_good_while_nodes_come_go_and_are_cut_off)
{
    live_many((topic_world_options_t){.nodes = 4, .delay_ms = 5, .is_in_order = true}, 60, false);
}

Test(topics, nor_where_messages_are_lost_and_overtake_each_other)
{
    live_many((topic_world_options_t){.nodes = 4, .delay_ms = 30, .loss_percent = 10}, 60, false);
}

/* Seeds of the same, each of which broke the rules of a time. */
Test(topics, seeds_that_once_failed_do_not)
{
    static const struct {
        uint64_t seed;
        bool is_in_order;
    } cases[] = {
        {1107, false}, {1218, false}, {1385, false}, {2091, false},
        {4671, false}, {9367, false}, {44711, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        live_through(&(topic_world_options_t){.seed = cases[i].seed,
                                              .nodes = 4,
                                              .delay_ms = cases[i].is_in_order ? 5 : 30,
                                              .loss_percent = cases[i].is_in_order ? 0 : 10,
                                              .is_in_order = cases[i].is_in_order},
                     300, false);
}

/* ---- what one node alone does to another ---- */

static topic_world_t *calm_world(uint32_t nodes)
{
    return topic_world_new(
        &(topic_world_options_t){.seed = 1, .nodes = nodes, .delay_ms = 5, .is_in_order = true});
}

static topics_stats_t stats_of(const topic_world_t *world, uint32_t node)
{
    topics_stats_t stats;
    topics_stats(topic_world_topics(world, node), &stats);
    return stats;
}

static void check_told(topic_world_t *world)
{
    const char *wrong = topic_world_untold(world);
    cr_assert(wrong == NULL, "%s", wrong);
}

Test(topics, one_copy_goes_to_each_node_that_listens_and_none_to_others)
{
    topic_world_t *world TOPIC_WORLD_SCOPED = calm_world(4);
    uint32_t home = topic_world_home(world, 0);
    topic_world_read(world, 0, (home + 1) % 4, true);
    topic_world_read(world, 0, (home + 2) % 4, true);
    topic_world_run(world, 100);

    for (uint32_t i = 0; i < 10; i++)
        topic_world_publish(world, 0, 0);
    topic_world_run(world, 100);

    cr_assert(eq(u64, stats_of(world, home).posted, 20));
    cr_assert(eq(u64, topic_world_stats(world).heard, 20));
    check_told(world);
}

Test(topics, a_node_that_does_not_answer_costs_a_window_and_then_gets_the_newest)
{
    topic_world_t *world TOPIC_WORLD_SCOPED = calm_world(2);
    uint32_t home = topic_world_home(world, 0), other = 1 - home;
    topic_world_read(world, 0, other, true);
    topic_world_run(world, 100);
    topic_world_cut(world, home, other, true);

    for (uint32_t i = 0; i < 1000; i++)
        topic_world_publish(world, 0, 0);

    cr_assert(eq(u64, stats_of(world, home).posted, TOPIC_WINDOW), "no more is under way");
    cr_assert(stats_of(world, home).bytes <= (size_t)TOPIC_WINDOW * 16, "no more is kept");
    topic_world_cut(world, home, other, false);
    topic_world_run(world, 1000);
    cr_assert(stats_of(world, home).skipped > 0);
    cr_assert(topic_world_stats(world).heard <= 2, "the others are not sent any more");
    cr_assert(eq(u64, stats_of(world, home).bytes, 0), "what all have is not kept");
    check_told(world);
}

Test(topics, who_can_not_reach_the_home_keeps_a_window_and_says_that_some_are_missing)
{
    topic_world_t *world TOPIC_WORLD_SCOPED = calm_world(3);
    for (uint32_t i = 0; i < 3; i++)
        topic_world_read(world, 1, i, true);
    topic_world_run(world, 100);
    for (uint32_t i = 0; i < 9; i++)
        topic_world_cut(world, i / 3, i % 3, true);

    for (uint32_t i = 0; i < 10 * TOPIC_WINDOW; i++)
        topic_world_publish(world, 1, 1);

    uint64_t lost = 0;
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(stats_of(world, i).bytes <= (size_t)TOPIC_WINDOW * 16);
        lost += stats_of(world, i).lost;
    }
    for (uint32_t i = 0; i < 9; i++)
        topic_world_cut(world, i / 3, i % 3, false);
    topic_world_run(world, 2000);
    uint32_t home = topic_world_home(world, 1);
    bool is_published_at_home = stats_of(world, home).posted > 2 * TOPIC_WINDOW;
    cr_assert(is_published_at_home || lost == 9 * TOPIC_WINDOW, "%zu", (size_t)lost);
    check_told(world);
}

Test(topics, nothing_is_left_of_a_topic_that_nobody_hears_or_publishes)
{
    topic_world_t *world TOPIC_WORLD_SCOPED = calm_world(3);
    for (uint32_t i = 0; i < 3 * TOPIC_WORLD_TOPICS; i++)
        topic_world_read(world, i / 3, i % 3, true);
    topic_world_run(world, 100);
    for (uint32_t i = 0; i < 2 * TOPIC_WORLD_TOPICS; i++)
        topic_world_publish(world, i / 2, i % 2);
    topic_world_run(world, 100);
    check_told(world);

    for (uint32_t i = 0; i < 3 * TOPIC_WORLD_TOPICS; i++)
        topic_world_read(world, i / 3, i % 3, false);
    topic_world_run(world, TOPIC_RECENT_MS + 2 * TOPIC_LINGER_MS);

    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(eq(u64, stats_of(world, i).topics, 0));
        cr_assert(eq(u64, stats_of(world, i).bytes, 0));
        cr_assert(eq(u64, stats_of(world, i).waiting, 0));
    }
}

Test(topics, a_topic_is_where_the_actor_is_that_it_is_named_after)
{
    static const struct {
        str_t topic, actor;
    } cases[] = {
        {STR_INIT("user/7/tracks"), STR_INIT("user/7")},
        {STR_INIT("user/7"), STR_INIT("user/7")},
        {STR_INIT("a/b/c/d"), STR_INIT("a/b")},
        {STR_INIT("alone"), STR_INIT("alone")},
        {STR_INIT("a/"), STR_INIT("a/")},
        {STR_INIT("/"), STR_INIT("/")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(topic_partition(cases[i].topic) == partition_of(cases[i].actor), "%s",
                  cases[i].topic.data);
}

/* Where the second author of a topic is, once it publishes elsewhere than at the home. */
static uint32_t find_second_author(topic_world_t *world, uint32_t topic)
{
    uint64_t before[3];
    for (uint32_t i = 0; i < 3; i++)
        before[i] = stats_of(world, i).forwarded;
    topic_world_publish(world, topic, 1);
    uint32_t node = 0;
    while (node < 3 && stats_of(world, node).forwarded == before[node])
        node++;
    return node;
}

/* In some of the worlds the home stays where it is: there is no other gap. */
static void lose_a_publisher(uint64_t seed)
{
    topic_world_t *world TOPIC_WORLD_SCOPED = topic_world_new(
        &(topic_world_options_t){.seed = seed, .nodes = 3, .delay_ms = 5, .is_in_order = true});
    for (uint32_t i = 0; i < 3 * TOPIC_WORLD_TOPICS; i++)
        topic_world_read(world, i / 3, i % 3, true);
    topic_world_run(world, 200);
    for (uint32_t i = 0; i < 9; i++)
        topic_world_cut(world, i / 3, i % 3, true);

    uint32_t topic = 0, node = find_second_author(world, topic); /* and nobody hears of it */
    while (node == 3 && topic + 1 < TOPIC_WORLD_TOPICS)
        node = find_second_author(world, ++topic);
    cr_assert(node < 3, "one of them publishes elsewhere");
    topic_world_kill(world, node);
    for (uint32_t i = 0; i < 9; i++)
        topic_world_cut(world, i / 3, i % 3, false);
    topic_world_change_view(world, 20);
    topic_world_run(world, 2000);

    check_told(world);
}

Test(topics, who_hears_a_topic_is_told_when_a_node_that_published_it_is_gone)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        lose_a_publisher(seed);
}
