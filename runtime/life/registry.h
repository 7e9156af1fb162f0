#pragma once
/* registry.h -- who is where: virtual actors by kind and key, every live actor, and the slots that
 * references point into.
 *
 * Virtual sends happen under the lock of the key's shard, and a virtual activation leaves the table
 * under the same lock in which it is closed: so a message to (kind, key) either finds the
 * activation open, or starts the next one. Leftovers are given to the next one before anybody else
 * can send to it.
 *
 * An actor without a name is in no table: it is found by a walk over the slots, which pins each
 * mailbox while it looks. Every scheduler keeps some free slots for itself.
 *
 * Threads  Any. Lock order: a shard, then the slots, then a run queue. */

#include "runtime/base/json.h"
#include "runtime/life/activation.h"

enum {
    REGISTRY_SHARDS = 64,
    REGISTRY_CHUNKS_MAX = 8224,
    REGISTRY_CACHE_MAX = 256, /* free slots that a scheduler keeps */
    ACTORS_MAX = (ACTOR_CHUNK - 1) * REGISTRY_CHUNKS_MAX
};

_Static_assert(ACTORS_MAX >= 4194304, "four million actors");

typedef struct registry registry_t;
typedef struct tie tie_t;

/* A scheduler's: free slots, and how many actors without a name began and ended on it. */
typedef struct slot_cache {
    actor_t *first;
    uint32_t count;
    _Atomic uint64_t begun, ended; /* written by their scheduler only */
} slot_cache_t;

registry_t *registry_new(runtime_t *runtime);
void registry_free(registry_t *self);
/* What all slots hold; the runtime ends. */
void registry_dispose(registry_t *self);

/* NULL: there never was such a slot. The generation is the mailbox's to check. */
actor_t *registry_slot(const registry_t *self, uint64_t ref_bits);
/* The table behind it, for actor_at. */
typedef _Atomic(actor_chunk_t *) actor_chunks_t[REGISTRY_CHUNKS_MAX];
const actor_chunks_t *registry_chunks(const registry_t *self);
static inline actor_t *actor_at(const actor_chunks_t *chunks, uint64_t ref_bits)
{
    uint32_t slot = (uint32_t)ref_bits - 1;
    uint32_t index = slot % ACTOR_CHUNK;
    if (UNLIKELY(slot / ACTOR_CHUNK >= REGISTRY_CHUNKS_MAX || index == 0))
        return NULL;
    actor_chunk_t *chunk =
        atomic_load_explicit(&(*chunks)[slot / ACTOR_CHUNK], memory_order_acquire);
    return LIKELY(chunk != NULL) ? (actor_t *)(void *)chunk + index : NULL;
}

/* To (kind, key), starting it where needed. The message is taken only on ERR_OK. BUSY: mailbox
 * full; LIMIT: ACTORS_MAX, or the key is too long; NO_MEMORY. */
err_t registry_send(registry_t *self, const actor_kind_t *kind, str_t key, message_t *message);
/* The same, but it is started only where *place is 0 (runtime/remote/remote.h); else STALE. */
err_t registry_send_placed(registry_t *self, const actor_kind_t *kind, str_t key,
                           const _Atomic uint16_t *place, message_t *message);
/* Every registry_send_placed that saw a place before this began has ended when it returns. */
void registry_pass(registry_t *self);
/* The activation of this moment; 0: none. */
uint64_t registry_find(registry_t *self, const actor_kind_t *kind, str_t key);
/* A slot for an actor without a name, closed to the run queues until scheduler_ready. */
err_t registry_spawn(registry_t *self, const actor_kind_t *kind, str_t key, uint64_t parent,
                     actor_t **out_actor);
/* Another version of its kind: the same name. */
void registry_set_kind(registry_t *self, actor_t *actor, const actor_kind_t *kind);
/* The same, tied to a supervisor, or to none (tie.h); takes a reference of its own. */
err_t registry_spawn_tied(registry_t *self, const actor_kind_t *kind, str_t key, tie_t *tie,
                          actor_t **out_actor);
/* Closes and takes out an actor that is at its end; false: must_be_empty and a message has come. */
bool registry_remove(registry_t *self, actor_t *actor, bool must_be_empty);
/* A closed actor's slot can be used again; false: a sender is still there, try later. */
bool registry_recycle(registry_t *self, actor_t *actor);

uint64_t registry_count(const registry_t *self);
/* Of kind and key: the same in every run. */
uint32_t registry_hash(const actor_t *actor);
/* Every live actor, each pinned while it is visited. */
void registry_each(registry_t *self, void (*visit)(void *context, actor_t *actor), void *context);
