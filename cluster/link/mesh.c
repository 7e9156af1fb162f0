#include "cluster/link/mesh_parts.h"

#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/base/thread.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- references ---- */

void mesh_unref(mesh_t *self)
{
    if (atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (self->wake_fd >= 0)
        close(self->wake_fd);
    if (self->poll_fd >= 0)
        close(self->poll_fd);
    pthread_mutex_destroy(&self->lock);
    memory_free(self->links);
    memory_free(self);
}

mesh_link_t *mesh_link_ref(mesh_link_t *link)
{
    atomic_fetch_add_explicit(&link->refs, 1, memory_order_relaxed);
    return link;
}

void mesh_link_unref(mesh_link_t *link)
{
    if (link == NULL || atomic_fetch_sub_explicit(&link->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < LINK_LANES; i++) {
        outbound_deinit(&link->lanes[i].out);
        inbound_deinit(&link->lanes[i].in);
    }
    mesh_unref(link->mesh);
    memory_free(link);
}

void mesh_wake(mesh_t *self)
{
    if (atomic_load(&self->is_asleep) && atomic_exchange(&self->is_asleep, false)) {
        uint64_t one = 1;
        (void)!write(self->wake_fd, &one, sizeof one);
    }
}

void mesh_ready(mesh_link_t *link)
{
    mesh_t *mesh = link->mesh; /* it lives: the caller has a reference to the link */
    if (!atomic_exchange(&link->is_ready, true)) {
        mesh_link_ref(link);
        mesh_link_t *first = atomic_load(&mesh->ready);
        do
            link->ready_next = first;
        while (!atomic_compare_exchange_weak(&mesh->ready, &first, link));
    }
    mesh_wake(mesh);
    if (atomic_load(&mesh->is_over))
        mesh_drop_ready(mesh);
}

void mesh_drop_ready(mesh_t *self)
{
    mesh_link_t *link = atomic_exchange(&self->ready, NULL);
    while (link != NULL) {
        mesh_link_t *next = link->ready_next;
        mesh_link_unref(link);
        link = next;
    }
}

/* ---- the table ---- */

static mesh_link_t *find_locked(const mesh_t *self, uint64_t node)
{
    size_t begin = 0, end = self->link_count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (self->links[middle]->node == node)
            return self->links[middle];
        if (self->links[middle]->node < node)
            begin = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

mesh_link_t *mesh_find(mesh_t *self, uint64_t node)
{
    pthread_mutex_lock(&self->lock);
    mesh_link_t *link = find_locked(self, node);
    if (link != NULL)
        mesh_link_ref(link);
    pthread_mutex_unlock(&self->lock);
    return link;
}

static mesh_link_t *link_new(mesh_t *mesh, const link_peer_t *peer)
{
    mesh_link_t *link = memory_new(sizeof *link);
    if (link == NULL)
        return NULL;
    *link = (mesh_link_t){.mesh = mesh, .node = peer->node, .peer = *peer};
    atomic_init(&link->refs, 1);
    atomic_fetch_add_explicit(&mesh->refs, 1, memory_order_relaxed);
    ms_random_t random = random_system();
    for (int i = 0; i < LINK_LANES; i++) {
        lane_t *lane = &link->lanes[i];
        outbound_limits_t limits = {
            .queue_bytes_max = mesh->options.queue_bytes_max,
            .linger_ns = i == LINK_CONTROL ? 0 : mesh->options.linger_us * UINT64_C(1000)};
        outbound_init(&lane->out, &limits, random_u64(&random) | 1);
        inbound_init(&lane->in, peer->node, (link_lane_t)i, mesh->handlers);
        lane->lane = (link_lane_t)i;
        lane->link = link;
        lane->fd = -1;
    }
    return link;
}

static int compare_nodes(const void *a, const void *b)
{
    const mesh_link_t *left = *(mesh_link_t *const *)a, *right = *(mesh_link_t *const *)b;
    return (left->node > right->node) - (left->node < right->node);
}

/* The links that there will be: those that there are, and new ones. */
static err_t make_links(mesh_t *self, const link_peer_t *peers, size_t count, mesh_link_t **links,
                        size_t *out_count)
{
    for (size_t i = 0; i < count; i++) {
        if (peers[i].node == self->options.node)
            continue;
        mesh_link_t *link = find_locked(self, peers[i].node);
        link = link != NULL ? mesh_link_ref(link) : link_new(self, &peers[i]);
        if (link == NULL)
            return ERR_NO_MEMORY;
        links[(*out_count)++] = link;
    }
    qsort(links, *out_count, sizeof(mesh_link_t *), compare_nodes);
    for (size_t i = 1; i < *out_count; i++)
        if (links[i - 1]->node == links[i]->node)
            return ERR_INVALID;
    return ERR_OK;
}

static void unref_links(mesh_link_t **links, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mesh_link_unref(links[i]);
    memory_free(links);
}

static void take_addresses(mesh_t *self, const link_peer_t *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mesh_link_t *link = find_locked(self, peers[i].node);
        if (link != NULL && strcmp(link->peer.address, peers[i].address) != 0) {
            memcpy(link->peer.address, peers[i].address, sizeof link->peer.address);
            atomic_store(&link->has_moved, true);
        }
    }
}

static err_t set_peers_locked(mesh_t *self, const link_peer_t *peers, size_t count)
{
    mesh_link_t **links = memory_new_array(MAX(count, (size_t)1), sizeof(mesh_link_t *));
    if (links == NULL)
        return ERR_NO_MEMORY;
    size_t link_count = 0;
    err_t err = make_links(self, peers, count, links, &link_count);
    if (err != ERR_OK) {
        unref_links(links, link_count);
        return err;
    }
    mesh_link_t **before = self->links;
    size_t before_count = self->link_count;
    self->links = links;
    self->link_count = link_count;
    take_addresses(self, peers, count);
    for (size_t i = 0; i < before_count; i++)
        if (find_locked(self, before[i]->node) == NULL) {
            atomic_store(&before[i]->is_removed, true);
            mesh_ready(before[i]);
        }
    for (size_t i = 0; i < link_count; i++)
        mesh_ready(links[i]);
    unref_links(before, before_count);
    return ERR_OK;
}

err_t mesh_set_peers(mesh_t *self, const link_peer_t *peers, size_t count)
{
    if (count > LINK_PEERS_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        if (peers[i].node == 0 || peers[i].address[0] == '\0' ||
            memchr(peers[i].address, '\0', sizeof peers[i].address) == NULL)
            return ERR_INVALID;
    pthread_mutex_lock(&self->lock);
    err_t err = set_peers_locked(self, peers, count);
    pthread_mutex_unlock(&self->lock);
    return err;
}

/* ---- life ---- */

static void complete(mesh_options_t *options)
{
    if (options->queue_bytes_max == 0)
        options->queue_bytes_max = LINK_QUEUE_BYTES_USUAL;
    if (options->linger_us == 0)
        options->linger_us = LINK_LINGER_US_USUAL;
    if (options->spin_us == 0)
        options->spin_us = LINK_SPIN_US_USUAL;
    if (options->heartbeat_ms == 0)
        options->heartbeat_ms = LINK_HEARTBEAT_MS_USUAL;
}

static bool watch(mesh_t *self, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    return fd >= 0 && epoll_ctl(self->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static err_t start_thread(mesh_t *self)
{
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->wake_fd < 0 || self->poll_fd < 0 || !watch(self, self->wake_fd, &self->wake_fd) ||
        !watch(self, wire_fd(self->wire.router), &self->wire.router) ||
        !watch(self, wire_fd(self->wire.zap), &self->wire.zap))
        return ERR_IO;
    self->spin.most_ns =
        sysconf(_SC_NPROCESSORS_ONLN) < 2 ? 0 : self->options.spin_us * UINT64_C(1000);
    self->has_router_news = self->has_zap_news = true;
    return thread_start(&self->thread, mesh_main, self);
}

err_t mesh_start(const mesh_options_t *options, mesh_t **out_mesh)
{
    if (options->node == 0 || options->listen == NULL || options->cluster_keys.count == 0)
        return ERR_INVALID;
    mesh_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    complete(&self->options);
    self->options.listen = NULL;
    memcpy(self->handlers, options->handlers, sizeof self->handlers);
    atomic_init(&self->refs, 1);
    self->wake_fd = self->poll_fd = -1;
    pthread_mutex_init(&self->lock, NULL);
    mesh_options_t wired = self->options;
    wired.listen = options->listen;
    err_t err = wire_open(&self->wire, &wired);
    if (err == ERR_OK && (err = start_thread(self)) != ERR_OK)
        wire_close(&self->wire);
    if (err != ERR_OK) {
        mesh_unref(self);
        return err;
    }
    *out_mesh = self;
    return ERR_OK;
}

void mesh_stop(mesh_t **mesh, uint64_t flush_ms)
{
    mesh_t *self = STEAL(*mesh);
    if (self == NULL)
        return;
    atomic_store(&self->stop_at_ns,
                 clock_mono_ns(&self->options.clock) + flush_ms * UINT64_C(1000000));
    atomic_store(&self->is_stopping, true);
    mesh_wake(self);
    pthread_join(self->thread, NULL);
    unref_links(STEAL(self->links), self->link_count);
    self->link_count = 0;
    mesh_unref(self);
}

const char *mesh_address(const mesh_t *self)
{
    return self->wire.address;
}

/* ---- sending ---- */

uint64_t mesh_link_node(const mesh_link_t *link)
{
    return link->node;
}

bool mesh_link_is_up(const mesh_link_t *link)
{
    return atomic_load_explicit(&link->is_up, memory_order_relaxed);
}

err_t mesh_link_write(mesh_link_t *link, link_way_t way, link_write_fn *write, void *context)
{
    if ((uint32_t)way.lane >= LINK_LANES)
        return ERR_INVALID;
    bool is_first = false;
    TRY(outbound_write(&link->lanes[way.lane].out, way, write, context, &is_first));
    if (is_first)
        mesh_ready(link);
    return ERR_OK;
}

err_t mesh_link_send(mesh_link_t *link, link_way_t way, str_t payload)
{
    return mesh_link_write(link, way, outbound_copy, &payload);
}

err_t mesh_write(mesh_t *self, uint64_t node, link_way_t way, link_write_fn *write, void *context)
{
    mesh_link_t *link = mesh_find(self, node);
    if (link == NULL)
        return ERR_NOT_FOUND;
    err_t err = mesh_link_write(link, way, write, context);
    mesh_link_unref(link);
    return err;
}

err_t mesh_send(mesh_t *self, uint64_t node, link_way_t way, str_t payload)
{
    return mesh_write(self, node, way, outbound_copy, &payload);
}
