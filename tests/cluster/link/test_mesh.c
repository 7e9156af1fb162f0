/* Links of nodes in this process, over loopback. */
#include "tests/cluster/link/breaker.h"
#include "tests/cluster/link/nodes.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

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
    cr_expect(stats.round_us > 0);
    cr_expect(stats.lanes[LINK_DATA].sent_messages == MESSAGES);
    cr_expect(stats.lanes[LINK_DATA].sent_frames < MESSAGES / 2, "they share frames");
    cr_expect(atomic_load(&nodes[1].settled) > 0);
    stop_nodes(2);
}

Test(mesh, three_nodes_reach_each_other)
{
    start_nodes(3);
    for (size_t from = 0; from < 3; from++)
        for (uint64_t to = 1; to <= 3; to++)
            for (uint64_t i = 0; i < 20 && to != from + 1; i++)
                check_ok(test_node_say(&nodes[from], to, (link_lane_t)(i % 2), i / 2, 50));
    for (size_t i = 0; i < 3; i++) {
        wait_for(&nodes[i], LINK_DATA, 20);
        wait_for(&nodes[i], LINK_CONTROL, 20);
        wait_until(atomic_load(&nodes[i].ups) == 2);
    }
    check_err(test_node_say(&nodes[0], 9, LINK_DATA, 0, 8), ERR_NOT_FOUND);
    check_err(test_node_say(&nodes[0], 1, LINK_DATA, 0, 8), ERR_NOT_FOUND);
    stop_nodes(3);
}

Test(mesh, messages_of_64_MiB_arrive_whole_and_control_overtakes_them)
{
    enum { LARGE = 64 << 20 };
    uint64_t overtaken = 0;
    start_nodes(2);

    patience_t patience = PATIENCE_FOR("control that overtakes data");
    for (uint64_t i = 0; overtaken < 2; i++) {
        check_ok(test_node_say(&nodes[0], 2, LINK_DATA, i, LARGE));
        check_ok(test_node_say(&nodes[0], 2, LINK_CONTROL, i, 30));
        wait_until(atomic_load(&nodes[1].received[LINK_CONTROL]) == i + 1);
        overtaken += atomic_load(&nodes[1].received[LINK_DATA]) == i;
        wait_for(&nodes[1], LINK_DATA, i + 1);
        patience_spend(&patience);
    }
    wait_for(&nodes[1], LINK_CONTROL, atomic_load(&nodes[1].received[LINK_DATA]));
    check_err(test_node_say(&nodes[0], 2, LINK_DATA, 0, LINK_MESSAGE_SIZE_MAX + 1), ERR_LIMIT);
    stop_nodes(2);
}

Test(mesh, a_slow_receiver_makes_its_sender_busy_and_loses_nothing)
{
    uint64_t said = 0;
    start_nodes(2);
    wait_until(mesh_peer_stats(nodes[0].mesh, NULL, 0) == 1 && atomic_load(&nodes[0].ups) == 1);

    atomic_store(&nodes[1].is_held, true);
    err_t err;
    while ((err = test_node_say(&nodes[0], 2, LINK_DATA, said, 2000)) == ERR_OK)
        said++;
    check_err(err, ERR_BUSY);
    cr_expect(test_node_stats(&nodes[0], 2).lanes[LINK_DATA].busy == 1);
    cr_expect(said * 2000 < LINK_QUEUE_BYTES_USUAL + 3 * LINK_WINDOW_BYTES);
    check_ok(test_node_say(&nodes[0], 2, LINK_CONTROL, 0, 20));
    atomic_store(&nodes[1].is_held, false);

    wait_for(&nodes[1], LINK_DATA, said);
    wait_for(&nodes[1], LINK_CONTROL, 1);
    check_ok(test_node_say(&nodes[0], 2, LINK_DATA, said, 2000));
    wait_for(&nodes[1], LINK_DATA, said + 1);
    stop_nodes(2);
}

static uint64_t quiet_ms(void)
{
    return test_node_stats(&nodes[0], 2).lanes[LINK_DATA].quiet_ms;
}

