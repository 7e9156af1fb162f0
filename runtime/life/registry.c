#include "runtime/life/registry.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/kernel.h"

#include <sched.h>

enum { BUCKETS_FIRST = 16 };

typedef struct shard {
    uv_mutex_t lock;
    actor_t **buckets; /* chains by hash */
    size_t bucket_count, virtual_count;
    actor_t live; /* head of a ring; only its links are used */
    uint64_t live_count;
} shard_t;

struct registry {
    runtime_t *runtime;
    shard_t shards[REGISTRY_SHARDS];
    uv_mutex_t slots_lock;
    _Atomic(actor_t *) chunks[REGISTRY_CHUNKS_MAX];
    uint32_t chunk_count;
    actor_t *first_free;
};

registry_t *registry_new(runtime_t *runtime)
{
    registry_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->runtime = runtime;
    ASSERT(uv_mutex_init(&self->slots_lock) == 0);
    for (size_t i = 0; i < REGISTRY_SHARDS; i++) {
        shard_t *shard = &self->shards[i];
        ASSERT(uv_mutex_init(&shard->lock) == 0);
        shard->live.live_next = shard->live.live_previous = &shard->live;
    }
    return self;
}

void registry_dispose(registry_t *self)
{
    for (uint32_t i = 0; i < self->chunk_count * REGISTRY_CHUNK; i++)
        actor_dispose(registry_slot(self, (uint64_t)i + 1));
}

void registry_free(registry_t *self)
{
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < self->chunk_count; i++)
        memory_free(atomic_load(&self->chunks[i]));
    for (size_t i = 0; i < REGISTRY_SHARDS; i++) {
        memory_free(self->shards[i].buckets);
        uv_mutex_destroy(&self->shards[i].lock);
    }
    uv_mutex_destroy(&self->slots_lock);
    memory_free(self);
}

/* ---- slots ---- */

actor_t *registry_slot(const registry_t *self, uint64_t ref_bits)
{
    uint32_t slot = (uint32_t)ref_bits - 1;
    if (slot >= ACTORS_MAX)
        return NULL;
    actor_t *chunk =
        atomic_load_explicit(&self->chunks[slot / REGISTRY_CHUNK], memory_order_acquire);
    return chunk == NULL ? NULL : &chunk[slot % REGISTRY_CHUNK];
}

static err_t add_chunk(registry_t *self)
{
    if (self->chunk_count == REGISTRY_CHUNKS_MAX)
        return ERR_LIMIT;
    actor_t *chunk = memory_new_array(REGISTRY_CHUNK, sizeof(actor_t));
    if (chunk == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = REGISTRY_CHUNK; i > 0; i--) {
        actor_t *actor = &chunk[i - 1];
        actor->slot = self->chunk_count * REGISTRY_CHUNK + i - 1;
        actor->runtime = self->runtime;
        mailbox_init(&actor->mailbox);
        lane_init(&actor->deferred);
        atomic_init(&actor->is_scheduled, true); /* a free slot is never scheduled by a sender */
        actor->free_next = self->first_free;
        self->first_free = actor;
    }
    atomic_store_explicit(&self->chunks[self->chunk_count++], chunk, memory_order_release);
    return ERR_OK;
}

static err_t slot_take(registry_t *self, actor_t **out_actor)
{
    uv_mutex_lock(&self->slots_lock);
    err_t err = self->first_free == NULL ? add_chunk(self) : ERR_OK;
    if (err == ERR_OK) {
        *out_actor = self->first_free;
        self->first_free = self->first_free->free_next;
    }
    uv_mutex_unlock(&self->slots_lock);
    return err;
}

static void slot_give(registry_t *self, actor_t *actor)
{
    uv_mutex_lock(&self->slots_lock);
    actor->free_next = self->first_free;
    self->first_free = actor;
    uv_mutex_unlock(&self->slots_lock);
}

bool registry_recycle(registry_t *self, actor_t *actor)
{
    if (!mailbox_recycle(&actor->mailbox))
        return false;
    slot_give(self, actor);
    return true;
}

/* ---- activations ---- */

static uint64_t hash_of(const actor_kind_t *kind, str_t key)
{
    return str_hash_more(str_hash(str_from(kind->name)), key);
}

