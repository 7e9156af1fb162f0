#pragma once
/* media_node.h -- a node's music folders, and of several nodes the listener by which the others
 * fetch from them (gateway/hls/pieces.h).
 *
 * Alone, a node has the table of its folders and nothing else: no key, no listener. In a cluster it
 * listens on an address of its own, on the first scheduler, and only answers who has the cluster's
 * key.
 *
 * Life       open before the services are registered; listen once the runtime runs; stop before it
 *            drains; close after it is freed.
 * Threads    open and close: the main thread; listen and stop: the first scheduler's.
 * Errors     *problem says what is wrong. */

#include "actors/library/library.h"
#include "gateway/api.h"
#include "node/config.h"
#include "storage/crypt/aead.h"

typedef struct media_cluster {
    /* cluster_derive(..., CLUSTER_FOR_HTTP), of each of the cluster's keys: the first asks, all are
     * answered. Copied into what is made of them. */
    const aead_key_t *keys;
    size_t key_count;
    root_peers_options_t self;
    const char *host;       /* to listen on */
    const char *advertised; /* the host that the others connect to; empty: the same */
    uint16_t port;          /* 0: any */
} media_cluster_t;

typedef struct media_node media_node_t;
/* cluster NULL: alone. config is borrowed. */
err_t media_node_open(const config_t *config, const media_cluster_t *cluster, buf_t *problem,
                      media_node_t **out_node);
void media_node_close(media_node_t *self); /* NULL is fine */

root_places_t *media_node_places(const media_node_t *self);
root_peers_t *media_node_peers(const media_node_t *self);      /* alone: NULL */
piece_client_t *media_node_pieces(const media_node_t *self);   /* alone: NULL */
const piece_keys_t *media_node_keys(const media_node_t *self); /* alone: NULL */
/* Of --music, under their names. */
const own_root_t *media_node_roots(const media_node_t *self, size_t *out_count);

/* Alone: nothing to do. api stays. */
err_t media_node_listen(media_node_t *self, const api_t *api, edge_t *edge, uv_loop_t *loop);
/* "host:port", once it listens; else empty. */
str_t media_node_address(const media_node_t *self);
void media_node_stop(media_node_t *self, void (*on_stopped)(void *context), void *context);
