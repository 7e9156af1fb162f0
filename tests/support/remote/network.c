#include "tests/support/remote/network.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <stdatomic.h>

typedef struct packet {
    struct packet *next;
    buf_t bytes;
} packet_t;

typedef struct pipe_between {
    packet_t *first, **end;
    uint32_t count;
    bool is_cut, is_stalled;
} pipe_between_t;

typedef struct port {
    network_t *network;
    uint64_t node;
    runtime_t *runtime; /* NULL: not there */
} port_t;

struct network {
    uv_mutex_t lock;
    uv_cond_t more;
    port_t ports[NETWORK_NODES_MAX + 1];
    pipe_between_t pipes[NETWORK_NODES_MAX + 1][NETWORK_NODES_MAX + 1]; /* from, to */
    uint32_t queue_max;
    uint64_t waiting;
    _Atomic uint64_t carried;
    _Atomic bool is_lease_over[NETWORK_NODES_MAX + 1];
    random_seed_t seed;
    ms_random_t random;
    network_spoil_fn spoil;
    void *spoil_context;
    uv_thread_t thread;
    bool is_stopping;
};

network_t *network_new(uint64_t seed)
{
    network_t *self = memory_new(sizeof *self);
    ASSERT(self != NULL && uv_mutex_init(&self->lock) == 0 && uv_cond_init(&self->more) == 0);
    self->queue_max = NETWORK_QUEUE_USUAL;
    self->seed.state = seed ^ 0x6e6574;
    self->random = random_seeded(&self->seed);
    for (size_t i = 0; i <= NETWORK_NODES_MAX; i++)
        for (size_t j = 0; j <= NETWORK_NODES_MAX; j++)
            self->pipes[i][j].end = &self->pipes[i][j].first;
    return self;
}

static void packet_free(packet_t *packet)
{
    buf_deinit(&packet->bytes);
    memory_free(packet);
}

static packet_t *take_first(network_t *self, pipe_between_t *pipe)
{
    packet_t *packet = pipe->first;
    pipe->first = packet->next;
    if (pipe->first == NULL)
        pipe->end = &pipe->first;
    pipe->count--;
    self->waiting--;
    return packet;
}

static void empty(network_t *self, pipe_between_t *pipe)
{
    while (pipe->first != NULL)
        packet_free(take_first(self, pipe));
}

