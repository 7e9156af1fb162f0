#include "node/cluster/cluster_parts.h"
#include "node/cluster/spoken.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"

/* ---- opening ---- */

static err_t start_mesh(cluster_node_t *self, const cluster_config_t *cluster)
{
    mesh_options_t options = {
        .node = self->node,
        .listen = cluster->listen,
        .keys = self->keys,
        .cluster_keys = cluster->keys,
        .events = {.down = cluster_link_down, .lost = cluster_link_lost, .context = self},
        .clock = clock_system(),
        .log = self->log};
    options.handlers[LINK_MEMBERSHIP] = (link_handler_t){cluster_heard, self};
    options.handlers[LINK_RUNTIME] = (link_handler_t){cluster_heard, self};
    options.handlers[LINK_HANDOVER] = (link_handler_t){cluster_heard, self};
    options.handlers[LINK_TOPIC] = (link_handler_t){cluster_heard, self};
    return mesh_start(&options, &self->mesh);
}

static err_t open_members(cluster_node_t *self, const cluster_node_options_t *options)
{
    const cluster_config_t *cluster = options->cluster;
    members_options_t own = {
        .address = options->database,
        .self = {.roles = cluster->roles, .weight = cluster->weight, .level = options->level},
        .details = options->details,
        .lease_ms = cluster->lease_ms,
        .log = self->log};
    memcpy(own.self.key, self->keys.public_key, sizeof own.self.key);
    memcpy(own.self.zone, cluster->zone, sizeof own.self.zone);
    if (!str_to_array(str_from(cluster->listen), own.self.address, sizeof own.self.address))
        return ERR_INVALID;
    return members_open(&own, &self->members);
}

/* As the others are told: the host as it was written, with the port that was found. */
static err_t name_address(cluster_node_t *self, const cluster_config_t *cluster)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    str_t listen = str_from(cluster->listen), found = str_from(mesh_address(self->mesh));
    if (cluster->advertised[0] != '\0') {
        buf_append(&text, str_from(cluster->advertised));
    } else {
        buf_append(&text, str_slice(listen, 0, str_find_last(listen, ':')));
        buf_append(&text, str_slice(found, str_find_last(found, ':'), found.size));
    }
    TRY(buf_status(&text));
    bool fits = str_to_array(buf_str(&text), self->address, sizeof self->address);
    return fits ? ERR_OK : ERR_INVALID;
}

static err_t open_links(cluster_node_t *self, const cluster_node_options_t *options)
{
    const cluster_config_t *cluster = options->cluster;
    TRY(open_members(self, options));
    self->node = members_node(self->members);
    self->talk.members = self->members;
    self->talk.measure = cluster_measure;
    self->talk.loaded = cluster_loaded;
    self->talk.context = self;
    TRY(start_mesh(self, cluster));
    self->talk.mesh = self->mesh;
    return name_address(self, cluster);
}

static err_t set_up(cluster_node_t *self, const cluster_node_options_t *options)
{
    self->database = str_dup_terminated(str_from(options->database));
    self->epochs = partition_epochs_new();
    if (self->database == NULL || self->epochs == NULL)
        return ERR_NO_MEMORY;
    TRY(link_keys_make(&self->keys));
    return open_links(self, options);
}

static void explain(const cluster_config_t *cluster, err_t err, buf_t *problem)
{
    if (err == ERR_CONFLICT)
        buf_printf(problem,
                   "this node can't be one of the cluster: another program uses %s, or the other "
                   "nodes have another --cluster-profile (the log says so then)",
                   cluster->listen);
    else if (err == ERR_UNAVAILABLE)
        buf_printf(problem,
                   "this machine has no address %s to listen on for other nodes, or the database "
                   "can't be reached: check --cluster-listen and --database",
                   cluster->listen);
    else
        buf_printf(problem, "this node can't be one of the cluster: %s", err_text(err));
}

err_t cluster_node_open(const cluster_node_options_t *options, buf_t *problem,
                        cluster_node_t **out_node)
{
    cluster_node_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->gate, NULL);
    pthread_mutex_init(&self->placing, NULL);
    pthread_mutex_init(&self->lock, NULL);
    self->log = options->log;
    self->lease_ms = options->cluster->lease_ms;
    self->expelled = options->expelled;
    self->gained = options->gained;
    self->hooks_context = options->context;
    err_t err = set_up(self, options);
    if (err != ERR_OK) {
        explain(options->cluster, err, problem);
        cluster_node_close(self);
        return err;
    }
    *out_node = self;
    return ERR_OK;
}

err_t cluster_node_attach(cluster_node_t *self, runtime_t *runtime)
{
    const router_t router = {&CLUSTER_ROUTER, self};
    const mover_options_t options = {.database = self->database,
                                     .mesh = self->mesh,
                                     .members = self->members,
                                     .runtime = runtime,
                                     .epochs = self->epochs,
                                     .log = self->log,
                                     .gained = self->gained,
                                     .context = self->hooks_context};
    self->runtime = runtime;
    TRY(runtime_join(runtime, self->node, &router));
    TRY(spoken_add(runtime));
    TRY(cluster_reach_open(self));
    TRY(cluster_topics_open(self));
    return mover_open(&options, &self->mover);
}

void cluster_node_close(cluster_node_t *self)
{
    if (self == NULL)
        return;
    cluster_node_stop(self);
    topic_service_free(self->topics);
    cluster_reach_close(self);
    memory_free(self->placement);
    mover_close(self->mover);
    roster_unref(self->roster);
    partition_epochs_free(self->epochs);
    memory_free(self->database);
    explicit_bzero(&self->keys, sizeof self->keys);
    pthread_mutex_destroy(&self->gate);
    pthread_mutex_destroy(&self->placing);
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

uint64_t cluster_node_number(const cluster_node_t *self)
{
    return self->node;
}

partition_epochs_t *cluster_node_epochs(cluster_node_t *self)
{
    return self->epochs;
}

members_t *cluster_node_members(cluster_node_t *self)
{
    return self->members;
}

bool cluster_node_may_serve(const cluster_node_t *self)
{
    return !atomic_load(&self->is_out) && members_has_lease(self->members);
}
