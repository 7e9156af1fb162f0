/* cluster_loads.c -- how busy this node is, and the others are as they say: for who looks, and for
 * what is placed by load. */

#include "node/cluster/cluster_parts.h"

void cluster_measure(void *context, member_load_t *out)
{
    cluster_node_t *self = context;
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    const handover_counts_t counts = mover_counts(self->mover);
    *out = (member_load_t){.node = self->node,
                           .actors = stats.actors,
                           .per_mille = atomic_load(&self->per_mille),
                           .served = counts.served,
                           .moving = counts.draining + counts.coming,
                           .queue_age_ms = atomic_load(&self->queue_age_ms),
                           .heard_ms = members_now_ms(self->members)};
}

/* ---- what others say ---- */

static member_load_t *load_of(cluster_node_t *self, uint64_t node)
{
    for (uint32_t i = 0; i < self->load_count; i++)
        if (self->loads[i].node == node)
            return &self->loads[i];
    return NULL;
}

/* Those of nodes that are in no view any more make room. */
static void forget_loads(cluster_node_t *self)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->load_count; i++)
        if (self->roster != NULL && view_find(&self->roster->view, self->loads[i].node) != NULL)
            self->loads[kept++] = self->loads[i];
    self->load_count = kept;
}

static void keep(cluster_node_t *self, const member_load_t *load)
{
    member_load_t *there = load_of(self, load->node);
    if (there == NULL) {
        forget_loads(self);
        if (self->load_count < COUNT_OF(self->loads))
            there = &self->loads[self->load_count++];
    }
    if (there != NULL)
        *there = *load;
}

void cluster_loaded(void *context, const member_load_t *load)
{
    cluster_node_t *self = context;
    pthread_mutex_lock(&self->lock);
    keep(self, load);
    pthread_mutex_unlock(&self->lock);
}

bool cluster_load_of(cluster_node_t *self, uint64_t node, member_load_t *out)
{
    if (node == self->node) {
        cluster_measure(self, out);
        return true;
    }
    pthread_mutex_lock(&self->lock);
    const member_load_t *there = load_of(self, node);
    if (there != NULL)
        *out = *there;
    pthread_mutex_unlock(&self->lock);
    return there != NULL;
}

/* ---- what is placed by load ---- */

void cluster_loads_place(cluster_node_t *self)
{
    uint32_t count = 0;
    member_load_t own;
    if (!runtime_places_by_load(self->runtime))
        return;
    cluster_measure(self, &own);
    pthread_mutex_lock(&self->placing);
    pthread_mutex_lock(&self->lock);
    keep(self, &own);
    if (self->roster != NULL)
        count = load_list(&self->roster->view, self->loads, self->load_count, own.heard_ms,
                          self->shares);
    pthread_mutex_unlock(&self->lock);
    err_t err = runtime_set_loads(self->runtime, self->shares, count);
    pthread_mutex_unlock(&self->placing);
    if (err != ERR_OK) /* the next time; until then those it was */
        log_warning(self->log, "cluster", "loads can't be taken: %s", err_text(err));
}

/* Their answers are here when they are looked at, LOADS_LATER ticks on. */
void cluster_loads_ask(cluster_node_t *self)
{
    if (runtime_places_by_load(self->runtime))
        cluster_node_look(self);
}
