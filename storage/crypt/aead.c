#include "storage/crypt/aead.h"

#include "runtime/base/memory.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>

enum { BLOCK = 16 };

/* A context with the key it was last used with: with the same one again, half the work is done. */
typedef struct kept {
    EVP_CIPHER_CTX *context;
    aead_key_t key;
    bool has_key;
} kept_t;

struct aead {
    EVP_CIPHER *gcm, *ecb;
    _Atomic uint64_t forgotten;              /* how often */
    _Atomic(kept_t *) places[AEAD_CONTEXTS]; /* by the key's first bytes; NULL: none, or in use */
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
    aead_forget(self);
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

/* ---- contexts that are kept ---- */

static void kept_free(kept_t *self)
{
    if (self == NULL)
        return;
    EVP_CIPHER_CTX_free(self->context);
    aead_key_wipe(&self->key);
    memory_free(self);
}

static void kept_scope_end(kept_t **self)
{
    kept_free(*self);
}
#define KEPT_SCOPED SCOPED(kept_scope_end)

static err_t kept_new(const aead_t *self, kept_t **out_kept)
{
    kept_t *kept KEPT_SCOPED = memory_new(sizeof *kept);
    if (kept == NULL)
        return ERR_NO_MEMORY;
    kept->context = EVP_CIPHER_CTX_new();
    if (kept->context == NULL)
        return ERR_NO_MEMORY;
    if (EVP_CipherInit_ex2(kept->context, self->gcm, NULL, NULL, 1, NULL) != 1)
        return ERR_INTERNAL;
    *out_kept = STEAL(kept);
    return ERR_OK;
}

typedef struct loan {
    kept_t *kept;
    _Atomic(kept_t *) *place;
    uint64_t forgotten; /* when it was taken */
} loan_t;

static void loan_end(loan_t *loan)
{
    kept_free(loan->kept);
}
#define LOAN_SCOPED SCOPED(loan_end)

static err_t borrow(aead_t *self, const aead_key_t *key, loan_t *out_loan)
{
    size_t place = (key->bytes[0] | (size_t)key->bytes[1] << 8) % AEAD_CONTEXTS;
    loan_t loan LOAN_SCOPED = {.place = &self->places[place],
                               .forgotten = atomic_load(&self->forgotten)};
    loan.kept = atomic_exchange(loan.place, NULL);
    if (loan.kept == NULL) /* or another thread has it */
        TRY(kept_new(self, &loan.kept));
    *out_loan = loan;
    loan.kept = NULL;
    return ERR_OK;
}

static void give_back(aead_t *self, loan_t *loan)
{
    kept_t *none = NULL;
    if (!atomic_compare_exchange_strong(loan->place, &none, loan->kept))
        return;
    loan->kept = NULL;
    /* Pairs with aead_forget: either this sees its count, or it sees this context. */
    if (atomic_load(&self->forgotten) != loan->forgotten)
        kept_free(atomic_exchange(loan->place, NULL));
}

void aead_forget(aead_t *self)
{
    atomic_fetch_add(&self->forgotten, 1);
    for (size_t i = 0; i < AEAD_CONTEXTS; i++)
        kept_free(atomic_exchange(&self->places[i], NULL));
}

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

err_t aead_derive(aead_t *self, const aead_key_t *key, const uint8_t half[AEAD_HALF_NONCE_SIZE],
                  aead_key_t *out_derived)
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

/* A record: its key, nonce and context are in the loan then. */
static err_t begin(kept_t *kept, const aead_key_t *key, const uint8_t rest[AEAD_HALF_NONCE_SIZE],
                   str_t context, bool is_sealing)
{
    int size = 0;
    bool is_same = kept->has_key && CRYPTO_memcmp(&kept->key, key, sizeof *key) == 0;
    kept->has_key = false; /* until it is known to be */
    if (EVP_CipherInit_ex2(kept->context, NULL, is_same ? NULL : key->bytes, rest,
                           is_sealing ? 1 : 0, NULL) != 1 ||
        EVP_CipherUpdate(kept->context, NULL, &size, (const uint8_t *)context.data,
                         (int)context.size) != 1)
        return ERR_INTERNAL;
    kept->key = *key;
    kept->has_key = true;
    return ERR_OK;
}

err_t aead_seal(aead_t *self, const aead_key_t *derived, const uint8_t rest[AEAD_HALF_NONCE_SIZE],
                str_t context, str_t plain, char *room)
{
    loan_t loan LOAN_SCOPED = {0};
    uint8_t *out = (uint8_t *)room;
    int size = 0;
    if (!fits(context, plain))
        return ERR_INTERNAL;
    TRY(borrow(self, derived, &loan));
    TRY(begin(loan.kept, derived, rest, context, true));
    if (plain.size > 0 && EVP_EncryptUpdate(loan.kept->context, out, &size,
                                            (const uint8_t *)plain.data, (int)plain.size) != 1)
        return ERR_INTERNAL;
    if (EVP_EncryptFinal_ex(loan.kept->context, out + plain.size, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(loan.kept->context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE,
                            out + plain.size) != 1)
        return ERR_INTERNAL;
    give_back(self, &loan);
    return ERR_OK;
}

err_t aead_open(aead_t *self, const aead_key_t *derived, const uint8_t rest[AEAD_HALF_NONCE_SIZE],
                str_t context, str_t sealed, char *room)
{
    loan_t loan LOAN_SCOPED = {0};
    uint8_t *out = (uint8_t *)room, tag[AEAD_TAG_SIZE];
    int size = 0;
    if (sealed.size < AEAD_TAG_SIZE || !fits(context, sealed))
        return ERR_CORRUPT;
    size_t text_size = sealed.size - AEAD_TAG_SIZE;
    memcpy(tag, sealed.data + text_size, sizeof tag);
    TRY(borrow(self, derived, &loan));
    TRY(begin(loan.kept, derived, rest, context, false));
    if (text_size > 0 && EVP_DecryptUpdate(loan.kept->context, out, &size,
                                           (const uint8_t *)sealed.data, (int)text_size) != 1)
        return ERR_INTERNAL;
    if (EVP_CIPHER_CTX_ctrl(loan.kept->context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) != 1)
        return ERR_INTERNAL;
    err_t err = EVP_DecryptFinal_ex(loan.kept->context, tag, &size) == 1 ? ERR_OK : ERR_CORRUPT;
    give_back(self, &loan);
    return err;
}
