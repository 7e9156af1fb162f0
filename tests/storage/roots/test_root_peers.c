/* The other nodes: who reads what, and in which order they are asked. */

#include "storage/roots/root_peers.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"

#include <stdio.h>

enum { NODES = 20 };

static bool is_not_dead(void *context, uint64_t node)
{
    return node != *(const uint64_t *)context;
}

/* Nodes 1 to NODES; the even ones read "music". */
static void tell(root_peers_t *peers)
{
    static const str_t roots[] = {STR_INIT("other"), STR_INIT("music")};
    static char addresses[NODES][24];
    root_peer_t list[NODES];
    for (size_t i = 0; i < NODES; i++) {
        snprintf(addresses[i], sizeof addresses[i], "192.0.2.%zu:9", i + 1);
        list[i] = (root_peer_t){i + 1, str_from(addresses[i]), roots, (i + 1) % 2 == 0 ? 2 : 1};
    }
    check_ok(root_peers_set(peers, list, NODES, true));
}

static root_peers_t *peers_of(uint64_t self, uint64_t *dead)
{
    root_peers_t *peers = NULL;
    const root_peers_options_t options = {self, dead, is_not_dead};
    check_ok(root_peers_new(&options, &peers));
    tell(peers);
    return peers;
}

static size_t keepers(root_peers_t *peers, const char *key, root_node_t *out, size_t count_max)
{
    root_nodes_t nodes = root_peers_nodes(peers);
    return nodes.keepers(nodes.context, str_from(key), out, count_max);
}

static size_t readers(root_peers_t *peers, const char *root, root_node_t *out, size_t count_max)
{
    root_nodes_t nodes = root_peers_nodes(peers);
    return nodes.readers(nodes.context, str_from(root), STR("key"), out, count_max);
}

Test(root_peers, every_node_has_the_same_order_without_itself)
{
    uint64_t dead = 0;
    root_peers_t *first ROOT_PEERS_SCOPED = peers_of(1000, &dead);
    root_node_t all[ROOT_NODES_MAX], others[ROOT_NODES_MAX];
    size_t count = keepers(first, "a track", all, ROOT_NODES_MAX);
    root_peers_t *second ROOT_PEERS_SCOPED = peers_of(all[0].node, &dead);

    cr_assert(eq(sz, count, ROOT_NODES_MAX));
    cr_assert(eq(sz, keepers(second, "a track", others, ROOT_NODES_MAX), ROOT_NODES_MAX));
    for (size_t i = 1; i < count; i++) {
        cr_assert(eq(u64, all[i].node, others[i - 1].node));
        cr_assert(eq(str, all[i].address, others[i - 1].address));
    }
    cr_assert(eq(sz, keepers(first, "a track", others, 1), 1));
    cr_assert(eq(u64, others[0].node, all[0].node));
    cr_assert(eq(sz, keepers(first, "a track", others, 0), 0));
}

Test(root_peers, keys_are_spread)
{
    uint64_t dead = 0, seen = 0;
    root_peers_t *peers ROOT_PEERS_SCOPED = peers_of(1000, &dead);
    root_node_t best;
    char key[16];

    for (int i = 0; i < 400; i++) {
        snprintf(key, sizeof key, "%d", i);
        cr_assert(eq(sz, keepers(peers, key, &best, 1), 1));
        seen |= UINT64_C(1) << best.node;
    }
    cr_assert(eq(int, __builtin_popcountll(seen), NODES));
}

Test(root_peers, only_the_living_that_read_it_are_readers)
{
    uint64_t dead = 0;
    root_peers_t *peers ROOT_PEERS_SCOPED = peers_of(2, &dead);
    root_node_t found[ROOT_NODES_MAX];

    size_t count = readers(peers, "music", found, ROOT_NODES_MAX);
    for (size_t i = 0; i < count; i++)
        cr_assert(found[i].node % 2 == 0 && found[i].node != 2);
    dead = found[0].node;
    uint64_t next = found[1].node;
    readers(peers, "music", found, ROOT_NODES_MAX);
    cr_assert(eq(u64, found[0].node, next));
    cr_assert(eq(sz, readers(peers, "nowhere", found, ROOT_NODES_MAX), 0));
    check_ok(root_peers_set(peers, NULL, 0, true));
    cr_assert(eq(sz, readers(peers, "music", found, ROOT_NODES_MAX), 0));
}

