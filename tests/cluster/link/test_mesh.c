#include "tests/cluster/link/nodes.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

static test_node_t nodes[NODES_MAX];

static void start_nodes(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        test_node_prepare(&nodes[i], i + 1);
        test_node_start(&nodes[i]);
    }
    test_nodes_meet(nodes, count);
}

static void stop_nodes(size_t count)
{
    for (size_t i = 0; i < count; i++)
        test_node_stop(&nodes[i]);
}

static void wait_for(test_node_t *node, link_lane_t lane, unsigned long count)
{
    wait_until(atomic_load(&node->received[lane]) >= count);
    cr_assert(atomic_load(&node->received[lane]) == count);
    cr_assert(atomic_load(&node->wrong) == 0);
}

Test(mesh, what_is_sent_before_and_after_a_connection_arrives_in_order)
{
    enum { MESSAGES = 2000 };
    start_nodes(2);

    for (uint64_t i = 0; i < MESSAGES; i++)
        check_ok(test_node_say(&nodes[0], 2, LINK_DATA, i, 8 + i % 300));

    wait_for(&nodes[1], LINK_DATA, MESSAGES);
    link_stats_t stats = test_node_stats(&nodes[0], 2);
    cr_expect(stats.is_up && stats.round_us > 0);
    cr_expect(stats.lanes[LINK_DATA].sent_messages == MESSAGES);
    cr_expect(stats.lanes[LINK_DATA].sent_frames < MESSAGES / 2, "they share frames");
    stop_nodes(2);
}
