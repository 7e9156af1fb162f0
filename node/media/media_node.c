#include "node/media/media_node.h"

#include "gateway/hls/pieces.h"
#include "gateway/server.h"
#include "runtime/base/memory.h"

#include <stdio.h>

/* Other nodes keep their connections, and hear of our end only when they use them. */
enum { LISTENER_LINGER_MS = 100, LISTENER_DRAIN_MS = 2000 };

struct media_node {
    own_root_t roots[CONFIG_ROOTS_MAX]; /* the configuration's strings */
    size_t root_count;
    root_peers_t *peers;
    root_places_t *places;
    /* In a cluster. */
    piece_keys_t *keys;
    piece_client_t *pieces;
    routes_t *routes;
    gateway_server_t *server;
    home_t home;
    char host[ROOT_ADDRESS_SIZE], advertised[ROOT_ADDRESS_SIZE], address[ROOT_ADDRESS_SIZE];
    uint16_t port;
    void (*on_stopped)(void *context);
    void *stop_context;
};

static void take_roots(media_node_t *self, const config_t *config)
{
    for (uint32_t i = 0; i < config->root_count; i++)
        self->roots[self->root_count++] =
            (own_root_t){str_from(config->roots[i].name), str_from(config->roots[i].path)};
}

static err_t open_cluster(media_node_t *self, const media_cluster_t *cluster, buf_t *problem)
{
    bool is_told = cluster->advertised[0] != '\0';
    if (!str_to_array(str_from(cluster->host), self->host, sizeof self->host) ||
        !str_to_array(str_from(is_told ? cluster->advertised : cluster->host), self->advertised,
                      sizeof self->advertised)) {
        buf_printf(problem, "the address for other nodes is longer than %d bytes",
                   ROOT_ADDRESS_SIZE - 1);
        return ERR_INVALID;
    }
    self->port = cluster->port;
    TRY(piece_keys_new(str_of(cluster->keys[0].bytes, AEAD_KEY_SIZE), &self->keys));
    for (size_t i = 1; i < cluster->key_count; i++)
        TRY(piece_keys_accept(self->keys, str_of(cluster->keys[i].bytes, AEAD_KEY_SIZE)));
    const piece_client_options_t options = {.keys = self->keys};
    TRY(piece_client_new(&options, &self->pieces));
    TRY(root_peers_new(&cluster->self, &self->peers));
    self->routes = routes_new();
    return self->routes == NULL ? ERR_NO_MEMORY : pieces_routes(self->routes);
}

err_t media_node_open(const config_t *config, const media_cluster_t *cluster, buf_t *problem,
                      media_node_t **out_node)
{
    media_node_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    take_roots(self, config);
    err_t err = cluster == NULL ? ERR_OK : open_cluster(self, cluster, problem);
    if (err == ERR_OK) {
        root_nodes_t nodes = {0};
        if (self->peers != NULL)
            nodes = root_peers_nodes(self->peers);
        err = root_places_new(self->peers == NULL ? NULL : &nodes, &self->places);
    }
    if (err != ERR_OK) {
        media_node_close(self);
        return err;
    }
    *out_node = self;
    return ERR_OK;
}

void media_node_close(media_node_t *self)
{
    if (self == NULL)
        return;
    routes_free(self->routes);
    piece_client_free(self->pieces);
    piece_keys_free(self->keys);
    root_places_free(self->places);
    root_peers_free(self->peers);
    memory_free(self);
}

root_places_t *media_node_places(const media_node_t *self)
{
    return self->places;
}

root_peers_t *media_node_peers(const media_node_t *self)
{
    return self->peers;
}

piece_client_t *media_node_pieces(const media_node_t *self)
{
    return self->pieces;
}

const piece_keys_t *media_node_keys(const media_node_t *self)
{
    return self->keys;
}

const own_root_t *media_node_roots(const media_node_t *self, size_t *out_count)
{
    *out_count = self->root_count;
    return self->roots;
}

str_t media_node_address(const media_node_t *self)
{
    return str_from(self->address);
}

/* As it is connected to: "[2001:db8::7]:8486". */
static err_t say_address(media_node_t *self)
{
    bool is_v6 = strchr(self->advertised, ':') != NULL;
    int size = snprintf(self->address, sizeof self->address, is_v6 ? "[%s]:%u" : "%s:%u",
                        self->advertised, (unsigned)gateway_server_port(self->server));
    return size > 0 && (size_t)size < sizeof self->address ? ERR_OK : ERR_INVALID;
}

err_t media_node_listen(media_node_t *self, const api_t *api, edge_t *edge, uv_loop_t *loop)
{
    if (self->keys == NULL)
        return ERR_OK;
    gateway_options_t options = {
        .host = self->host,
        .port = self->port,
        .limits = {.linger_ms = LISTENER_LINGER_MS, .drain_ms = LISTENER_DRAIN_MS},
        .routes = self->routes,
        .edge = edge,
        .user = &self->home};
    self->home = (home_t){.api = api, .edge = edge};
    err_t err = gateway_server_new(loop, &options, &self->server);
    if (err == ERR_OK)
        err = gateway_server_start(self->server);
    if (err == ERR_OK)
        return say_address(self);
    gateway_server_free(self->server); /* one that never started can't be stopped */
    self->server = NULL;
    return err;
}

static void stopped(void *context)
{
    media_node_t *self = context;
    gateway_server_free(self->server); /* its handles are on a loop that ends before we close */
    self->server = NULL;
    self->on_stopped(self->stop_context);
}

void media_node_stop(media_node_t *self, void (*on_stopped)(void *context), void *context)
{
    self->on_stopped = on_stopped;
    self->stop_context = context;
    if (self->server == NULL)
        on_stopped(context);
    else
        gateway_server_stop(self->server, stopped, self);
}