static uint16_t port_of(const char *address)
{
    return (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

/* The second node is reached through a breaker. */
static void start_broken(breaker_t *breaker)
{
    for (size_t i = 0; i < 2; i++) {
        test_node_prepare(&nodes[i], i + 1);
        test_node_start(&nodes[i]);
    }
    breaker_start(breaker, port_of(nodes[1].peer.address));
    check_true(str_to_array(str_from(breaker->address), nodes[1].peer.address,
                            sizeof nodes[1].peer.address));
    test_nodes_meet(nodes, 2);
}

Test(mesh, connections_that_break_lose_repeat_and_reorder_nothing)
{
    enum { CUTS = 5 };
    static breaker_t breaker;
    uint64_t said = 0;
    link_stats_t stats;
    start_broken(&breaker);

    for (int cut = 0; cut < CUTS; cut++) {
        unsigned long relayed = atomic_load(&breaker.relayed);
        atomic_store(&nodes[1].is_held, true); /* it acknowledges nothing */
        for (int i = 0; i < 300; i++, said++)
            check_ok(test_node_say(&nodes[0], 2, LINK_DATA, said, 8 + (said * 37) % 9000));
        wait_until(atomic_load(&breaker.relayed) > relayed + 100000); /* in the midst of it */
        breaker_cut(&breaker);
        atomic_store(&nodes[1].is_held, false);
        wait_for(&nodes[1], LINK_DATA, said);
        wait_until(mesh_peer_stats(nodes[0].mesh, &stats, 1) == 1 && stats.is_up);
    }

    cr_expect(stats.breaks > 0 && stats.breaks == atomic_load(&nodes[0].downs));
    /* Not of each cut: all that was under way may have arrived before it. */
    cr_expect(stats.lanes[LINK_DATA].resent_frames > 0);
    cr_expect(atomic_load(&nodes[0].lost) == 0);
    stop_nodes(2);
    breaker_stop(&breaker);
}

Test(mesh, while_a_peer_is_away_what_is_sent_waits_and_is_bounded)
{
    static breaker_t breaker;
    uint64_t said = 0;
    start_broken(&breaker);
    wait_until(atomic_load(&nodes[0].ups) == 1);
    wait_until(quiet_ms() == 0);

    breaker_shut(&breaker, true);
    breaker_cut(&breaker);
    wait_until(atomic_load(&nodes[0].downs) == 1);
    wait_until(quiet_ms() >= 300);
    err_t err;
    while ((err = test_node_say(&nodes[0], 2, LINK_DATA, said, 5000)) == ERR_OK)
        said++;
    check_err(err, ERR_BUSY);
    cr_expect(said * 5000 < LINK_QUEUE_BYTES_USUAL + 10000);
    breaker_shut(&breaker, false);

    wait_for(&nodes[1], LINK_DATA, said);
    wait_until(atomic_load(&nodes[0].ups) == 2);
    wait_until(quiet_ms() == 0);
    stop_nodes(2);
    breaker_stop(&breaker);
}

/* Its connection stands, as long as ZeroMQ has not noticed. */
Test(mesh, a_peer_that_acknowledges_nothing_is_quiet_and_one_that_was_sent_nothing_is_not)
{
    start_nodes(2);
    wait_until(atomic_load(&nodes[0].ups) == 1);
    atomic_store(&nodes[1].is_held, true);
    check_ok(test_node_say(&nodes[0], 2, LINK_DATA, 0, 20));
    wait_until(quiet_ms() >= 300);
    cr_expect(mesh_peer_stats(nodes[0].mesh, NULL, 0) == 1 && atomic_load(&nodes[0].downs) == 0);
    cr_expect(test_node_stats(&nodes[0], 2).lanes[LINK_CONTROL].quiet_ms == 0);

    atomic_store(&nodes[1].is_held, false);
    wait_until(quiet_ms() == 0);
    stop_nodes(2);
}

Test(mesh, a_peer_that_is_removed_is_told_as_lost_and_let_in_no_more)
{
    start_nodes(2);
    check_ok(test_node_say(&nodes[0], 2, LINK_DATA, 0, 100));
    wait_for(&nodes[1], LINK_DATA, 1);
    mesh_link_t *link = mesh_find(nodes[0].mesh, 2);
    wait_until(mesh_link_is_up(link));

    test_node_stop(&nodes[1]);
    wait_until(atomic_load(&nodes[0].downs) == 1);
    cr_assert(mesh_link_is_up(link) == false);
    for (uint64_t i = 0; i < 10; i++)
        check_ok(
            mesh_link_send(link, (link_way_t){LINK_DATA, LINK_RUNTIME, false}, STR("12345678")));
    check_ok(mesh_set_peers(nodes[0].mesh, NULL, 0));

    wait_until(atomic_load(&nodes[0].lost) == 10 || atomic_load(&nodes[0].lost) == 11);
    check_err(mesh_link_send(link, (link_way_t){LINK_DATA, LINK_RUNTIME, false}, STR("1")),
              ERR_NOT_FOUND);
    cr_assert(mesh_find(nodes[0].mesh, 2) == NULL);
    test_node_stop(&nodes[0]);
    check_err(mesh_link_send(link, (link_way_t){LINK_DATA, LINK_RUNTIME, false}, STR("1")),
              ERR_NOT_FOUND);
    mesh_link_unref(link);
}

Test(mesh, stopping_with_time_to_flush_loses_nothing)
{
    start_nodes(2);
    for (uint64_t i = 0; i < 3000; i++)
        check_ok(test_node_say(&nodes[0], 2, LINK_DATA, i, 1000));
    mesh_stop(&nodes[0].mesh, PATIENCE_MS);
    cr_assert(atomic_load(&nodes[0].lost) == 0);
    wait_for(&nodes[1], LINK_DATA, 3000);
    test_node_stop(&nodes[1]);
}

Test(mesh, a_peer_that_moved_is_reached_at_its_new_address)
{
    static breaker_t breaker;
    start_broken(&breaker);
    check_ok(test_node_say(&nodes[0], 2, LINK_DATA, 0, 100));
    wait_for(&nodes[1], LINK_DATA, 1);
    breaker_stop(&breaker);
    check_ok(test_node_say(&nodes[0], 2, LINK_DATA, 1, 100));

    check_true(str_to_array(str_from(mesh_address(nodes[1].mesh)), nodes[1].peer.address,
                            sizeof nodes[1].peer.address));
    test_nodes_meet(nodes, 2);
    wait_for(&nodes[1], LINK_DATA, 2);
    stop_nodes(2);
}

/* ---- who may not ---- */

Test(mesh, a_key_that_is_no_peers_is_not_let_in)
{
    start_nodes(2);
    test_node_prepare(&nodes[2], 3);
    test_node_start(&nodes[2]);
    check_ok(mesh_set_peers(nodes[2].mesh, &nodes[0].peer, 1)); /* it knows us, we don't know it */
    check_ok(test_node_say(&nodes[2], 1, LINK_DATA, 0, 100));

    mesh_stats_t stats;
    wait_until((mesh_stats(nodes[0].mesh, &stats), stats.strangers > 0));
    cr_expect(atomic_load(&nodes[0].received[LINK_DATA]) == 0);
    cr_expect(test_node_stats(&nodes[2], 1).is_up == false);

    link_peer_t peers[] = {nodes[1].peer, nodes[2].peer};
    check_ok(mesh_set_peers(nodes[0].mesh, peers, 2));
    wait_for(&nodes[0], LINK_DATA, 1); /* as soon as we know it */
    stop_nodes(3);
}

Test(mesh, without_the_clusters_key_a_pinned_key_is_worth_nothing)
{
    start_nodes(1);
    test_node_prepare(&nodes[1], 2);
    nodes[1].options.cluster_keys.keys[0][0] ^= 1;
    test_node_start(&nodes[1]);
    test_nodes_meet(nodes, 2);
    check_ok(test_node_say(&nodes[1], 1, LINK_DATA, 0, 100));

    mesh_stats_t stats;
    wait_until((mesh_stats(nodes[0].mesh, &stats), stats.unproved > 0));
    wait_until((mesh_stats(nodes[1].mesh, &stats), stats.unproved > 0));
    cr_expect(atomic_load(&nodes[0].received[LINK_DATA]) == 0);
    cr_expect(atomic_load(&nodes[0].ups) == 0 && atomic_load(&nodes[1].ups) == 0);
    stop_nodes(2);
}

Test(mesh, two_keys_are_accepted_while_they_are_replaced)
{
    start_nodes(1);
    test_node_prepare(&nodes[1], 2);
    nodes[1].options.cluster_keys = (cluster_keys_t){.count = 2, .keys = {{9}, {1, 2, 3}}};
    nodes[0].options.cluster_keys = (cluster_keys_t){.count = 2, .keys = {{1, 2, 3}, {9}}};
    test_node_stop(&nodes[0]);
    test_node_start(&nodes[0]);
    test_node_start(&nodes[1]);
    test_nodes_meet(nodes, 2);
    for (size_t i = 0; i < 2; i++)
        wait_until(atomic_load(&nodes[i].ups) == 1);
    stop_nodes(2);
}

Test(mesh, a_node_with_another_key_than_its_row_says_is_not_talked_to)
{
    start_nodes(1);
    test_node_prepare(&nodes[1], 2);
    test_node_start(&nodes[1]);
    link_peer_t wrong = nodes[1].peer;
    wrong.public_key[0] ^= 1;
    check_ok(mesh_set_peers(nodes[0].mesh, &wrong, 1));
    check_ok(mesh_set_peers(nodes[1].mesh, &nodes[0].peer, 1));
    check_ok(test_node_say(&nodes[1], 1, LINK_DATA, 0, 100));

    mesh_stats_t stats;
    wait_until((mesh_stats(nodes[0].mesh, &stats), stats.strangers > 0));
    cr_expect(atomic_load(&nodes[0].received[LINK_DATA]) == 0);
    cr_expect(atomic_load(&nodes[0].ups) == 0);
    stop_nodes(2);
}

/* A program of its own that has a peer's keys, and says what it likes. */
static void *impostor(void *context, test_node_t *as, test_node_t *to)
{
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    char endpoint[96];
    int none = 0;
    snprintf(endpoint, sizeof endpoint, "tcp://%s", to->peer.address);
    zmq_setsockopt(dealer, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, to->peer.public_key, LINK_KEY_SIZE);
    zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, as->options.keys.public_key, LINK_KEY_SIZE);
    zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, as->options.keys.secret_key, LINK_KEY_SIZE);
    cr_assert(zmq_connect(dealer, endpoint) == 0);
    return dealer;
}

