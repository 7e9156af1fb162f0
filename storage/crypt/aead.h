#pragma once
/* aead.h -- AES-256-GCM with a key derived from the first half of a long nonce: XAES-256-GCM (C2SP,
 * the specification of that name), so that nonces may be drawn at random, or half drawn and half
 * counted, without a bound that can be reached (GCM's own 96 bits would need a new key every 2^32).
 *
 *     derived = CMAC-AES-256(key, 0x0001 "X" 0x00 nonce[0..12)) || the same with 0x0002
 *     sealed  = AES-256-GCM(derived, nonce[12..24), plain, context)
 *
 * Contexts of OpenSSL are kept for the next call (to make one costs more than to seal a record),
 * with the key that was last used in each: aead_forget wipes them.
 *
 * Threads    Any.
 * Errors     CORRUPT: not sealed with this key, nonce and context, or altered; INTERNAL: OpenSSL
 *            failed; NO_MEMORY. */

#include "runtime/base/buf.h"

enum {
    AEAD_KEY_SIZE = 32,
    AEAD_HALF_NONCE_SIZE = 12,
    AEAD_NONCE_SIZE = 2 * AEAD_HALF_NONCE_SIZE,
    AEAD_TAG_SIZE = 16,
    AEAD_CONTEXTS = 512 /* kept; who finds none makes one */
};

typedef struct aead_key {
    uint8_t bytes[AEAD_KEY_SIZE];
} aead_key_t;

/* OpenSSL's ciphers, looked up once, and contexts for them. */
typedef struct aead aead_t;
err_t aead_new(aead_t **out_aead);
void aead_free(aead_t *self); /* NULL is fine */
void aead_scope_end(aead_t **self);
#define AEAD_SCOPED SCOPED(aead_scope_end)
/* No key that was used before stays in memory of OpenSSL's, nor one in use at this moment after
 * that use. */
void aead_forget(aead_t *self);

/* The key of all records whose nonces begin with `half`. */
err_t aead_derive(aead_t *self, const aead_key_t *key, const uint8_t half[AEAD_HALF_NONCE_SIZE],
                  aead_key_t *out_derived);
/* Writes plain.size + AEAD_TAG_SIZE bytes; plain may lie where they go. `rest`: the second half of
 * the nonce. */
err_t aead_seal(aead_t *self, const aead_key_t *derived, const uint8_t rest[AEAD_HALF_NONCE_SIZE],
                str_t context, str_t plain, char *room);
/* Writes sealed.size - AEAD_TAG_SIZE bytes, which mean nothing after an error. */
err_t aead_open(aead_t *self, const aead_key_t *derived, const uint8_t rest[AEAD_HALF_NONCE_SIZE],
                str_t context, str_t sealed, char *room);

/* For scopes: overwrites. */
void aead_key_wipe(aead_key_t *self);
#define AEAD_KEY_SCOPED SCOPED(aead_key_wipe)
/* A buffer that held plain text or keys: overwrites all of it, then frees. */
void aead_buf_deinit(buf_t *self);
#define AEAD_BUF_SCOPED SCOPED(aead_buf_deinit)
