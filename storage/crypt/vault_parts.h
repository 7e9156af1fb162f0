#pragma once
/* vault_parts.h -- a vault from inside: vault.c uses keys, vault_rotate.c replaces the master,
 * vault_follow.c keeps up with others that use the same store. */

#include "storage/crypt/key_cache.h"
#include "storage/crypt/vault.h"

#include <pthread.h>
#include <stdatomic.h>

enum { VAULT_TRIES_MAX = 16 /* of a change that another one was quicker than */ };

struct vault {
    vault_store_t *store;
    aead_t *aead;
    key_cache_t *cache;
    ms_random_t random;
    uint8_t half[AEAD_HALF_NONCE_SIZE]; /* of this start */
    _Atomic uint64_t sealed;            /* records, in this start */
    /* Held while a record is read into the cache or written, so that what is in the cache is never
     * older than the store. */
    pthread_mutex_t lock;
    vault_master_t masters[2]; /* the one that wraps, and during a rotation the one before */
    uint32_t master_count;
    _Atomic bool is_rotating;
    bool is_rotator; /* by this one, not by another that uses the store */
    bool must_keep;  /* a master key that was learned of is not yet where the next start finds it */
    bool is_behind;  /* the store's records are wrapped by a master key that is not known here */
    uint64_t reached; /* of the store's changes */
};

/* All with the lock held. */
err_t vault_wrap(vault_t *self, str_t subject, const aead_key_t *key, char room[VAULT_RECORD_SIZE]);
/* By any master. FORBIDDEN, STALE. */
err_t vault_unwrap(vault_t *self, str_t subject, str_t record, aead_key_t *out_key);
/* A rotation that was begun: finds the other master. */
err_t vault_find_rotation(vault_t *self);
/* Ends the rotation here: only one master is left. */
void vault_forget_old_master(vault_t *self);
/* vault_t *lock LOCK_SCOPED = locked(self); */
static inline void unlock_scope_end(vault_t **self)
{
    pthread_mutex_unlock(&(*self)->lock);
}

static inline vault_t *locked(vault_t *self)
{
    pthread_mutex_lock(&self->lock);
    return self;
}
#define LOCK_SCOPED UNUSED SCOPED(unlock_scope_end)

/* Brings a record into the cache. UNAVAILABLE: it is wrapped by a master key that is not known. */
err_t vault_take_record(vault_t *self, str_t subject, str_t record, data_key_t *out_key);
/* Keeps up with the store's changes. */
err_t vault_take_over(vault_t *self);
/* put, after which the store's changes are known where it is refused. CONFLICT: look again. */
err_t vault_put(vault_t *self, str_t subject, str_t expected, str_t record);
/* Where the store's changes stand now. */
err_t vault_follow_begin(vault_t *self);

/* Without the lock: until every other one has read the changes up to `number`. TIMEOUT: one does
 * not, in VAULT_SETTLE_MS. */
err_t vault_wait_for_others(vault_t *self, uint64_t number);
