#include "runtime/life/registry.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/code/plugins.h"
#include "runtime/kernel.h"
#include "runtime/life/tie.h"
#include "runtime/mail/asking.h"
#include "runtime/mail/backlog.h"
#include "runtime/remote/remote.h"

#include <sched.h>

enum { BUCKETS_FIRST = 16 };

typedef struct shard {
    uv_mutex_t lock;
    uint32_t *buckets; /* chains by hash: slot + 1 */
    size_t bucket_count;
    _Atomic size_t virtual_count; /* changed under the lock */
} shard_t;

struct registry {
    runtime_t *runtime;
    shard_t shards[REGISTRY_SHARDS];
    uv_mutex_t slots_lock;
    actor_chunks_t chunks;
    uint32_t chunk_count;
    actor_t *first_free;
    _Atomic uint64_t begun, ended; /* actors without a name, by threads without a scheduler */
};

registry_t *registry_new(runtime_t *runtime)
{
    registry_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->runtime = runtime;
    ASSERT(uv_mutex_init(&self->slots_lock) == 0);
    for (size_t i = 0; i < REGISTRY_SHARDS; i++)
        ASSERT(uv_mutex_init(&self->shards[i].lock) == 0);
    return self;
}

void registry_dispose(registry_t *self)
{
    for (uint32_t i = 0; i < self->chunk_count * ACTOR_CHUNK; i++) {
        actor_t *actor = registry_slot(self, (uint64_t)i + 1);
        if (actor != NULL)
            actor_dispose(actor);
    }
}

static void chunk_free(actor_chunk_t *chunk)
{
    memory_free(chunk->entries);
    memory_free(chunk);
}

void registry_free(registry_t *self)
{
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < self->chunk_count; i++)
        chunk_free(atomic_load(&self->chunks[i]));
    for (size_t i = 0; i < REGISTRY_SHARDS; i++) {
        memory_free(self->shards[i].buckets);
        uv_mutex_destroy(&self->shards[i].lock);
    }
    uv_mutex_destroy(&self->slots_lock);
    memory_free(self);
}

/* ---- slots ---- */

/* The first of a chunk is its head. */
static actor_t *slot_at(actor_chunk_t *chunk, uint32_t index)
{
    return (actor_t *)(void *)chunk + index;
}

actor_t *registry_slot(const registry_t *self, uint64_t ref_bits)
{
    return actor_at(&self->chunks, ref_bits);
}

const actor_chunks_t *registry_chunks(const registry_t *self)
{
    return &self->chunks;
}

/* Free slots follow each other in steps of this many: actors that are spawned one after the other
 * may run on different cores, which fetch ahead what lies next to what they use. */
enum { SLOT_STRIDE = 100 };
_Static_assert((ACTOR_CHUNK - 1) % 7 == 0 && (ACTOR_CHUNK - 1) / 7 == 73 && SLOT_STRIDE % 7 != 0 &&
                   SLOT_STRIDE % 73 != 0,
               "all slots of a chunk are met");

static err_t add_chunk(registry_t *self)
{
    if (self->chunk_count == REGISTRY_CHUNKS_MAX)
        return ERR_LIMIT;
    actor_chunk_t *chunk = memory_new_aligned(ACTOR_CHUNK_SIZE, ACTOR_CHUNK_SIZE);
    if (chunk == NULL)
        return ERR_NO_MEMORY;
    chunk->entries = memory_new_array(ACTOR_CHUNK, sizeof(actor_entry_t));
    if (chunk->entries == NULL) {
        chunk_free(chunk);
        return ERR_NO_MEMORY;
    }
    chunk->runtime = self->runtime;
    chunk->first_slot = self->chunk_count * ACTOR_CHUNK;
    for (uint32_t i = ACTOR_CHUNK - 1; i > 0; i--) {
        actor_t *actor = slot_at(chunk, 1 + i * SLOT_STRIDE % (ACTOR_CHUNK - 1));
        actor_init(actor);
        actor->free_next = self->first_free;
        self->first_free = actor;
    }
    atomic_store_explicit(&self->chunks[self->chunk_count++], chunk, memory_order_release);
    return ERR_OK;
}

/* Of this thread's scheduler; NULL: it has none of this runtime. */
static slot_cache_t *cache_here(const registry_t *self)
{
    scheduler_t *here = scheduler_current();
    return here != NULL && here->runtime == self->runtime ? &here->slots : NULL;
}

