#pragma once
/* far.h -- the inspectors (inspector.h) of all nodes of the cluster, asked from one of them; of a
 * node that is alone there is its own.
 *
 * Each node is asked for itself and has a deadline of its own: who is silent keeps nobody from the
 * others. What a node told last, and what went wrong, stays here until it is asked again.
 *
 * Ownership  Who has it calls far_end; it goes once no answer is under way any more.
 * Threads    The edge's. */

#include "node/cluster/cluster_node.h"
#include "runtime/base/json.h"

typedef struct far far_t;

typedef struct far_node {
    uint64_t node;                     /* 0: of a node that is alone */
    char address[MEMBER_ADDRESS_SIZE]; /* of its links */
    bool is_self, is_gone;             /* gone: in the view no more, or dead there */
    bool is_asking, has_told;          /* told: since it was here, once at least */
    err_t err;                         /* of the last answer; OK: none, or it told */
    char why[128];                     /* with it */
    uint64_t lost;                     /* as inspector_told has it */
    buf_t told;                        /* the last that it told */
    uint64_t asked_ns, told_ns;        /* by the clock of this node; told: the last time */
    uint64_t round_ns;                 /* of the last clock ask */
    int64_t ahead_ns, ahead_ms;        /* its monotonic clock, its wall clock before this one's */
    bool has_clock;
} far_node_t;

/* A node told, or did not in time. Many nodes; far_ask may be called in it. */
typedef void (*far_told_fn)(void *context, far_node_t *node);

/* cluster NULL: alone. NO_MEMORY. */
err_t far_new(cluster_node_t *cluster, edge_t *edge, far_told_fn told, void *context,
              far_t **out_far);
/* `told` is not called any more. */
void far_end(far_t **self);
/* Those that came since are there, with the next numbers. NO_MEMORY. */
err_t far_refresh(far_t *self);
size_t far_count(const far_t *self);
far_node_t *far_at(const far_t *self, size_t index);
bool far_is_asking(const far_t *self); /* any of them */

/* Not while it is asked already. The command is copied by the runtime. */
/* Asks several by `ask`: of their answers, those that come at once too, `told` sees the last one
 * when nobody is asked any more. Where nobody was asked, it is called with NULL. */
void far_each(far_t *self, void (*ask)(void *context, far_node_t *node));
#define far_ask(far, node, timeout_ms, command, ...)                                               \
    far_ask_message((far), (node), (timeout_ms), &command##_schema,                                \
                    &__extension__(command##_t){__VA_ARGS__})
void far_ask_message(far_t *self, far_node_t *node, uint64_t timeout_ms, const schema_t *schema,
                     const void *command);
/* {"node", "address", "is_self", "error" or nothing, "silent_ms"}, left open. */
void far_node_begin(const far_t *self, const far_node_t *node, json_t *json);
