#pragma once
/* nodes.h -- nodes of a test, in this process, that reach each other over loopback.
 *
 * A node counts and remembers what it was told; each byte of a payload that the helpers send
 * follows from its number, so that a message says itself whether it is whole. */

#include "cluster/link/link.h"

#include <stdatomic.h>

enum { NODES_MAX = 4 };

typedef struct test_node {
    mesh_t *mesh;
    mesh_options_t options;
    link_peer_t peer; /* as the others know it */
    atomic_ulong received[LINK_LANES], bytes[LINK_LANES];
    atomic_ulong wrong; /* out of order, or not whole */
    atomic_ulong ups, downs, lost, settled;
    uint64_t next[LINK_LANES][NODES_MAX]; /* the number expected, by sender */
    atomic_bool is_held;                  /* a handler does not return while it is */
} test_node_t;

/* Its options: any port of loopback, a key pair, the tests' cluster key; handlers that check and
 * count. */
void test_node_prepare(test_node_t *self, uint64_t node);
void test_node_start(test_node_t *self);
void test_node_stop(test_node_t *self);
/* Each knows all. */
void test_nodes_meet(test_node_t *nodes, size_t count);

/* One message that carries its number, of so many bytes (at least 8). */
err_t test_node_say(test_node_t *self, uint64_t to, link_lane_t lane, uint64_t number, size_t size);
link_stats_t test_node_stats(test_node_t *self, uint64_t peer);