static err_t slot_take_locked(registry_t *self, actor_t **out_actor)
{
    if (self->first_free == NULL)
        TRY(add_chunk(self));
    *out_actor = self->first_free;
    self->first_free = self->first_free->free_next;
    return ERR_OK;
}

static void cache_push(slot_cache_t *cache, actor_t *actor)
{
    actor->free_next = cache->first;
    cache->first = actor;
    cache->count++;
}

static actor_t *cache_pop(slot_cache_t *cache)
{
    actor_t *actor = cache->first;
    cache->first = actor->free_next;
    cache->count--;
    return actor;
}

/* Half a cache in one go. */
static err_t cache_fill(registry_t *self, slot_cache_t *cache)
{
    actor_t *actor = NULL;
    uv_mutex_lock(&self->slots_lock);
    err_t err = ERR_OK;
    while (cache->count < REGISTRY_CACHE_MAX / 2 &&
           (err = slot_take_locked(self, &actor)) == ERR_OK)
        cache_push(cache, actor);
    uv_mutex_unlock(&self->slots_lock);
    return cache->count > 0 ? ERR_OK : err;
}

static void cache_spill(registry_t *self, slot_cache_t *cache)
{
    uv_mutex_lock(&self->slots_lock);
    while (cache->count > REGISTRY_CACHE_MAX / 2) {
        actor_t *actor = cache_pop(cache);
        actor->free_next = self->first_free;
        self->first_free = actor;
    }
    uv_mutex_unlock(&self->slots_lock);
}

static err_t slot_take(registry_t *self, actor_t **out_actor)
{
    slot_cache_t *cache = cache_here(self);
    if (cache != NULL) {
        if (cache->count == 0)
            TRY(cache_fill(self, cache));
        *out_actor = cache_pop(cache);
        return ERR_OK;
    }
    uv_mutex_lock(&self->slots_lock);
    err_t err = slot_take_locked(self, out_actor);
    uv_mutex_unlock(&self->slots_lock);
    return err;
}

static void slot_give(registry_t *self, actor_t *actor)
{
    slot_cache_t *cache = cache_here(self);
    if (cache != NULL) {
        cache_push(cache, actor);
        if (cache->count > REGISTRY_CACHE_MAX)
            cache_spill(self, cache);
        return;
    }
    uv_mutex_lock(&self->slots_lock);
    actor->free_next = self->first_free;
    self->first_free = actor;
    uv_mutex_unlock(&self->slots_lock);
}

bool registry_recycle(registry_t *self, actor_t *actor)
{
    if (!mailbox_recycle(&actor->mailbox, &actor->mailbox_end))
        return false;
    slot_give(self, actor);
    return true;
}

/* ---- activations ---- */

