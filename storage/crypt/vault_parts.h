#pragma once
/* vault_parts.h -- a vault from inside: vault.c uses keys, vault_rotate.c replaces the master. */

#include "storage/crypt/key_cache.h"
#include "storage/crypt/vault.h"

#include <pthread.h>
#include <stdatomic.h>

/* Records that are no subject's: a subject does not begin with "_". */
#define VAULT_CHECK STR("_check")       /* any key: does the master open it? */
#define VAULT_NEXT STR("_next")         /* of a rotation: the new master, wrapped by the old one */
#define VAULT_PREVIOUS STR("_previous") /* and the old one, wrapped by the new */

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
};

/* All with the lock held. */
err_t vault_wrap(vault_t *self, str_t subject, const aead_key_t *key, char room[VAULT_RECORD_SIZE]);
/* By any master. FORBIDDEN, STALE. */
err_t vault_unwrap(vault_t *self, str_t subject, str_t record, aead_key_t *out_key);
/* A rotation that was begun: finds the other master. */
err_t vault_find_rotation(vault_t *self);