static shard_t *shard_of(registry_t *self, uint64_t hash)
{
    return &self->shards[hash % REGISTRY_SHARDS];
}

static uint32_t home_of(const registry_t *self)
{
    const scheduler_t *here = scheduler_current();
    if (here != NULL && here->runtime == self->runtime)
        return here->index;
    return atomic_fetch_add(&self->runtime->next_scheduler, 1) % self->runtime->scheduler_count;
}

static err_t activate(registry_t *self, const actor_kind_t *kind, str_t key, actor_t **out_actor)
{
    if (key.size > ACTOR_KEY_SIZE_MAX)
        return ERR_LIMIT;
    char *own_key = str_dup_terminated(key);
    if (own_key == NULL)
        return ERR_NO_MEMORY;
    actor_t *actor = NULL;
    err_t err = slot_take(self, &actor);
    if (err != ERR_OK) {
        memory_free(own_key);
        return err;
    }

    actor->generation = mailbox_generation(&actor->mailbox);
    actor->incarnation = 1;
    actor->phase = ACTOR_STARTING;
    actor->kind = kind;
    actor->key = str_of(own_key, key.size);
    actor->hash = hash_of(kind, key);
    atomic_store_explicit(&actor->home, home_of(self), memory_order_relaxed);
    uint32_t max = kind->mailbox_max == 0 ? MAILBOX_MAX_DEFAULT : kind->mailbox_max;
    /* The receiver drops the oldest at its next turn: until then it may hold twice its bound. */
    mailbox_open(&actor->mailbox,
                 MIN(kind->overflow == OVERFLOW_DROP_OLDEST ? max * 2 : max, MAILBOX_MAX));
    *out_actor = actor;
    return ERR_OK;
}

static void live_add(shard_t *shard, actor_t *actor)
{
    actor->live_next = &shard->live;
    actor->live_previous = shard->live.live_previous;
    actor->live_previous->live_next = actor;
    shard->live.live_previous = actor;
    shard->live_count++;
}

static actor_t *find(const shard_t *shard, uint64_t hash, const actor_kind_t *kind, str_t key)
{
    if (shard->bucket_count == 0)
        return NULL;
    actor_t *actor = shard->buckets[hash / REGISTRY_SHARDS % shard->bucket_count];
    while (actor != NULL &&
           !(actor->hash == hash && actor->kind == kind && str_equal(actor->key, key)))
        actor = actor->hash_next;
    return actor;
}

static err_t make_room(shard_t *shard)
{
    if (shard->virtual_count < shard->bucket_count)
        return ERR_OK;
    size_t count = MAX((size_t)BUCKETS_FIRST, shard->bucket_count * 2);
    actor_t **buckets = memory_new_array(count, sizeof(actor_t *));
    if (buckets == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < shard->bucket_count; i++) {
        while (shard->buckets[i] != NULL) {
            actor_t *actor = shard->buckets[i];
            shard->buckets[i] = actor->hash_next;
            actor_t **bucket = &buckets[actor->hash / REGISTRY_SHARDS % count];
            actor->hash_next = *bucket;
            *bucket = actor;
        }
    }
    memory_free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = count;
    return ERR_OK;
}

static err_t activate_virtual(registry_t *self, shard_t *shard, const actor_kind_t *kind, str_t key,
                              actor_t **out_actor)
{
    TRY(make_room(shard));
    actor_t *actor = NULL;
    TRY(activate(self, kind, key, &actor));
    actor->is_virtual = true;
    actor_t **bucket = &shard->buckets[actor->hash / REGISTRY_SHARDS % shard->bucket_count];
    actor->hash_next = *bucket;
    *bucket = actor;
    shard->virtual_count++;
    live_add(shard, actor);
    *out_actor = actor;
    return ERR_OK;
}