Test(mesh, garbage_of_a_peer_is_counted_and_disturbs_nobody)
{
    start_nodes(2);
    void *context = zmq_ctx_new(), *dealer = impostor(context, &nodes[1], &nodes[0]);
    static const char *const garbage[] = {"",
                                          "x",
                                          "ML",
                                          "ML\1\2",
                                          "0123456789abcdef0123456789",
                                          "ML\1\1aaaabbbbbbbb",
                                          "ML\1\4aaaabbbbbbbb12345678"};
    for (size_t i = 0; i < COUNT_OF(garbage); i++)
        cr_assert(zmq_send(dealer, garbage[i], strlen(garbage[i]), 0) >= 0);
    cr_assert(zmq_send(dealer, "a", 1, ZMQ_SNDMORE) >= 0 && zmq_send(dealer, "b", 1, 0) >= 0);
    mesh_stats_t stats;
    wait_until((mesh_stats(nodes[0].mesh, &stats), stats.garbage == COUNT_OF(garbage) + 1));

    /* A frame of who did not greet is answered with the question who it is. */
    char answer[64], batch[] = "ML\1\2\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\3x";
    cr_assert(zmq_send(dealer, batch, sizeof batch - 1, 0) >= 0);
    cr_assert(zmq_recv(dealer, answer, sizeof answer, 0) == 16 && answer[3] == 6);
    cr_assert(atomic_load(&nodes[0].received[LINK_DATA]) == 0);

    check_ok(test_node_say(&nodes[1], 1, LINK_DATA, 0, 100));
    wait_for(&nodes[0], LINK_DATA, 1);
    zmq_close(dealer);
    zmq_ctx_term(context);
    stop_nodes(2);
}

