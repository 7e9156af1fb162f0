/* cluster_topics.c -- the topics of a node of a cluster: topic_service.h over the links. */

#include "node/cluster/cluster_parts.h"

#include "cluster/topic/topic_wire.h"
#include "runtime/base/memory.h"

static err_t write_frame(void *context, buf_t *out)
{
    topic_frame_put(context, out);
    return buf_status(out);
}

/* What can't be sent is sent again by who counts. */
static void send_frame(void *context, uint64_t node, const topic_frame_t *frame)
{
    const cluster_node_t *self = context;
    topic_frame_t copy = *frame;
    IGNORE_ERR(mesh_write(self->mesh, node, (link_way_t){LINK_DATA, LINK_TOPIC, false}, write_frame,
                          &copy));
}

static const schema_t *schema_named(void *context, str_t name)
{
    const cluster_node_t *self = context;
    return runtime_schema(self->runtime, name);
}

err_t cluster_topics_open(cluster_node_t *self)
{
    const topic_service_options_t options = {.node = self->node,
                                             .runtime = self->runtime,
                                             .context = self,
                                             .send = send_frame,
                                             .schema = schema_named};
    self->placement = memory_new(sizeof *self->placement);
    if (self->placement == NULL)
        return ERR_NO_MEMORY;
    return topic_service_new(&options, &self->topics);
}

/* All that may still serve: the living, and the dead until what was theirs may be served by others.
 */
static uint32_t find_serving(cluster_node_t *self, const view_t *view, uint64_t *out_nodes,
                             bool *out_has_dead)
{
    uint32_t count = 0;
    *out_has_dead = false;
    for (uint32_t i = 0; i < view->count; i++) {
        const member_t *member = &view->members[i];
        bool is_dead = member->status == MEMBER_DEAD;
        if (is_dead && members_is_free(self->members, member->node))
            continue;
        out_nodes[count++] = member->node;
        *out_has_dead = *out_has_dead || is_dead;
    }
    return count;
}

err_t cluster_topics_place(cluster_node_t *self, const view_t *view)
{
    uint64_t *nodes MEMORY_SCOPED = memory_new_array(view->count + 1, sizeof *nodes);
    bool has_dead = false;
    if (nodes == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_lock(&self->placing);
    uint32_t count = find_serving(self, view, nodes, &has_dead);
    if (self->placement->version != view->version)
        placement_build(self->placement, view, MEMBER_ACTORS);
    err_t err = topic_service_place(self->topics, self->placement, nodes, count);
    atomic_store(&self->is_waiting_for_dead, has_dead || err != ERR_OK);
    pthread_mutex_unlock(&self->placing);
    return err;
}

void cluster_topics_tick(cluster_node_t *self)
{
    topic_service_tick(self->topics);
    if (!atomic_load(&self->is_waiting_for_dead))
        return;
    roster_t *roster ROSTER_SCOPED = members_roster(self->members);
    if (roster != NULL)
        IGNORE_ERR(cluster_topics_place(self, &roster->view)); /* else with the next tick */
}

bool cluster_topics_are_told(cluster_node_t *self)
{
    topics_stats_t stats;
    topic_service_stats(self->topics, &stats);
    return stats.waiting == 0;
}
