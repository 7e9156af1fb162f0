#pragma once
/* cluster_config.h -- what the configuration says of this node's place in a cluster.
 *
 * Ownership  The strings are the configuration's. The keys are to be wiped.
 * Errors     INVALID and those of cluster/link/cluster_key.h, with a sentence in *problem. */

#include "cluster/link/cluster_key.h"
#include "cluster/view.h"
#include "node/config.h"

typedef struct cluster_config {
    bool is_on; /* else nothing of the rest means anything */
    cluster_keys_t keys;
    char listen[MEMBER_ADDRESS_SIZE]; /* HOST:PORT; port 0: a free one */
    /* What others are told; empty: the same, with the port that it got. */
    char advertised[MEMBER_ADDRESS_SIZE];
    char zone[MEMBER_ZONE_SIZE];
    uint32_t roles, weight; /* alone: all roles */
    uint64_t lease_ms;
} cluster_config_t;

err_t cluster_config_read(const config_t *config, buf_t *problem, cluster_config_t *out_cluster);
void cluster_config_wipe(cluster_config_t *self);
#define CLUSTER_CONFIG_SCOPED SCOPED(cluster_config_wipe)

/* "gateway,actors". INVALID: another word, or none. */
err_t cluster_roles_read(const char *text, uint32_t *out_roles);
void cluster_roles_append(uint32_t roles, buf_t *out);