static err_t send_locked(registry_t *self, shard_t *shard, uint64_t hash, const actor_kind_t *kind,
                         str_t key, message_t *message)
{
    actor_t *actor = find(shard, hash, kind, key);
    bool is_new = actor == NULL;
    if (is_new && atomic_load(&self->runtime->is_ending))
        return ERR_UNAVAILABLE;
    if (is_new)
        TRY(activate_virtual(self, shard, kind, key, &actor));
    push_result_t result = mailbox_push(&actor->mailbox, actor->generation, message);
    if (is_new)
        scheduler_ready(actor);
    else if (result == PUSH_DONE)
        scheduler_notify(actor);
    return result == PUSH_DONE ? ERR_OK : result == PUSH_FULL ? ERR_BUSY : ERR_NOT_FOUND;
}

err_t registry_send(registry_t *self, const actor_kind_t *kind, str_t key, message_t *message)
{
    uint64_t hash = hash_of(kind, key);
    shard_t *shard = shard_of(self, hash);
    uv_mutex_lock(&shard->lock);
    err_t err = send_locked(self, shard, hash, kind, key, message);
    uv_mutex_unlock(&shard->lock);
    return err;
}

err_t registry_spawn(registry_t *self, const actor_kind_t *kind, str_t key, uint64_t parent,
                     actor_t **out_actor)
{
    actor_t *actor = NULL;
    if (atomic_load(&self->runtime->is_ending))
        return ERR_UNAVAILABLE;
    TRY(activate(self, kind, key, &actor));
    actor->parent = parent;
    shard_t *shard = shard_of(self, actor->hash);
    uv_mutex_lock(&shard->lock);
    live_add(shard, actor);
    uv_mutex_unlock(&shard->lock);
    *out_actor = actor;
    return ERR_OK;
}

static void unlink_actor(shard_t *shard, actor_t *actor)
{
    actor->live_previous->live_next = actor->live_next;
    actor->live_next->live_previous = actor->live_previous;
    actor->live_next = actor->live_previous = NULL;
    shard->live_count--;
    if (!actor->is_virtual)
        return;
    actor_t **at = &shard->buckets[actor->hash / REGISTRY_SHARDS % shard->bucket_count];
    while (*at != actor)
        at = &(*at)->hash_next;
    *at = actor->hash_next;
    shard->virtual_count--;
}

/* What was sent to the name goes to the next activation, before anybody else can send to it. */
static void hand_over(registry_t *self, shard_t *shard, actor_t *actor)
{
    while (mailbox_user_length(&actor->mailbox) > 0) {
        message_t *message = mailbox_pop_user(&actor->mailbox);
        if (message == NULL) {
            sched_yield(); /* a sender by reference is between its two steps */
            continue;
        }
        err_t err = message->is_by_ref
                        ? ERR_NOT_FOUND
                        : send_locked(self, shard, actor->hash, actor->kind, actor->key, message);
        if (err != ERR_OK)
            reject(self->runtime, message, err);
    }
}

bool registry_remove(registry_t *self, actor_t *actor, bool must_be_empty)
{
    shard_t *shard = shard_of(self, actor->hash);
    uv_mutex_lock(&shard->lock);
    bool is_closed = true;
    if (must_be_empty)
        is_closed = mailbox_close_if_empty(&actor->mailbox);
    else
        mailbox_close(&actor->mailbox);
    if (is_closed) {
        unlink_actor(shard, actor);
        if (actor->is_virtual)
            hand_over(self, shard, actor);
    }
    uv_mutex_unlock(&shard->lock);
    return is_closed;
}

uint64_t registry_count(const registry_t *self)
{
    registry_t *mutable = (registry_t *)(uintptr_t)self; /* only the locks change */
    uint64_t count = 0;
    for (size_t i = 0; i < REGISTRY_SHARDS; i++) {
        uv_mutex_lock(&mutable->shards[i].lock);
        count += self->shards[i].live_count;
        uv_mutex_unlock(&mutable->shards[i].lock);
    }
    return count;
}

void registry_each(registry_t *self, void (*visit)(void *context, actor_t *actor), void *context)
{
    for (size_t i = 0; i < REGISTRY_SHARDS; i++) {
        shard_t *shard = &self->shards[i];
        uv_mutex_lock(&shard->lock);
        actor_t *actor = shard->live.live_next;
        while (actor != &shard->live) {
            visit(context, actor);
            actor = actor->live_next;
        }
        uv_mutex_unlock(&shard->lock);
    }
}
