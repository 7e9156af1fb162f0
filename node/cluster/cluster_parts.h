#pragma once
/* cluster_parts.h -- what a node of a cluster is made of: for the files of node/cluster only. */

#include "cluster/link/link.h"
#include "cluster/topic/topic_service.h"
#include "node/cluster/cluster_node.h"
#include "node/cluster/load_list.h"
#include "node/cluster/member_talk.h"
#include "node/cluster/mover.h"
#include "node/cluster/speaks.h"
#include "runtime/base/thread.h"

#include <pthread.h>
#include <stdatomic.h>

struct cluster_node {
    const ms_log_t *log;
    char *database;
    uint64_t node, lease_ms;
    char address[MEMBER_ADDRESS_SIZE]; /* as the others are told */
    link_keys_t keys;                  /* of this start */
    mesh_t *mesh;
    members_t *members;
    member_talk_t talk;
    partition_epochs_t *epochs;
    mover_t *mover;
    topic_service_t *topics;
    pthread_mutex_t placing; /* of topics; of what follows */
    placement_t *placement;
    router_load_t shares[VIEW_MEMBERS_MAX]; /* as the runtime was told last */
    _Atomic bool is_waiting_for_dead;
    uint64_t peers_version; /* of the view that the runtime has its peers from */
    _Atomic bool are_peers_missing;
    runtime_t *runtime; /* borrowed; from attach on */
    void (*expelled)(void *context, const char *why);
    void (*gained)(void *context);
    void *hooks_context;     /* of both */
    _Atomic bool is_out;     /* dead, or gone, as the table says */
    _Atomic bool is_leaving; /* by itself */
    link_stats_t *peers;     /* the ticker's, as it looked at them last */
    uint64_t *quiet;         /* the ticker's: nodes that do not answer */
    uint32_t quiet_count;
    thread_slot_t ticker;
    _Atomic bool is_stopping;
    uint64_t measured_ms, measured_used_ms; /* the ticker's */
    _Atomic uint64_t per_mille;             /* of its processors that it uses */
    uint64_t measured_handled, waited_ms;   /* the ticker's */
    _Atomic uint64_t queue_age_ms;
    pthread_mutex_t gate; /* held while something that the links brought is handled */
    bool is_closed;       /* of the gate: nothing is any more */
    pthread_mutex_t lock; /* of what follows */
    roster_t *roster;     /* as taken last */
    uint64_t stranger;    /* a node that this one would not understand: it does not join; 0: none */
    speaks_t stranger_speaks;
    uint32_t missing_roles;
    uint32_t load_count;
    member_load_t loads[VIEW_MEMBERS_MAX]; /* as they said last */
};

/* cluster_ways.c: the links' and membership's hooks; context: the node. */
extern const router_table_t CLUSTER_ROUTER;
void cluster_heard(void *context, const link_message_t *message);
void cluster_link_down(void *context, uint64_t node);
void cluster_link_lost(void *context, const link_loss_t *loss);
/* From its return on the links bring nothing. */
void cluster_close_gate(cluster_node_t *self);
void cluster_take(void *context, roster_t *roster);

/* cluster_roles.c: says which roles nobody has, once. */
void cluster_roles_take(cluster_node_t *self, const view_t *view);
/* Of each role, whether nobody has it. */
void cluster_roles_append_metrics(cluster_node_t *self, buf_t *out);

/* cluster_reach.c: asks to nodes that do not answer are refused. */
err_t cluster_reach_open(cluster_node_t *self);
void cluster_reach_close(cluster_node_t *self);
void cluster_reach_tick(cluster_node_t *self); /* the ticker's */

/* cluster_topics.c */
err_t cluster_topics_open(cluster_node_t *self);
err_t cluster_topics_place(cluster_node_t *self, const view_t *view);
void cluster_topics_tick(cluster_node_t *self);
bool cluster_topics_are_told(cluster_node_t *self); /* others have what was published here */

/* cluster_peers.c: names and groups of all nodes */
void cluster_peers_take(cluster_node_t *self, const view_t *view);
void cluster_peers_tick(cluster_node_t *self);

/* cluster_loads.c: the same of member_talk.h. */
void cluster_measure(void *context, member_load_t *out);
void cluster_loaded(void *context, const member_load_t *load);
/* False: it has said nothing, and `out` is as before. */
bool cluster_load_of(cluster_node_t *self, uint64_t node, member_load_t *out);
/* Both do nothing where no kind is placed by load. */
void cluster_loads_ask(cluster_node_t *self);   /* all others how busy they are */
void cluster_loads_place(cluster_node_t *self); /* tells the runtime */
