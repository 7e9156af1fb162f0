/* What a cluster of n nodes costs each of them, simulated (tests/support/cluster/world.h: the
 * membership itself, with a table and a network of 5 ms around it; decision 0024, 0025): messages
 * and uses of the table a node and second while nothing happens, virtual seconds until all who are
 * left are in one view again after a tenth died at once, and the share of partitions that a node
 * more takes over, as a multiple of 1/n. `script/bench membership [N...]`; 3, 10, 30 and 100 when
 * none is given (seconds); 500 takes some minutes. */

#include "bench/bench.h"
#include "cluster/placement.h"
#include "tests/support/cluster/world.h"

enum { LEASE_MS = 3000, DELAY_MS = 5, QUIET_S = 20, SIZE_MAX_NODES = 1000 };

static void print(uint32_t count, const char *what, double value, const char *unit)
{
    char name[64];
    snprintf(name, sizeof name, "cluster.simulated.%u.%s", count, what);
    bench_print(name, value, unit);
}

/* Of all partitions, which have another owner with one node more. */
static double share_moved(world_t *world, uint32_t count)
{
    placement_t *before = malloc(sizeof *before), *after = malloc(sizeof *after);
    uint32_t moved = 0;
    ASSERT(before != NULL && after != NULL);
    placement_build(before, world_table(world), MEMBER_ACTORS);
    world_start(world);
    ASSERT(world_run_until(world, world_is_whole, NULL, 20 * LEASE_MS));
    placement_build(after, world_table(world), MEMBER_ACTORS);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        moved += before->owners[i] != after->owners[i];
    free(before);
    free(after);
    return (double)moved / PARTITION_COUNT * (count + 1);
}

static void measure(uint32_t count)
{
    const world_options_t options = {.seed = 5, .lease_ms = LEASE_MS, .delay_ms = DELAY_MS};
    world_t *world WORLD_SCOPED = world_new(&options);
    world_start_many(world, count);
    ASSERT(world_run_until(world, world_is_whole, NULL, 100 * LEASE_MS));
    uint64_t messages = world_messages(world), uses = world_table_uses(world);
    world_run(world, QUIET_S * 1000);
    print(count, "messages", (double)(world_messages(world) - messages) / count / QUIET_S,
          "/s a node");
    print(count, "table_uses", (double)(world_table_uses(world) - uses) / count / QUIET_S,
          "/s a node");
    for (uint32_t i = 0; i < count; i += 10)
        world_kill(world, i);
    uint64_t since_ms = world_now_ms(world);
    ASSERT(world_run_until(world, world_is_whole, NULL, 20 * LEASE_MS));
    print(count, "tenth_dead", (double)(world_now_ms(world) - since_ms) / 1000, "s");
    uint32_t left = count - (count + 9) / 10;
    print(count, "joined_moves", share_moved(world, left), "x of 1/n");
}

int main(int argc, char **argv)
{
    static const uint32_t usual[] = {3, 10, 30, 100};
    for (int i = 1; i < argc; i++) {
        uint32_t count = (uint32_t)strtoul(argv[i], NULL, 10);
        ASSERT(count >= 3 && count <= SIZE_MAX_NODES);
        measure(count);
    }
    for (size_t i = 0; argc == 1 && i < sizeof usual / sizeof usual[0]; i++)
        measure(usual[i]);
    return 0;
}