static uint32_t hash_of(const actor_kind_t *kind, str_t key)
{
    uint64_t hash = str_hash_more(str_hash(str_from(kind->name)), key);
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t hash_at(const actor_t *actor)
{
    return actor_entry(actor)->hash;
}

static shard_t *shard_of(registry_t *self, uint32_t hash)
{
    return &self->shards[hash % REGISTRY_SHARDS];
}

static uint32_t *bucket_of(shard_t *shard, uint32_t hash)
{
    return &shard->buckets[hash / REGISTRY_SHARDS % shard->bucket_count];
}

static uint32_t home_of(const registry_t *self)
{
    const scheduler_t *here = scheduler_current();
    if (here != NULL && here->runtime == self->runtime)
        return here->index;
    return atomic_fetch_add(&self->runtime->next_scheduler, 1) % self->runtime->scheduler_count;
}

static uint16_t mailbox_max_of(const actor_kind_t *kind)
{
    uint32_t max = kind->mailbox_max == 0 ? MAILBOX_MAX_DEFAULT : kind->mailbox_max;
    /* The receiver drops the oldest at its next turn: until then it may hold twice its bound. */
    uint64_t room = (uint64_t)max * (kind->overflow >= OVERFLOW_DROP_OLDEST ? 2 : 1);
    return (uint16_t)MIN(room, (uint64_t)MAILBOX_MAX);
}

/* A slot that is set up, its mailbox still closed. */
static err_t activate(registry_t *self, const actor_kind_t *kind, str_t key, actor_t **out_actor)
{
    if (key.size > ACTOR_KEY_SIZE_MAX)
        return ERR_LIMIT;
    actor_t *actor = NULL;
    TRY(slot_take(self, &actor));
    err_t err = actor_set_key(actor, key);
    if (err != ERR_OK) {
        slot_give(self, actor);
        return err;
    }

    actor->incarnation = 1;
    actor->phase = ACTOR_STARTING;
    actor->kind = kind;
    atomic_store_explicit(&actor->home, (uint8_t)home_of(self), memory_order_relaxed);
    atomic_store_explicit(&actor->mailbox_max, mailbox_max_of(kind), memory_order_relaxed);
    *out_actor = actor;
    return ERR_OK;
}

/* What a bucket's chain names is a slot. */
static actor_t *chained(const registry_t *self, uint32_t next)
{
    actor_t *actor = registry_slot(self, next);
    ASSERT(actor != NULL);
    return actor;
}

static actor_t *find(const registry_t *self, shard_t *shard, uint32_t hash,
                     const actor_kind_t *kind, str_t key)
{
    uint32_t next = shard->bucket_count == 0 ? 0 : *bucket_of(shard, hash);
    while (next != 0) {
        actor_t *actor = chained(self, next);
        if (hash_at(actor) == hash && kind_is(actor->kind, kind) &&
            str_equal(actor_key(actor), key))
            return actor;
        next = actor_entry(actor)->next;
    }
    return NULL;
}

static void chain(shard_t *shard, actor_t *actor)
{
    uint32_t *bucket = bucket_of(shard, hash_at(actor));
    actor_entry(actor)->next = *bucket;
    *bucket = actor_slot(actor) + 1;
}

static err_t make_room(const registry_t *self, shard_t *shard)
{
    if (shard->virtual_count < shard->bucket_count)
        return ERR_OK;
    size_t old_count = shard->bucket_count;
    size_t count = MAX((size_t)BUCKETS_FIRST, old_count * 2);
    uint32_t *buckets = memory_new_array(count, sizeof *buckets);
    if (buckets == NULL)
        return ERR_NO_MEMORY;
    uint32_t *old = shard->buckets;
    shard->buckets = buckets;
    shard->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (uint32_t next = old[i]; next != 0;) {
            actor_t *actor = chained(self, next);
            next = actor_entry(actor)->next;
            chain(shard, actor);
        }
    }
    memory_free(old);
    return ERR_OK;
}

static err_t activate_virtual(registry_t *self, shard_t *shard, const actor_kind_t *kind, str_t key,
                              uint32_t hash, actor_t **out_actor)
{
    TRY(make_room(self, shard));
    actor_t *actor = NULL;
    TRY(activate(self, kind, key, &actor));
    actor->is_virtual = true;
    actor_entry(actor)->hash = hash;
    actor_entry(actor)->parent = 0;
    chain(shard, actor);
    shard->virtual_count++;
    mailbox_open(&actor->mailbox);
    *out_actor = actor;
    return ERR_OK;
}

/* place: NULL where it may be started anyway. */
static err_t send_locked(registry_t *self, shard_t *shard, uint32_t hash, const actor_kind_t *kind,
                         str_t key, const _Atomic uint16_t *place, message_t *message)
{
    actor_t *actor = find(self, shard, hash, kind, key);
    bool is_new = actor == NULL;
    if (is_new && place != NULL && atomic_load_explicit(place, memory_order_acquire) != PLACE_HERE)
        return ERR_STALE;
    if (is_new && atomic_load(&self->runtime->is_ending))
        return ERR_UNAVAILABLE;
    if (is_new)
        TRY(activate_virtual(self, shard, kind, key, hash, &actor));
    else if (call_chain_has(message, actor_bits(actor)))
        return ERR_CONFLICT;
    push_result_t result =
        mailbox_push(&actor->mailbox, &actor->mailbox_end, mailbox_generation(&actor->mailbox),
                     actor->mailbox_max, message);
    if (is_new)
        scheduler_ready(actor); /* ours since it was a free slot */
    else
        scheduler_notify(actor, result);
    return err_of_push(result);
}

