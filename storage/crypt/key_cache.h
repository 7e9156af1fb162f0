#pragma once
/* key_cache.h -- the data keys in use: a bounded table, kept out of core dumps, overwritten when a
 * key leaves it.
 *
 * Eight places a set; the one that was not used longest makes room.
 *
 * Threads  Any. Errors  NOT_FOUND; NO_MEMORY. */

#include "storage/crypt/vault_record.h"

enum { KEY_CACHE_MAX = 16384 /* keys */, KEY_CACHE_WAYS = 8 };

typedef struct data_key {
    bool is_erased; /* nothing else is there then */
    uint8_t id[VAULT_KEY_ID_SIZE];
    aead_key_t key, mine; /* mine: derived from the half nonce of this start */
    /* and from that of the start whose record was opened last */
    bool has_other;
    uint8_t other_half[AEAD_HALF_NONCE_SIZE];
    aead_key_t other;
} data_key_t;

void data_key_wipe(data_key_t *self);
#define DATA_KEY_SCOPED SCOPED(data_key_wipe)

typedef struct key_cache key_cache_t;

/* keys_max: a power of two from KEY_CACHE_WAYS; 0: KEY_CACHE_MAX. */
err_t key_cache_new(uint32_t keys_max, key_cache_t **out_cache);
void key_cache_free(key_cache_t *self); /* NULL is fine */
err_t key_cache_get(key_cache_t *self, str_t subject, data_key_t *out_key);
bool key_cache_has(key_cache_t *self, str_t subject);
/* In the place of the one there was. */
void key_cache_put(key_cache_t *self, str_t subject, const data_key_t *key);
/* Keeps what is derived, where the subject still has that key. */
void key_cache_put_other(key_cache_t *self, str_t subject, const data_key_t *key);
void key_cache_remove(key_cache_t *self, str_t subject);
/* Copies the names of up to KEY_CACHE_WAYS subjects of set number `set`, terminated; how many.
 * Sets are numbered from 0 to key_cache_sets. */
typedef char key_cache_name_t[VAULT_SUBJECT_SIZE_MAX + 1];
uint32_t key_cache_sets(const key_cache_t *self);
uint32_t key_cache_names(key_cache_t *self, uint32_t set, key_cache_name_t out[KEY_CACHE_WAYS]);
