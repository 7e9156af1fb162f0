#pragma once
/* vault_record.h -- a data key as a store keeps it, wrapped by a master key; and what is sealed
 * with it. The two forms on disk:
 *
 *     record  1 · state u8 · master id [8] · nonce [24] · wrapped key [32] · tag [16]
 *     sealed  1 · key id [4] · nonce [24] · text · tag [16]
 *
 * An erased record is all zeros behind its state: a tombstone. Ids are the first bytes of a SHA-256
 * over a label and the key: they tell which key is meant, and nothing of it.
 *
 * Threads  Any.
 * Errors   CORRUPT: not such a form; NEWER: of a later version; those of aead.h. */

#include "storage/crypt/aead.h"
#include "storage/crypt/vault_store.h"

enum {
    VAULT_FORMAT = 1,
    VAULT_MASTER_ID_SIZE = 8,
    VAULT_KEY_ID_SIZE = 4,
    VAULT_RECORD_SIZE = 2 + VAULT_MASTER_ID_SIZE + AEAD_NONCE_SIZE + AEAD_KEY_SIZE + AEAD_TAG_SIZE,
    VAULT_SEALED_HEAD = 1 + VAULT_KEY_ID_SIZE + AEAD_NONCE_SIZE,
    VAULT_SEALED_MORE = VAULT_SEALED_HEAD + AEAD_TAG_SIZE /* bytes that sealing adds */
};

typedef struct vault_master {
    aead_key_t key;
    uint8_t id[VAULT_MASTER_ID_SIZE];
} vault_master_t;

typedef struct vault_record {
    bool is_erased;
    const uint8_t *master_id, *nonce, *wrapped; /* borrowed */
} vault_record_t;

typedef struct vault_sealed {
    const uint8_t *key_id, *nonce; /* borrowed */
    str_t text;                    /* with its tag */
} vault_sealed_t;

err_t vault_master_init(vault_master_t *self, const aead_key_t *key);
err_t vault_key_id(const aead_key_t *key, uint8_t out_id[VAULT_KEY_ID_SIZE]);

err_t vault_record_read(str_t bytes, vault_record_t *out_record);
void vault_record_write_erased(char room[VAULT_RECORD_SIZE]);
/* `nonce`: 24 random bytes. */
err_t vault_record_wrap(aead_t *aead, const vault_master_t *master, str_t subject,
                        const aead_key_t *key, const uint8_t nonce[AEAD_NONCE_SIZE],
                        char room[VAULT_RECORD_SIZE]);
/* FORBIDDEN: another master key wraps it; STALE: it is erased. */
err_t vault_record_unwrap(aead_t *aead, const vault_master_t *master, str_t subject, str_t bytes,
                          aead_key_t *out_key);

err_t vault_sealed_read(str_t bytes, vault_sealed_t *out_sealed);
