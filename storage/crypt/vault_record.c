#include "storage/crypt/vault_record.h"

#include <openssl/evp.h>

enum { STATE_LIVE = 1, STATE_ERASED = 2, CONTEXT_SIZE_MAX = 32 + VAULT_SUBJECT_SIZE_MAX };

static err_t id_of(str_t label, const aead_key_t *key, uint8_t *out_id, size_t size)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    uint8_t digest[EVP_MAX_MD_SIZE];
    buf_append(&text, label);
    buf_append_bytes(&text, key->bytes, sizeof key->bytes);
    TRY(buf_status(&text));
    if (EVP_Digest(text.data, text.size, digest, NULL, EVP_sha256(), NULL) != 1)
        return ERR_INTERNAL;
    memcpy(out_id, digest, size);
    return ERR_OK;
}

err_t vault_master_init(vault_master_t *self, const aead_key_t *key)
{
    self->key = *key;
    return id_of(STR("musicstream master key"), key, self->id, sizeof self->id);
}

err_t vault_key_id(const aead_key_t *key, uint8_t out_id[VAULT_KEY_ID_SIZE])
{
    return id_of(STR("musicstream data key"), key, out_id, VAULT_KEY_ID_SIZE);
}

err_t vault_record_read(str_t bytes, vault_record_t *out_record)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    if (bytes.size > 0 && at[0] > VAULT_FORMAT)
        return ERR_NEWER;
    if (bytes.size != VAULT_RECORD_SIZE || at[0] != VAULT_FORMAT ||
        (at[1] != STATE_LIVE && at[1] != STATE_ERASED))
        return ERR_CORRUPT;
    const uint8_t *nonce = at + 2 + VAULT_MASTER_ID_SIZE;
    *out_record = (vault_record_t){at[1] == STATE_ERASED, at + 2, nonce, nonce + AEAD_NONCE_SIZE};
    return ERR_OK;
}

void vault_record_write_erased(char room[VAULT_RECORD_SIZE])
{
    memset(room, 0, VAULT_RECORD_SIZE);
    room[0] = VAULT_FORMAT;
    room[1] = STATE_ERASED;
}

/* A record under another subject's name does not open. */
static str_t context_of(str_t subject, char room[CONTEXT_SIZE_MAX])
{
    static const char label[] = "musicstream wrapped key/";
    size_t size = MIN(subject.size, (size_t)VAULT_SUBJECT_SIZE_MAX);
    memcpy(room, label, sizeof label - 1);
    memcpy(room + sizeof label - 1, subject.data, size);
    return str_of(room, sizeof label - 1 + size);
}

err_t vault_record_wrap(aead_t *aead, const vault_master_t *master, str_t subject,
                        const aead_key_t *key, const uint8_t nonce[AEAD_NONCE_SIZE],
                        char room[VAULT_RECORD_SIZE])
{
    char context[CONTEXT_SIZE_MAX];
    aead_key_t derived AEAD_KEY_SCOPED;
    TRY(aead_derive(aead, &master->key, nonce, &derived));
    char *at = room;
    *at++ = VAULT_FORMAT;
    *at++ = STATE_LIVE;
    memcpy(at, master->id, VAULT_MASTER_ID_SIZE);
    memcpy(at + VAULT_MASTER_ID_SIZE, nonce, AEAD_NONCE_SIZE);
    return aead_seal(aead, &derived, nonce + AEAD_HALF_NONCE_SIZE, context_of(subject, context),
                     str_of(key->bytes, sizeof key->bytes),
                     at + VAULT_MASTER_ID_SIZE + AEAD_NONCE_SIZE);
}

err_t vault_record_unwrap(aead_t *aead, const vault_master_t *master, str_t subject, str_t bytes,
                          aead_key_t *out_key)
{
    char context[CONTEXT_SIZE_MAX];
    vault_record_t record;
    aead_key_t derived AEAD_KEY_SCOPED, key AEAD_KEY_SCOPED;
    TRY(vault_record_read(bytes, &record));
    if (record.is_erased)
        return ERR_STALE;
    if (memcmp(record.master_id, master->id, VAULT_MASTER_ID_SIZE) != 0)
        return ERR_FORBIDDEN;
    TRY(aead_derive(aead, &master->key, record.nonce, &derived));
    TRY(aead_open(aead, &derived, record.nonce + AEAD_HALF_NONCE_SIZE, context_of(subject, context),
                  str_of(record.wrapped, AEAD_KEY_SIZE + AEAD_TAG_SIZE), (char *)key.bytes));
    *out_key = key;
    return ERR_OK;
}

err_t vault_sealed_read(str_t bytes, vault_sealed_t *out_sealed)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    if (bytes.size > 0 && at[0] > VAULT_FORMAT)
        return ERR_NEWER;
    if (bytes.size < VAULT_SEALED_MORE || at[0] != VAULT_FORMAT)
        return ERR_CORRUPT;
    *out_sealed = (vault_sealed_t){at + 1, at + 1 + VAULT_KEY_ID_SIZE,
                                   str_slice(bytes, VAULT_SEALED_HEAD, bytes.size)};
    return ERR_OK;
}
