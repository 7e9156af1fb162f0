/* cluster_ways.c -- what comes to a node of a cluster from the others, what its runtime sends them,
 * and what each new view changes of both. */

#include "node/cluster/cluster_parts.h"

#include "runtime/base/memory.h"

/* ---- what the links bring ---- */

/* The links' one thread, and who closes it all. */
static bool enter(cluster_node_t *self)
{
    pthread_mutex_lock(&self->gate);
    if (!self->is_closed)
        return true;
    pthread_mutex_unlock(&self->gate);
    return false;
}

static void leave(cluster_node_t *self)
{
    pthread_mutex_unlock(&self->gate);
}

void cluster_close_gate(cluster_node_t *self)
{
    pthread_mutex_lock(&self->gate);
    self->is_closed = true;
    pthread_mutex_unlock(&self->gate);
}

static void hear(cluster_node_t *self, const link_message_t *message)
{
    switch (message->type) {
    case LINK_MEMBERSHIP:
        member_talk_heard(&self->talk, message);
        break;
    case LINK_RUNTIME:
        IGNORE_ERR(runtime_receive(self->runtime, message->from, message->payload)); /* it counts */
        break;
    case LINK_HANDOVER:
        mover_heard(self->mover, message);
        break;
    case LINK_TOPIC:
        IGNORE_ERR(topic_service_receive(self->topics, message->from, message->payload));
        break;
    case LINK_TYPES:
        break;
    }
}

void cluster_heard(void *context, const link_message_t *message)
{
    cluster_node_t *self = context;
    if (!enter(self))
        return;
    hear(self, message);
    leave(self);
}

void cluster_link_down(void *context, uint64_t node)
{
    cluster_node_t *self = context;
    if (!enter(self))
        return;
    members_link_lost(self->members, node);
    leave(self);
}

void cluster_link_lost(void *context, const link_loss_t *loss)
{
    cluster_node_t *self = context;
    if (loss->lane != LINK_DATA || loss->messages == 0 || !enter(self))
        return;
    runtime_node_lost(self->runtime, loss->node);
    leave(self);
}

/* ---- what the runtime sends ---- */

static err_t send_to(void *context, uint64_t node, bool is_owed, router_fill_fn fill, void *what)
{
    const cluster_node_t *self = context;
    const link_way_t way = {LINK_DATA, LINK_RUNTIME, is_owed};
    if (self->mesh == NULL)
        return ERR_UNAVAILABLE; /* it stops */
    err_t err = mesh_write(self->mesh, node, way, fill, what);
    return err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : err;
}

static bool has_lease(void *context)
{
    return cluster_node_may_serve(context);
}

const router_table_t CLUSTER_ROUTER = {.send = send_to, .has_lease = has_lease};

/* ---- a new view ---- */

static bool was_live(const view_t *before, uint64_t node)
{
    const member_t *member = before == NULL ? NULL : view_find(before, node);
    return member != NULL && member->status != MEMBER_DEAD;
}

/* Whoever was there and is dead now, or in no row any more. */
static void lose_the_dead(cluster_node_t *self, const view_t *before, const view_t *view)
{
    for (uint32_t i = 0; before != NULL && i < before->count; i++) {
        uint64_t node = before->members[i].node;
        if (was_live(before, node) && !was_live(view, node) && node != self->node)
            runtime_node_lost(self->runtime, node);
    }
}

static err_t set_peers(const cluster_node_t *self, const view_t *view)
{
    link_peer_t *peers MEMORY_SCOPED = memory_new_array(view->count + 1, sizeof *peers);
    size_t count = 0;
    if (peers == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < view->count; i++) {
        const member_t *member = &view->members[i];
        if (member->status == MEMBER_DEAD || member->node == self->node)
            continue;
        link_peer_t *peer = &peers[count++];
        peer->node = member->node;
        memcpy(peer->address, member->address, sizeof peer->address);
        memcpy(peer->public_key, member->key, sizeof peer->public_key);
    }
    return mesh_set_peers(self->mesh, peers, count);
}

/* Links first: what follows may want to send. */
static err_t take_view(cluster_node_t *self, roster_t *roster)
{
    const view_t *view = &roster->view;
    TRY(set_peers(self, view));
    cluster_peers_take(self, view);
    lose_the_dead(self, self->roster == NULL ? NULL : &self->roster->view, view);
    runtime_set_view(self->runtime, view->version);
    TRY(cluster_topics_place(self, view));
    return mover_take(self->mover, view);
}

/* Asked until it is in the table as active: nobody joins whom a node that is there would not
 * understand. */
static bool is_refused(cluster_node_t *self, const roster_t *roster)
{
    const member_t *own = view_find(&roster->view, self->node);
    if (self->stranger == 0 && (own == NULL || own->status == MEMBER_JOINING)) {
        const member_t *member = speaks_stranger(roster, self->node, speaks_here());
        if (member == NULL)
            return false;
        pthread_mutex_lock(&self->lock);
        self->stranger = member->node;
        self->stranger_speaks = speaks_of(roster_details(roster, member->node));
        pthread_mutex_unlock(&self->lock);
        atomic_store(&self->is_out, true);
    }
    return self->stranger != 0;
}

/* A view that is refused goes nowhere: without links this node meets nobody, and is not let in. */
void cluster_take(void *context, roster_t *roster)
{
    cluster_node_t *self = context;
    if (is_refused(self, roster))
        return;
    err_t err = take_view(self, roster);
    if (err != ERR_OK)
        log_error(self->log, "cluster", "view %llu can't be taken: %s",
                  (unsigned long long)roster->view.version, err_text(err));
    pthread_mutex_lock(&self->lock);
    roster_t *before = self->roster;
    self->roster = roster_ref(roster);
    pthread_mutex_unlock(&self->lock);
    roster_unref(before);
    cluster_roles_take(self, &roster->view);
    cluster_loads_place(self);
}