Test(mesh, what_can_not_start_says_why)
{
    test_node_prepare(&nodes[0], 1);
    test_node_start(&nodes[0]);
    static const struct {
        const char *what, *listen;
        uint64_t node;
        err_t want;
    } cases[] = {
        {"no node", "127.0.0.1:0", 0, ERR_INVALID},
        {"no port", "127.0.0.1", 5, ERR_INVALID},
        {"nothing", "", 5, ERR_INVALID},
        {"not of this machine", "192.0.2.1:0", 5, ERR_UNAVAILABLE},
        {"taken", NULL, 5, ERR_CONFLICT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        mesh_options_t options = nodes[0].options;
        options.node = cases[i].node;
        options.listen = cases[i].listen == NULL ? nodes[0].peer.address : cases[i].listen;
        mesh_t *mesh;
        err_t got = mesh_start(&options, &mesh);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
    link_peer_t twice[] = {{.node = 2, .address = "127.0.0.1:1"}, {.node = 2, .address = "x:1"}};
    check_err(mesh_set_peers(nodes[0].mesh, twice, 2), ERR_INVALID);
    check_err(mesh_set_peers(nodes[0].mesh, &(link_peer_t){.node = 2}, 1), ERR_INVALID);
    check_err(mesh_set_peers(nodes[0].mesh, twice, LINK_PEERS_MAX + 1), ERR_LIMIT);
    cr_assert(mesh_peer_stats(nodes[0].mesh, NULL, 0) == 0);
    test_node_stop(&nodes[0]);
}
