#include "storage/crypt/aead.h"

#include "runtime/base/memory.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { BLOCK = 16 };

struct aead {
    EVP_CIPHER *gcm, *ecb;
};

err_t aead_new(aead_t **out_aead)
{
    aead_t *self AEAD_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    self->ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    if (self->gcm == NULL || self->ecb == NULL)
        return ERR_INTERNAL;
    *out_aead = STEAL(self);
    return ERR_OK;
}

void aead_free(aead_t *self)
{
    if (self == NULL)
        return;
    EVP_CIPHER_free(self->gcm);
    EVP_CIPHER_free(self->ecb);
    memory_free(self);
}

void aead_scope_end(aead_t **self)
{
    aead_free(*self);
}

void aead_key_wipe(aead_key_t *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

void aead_buf_deinit(buf_t *self)
{
    if (self->data != NULL)
        OPENSSL_cleanse(self->data, self->capacity);
    buf_deinit(self);
}

static void context_scope_end(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context); /* wipes what it held */
}
#define CONTEXT_SCOPED SCOPED(context_scope_end)

/* ---- the key of a half nonce ---- */

/* Doubling in GF(2^128) (NIST SP 800-38B, 6.1), in time that does not depend on the bits. */
static void double_block(uint8_t block[BLOCK])
{
    uint8_t carry = 0;
    for (size_t i = BLOCK; i-- > 0;) {
        uint8_t byte = block[i];
        block[i] = (uint8_t)(byte << 1 | carry);
        carry = byte >> 7;
    }
    block[BLOCK - 1] ^= (uint8_t)(0x87 & -carry);
}

err_t aead_derive(const aead_t *self, const aead_key_t *key,
                  const uint8_t half[AEAD_HALF_NONCE_SIZE], aead_key_t *out_derived)
{
    EVP_CIPHER_CTX *context CONTEXT_SCOPED = EVP_CIPHER_CTX_new();
    aead_key_t derived AEAD_KEY_SCOPED;
    uint8_t subkey[BLOCK] = {0}, blocks[2 * BLOCK] = {0};
    int size = 0;
    if (context == NULL)
        return ERR_NO_MEMORY;
    if (EVP_EncryptInit_ex2(context, self->ecb, key->bytes, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(context, 0) != 1 ||
        EVP_EncryptUpdate(context, subkey, &size, subkey, BLOCK) != 1 || size != BLOCK)
        return ERR_INTERNAL;
    double_block(subkey);
    for (size_t i = 0; i < sizeof blocks; i++) {
        const uint8_t head[4] = {0, (uint8_t)(i / BLOCK + 1), 'X', 0};
        size_t at = i % BLOCK;
        blocks[i] = subkey[at] ^ (at < sizeof head ? head[at] : half[at - sizeof head]);
    }
    bool is_done = EVP_EncryptUpdate(context, derived.bytes, &size, blocks, sizeof blocks) == 1 &&
                   size == AEAD_KEY_SIZE;
    OPENSSL_cleanse(subkey, sizeof subkey);
    OPENSSL_cleanse(blocks, sizeof blocks);
    if (!is_done)
        return ERR_INTERNAL;
    *out_derived = derived;
    return ERR_OK;
}

/* ---- records ---- */

static bool fits(str_t context, str_t text)
{
    return context.size <= INT32_MAX && text.size <= INT32_MAX;
}

err_t aead_seal(const aead_t *self, const aead_key_t *derived,
                const uint8_t rest[AEAD_HALF_NONCE_SIZE], str_t context, str_t plain, char *room)
{
    EVP_CIPHER_CTX *cipher CONTEXT_SCOPED = EVP_CIPHER_CTX_new();
    uint8_t *out = (uint8_t *)room;
    int size = 0;
    if (cipher == NULL)
        return ERR_NO_MEMORY;
    if (!fits(context, plain) ||
        EVP_EncryptInit_ex2(cipher, self->gcm, derived->bytes, rest, NULL) != 1 ||
        EVP_EncryptUpdate(cipher, NULL, &size, (const uint8_t *)context.data, (int)context.size) !=
            1)
        return ERR_INTERNAL;
    if (plain.size > 0 &&
        EVP_EncryptUpdate(cipher, out, &size, (const uint8_t *)plain.data, (int)plain.size) != 1)
        return ERR_INTERNAL;
    if (EVP_EncryptFinal_ex(cipher, out + plain.size, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, out + plain.size) != 1)
        return ERR_INTERNAL;
    return ERR_OK;
}

err_t aead_open(const aead_t *self, const aead_key_t *derived,
                const uint8_t rest[AEAD_HALF_NONCE_SIZE], str_t context, str_t sealed, char *room)
{
    EVP_CIPHER_CTX *cipher CONTEXT_SCOPED = EVP_CIPHER_CTX_new();
    uint8_t *out = (uint8_t *)room, tag[AEAD_TAG_SIZE];
    int size = 0;
    if (cipher == NULL)
        return ERR_NO_MEMORY;
    if (sealed.size < AEAD_TAG_SIZE || !fits(context, sealed))
        return ERR_CORRUPT;
    size_t text_size = sealed.size - AEAD_TAG_SIZE;
    memcpy(tag, sealed.data + text_size, sizeof tag);
    if (EVP_DecryptInit_ex2(cipher, self->gcm, derived->bytes, rest, NULL) != 1 ||
        EVP_DecryptUpdate(cipher, NULL, &size, (const uint8_t *)context.data, (int)context.size) !=
            1)
        return ERR_INTERNAL;
    if (text_size > 0 &&
        EVP_DecryptUpdate(cipher, out, &size, (const uint8_t *)sealed.data, (int)text_size) != 1)
        return ERR_INTERNAL;
    if (EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) != 1)
        return ERR_INTERNAL;
    return EVP_DecryptFinal_ex(cipher, tag, &size) == 1 ? ERR_OK : ERR_CORRUPT;
}
