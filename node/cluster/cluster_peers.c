/* cluster_peers.c -- whom the runtime tells of its actors' names and groups, and hears: all that
 * live, as the view says. */

#include "node/cluster/cluster_parts.h"

#include "runtime/base/memory.h"

static err_t set_peers(const cluster_node_t *self, const view_t *view)
{
    uint64_t *nodes MEMORY_SCOPED = memory_new_array(view->count + 1, sizeof *nodes);
    uint32_t count = 0;
    if (nodes == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < view->count; i++)
        if (view->members[i].status != MEMBER_DEAD && view->members[i].node != self->node)
            nodes[count++] = view->members[i].node;
    return runtime_set_peers(self->runtime, nodes, count);
}

/* A view that comes late changes nothing any more. */
void cluster_peers_take(cluster_node_t *self, const view_t *view)
{
    pthread_mutex_lock(&self->placing);
    if (view->version >= self->peers_version) {
        self->peers_version = view->version;
        atomic_store(&self->are_peers_missing, set_peers(self, view) != ERR_OK);
    }
    pthread_mutex_unlock(&self->placing);
}

void cluster_peers_tick(cluster_node_t *self)
{
    if (atomic_load(&self->are_peers_missing)) {
        roster_t *roster ROSTER_SCOPED = members_roster(self->members);
        if (roster != NULL)
            cluster_peers_take(self, &roster->view);
    }
    runtime_tend_peers(self->runtime);
}
