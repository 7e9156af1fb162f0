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
