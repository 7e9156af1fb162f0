#include "tests/cluster/link/nodes.h"

#include "tests/support/check.h"
#include "tests/support/patience.h"

static uint8_t byte_of(uint64_t number, size_t at)
{
    return (uint8_t)(number * 131 + at * 7 + (at >> 8));
}

static bool is_whole(str_t payload, uint64_t number)
{
    for (size_t i = sizeof number; i < payload.size; i += 1 + payload.size / 997)
        if ((uint8_t)payload.data[i] != byte_of(number, i))
            return false;
    return true;
}

static void on_message(void *context, const link_message_t *message)
{
    test_node_t *self = context;
    uint64_t number;
    bool is_right = message->payload.size >= sizeof number && message->from < NODES_MAX;
    if (is_right) {
        memcpy(&number, message->payload.data, sizeof number);
        uint64_t *next = &self->next[message->lane][message->from];
        is_right = number == *next && is_whole(message->payload, number);
        *next = number + 1;
    }
    atomic_fetch_add(&self->wrong, is_right ? 0 : 1);
    atomic_fetch_add(&self->bytes[message->lane], message->payload.size);
    atomic_fetch_add(&self->received[message->lane], 1);
    wait_until(!atomic_load(&self->is_held));
}

static void on_up(void *context, uint64_t node)
{
    (void)node;
    atomic_fetch_add(&((test_node_t *)context)->ups, 1);
}

static void on_down(void *context, uint64_t node)
{
    (void)node;
    atomic_fetch_add(&((test_node_t *)context)->downs, 1);
}

static void on_lost(void *context, const link_loss_t *loss)
{
    atomic_fetch_add(&((test_node_t *)context)->lost, loss->messages);
}

static void on_settled(void *context)
{
    atomic_fetch_add(&((test_node_t *)context)->settled, 1);
}

void test_node_prepare(test_node_t *self, uint64_t node)
{
    *self = (test_node_t){.options = {.node = node,
                                      .listen = "127.0.0.1:0",
                                      .cluster_keys = {.count = 1, .keys = {{1, 2, 3}}},
                                      .events = {.up = on_up,
                                                 .down = on_down,
                                                 .lost = on_lost,
                                                 .settled = on_settled,
                                                 .context = self},
                                      .clock = clock_system()}};
    self->options.handlers[LINK_RUNTIME] = (link_handler_t){on_message, self};
    check_ok(link_keys_make(&self->options.keys));
    self->peer.node = node;
    memcpy(self->peer.public_key, self->options.keys.public_key, LINK_KEY_SIZE);
}

void test_node_start(test_node_t *self)
{
    check_ok(mesh_start(&self->options, &self->mesh));
    check_true(str_to_array(str_from(mesh_address(self->mesh)), self->peer.address,
                            sizeof self->peer.address));
}

void test_node_stop(test_node_t *self)
{
    mesh_stop(&self->mesh, 0);
}

void test_nodes_meet(test_node_t *nodes, size_t count)
{
    link_peer_t peers[NODES_MAX];
    for (size_t i = 0; i < count; i++)
        peers[i] = nodes[i].peer;
    for (size_t i = 0; i < count; i++)
        check_ok(mesh_set_peers(nodes[i].mesh, peers, count));
}

typedef struct said {
    uint64_t number;
    size_t size;
} said_t;

static err_t write_said(void *context, buf_t *out)
{
    const said_t *said = context;
    char *room = buf_extend(out, said->size);
    if (room == NULL)
        return buf_status(out);
    memcpy(room, &said->number, sizeof said->number);
    for (size_t i = sizeof said->number; i < said->size; i++)
        room[i] = (char)byte_of(said->number, i);
    return ERR_OK;
}

err_t test_node_say(test_node_t *self, uint64_t to, link_lane_t lane, uint64_t number, size_t size)
{
    said_t said = {number, size};
    return mesh_write(self->mesh, to, (link_way_t){.lane = lane, .type = LINK_RUNTIME}, write_said,
                      &said);
}

link_stats_t test_node_stats(test_node_t *self, uint64_t peer)
{
    link_stats_t stats[NODES_MAX];
    size_t count = mesh_peer_stats(self->mesh, stats, NODES_MAX);
    for (size_t i = 0; i < count; i++)
        if (stats[i].node == peer)
            return stats[i];
    cr_fatal("no peer %lu", (unsigned long)peer);
}
