#pragma once
/* root_places.h -- where each music folder can be read: on this node, on others, or nowhere now.
 *
 * A node's own table. `root_keeper` (actors/library) writes what is here; what is on other nodes,
 * and who keeps copies, comes from functions that the cluster gives. A folder that the table has
 * not heard of is UNKNOWN: ask roots/all.
 *
 * Ownership  The table owns its strings; what is found is copied into the caller's arena.
 * Threads    Any.
 * Errors     LIMIT: ROOT_PLACES_MAX folders; NO_MEMORY. */

#include "runtime/base/arena.h"

enum {
    ROOT_PLACES_MAX = 64,
    ROOT_NODES_MAX = 8, /* that are tried for one thing */
    ROOT_ADDRESS_SIZE = 72,
    ROOT_REASON_SIZE = 160
};

/* Another node, by its start, and where its listener for pieces is (piece.h). */
typedef struct root_node {
    uint64_t node;
    char address[ROOT_ADDRESS_SIZE]; /* host:port, terminated */
} root_node_t;

/* Of the cluster; called on any thread, and never wait. They leave out this node and those that are
 * not alive. */
typedef struct root_nodes {
    void *context;
    /* Who can read the folder, best first for this key. */
    size_t (*readers)(void *context, str_t root, str_t key, root_node_t *out, size_t count_max);
    /* Who keeps copies of what is made for this key, best first: the same order on every node, but
     * for the one that asks. */
    size_t (*keepers)(void *context, str_t key, root_node_t *out, size_t count_max);
} root_nodes_t;

typedef struct root_places root_places_t;
/* nodes NULL: this node is alone. */
err_t root_places_new(const root_nodes_t *nodes, root_places_t **out_places);
void root_places_free(root_places_t *self); /* NULL is fine */
void root_places_scope_end(root_places_t **self);
#define ROOT_PLACES_SCOPED SCOPED(root_places_scope_end)

/* Of this node. reason: why it can't be read here, in words; empty: it can. */
err_t root_places_set(root_places_t *self, str_t root, str_t path, str_t reason);

typedef enum root_where { ROOT_UNKNOWN, ROOT_HERE, ROOT_ELSEWHERE, ROOT_NOWHERE } root_where_t;
typedef struct root_place {
    root_where_t where;
    str_t path;   /* HERE */
    str_t reason; /* NOWHERE, for people */
} root_place_t;
err_t root_places_find(root_places_t *self, str_t root, arena_t *arena, root_place_t *out_place);
/* Can it be read anywhere, as far as is known? */
bool root_places_has(root_places_t *self, str_t root);

/* Whether there are other nodes at all. */
bool root_places_are_many(const root_places_t *self);
size_t root_places_readers(root_places_t *self, str_t root, str_t key, root_node_t *out,
                           size_t count_max);
size_t root_places_keepers(root_places_t *self, str_t key, root_node_t *out, size_t count_max);