err_t registry_send_placed(registry_t *self, const actor_kind_t *kind, str_t key,
                           const _Atomic uint16_t *place, message_t *message)
{
    uint32_t hash = hash_of(kind, key);
    shard_t *shard = shard_of(self, hash);
    uv_mutex_lock(&shard->lock);
    err_t err = send_locked(self, shard, hash, kind, key, place, message);
    uv_mutex_unlock(&shard->lock);
    return err;
}

err_t registry_send(registry_t *self, const actor_kind_t *kind, str_t key, message_t *message)
{
    return registry_send_placed(self, kind, key, NULL, message);
}

void registry_pass(registry_t *self)
{
    for (size_t i = 0; i < REGISTRY_SHARDS; i++) {
        uv_mutex_lock(&self->shards[i].lock);
        uv_mutex_unlock(&self->shards[i].lock);
    }
}

uint64_t registry_find(registry_t *self, const actor_kind_t *kind, str_t key)
{
    uint32_t hash = hash_of(kind, key);
    shard_t *shard = shard_of(self, hash);
    uv_mutex_lock(&shard->lock);
    const actor_t *actor = find(self, shard, hash, kind, key);
    uint64_t bits = actor == NULL ? 0 : actor_bits(actor);
    uv_mutex_unlock(&shard->lock);
    return bits;
}

/* By its scheduler alone, so that it needs no atomic addition. */
static void count_here(registry_t *self, bool is_end)
{
    slot_cache_t *cache = cache_here(self);
    if (cache == NULL) {
        count_one(is_end ? &self->ended : &self->begun);
        return;
    }
    _Atomic uint64_t *counter = is_end ? &cache->ended : &cache->begun;
    uint64_t count = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, count + 1, memory_order_release);
}

static err_t spawn(registry_t *self, const actor_kind_t *kind, str_t key, uint64_t parent,
                   actor_t **out_actor)
{
    if (atomic_load(&self->runtime->is_ending))
        return ERR_UNAVAILABLE;
    TRY(activate(self, kind, key, out_actor));
    actor_entry(*out_actor)->parent = parent;
    count_here(self, false);
    return ERR_OK;
}

static err_t spawn_open(registry_t *self, actor_t *actor)
{
    mailbox_open(&actor->mailbox);
    /* Pairs with runtime_drain: either we see that it ends, or its walk sees us open. */
    if (!atomic_load(&self->runtime->is_ending))
        return ERR_OK;
    actor->is_stopping = true; /* its first turn ends it before it has a state */
    return ERR_UNAVAILABLE;
}

err_t registry_spawn(registry_t *self, const actor_kind_t *kind, str_t key, uint64_t parent,
                     actor_t **out_actor)
{
    actor_t *actor = NULL;
    TRY(spawn(self, kind, key, parent, &actor));
    err_t err = spawn_open(self, actor);
    if (err == ERR_OK)
        *out_actor = actor;
    else
        scheduler_ready(actor);
    return err;
}

err_t registry_spawn_tied(registry_t *self, const actor_kind_t *kind, str_t key, tie_t *tie,
                          actor_t **out_actor)
{
    actor_t *actor = NULL;
    TRY(spawn(self, kind, key, tie_as_parent(tie), &actor));
    tie->child = actor_bits(actor);
    tie_ref(tie);
    err_t err = spawn_open(self, actor);
    if (err == ERR_OK) {
        *out_actor = actor;
    } else {
        tie_let_end(tie);
        scheduler_ready(actor);
    }
    return err;
}

void registry_set_kind(registry_t *self, actor_t *actor, const actor_kind_t *kind)
{
    /* Who looks for it by name compares its kind; a walk holds no lock (actor_kind). */
    shard_t *shard = actor->is_virtual ? shard_of(self, hash_at(actor)) : NULL;
    if (shard != NULL)
        uv_mutex_lock(&shard->lock);
    __atomic_store_n(&actor->kind, kind, __ATOMIC_RELEASE);
    if (shard != NULL)
        uv_mutex_unlock(&shard->lock);
}

static void unlink_actor(const registry_t *self, shard_t *shard, actor_t *actor)
{
    const actor_entry_t *entry = actor_entry(actor);
    uint32_t *at = bucket_of(shard, hash_at(actor));
    while (*at != actor_slot(actor) + 1)
        at = &actor_entry(chained(self, *at))->next;
    *at = entry->next;
    shard->virtual_count--;
}

