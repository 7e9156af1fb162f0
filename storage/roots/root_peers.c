#include "storage/roots/root_peers.h"

#include "runtime/base/memory.h"
#include "runtime/base/mix.h"

#include <pthread.h>

struct root_peers {
    root_peers_options_t options;
    pthread_rwlock_t lock;
    arena_t arena;
    root_peer_t *peers;
    size_t count;
};

err_t root_peers_new(const root_peers_options_t *options, root_peers_t **out_peers)
{
    root_peers_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    pthread_rwlock_init(&self->lock, NULL);
    *out_peers = self;
    return ERR_OK;
}

void root_peers_free(root_peers_t *self)
{
    if (self == NULL)
        return;
    pthread_rwlock_destroy(&self->lock);
    arena_deinit(&self->arena);
    memory_free(self);
}

void root_peers_scope_end(root_peers_t **self)
{
    root_peers_free(*self);
}

static err_t copy_peer(arena_t *arena, const root_peer_t *from, root_peer_t *out)
{
    str_t *roots = arena_new_array(arena, from->root_count + 1, sizeof *roots);
    *out = (root_peer_t){from->node, arena_str(arena, from->address), roots, from->root_count};
    if (roots == NULL || out->address.data == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < from->root_count; i++) {
        roots[i] = arena_str(arena, from->roots[i]);
        if (roots[i].data == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static bool is_among(const root_peer_t *peers, size_t count, uint64_t node)
{
    for (size_t i = 0; i < count; i++)
        if (peers[i].node == node)
            return true;
    return false;
}

/* One writer at a time: the list does not change under it. */
static err_t add_old(const root_peers_t *self, arena_t *arena, root_peer_t *copies, size_t *count)
{
    size_t new_count = *count;
    for (size_t i = 0; i < self->count; i++) {
        if (is_among(copies, new_count, self->peers[i].node))
            continue;
        if (*count == ROOT_PEERS_MAX)
            return ERR_LIMIT;
        TRY(copy_peer(arena, &self->peers[i], &copies[*count]));
        (*count)++;
    }
    return ERR_OK;
}

err_t root_peers_set(root_peers_t *self, const root_peer_t *peers, size_t count, bool is_whole)
{
    arena_t arena ARENA_SCOPED = {0};
    if (count > ROOT_PEERS_MAX)
        return ERR_LIMIT;
    size_t room = is_whole ? count : MIN(count + self->count, (size_t)ROOT_PEERS_MAX);
    root_peer_t *copies = arena_new_array(&arena, room + 1, sizeof *copies);
    if (copies == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        TRY(copy_peer(&arena, &peers[i], &copies[i]));
    if (!is_whole)
        TRY(add_old(self, &arena, copies, &count));
    pthread_rwlock_wrlock(&self->lock);
    arena_t old = self->arena;
    self->arena = STEAL(arena);
    self->peers = copies;
    self->count = count;
    pthread_rwlock_unlock(&self->lock);
    arena_deinit(&old);
    return ERR_OK;
}

static bool reads(const root_peer_t *peer, str_t root)
{
    for (size_t i = 0; i < peer->root_count; i++)
        if (str_equal(peer->roots[i], root))
            return true;
    return false;
}

typedef struct best {
    root_node_t *nodes;
    uint64_t costs[ROOT_NODES_MAX];
    size_t count, count_max;
} best_t;

/* Keeps the cheapest, in their order. */
static void consider(best_t *best, const root_peer_t *peer, str_t key)
{
    uint64_t cost = mix64(str_hash(key) ^ mix64(peer->node));
    size_t at = best->count;
    while (at > 0 && best->costs[at - 1] > cost)
        at--;
    if (at == best->count_max)
        return;
    best->count = MIN(best->count + 1, best->count_max);
    for (size_t i = best->count - 1; i > at; i--) {
        best->nodes[i] = best->nodes[i - 1];
        best->costs[i] = best->costs[i - 1];
    }
    best->costs[at] = cost;
    best->nodes[at] = (root_node_t){.node = peer->node};
    (void)str_to_array(peer->address, best->nodes[at].address, ROOT_ADDRESS_SIZE);
}

/* root NULL: whatever they read. */
static size_t choose(root_peers_t *self, const str_t *root, str_t key, root_node_t *out,
                     size_t count_max)
{
    const root_peers_options_t *options = &self->options;
    best_t best = {.nodes = out, .count_max = MIN(count_max, (size_t)ROOT_NODES_MAX)};
    pthread_rwlock_rdlock(&self->lock);
    for (size_t i = 0; i < self->count; i++) {
        const root_peer_t *peer = &self->peers[i];
        bool is_right = peer->node != options->node && peer->address.size > 0 &&
                        (root == NULL || reads(peer, *root)) &&
                        options->is_live(options->context, peer->node);
        if (is_right)
            consider(&best, peer, key);
    }
    pthread_rwlock_unlock(&self->lock);
    return best.count;
}

static size_t readers(void *context, str_t root, str_t key, root_node_t *out, size_t count_max)
{
    return choose(context, &root, key, out, count_max);
}

static size_t keepers(void *context, str_t key, root_node_t *out, size_t count_max)
{
    return choose(context, NULL, key, out, count_max);
}

root_nodes_t root_peers_nodes(root_peers_t *self)
{
    return (root_nodes_t){self, readers, keepers};
}
