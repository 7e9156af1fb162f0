#pragma once
/* parts.h -- what a node is made of: shared by the files of node/ only. */

#include "actors/auth/auth.h"
#include "actors/library/library.h"
#include "actors/media_client.h"
#include "actors/privacy/privacy.h"
#include "actors/streaming/streaming.h"
#include "gateway/api.h"
#include "gateway/server.h"
#include "node/blobs/blobs.h"
#include "node/catalog/catalog_keeper.h"
#include "node/cluster/cluster_node.h"
#include "node/cluster/secrets_open.h"
#include "node/config.h"
#include "node/control/control.h"
#include "node/inside/inspector.h"
#include "node/media/media_node.h"
#include "node/names_follow.h"
#include "node/node.h"
#include "node/privacy/privacy_node.h"
#include "node/search/search_keeper.h"
#include "node/upkeep.h"
#include "node/went_back.h"
#include "storage/blob/segment_cache.h"
#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/sealed_field.h"
#include "storage/data_folder.h"
#include "storage/journal/journal_store.h"

#include <semaphore.h>
#include <stdatomic.h>

enum { NODE_SCHEDULERS_MAX = 256, NODE_HOSTS_MAX = 32 };

/* The gateway of one scheduler. */
typedef struct post {
    node_t *node;
    uint32_t scheduler;
    home_t home;
    gateway_server_t *server;
    err_t err;
} post_t;

struct node {
    const config_t *config;
    const ms_log_t *log;
    arena_t arena; /* paths */
    data_folder_t *data;
    cluster_config_t cluster_config;
    cluster_node_t *cluster;    /* NULL: it is alone */
    cluster_secrets_t *secrets; /* the cluster's; NULL: as before */
    keyring_store_t shared_keyring;
    keyring_t *keyring;
    journal_store_t journal; /* what is stored: personal data is sealed in it */
    vault_t *vault;
    sealed_projector_t projector; /* of the SQL tables */
    journal_sealed_t *sealed;     /* the same journal in clear, for everybody here */
    catalog_t *catalog;
    state_store_t *states, *sealed_states; /* of actors that hibernate */
    library_projection_t *library_projection;
    projection_t *projection;
    names_follow_t names;
    blobs_t *blobs;
    blob_folder_t *artwork, *lyrics; /* of the blobs */
    segment_cache_t *segments;
    worker_pool_t *workers;
    media_client_t media;
    media_node_t *folders; /* of music, and how other nodes read them */
    err_t listen_err;      /* of its listener */
    runtime_t *runtime;
    auth_service_t auth;
    library_service_t library;
    streaming_service_t streaming;
    inspector_service_t inspector;
    static_files_t *player;
    graphql_engine_t *graphql;
    routes_t *routes;
    gateways_t *gateways; /* of the cluster; NULL: it is alone */
    api_t api;
    catalog_keeper_t keeper;
    search_feed_t *search;
    search_asker_t *asker;
    search_keeper_t search_keeper;
    went_back_t went_back;
    upkeep_t upkeep;
    privacy_service_t privacy;
    master_rotation_t rotation;
    control_t *control;
    post_t *posts;
    uint32_t post_count;
    _Atomic uint32_t serving; /* posts from the front whose server runs */
    str_t hosts[NODE_HOSTS_MAX], origins[NODE_HOSTS_MAX];
    size_t host_count, origin_count;
    buf_t host;
    uint16_t port;
    bool is_ready, is_started;
    _Atomic bool is_kept;     /* upkeep was started, and not stopped */
    _Atomic bool is_expelled; /* the cluster's other nodes took it for dead */
    sem_t done;               /* of the step that the main thread waits for */
};

/* Jobs that follow the journal or build from it, for minutes perhaps: so many threads of
 * OFFLOAD_FILE more keep file reads and actors that are read again from waiting for them. */
enum { NODE_KEEPER_JOBS = CATALOG_KEEPER_JOBS + NAMES_FOLLOW_JOBS + SEARCH_KEEPER_JOBS };

/* Whether this node has it: alone, a node has all. */
static inline bool node_has_role(const node_t *self, member_role_t role)
{
    return (self->cluster_config.roles & (uint32_t)role) != 0;
}

/* open_storage.c */
err_t node_open_storage(node_t *self, buf_t *problem);
/* Says what can't be done, unless a sentence that says more is there already. */
err_t node_refuse(buf_t *problem, err_t err, const char *what);
/* Of a file in the data folder; as long as the node lives. */
const char *node_in_data(node_t *self, const char *name);
journal_t *node_clear_journal(const node_t *self);

/* keepers.c: on the first edge. */
void node_start_keepers(node_t *self);
void node_stop_keepers(node_t *self);

/* node.c: runs it on the first scheduler, and waits until it has posted `done`. */
void node_post_and_wait(node_t *self, void (*fn)(void *context));

/* media/folders.c: music folders, and of several nodes the listener for the others: opened before
 * the services are registered, listening once there is an api. */
err_t node_open_folders(node_t *self, buf_t *problem);
err_t node_listen_for_nodes(node_t *self);
void node_stop_listening(node_t *self);

/* gateway.c: the gateway's part of start and stop. */
err_t node_start_gateway(node_t *self, buf_t *problem);
void node_stop_gateway(node_t *self);
void node_free_gateway(node_t *self);

/* gateways.c */
err_t node_open_gateways(node_t *self); /* alone: nothing */
err_t node_check_public_url(const node_t *self, buf_t *problem);

/* control_inside.c: handlers of control_commands.c's table. */
void control_top(control_request_t *request);
void control_trace(control_request_t *request);
void control_actor(control_request_t *request);
void control_recorder(control_request_t *request);
void control_actors(control_request_t *request);
void control_tree(control_request_t *request);
void control_letters(control_request_t *request);
void control_outbox(control_request_t *request);
void control_outbox_settle(control_request_t *request);
void control_crashes(control_request_t *request);

/* False: it has refused, and says which node does it. key: of what is done for all nodes by one of
 * the role's; empty: any of them does. */
bool control_does_batch(control_request_t *request, str_t key);

/* exchange/control_exchange.c: the same. */
void control_user_find(control_request_t *request);
void control_tracks_match(control_request_t *request);
void control_tracks_import(control_request_t *request);
void control_playlist_find(control_request_t *request);
void control_playlist_page(control_request_t *request);
void control_playlist_create(control_request_t *request);

/* catalog/control_catalog.c: the same. */
void control_catalog_rebuild(control_request_t *request);
void control_catalog_status(control_request_t *request);

/* search/control_search.c: the same. */
void control_search(control_request_t *request);
void control_search_rebuild(control_request_t *request);
void control_search_status(control_request_t *request);

/* control_commands.c */
/* Answers with a reply as its schema says; context: the request. */
void control_answer(void *context, const answer_t *answer);
extern const control_command_t CONTROL_COMMANDS[];
extern const size_t CONTROL_COMMAND_COUNT;