/* roots/all has moved: it has heard of few yet. */
Test(root_peers, who_is_not_named_is_kept_until_the_list_is_whole)
{
    uint64_t dead = 0;
    root_peers_t *peers ROOT_PEERS_SCOPED = peers_of(1000, &dead);
    root_node_t found[ROOT_NODES_MAX];
    const str_t root = STR("music");
    const root_peer_t first = {1, STR("192.0.2.1:9"), &root, 1};
    const root_peer_t second = {2, STR("192.0.2.2:9"), &root, 1};
    const root_peer_t without = {1, STR("192.0.2.1:9"), &root, 0};

    check_ok(root_peers_set(peers, &first, 1, true));
    check_ok(root_peers_set(peers, &second, 1, false));
    cr_assert(eq(sz, readers(peers, "music", found, ROOT_NODES_MAX), 2));
    check_ok(root_peers_set(peers, &without, 1, false));
    cr_assert(eq(sz, readers(peers, "music", found, ROOT_NODES_MAX), 1));
    cr_assert(eq(u64, found[0].node, 2));
    check_ok(root_peers_set(peers, &first, 1, true));
    cr_assert(eq(sz, readers(peers, "music", found, ROOT_NODES_MAX), 1));
    cr_assert(eq(u64, found[0].node, 1));
}

Test(root_peers, there_is_room_for_so_many_old_and_new)
{
    uint64_t dead = 0;
    root_peers_t *peers ROOT_PEERS_SCOPED = peers_of(1, &dead);
    static root_peer_t list[ROOT_PEERS_MAX + 1];
    root_node_t found[ROOT_NODES_MAX];
    for (size_t i = 0; i < COUNT_OF(list); i++)
        list[i] = (root_peer_t){i + 1, STR("192.0.2.2:9"), NULL, 0};

    check_ok(root_peers_set(peers, list, ROOT_PEERS_MAX - 1, true));
    check_ok(root_peers_set(peers, &list[ROOT_PEERS_MAX - 1], 1, false));
    check_err(root_peers_set(peers, &list[ROOT_PEERS_MAX], 1, false), ERR_LIMIT);
    check_err(root_peers_set(peers, list, COUNT_OF(list), true), ERR_LIMIT);
    cr_assert(eq(sz, keepers(peers, "a track", found, ROOT_NODES_MAX), ROOT_NODES_MAX));
}

typedef struct round {
    root_peers_t *peers;
} round_t;

static err_t use(void *context)
{
    static uint64_t dead;
    round_t *self = context;
    const root_peers_options_t options = {1, &dead, is_not_dead};
    const str_t root = STR("music");
    const root_peer_t peer = {2, STR("192.0.2.2:9"), &root, 1};
    TRY(root_peers_new(&options, &self->peers));
    TRY(root_peers_set(self->peers, &peer, 1, true));
    const root_peer_t other = {3, STR("192.0.2.3:9"), &root, 1};
    return root_peers_set(self->peers, &other, 1, false);
}

static void end(void *context)
{
    round_t *self = context;
    root_peers_free(STEAL(self->peers));
}

Test(root_peers, without_memory_it_says_so)
{
    round_t round = {0};
    uint64_t rounds = 0;
    buf_t problem BUF_SCOPED = BUF_INIT;
    each_failing_t each = {.use = use, .end = end, .context = &round};

    bool holds = each_failing_holds(&each, &rounds, &problem);

    cr_assert(holds, "%.*s", STR_ARG(buf_str(&problem)));
    cr_assert(gt(u64, rounds, 2));
}
