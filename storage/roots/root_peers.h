#pragma once
/* root_peers.h -- the other nodes of the cluster, as far as music goes: their listeners for pieces,
 * and which folders each can read, as roots/all last told. Best first means rendezvous hashing over
 * those that live: every node has the same order for a key.
 *
 * Ownership  Copies what it is given.
 * Threads    Any; one at a time sets.
 * Errors     LIMIT: more than ROOT_PEERS_MAX; NO_MEMORY: it is as it was. */

#include "storage/roots/root_places.h"

enum { ROOT_PEERS_MAX = 1024 };

typedef struct root_peers_options {
    uint64_t node; /* this one */
    void *context;
    /* Whether a node lives, as far as is known. Any thread; never waits. */
    bool (*is_live)(void *context, uint64_t node);
} root_peers_options_t;

typedef struct root_peer {
    uint64_t node;
    str_t address;
    const str_t *roots; /* that it can read */
    size_t root_count;
} root_peer_t;

typedef struct root_peers root_peers_t;
err_t root_peers_new(const root_peers_options_t *options, root_peers_t **out_peers);
void root_peers_free(root_peers_t *self); /* NULL is fine */
void root_peers_scope_end(root_peers_t **self);
#define ROOT_PEERS_SCOPED SCOPED(root_peers_scope_end)

/* These, instead of what was known of them before; this node may be among them. is_whole: they are
 * all that there are; else the others are still as they were. */
err_t root_peers_set(root_peers_t *self, const root_peer_t *peers, size_t count, bool is_whole);
/* For root_places_new. */
root_nodes_t root_peers_nodes(root_peers_t *self);
