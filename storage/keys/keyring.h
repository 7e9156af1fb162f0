#pragma once
/* keyring.h -- a node's secrets: keys that sign access tokens and audio URLs, and one that never
 * changes.
 *
 * A folder of files (0700, each 0600, written whole and renamed): `instance` names this
 * installation and holds its permanent secret; `NNNN.key` is a generation of keys: a P-256 key for
 * tokens and a MAC key for URLs. The newest generation signs; the one before it still verifies. A
 * new one is made when the newest is KEYRING_ROTATE_MS old, and the third oldest is deleted then.
 *
 * Nodes of a cluster share one: it lies whole, as one text, where all of them find it, and changes
 * by compare-and-set. A generation made there signs only when it is KEYRING_SETTLE_MS old, so that
 * by then everybody has read it.
 *
 * Ownership  The keyring owns all keys; nobody gets them, only what is computed with them.
 * Threads    Any. keyring_rotate takes a lock that signing and verifying share.
 * Errors     CORRUPT: a file is damaged. IO, FULL, FORBIDDEN, NO_MEMORY. INTERNAL: OpenSSL failed.
 */

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/random.h"

#define KEYRING_FOLLOW_MS 20000 /* between two keyring_follow */
#define KEYRING_SETTLE_MS 60000
#define KEYRING_ROTATE_MS INT64_C(2592000000) /* 30 days */
enum {
    KEYRING_GENERATIONS = 2, /* valid at a time */
    KEYRING_INSTANCE_SIZE = 16,
    KEYRING_SIGNATURE_SIZE = 64, /* ES256: r and s, RFC 7518 §3.4 */
    KEYRING_MAC_SIZE = 32        /* HMAC-SHA-256 */
};

typedef struct keyring keyring_t;

/* Opens a folder, or makes it and the first keys. An empty `directory`: in memory only, for tests
 * and simulation. */
err_t keyring_open(str_t directory, const ms_clock_t *clock, const ms_random_t *random,
                   keyring_t **out_keyring);
void keyring_close(keyring_t *self); /* NULL is fine; wipes what it held */
void keyring_scope_end(keyring_t **self);
#define KEYRING_SCOPED SCOPED(keyring_scope_end)

/* Where the nodes of a cluster have their keyring; it may wait. */
typedef struct keyring_store {
    void *context;
    /* NOT_FOUND: nobody has put any. */
    err_t (*get)(void *context, buf_t *out_text, uint64_t *out_version);
    /* Over that version; 0: where there is none. CONFLICT: there is another. */
    err_t (*put)(void *context, str_t text, uint64_t version);
} keyring_store_t;
/* From here on its keys are the store's: those that are there, else it puts its own there. Before
 * anybody uses it. The store outlives it. */
err_t keyring_share(keyring_t *self, const keyring_store_t *store);
/* Reads what others made there. On an error it goes on with what it has. Nothing where it is not
 * shared. */
err_t keyring_follow(keyring_t *self);

/* 16 hexadecimal digits, the same for the life of the data folder: in cookie names and tokens. */
str_t keyring_instance(const keyring_t *self);
/* The number of the generation that signs. */
uint32_t keyring_newest(keyring_t *self);
/* Makes a new generation if it is time. Cheap when it is not; call it daily. On an error the old
 * keys stay in use. */
err_t keyring_rotate_if_due(keyring_t *self);

/* ES256 over `data` with a generation's key. NOT_FOUND: it is gone. */
err_t keyring_sign(keyring_t *self, uint32_t generation, str_t data,
                   uint8_t out_signature[KEYRING_SIGNATURE_SIZE]);
/* NOT_FOUND: no such generation. UNAUTHENTICATED: not its signature. */
err_t keyring_verify(keyring_t *self, uint32_t generation, str_t data,
                     const uint8_t signature[KEYRING_SIGNATURE_SIZE]);
/* HMAC-SHA-256 with a generation's URL key. NOT_FOUND. */
err_t keyring_url_mac(keyring_t *self, uint32_t generation, str_t data,
                      uint8_t out_mac[KEYRING_MAC_SIZE]);
/* HMAC-SHA-256 with the permanent secret; `purpose` keeps uses apart. */
err_t keyring_mac(const keyring_t *self, str_t purpose, str_t data,
                  uint8_t out_mac[KEYRING_MAC_SIZE]);
/* Equal bytes? Takes the same time wherever they differ. */
bool keyring_equal(const void *a, const void *b, size_t size);
