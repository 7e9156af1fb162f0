#pragma once
/* peers_rig.h -- several nodes in one process, as far as music goes: each has its runtime, its
 * cache, its table of folders and its listener; peer 0 has the folder. They share a catalog, as
 * replicas do. Who is alive, who reads the folder and who keeps copies is what the test says. */

#include "gateway/api.h"
#include "gateway/server.h"
#include "storage/roots/piece_client.h"
#include "tests/integration/library_rig.h"
#include "tests/support/http_client.h"

#include <semaphore.h>

enum { PEERS = 4 };
#define PEERS_SECRET STR("a secret of all the nodes")

typedef struct peers_rig peers_rig_t;

typedef struct peer {
    peers_rig_t *rig;
    size_t number;
    _Atomic bool is_alive, is_reader;
    _Atomic int fetches_left; /* then it finds nobody to fetch from; < 0: it always does */
    _Atomic uint32_t fetches_refused;
    runtime_t *runtime; /* of peer 0: the library's */
    segment_cache_t *segments;
    blob_folder_t *artwork, *lyrics;
    root_places_t *places;
    piece_client_t *pieces;
    streaming_service_t streaming;
    api_t api;
    home_t home;
    gateway_server_t *server; /* for players and for the others */
    err_t err;
    _Atomic uint16_t port;
} peer_t;

struct peers_rig {
    library_rig_t library;
    piece_keys_t *keys;
    keyring_t *keyring;
    routes_t *routes;
    peer_t peers[PEERS];
    sem_t done;
    char track[32];
};

/* One track, "sine.wav", of so many seconds. */
void peers_rig_begin(peers_rig_t *self, double seconds);
void peers_rig_end(peers_rig_t *self);
#define PEERS_RIG_SCOPED SCOPED(peers_rig_end)

/* It is dead from here on, for the others at once. */
void peers_rig_kill(peers_rig_t *self, size_t number);
/* GET of a segment, or of the original, as a player does. The status. */
int peers_rig_segment(peers_rig_t *self, size_t number, uint32_t index, http_response_t *response);
int peers_rig_original(peers_rig_t *self, size_t number, const char *method, const char *headers,
                       http_response_t *response);
/* Whether it is in the peer's cache. */
bool peers_rig_has(peers_rig_t *self, size_t number, uint32_t index);
/* Asks one of them to keep copies, as another does. */
err_t peers_rig_keep(peers_rig_t *self, size_t number, uint32_t first, uint32_t count);
root_node_t peers_rig_node(const peers_rig_t *self, size_t number);
