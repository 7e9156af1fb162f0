/* cluster_roles.c -- which of the nodes does what only some of them do. */

#include "node/cluster/cluster_parts.h"

static const struct {
    member_role_t role;
    const char *without;
} needs[] = {
    {MEMBER_GATEWAY, "no player can connect"},
    {MEMBER_ACTORS, "nobody serves users and playlists, and what is asked of them is refused"},
    {MEMBER_MEDIA, "no music is read, and nothing is encoded"},
    {MEMBER_BATCH, "nothing is imported, and a bucket of covers is not swept"},
};

uint64_t cluster_node_for(cluster_node_t *self, member_role_t role, str_t key)
{
    roster_t *roster ROSTER_SCOPED = members_roster(self->members);
    return roster == NULL ? PLACEMENT_NONE : placement_one(&roster->view, role, key);
}

uint32_t cluster_node_missing_roles(cluster_node_t *self)
{
    pthread_mutex_lock(&self->lock);
    uint32_t missing = self->missing_roles;
    pthread_mutex_unlock(&self->lock);
    return missing;
}

void cluster_roles_append_metrics(cluster_node_t *self, buf_t *out)
{
    uint32_t missing = cluster_node_missing_roles(self);
    buf_append(out, STR("# HELP musicstream_cluster_role_missing Whether no active node has the "
                        "role.\n# TYPE musicstream_cluster_role_missing gauge\n"));
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        buf_append(out, STR("musicstream_cluster_role_missing{role=\""));
        cluster_roles_append(needs[i].role, out);
        buf_printf(out, "\"} %d\n", (missing & needs[i].role) != 0);
    }
}

static void say(const cluster_node_t *self, uint32_t missing, uint32_t before)
{
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        buf_t name BUF_SCOPED = BUF_INIT;
        uint32_t role = needs[i].role;
        cluster_roles_append(role, &name);
        if ((missing & ~before & role) != 0)
            log_warning(self->log, "cluster", "no active node has the role %s: %s",
                        buf_terminated(&name), needs[i].without);
        else if ((before & ~missing & role) != 0)
            log_info(self->log, "cluster", "a node has the role %s again", buf_terminated(&name));
    }
}

/* While nobody is active, this node is about to be. */
void cluster_roles_take(cluster_node_t *self, const view_t *view)
{
    uint32_t missing = placement_missing(view, MEMBER_ROLES_ALL);
    if (missing == MEMBER_ROLES_ALL)
        return;
    pthread_mutex_lock(&self->lock);
    uint32_t before = self->missing_roles;
    self->missing_roles = missing;
    pthread_mutex_unlock(&self->lock);
    say(self, missing, before);
}
