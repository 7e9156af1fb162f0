#pragma once
/* keyring_parts.h -- what a keyring is made of, and its forms as text; for storage/keys only.
 *
 * Threads  One, or with the lock. Errors  CORRUPT: it is damaged; NEWER; NO_MEMORY; INTERNAL:
 * OpenSSL failed. */

#include "storage/keys/keyring.h"

#include <openssl/evp.h>
#include <pthread.h>

typedef struct generation {
    uint32_t number; /* from 1; 0: none */
    int64_t made_at_ms;
    EVP_PKEY *token_key;
    uint8_t url_key[KEYRING_MAC_SIZE];
} generation_t;

struct keyring {
    ms_clock_t clock;
    ms_random_t random;
    char *directory; /* NULL: in memory only */
    char instance[KEYRING_INSTANCE_SIZE + 1];
    uint8_t secret[KEYRING_MAC_SIZE];
    const keyring_store_t *store; /* NULL: the folder's */
    pthread_mutex_t changing;     /* of the store's: held by who follows or rotates, then `lock` */
    pthread_rwlock_t lock;        /* of what follows */
    generation_t generations[KEYRING_GENERATIONS]; /* newest first */
    uint64_t version;                              /* of what the store had */
};

void generation_deinit(generation_t *self);
/* A generation is
 *
 *     musicstream-key 1
 *     made 1764000000000
 *     url HEX
 *     -----BEGIN PRIVATE KEY----- ... */
err_t generation_write(const generation_t *self, buf_t *out);
err_t generation_read(generation_t *self, uint32_t number, str_t text);
/* A new one, in memory. */
err_t generation_make(const keyring_t *self, uint32_t number, generation_t *out_generation);

/* What never changes is
 *
 *     musicstream-instance 1
 *     id HEX
 *     secret HEX */
err_t keyring_instance_write(const keyring_t *self, buf_t *out);
/* *out_rest: what stands behind it. */
err_t keyring_instance_read(keyring_t *self, str_t text, str_t *out_rest);

/* The newest first; `made` moves. The one that has no place any more is the caller's. */
generation_t keyring_push(keyring_t *self, generation_t *made);
/* With the store: made by whoever is first. */
err_t keyring_shared_rotate(keyring_t *self);
