#pragma once
/* cluster_node.h -- this node among the others: membership, links, places and moving, put together
 * (cluster/README.md says what each is).
 *
 *     open     the links listen, the node has its number: before the journal is opened
 *     attach   the runtime knows that it is one of many: before it is started
 *     join     it is in the table, has a lease and what it owns: before anybody is listened to
 *     leave    what it owned is another's; then it is gone
 *
 * Threads  open, attach, join, leave and close: one; all else any.
 * Errors   With a sentence in *problem that says what to do. */

#include "cluster/members/members.h"
#include "node/cluster/cluster_config.h"
#include "runtime/router.h"
#include "storage/postgres/partitions.h"

typedef struct cluster_node cluster_node_t;

enum {
    CLUSTER_TICK_MS = 10,     /* a lease that ended is noticed so late at most */
    CLUSTER_QUIET_MS = 1000,  /* a node that owes an answer for so long is asked nothing more */
    CLUSTER_JOIN_LEASES = 60, /* waited for, then the start has failed */
    CLUSTER_LEAVE_MS = 6000,  /* for all to be taken over */
    CLUSTER_GONE_MS = 500,    /* for the table to hear that nothing is served any more */
    CLUSTER_FLUSH_MS = 500    /* for what the links still have */
};

typedef struct cluster_node_options {
    const cluster_config_t *cluster; /* borrowed until open returns */
    const char *database;            /* without a pooler; copied */
    uint32_t level;                  /* of events that this program understands */
    str_t details;                   /* a JSON object about this node, for the others */
    const ms_log_t *log;
    /* The others have declared this node dead: it serves nothing any more, and is to end. Once, any
     * thread; `why` is a sentence. */
    void (*expelled)(void *context, const char *why);
    /* Actors of others are this node's to serve now. Often; any thread; quick. */
    void (*gained)(void *context);
    void *context;
} cluster_node_options_t;

/* CONFLICT: the address is in use, or the cluster has another profile; those of members.h */
err_t cluster_node_open(const cluster_node_options_t *options, buf_t *problem,
                        cluster_node_t **out_node);
err_t cluster_node_attach(cluster_node_t *self, runtime_t *runtime);
/* TIMEOUT: some member that should be alive can't be reached, or owns what is to be had.
 * UNSUPPORTED: it and a member speak no version in common (speaks.h). */
err_t cluster_node_join(cluster_node_t *self, buf_t *problem);
/* Gives everything away, waiting no longer than that; what is left then is taken over when it has
 * gone. To be called while others can still be answered. */
void cluster_node_leave(cluster_node_t *self, uint64_t within_ms);
/* After the runtime has drained: nothing comes from here any more. */
void cluster_node_stop(cluster_node_t *self);
void cluster_node_close(cluster_node_t *self); /* NULL is fine */

uint64_t cluster_node_number(const cluster_node_t *self);
partition_epochs_t *cluster_node_epochs(cluster_node_t *self);
/* It has a lease. */
bool cluster_node_may_serve(const cluster_node_t *self);
members_t *cluster_node_members(cluster_node_t *self);

/* Who does, for all nodes, the work that `key` names and that needs this role: 0, nobody has the
 * role. Nodes that do not have the same view yet may differ. */
uint64_t cluster_node_for(cluster_node_t *self, member_role_t role, str_t key);
/* Roles that no active node has, as the newest view says. */
uint32_t cluster_node_missing_roles(cluster_node_t *self);

/* Asks the others how busy they are: the status knows it a moment later. */
void cluster_node_look(cluster_node_t *self);
/* Another one, or itself, gives all away and goes on as a gateway. NOT_FOUND: no such node. */
err_t cluster_node_drain(cluster_node_t *self, uint64_t node);
/* Another one runs no more, for certain; as members_forget. */
err_t cluster_node_forget(cluster_node_t *self, uint64_t node);

/* What `cluster status` and the metrics say; JSON objects and lines of Prometheus. */
void cluster_node_append_status(cluster_node_t *self, json_t *json);
void cluster_node_append_metrics(cluster_node_t *self, buf_t *out);