void network_free(network_t *self)
{
    for (size_t i = 0; i <= NETWORK_NODES_MAX; i++)
        for (size_t j = 0; j <= NETWORK_NODES_MAX; j++)
            empty(self, &self->pipes[i][j]);
    uv_cond_destroy(&self->more);
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

/* ---- sending ---- */

static err_t send_locked(network_t *self, pipe_between_t *pipe, bool is_owed, router_fill_fn fill,
                         void *what)
{
    if (!is_owed && pipe->count >= self->queue_max)
        return ERR_BUSY;
    packet_t *packet = memory_new(sizeof *packet);
    if (packet == NULL)
        return ERR_NO_MEMORY;
    err_t err = fill(what, &packet->bytes);
    if (err == ERR_OK)
        err = buf_status(&packet->bytes);
    if (err != ERR_OK) {
        packet_free(packet);
        return err;
    }
    *pipe->end = packet;
    pipe->end = &packet->next;
    pipe->count++;
    self->waiting++;
    uv_cond_signal(&self->more);
    return ERR_OK;
}

static err_t network_send(void *context, uint64_t node, bool is_owed, router_fill_fn fill,
                          void *what)
{
    const port_t *port = context;
    network_t *self = port->network;
    if (node == 0 || node > NETWORK_NODES_MAX)
        return ERR_UNAVAILABLE;
    uv_mutex_lock(&self->lock);
    pipe_between_t *pipe = &self->pipes[port->node][node];
    bool is_there = self->ports[node].runtime != NULL && !pipe->is_cut;
    err_t err = is_there ? send_locked(self, pipe, is_owed, fill, what) : ERR_UNAVAILABLE;
    uv_mutex_unlock(&self->lock);
    return err;
}

static bool has_lease(void *context)
{
    const port_t *port = context;
    return !atomic_load(&port->network->is_lease_over[port->node]);
}

static const router_table_t network_table = {.send = network_send, .has_lease = has_lease};

void network_end_lease(network_t *self, uint64_t node, bool is_over)
{
    atomic_store(&self->is_lease_over[node], is_over);
}

void network_join(network_t *self, uint64_t node, runtime_t *runtime)
{
    ASSERT(node > 0 && node <= NETWORK_NODES_MAX);
    self->ports[node] = (port_t){self, node, runtime};
    const router_t router = {&network_table, &self->ports[node]};
    ASSERT(runtime_join(runtime, node, &router) == ERR_OK);
}

/* ---- trouble ---- */

void network_leave(network_t *self, uint64_t node)
{
    uv_mutex_lock(&self->lock);
    self->ports[node].runtime = NULL;
    for (size_t i = 1; i <= NETWORK_NODES_MAX; i++) {
        empty(self, &self->pipes[node][i]);
        empty(self, &self->pipes[i][node]);
    }
    uv_mutex_unlock(&self->lock);
}

void network_cut(network_t *self, uint64_t a, uint64_t b)
{
    uv_mutex_lock(&self->lock);
    empty(self, &self->pipes[a][b]);
    empty(self, &self->pipes[b][a]);
    self->pipes[a][b].is_cut = self->pipes[b][a].is_cut = true;
    uv_mutex_unlock(&self->lock);
    if (self->ports[a].runtime != NULL)
        runtime_node_lost(self->ports[a].runtime, b);
    if (self->ports[b].runtime != NULL)
        runtime_node_lost(self->ports[b].runtime, a);
}

void network_heal(network_t *self, uint64_t a, uint64_t b)
{
    uv_mutex_lock(&self->lock);
    self->pipes[a][b].is_cut = self->pipes[b][a].is_cut = false;
    uv_mutex_unlock(&self->lock);
}

void network_set_queue_max(network_t *self, uint32_t max)
{
    self->queue_max = max;
}

void network_set_spoil(network_t *self, network_spoil_fn spoil, void *context)
{
    self->spoil = spoil;
    self->spoil_context = context;
}

void network_stall(network_t *self, uint64_t from, uint64_t to, bool is_stalled)
{
    uv_mutex_lock(&self->lock);
    self->pipes[from][to].is_stalled = is_stalled;
    uv_cond_signal(&self->more);
    uv_mutex_unlock(&self->lock);
}

/* ---- carrying ---- */

typedef struct way_there {
    uint64_t from, to;
} way_there_t;

static uint32_t ready_ways(network_t *self, way_there_t ways[NETWORK_NODES_MAX * NETWORK_NODES_MAX])
{
    uint32_t count = 0;
    for (uint64_t i = 1; i <= NETWORK_NODES_MAX; i++)
        for (uint64_t j = 1; j <= NETWORK_NODES_MAX; j++)
            if (self->pipes[i][j].first != NULL && !self->pipes[i][j].is_stalled)
                ways[count++] = (way_there_t){i, j};
    return count;
}

bool network_is_ready(void *context)
{
    network_t *self = context;
    way_there_t ways[NETWORK_NODES_MAX * NETWORK_NODES_MAX];
    uv_mutex_lock(&self->lock);
    bool is_ready = self->waiting > 0 && ready_ways(self, ways) > 0;
    uv_mutex_unlock(&self->lock);
    return is_ready;
}

/* Its lock is held, and given up meanwhile. */
static void carry_one(network_t *self, way_there_t way)
{
    packet_t *packet = take_first(self, &self->pipes[way.from][way.to]);
    runtime_t *runtime = self->ports[way.to].runtime;
    uv_mutex_unlock(&self->lock);
    if (self->spoil != NULL)
        self->spoil(self->spoil_context, &packet->bytes);
    /* What it says of itself is in its statistics. */
    if (runtime != NULL)
        IGNORE_ERR(runtime_receive(runtime, way.from, buf_str(&packet->bytes)));
    packet_free(packet);
    atomic_fetch_add(&self->carried, 1);
    uv_mutex_lock(&self->lock);
}

void network_step(void *context)
{
    network_t *self = context;
    way_there_t ways[NETWORK_NODES_MAX * NETWORK_NODES_MAX];
    uv_mutex_lock(&self->lock);
    uint32_t count = ready_ways(self, ways);
    if (count > 0)
        carry_one(self, ways[random_below(&self->random, count)]);
    uv_mutex_unlock(&self->lock);
}

uint64_t network_carried(const network_t *self)
{
    return atomic_load(&self->carried);
}

static void carry_all(void *context)
{
    network_t *self = context;
    way_there_t ways[NETWORK_NODES_MAX * NETWORK_NODES_MAX];
    uv_mutex_lock(&self->lock);
    while (!self->is_stopping) {
        uint32_t count = ready_ways(self, ways);
        if (count == 0)
            uv_cond_wait(&self->more, &self->lock);
        else
            carry_one(self, ways[random_below(&self->random, count)]);
    }
    uv_mutex_unlock(&self->lock);
}

void network_start(network_t *self)
{
    ASSERT(uv_thread_create(&self->thread, carry_all, self) == 0);
}

void network_stop(network_t *self)
{
    uv_mutex_lock(&self->lock);
    self->is_stopping = true;
    uv_cond_broadcast(&self->more);
    uv_mutex_unlock(&self->lock);
    ASSERT(uv_thread_join(&self->thread) == 0);
}
