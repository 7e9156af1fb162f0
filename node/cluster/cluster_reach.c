/* cluster_reach.c -- who asks an actor of a node that does not answer is told so, and may try
 * again, instead of waiting for its deadline. A node that does not answer may live, with all that
 * it owns: only membership ends it. */

#include "node/cluster/cluster_parts.h"

#include "runtime/base/memory.h"

err_t cluster_reach_open(cluster_node_t *self)
{
    self->peers = memory_new_array(LINK_PEERS_MAX, sizeof *self->peers);
    self->quiet = memory_new_array(LINK_PEERS_MAX, sizeof *self->quiet);
    return self->peers == NULL || self->quiet == NULL ? ERR_NO_MEMORY : ERR_OK;
}

void cluster_reach_close(cluster_node_t *self)
{
    memory_free(self->peers);
    memory_free(self->quiet);
}

static bool was_quiet(const cluster_node_t *self, uint64_t node)
{
    for (uint32_t i = 0; i < self->quiet_count; i++)
        if (self->quiet[i] == node)
            return true;
    return false;
}

static void tell(const cluster_node_t *self, uint64_t node, bool is_quiet)
{
    runtime_set_reachable(self->runtime, node, !is_quiet);
    log_info(self->log, "cluster", "node %llu %s", (unsigned long long)node,
             is_quiet ? "does not answer: who asks its actors is refused" : "answers again");
}

/* What is no peer any more is dead, and stays what it was. */
void cluster_reach_tick(cluster_node_t *self)
{
    size_t count =
        MIN(mesh_peer_stats(self->mesh, self->peers, LINK_PEERS_MAX), (size_t)LINK_PEERS_MAX);
    for (size_t i = 0; i < count; i++) {
        uint64_t node = self->peers[i].node;
        bool is_quiet = self->peers[i].lanes[LINK_DATA].quiet_ms >= CLUSTER_QUIET_MS;
        if (is_quiet != was_quiet(self, node))
            tell(self, node, is_quiet);
    }
    self->quiet_count = 0;
    for (size_t i = 0; i < count; i++)
        if (self->peers[i].lanes[LINK_DATA].quiet_ms >= CLUSTER_QUIET_MS)
            self->quiet[self->quiet_count++] = self->peers[i].node;
}