/* What was sent to the name goes to the next activation, before anybody else can send to it; where
 * that may not begin here any more, into the lane `moved`. */
static void hand_over(registry_t *self, shard_t *shard, actor_t *actor, lane_t *moved)
{
    const _Atomic uint16_t *place = remote_place_of(self->runtime, actor->kind, actor_key(actor));
    while (mailbox_user_waiting(&actor->mailbox, &actor->mailbox_end) > 0) {
        message_t *message = actor_pop_user(actor);
        if (message == NULL) {
            sched_yield(); /* a sender by reference is between its two steps */
            continue;
        }
        err_t err = message->is_by_ref ? ERR_NOT_FOUND
                                       : send_locked(self, shard, hash_at(actor), actor->kind,
                                                     actor_key(actor), place, message);
        if (err == ERR_STALE)
            lane_push(moved, message);
        else if (err != ERR_OK)
            reject_by(actor, message, err, dead_reason_of(err, true));
    }
}

static bool close_mailbox(actor_t *actor, bool must_be_empty)
{
    if (must_be_empty)
        return mailbox_close_if_empty(&actor->mailbox, &actor->mailbox_end);
    mailbox_close(&actor->mailbox);
    return true;
}

static void give_away(runtime_t *runtime, const actor_t *actor, lane_t *moved)
{
    for (message_t *message; (message = lane_pop(moved)) != NULL;)
        remote_leftover(runtime, actor->kind, actor_key(actor), message);
    atomic_fetch_sub(&runtime->remote->leaving, 1);
}

bool registry_remove(registry_t *self, actor_t *actor, bool must_be_empty)
{
    if (!actor->is_virtual) {
        bool is_closed = close_mailbox(actor, must_be_empty);
        if (is_closed)
            count_here(self, true);
        return is_closed;
    }
    lane_t moved;
    lane_init(&moved);
    shard_t *shard = shard_of(self, hash_at(actor));
    uv_mutex_lock(&shard->lock);
    bool is_closed = close_mailbox(actor, must_be_empty);
    if (is_closed) {
        unlink_actor(self, shard, actor);
        hand_over(self, shard, actor, &moved);
    }
    bool has_moved = !lane_is_empty(&moved);
    if (UNLIKELY(has_moved))
        atomic_fetch_add(&self->runtime->remote->leaving, 1); /* before it is seen to be gone */
    uv_mutex_unlock(&shard->lock);
    if (UNLIKELY(has_moved))
        give_away(self->runtime, actor, &moved);
    return is_closed;
}

uint64_t registry_count(const registry_t *self)
{
    const runtime_t *runtime = self->runtime;
    /* Ends first, then beginnings: what moves meanwhile makes it more, never less. */
    uint64_t ended = atomic_load(&self->ended), begun = 0;
    for (uint32_t i = 0; i < runtime->scheduler_count; i++)
        ended += atomic_load(&runtime->schedulers[i].slots.ended);
    for (uint32_t i = 0; i < runtime->scheduler_count; i++)
        begun += atomic_load(&runtime->schedulers[i].slots.begun);
    uint64_t count = begun + atomic_load(&self->begun) - ended;
    for (size_t i = 0; i < REGISTRY_SHARDS; i++)
        count += atomic_load(&self->shards[i].virtual_count);
    return count;
}

void registry_each(registry_t *self, void (*visit)(void *context, actor_t *actor), void *context)
{
    registry_pass(self); /* who is about to add one has its lock: after this it can be seen */
    for (uint32_t i = 0; i < REGISTRY_CHUNKS_MAX; i++) {
        actor_chunk_t *chunk = atomic_load_explicit(&self->chunks[i], memory_order_acquire);
        for (uint32_t j = 1; chunk != NULL && j < ACTOR_CHUNK; j++) {
            actor_t *actor = slot_at(chunk, j);
            mailbox_pin_t pin;
            if (!mailbox_pin(&actor->mailbox, &actor->mailbox_end, &pin))
                continue;
            visit(context, actor);
            scheduler_notify(actor, mailbox_unpin(&actor->mailbox, &actor->mailbox_end, pin));
        }
    }
}

uint32_t registry_hash(const actor_t *actor)
{
    return actor->is_virtual ? hash_at(actor) : hash_of(actor->kind, actor_key(actor));
}
