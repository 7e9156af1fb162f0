/* folders.c -- a node's part of media_node.h: what the cluster says, and where it is started and
 * stopped. */

#include "node/parts.h"
#include "storage/keys/cluster_derive.h"

static bool is_live(void *context, uint64_t node)
{
    roster_t *roster = members_roster(cluster_node_members(context));
    const member_t *member = roster == NULL ? NULL : view_find(&roster->view, node);
    bool is_it = member != NULL && member_is_live(member);
    roster_unref(roster);
    return is_it;
}

static err_t open_of_cluster(node_t *self, buf_t *problem)
{
    const cluster_config_t *config = &self->cluster_config;
    aead_key_t key AEAD_KEY_SCOPED;
    buf_t host BUF_SCOPED = BUF_INIT;
    uint16_t port = 0; /* of the links: this listener takes a free one */
    TRY(cluster_derive(config->keys.keys[0], CLUSTER_FOR_HTTP, &key));
    TRY(config_split_address(config->advertised[0] != '\0' ? config->advertised : config->listen,
                             &host, &port));
    const media_cluster_t cluster = {
        .key = &key,
        .self = {cluster_node_number(self->cluster), self->cluster, is_live},
        .host = buf_terminated(&host)};
    TRY(buf_status(&host));
    return media_node_open(self->config, &cluster, problem, &self->folders);
}

err_t node_open_folders(node_t *self, buf_t *problem)
{
    return self->cluster == NULL ? media_node_open(self->config, NULL, problem, &self->folders)
                                 : open_of_cluster(self, problem);
}

static void listen_here(void *context)
{
    node_t *self = context;
    self->listen_err = media_node_listen(self->folders, &self->api, runtime_edge(self->runtime, 0),
                                         runtime_loop(self->runtime, 0));
    sem_post(&self->done);
}

err_t node_listen_for_nodes(node_t *self)
{
    if (self->cluster == NULL)
        return ERR_OK;
    node_post_and_wait(self, listen_here);
    self->library.piece_address = media_node_address(self->folders);
    return self->listen_err;
}

static void stopped(void *context)
{
    node_t *self = context;
    sem_post(&self->done);
}

static void stop_here(void *context)
{
    node_t *self = context;
    media_node_stop(self->folders, stopped, self);
}

void node_stop_listening(node_t *self)
{
    if (self->cluster != NULL)
        node_post_and_wait(self, stop_here);
}
