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

typedef struct keys {
    aead_key_t keys[CLUSTER_KEYS_MAX];
} keys_t;

static void keys_wipe(keys_t *self)
{
    for (size_t i = 0; i < COUNT_OF(self->keys); i++)
        aead_key_wipe(&self->keys[i]);
}

/* As the option says; else where the links listen, with a free port. */
static err_t read_listen(const node_t *self, buf_t *problem, buf_t *out_host, uint16_t *out_port)
{
    const char *text = self->config->media_listen;
    if (text[0] == '\0') {
        TRY(config_split_address(self->cluster_config.listen, out_host, out_port));
        *out_port = 0;
        return ERR_OK;
    }
    if (config_split_address(text, out_host, out_port) == ERR_OK)
        return ERR_OK;
    buf_printf(problem,
               "media-listen is '%s': use HOST:PORT, where other nodes fetch music from this one",
               text);
    return ERR_INVALID;
}

/* The others reach it where they reach the links: behind NAT, only its port is its own. */
static err_t read_advertised(const node_t *self, buf_t *out_host)
{
    const cluster_config_t *config = &self->cluster_config;
    uint16_t port_of_links = 0;
    return config->advertised[0] == '\0'
               ? ERR_OK
               : config_split_address(config->advertised, out_host, &port_of_links);
}

static err_t open_of_cluster(node_t *self, buf_t *problem)
{
    const cluster_keys_t *keys = &self->cluster_config.keys;
    keys_t derived SCOPED(keys_wipe) = {0};
    buf_t host BUF_SCOPED = BUF_INIT, advertised BUF_SCOPED = BUF_INIT;
    uint16_t port = 0;
    for (uint32_t i = 0; i < keys->count; i++)
        TRY(cluster_derive(keys->keys[i], CLUSTER_FOR_HTTP, &derived.keys[i]));
    TRY(read_listen(self, problem, &host, &port));
    TRY(read_advertised(self, &advertised));
    const media_cluster_t cluster = {
        .keys = derived.keys,
        .key_count = keys->count,
        .self = {cluster_node_number(self->cluster), self->cluster, is_live},
        .host = buf_terminated(&host),
        .advertised = buf_terminated(&advertised),
        .port = port};
    TRY(buf_status(&host));
    TRY(buf_status(&advertised));
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
