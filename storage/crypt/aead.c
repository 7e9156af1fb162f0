#include "storage/crypt/aead.h"

#include "runtime/base/memory.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>

enum { BLOCK = 16, LINE = 64 };

/* One cache line each: threads keep to places of their own. */
typedef struct place {
    _Atomic(EVP_CIPHER_CTX *) context; /* NULL: none, or in use */
    char rest[LINE - sizeof(void *)];
} place_t;

struct aead {
    EVP_CIPHER *gcm, *ecb;
    _Atomic uint64_t forgotten; /* how often */
    place_t places[AEAD_CONTEXTS];
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

/* A thread's stack tells threads apart well enough: another's place is only slower. */
static size_t first_place(void)
{
    char here;
    uint64_t bits = (uint64_t)(uintptr_t)&here >> 16;
    return (size_t)((bits * UINT64_C(0x9e3779b97f4a7c15)) >> 60) % AEAD_CONTEXTS;
}

typedef struct loan {
    EVP_CIPHER_CTX *context;
    uint64_t forgotten; /* when it was taken */
    size_t place;
} loan_t;

static void loan_end(loan_t *loan)
{
    EVP_CIPHER_CTX_free(loan->context);
}
#define LOAN_SCOPED SCOPED(loan_end)

static EVP_CIPHER_CTX *take_kept(aead_t *self, size_t first)
{
    for (size_t i = 0; i < AEAD_CONTEXTS; i++) {
        place_t *place = &self->places[(first + i) % AEAD_CONTEXTS];
        EVP_CIPHER_CTX *context = NULL;
        if (atomic_load_explicit(&place->context, memory_order_relaxed) != NULL)
            context = atomic_exchange(&place->context, NULL);
        if (context != NULL)
            return context;
    }
    return NULL;
}

static err_t borrow(aead_t *self, loan_t *out_loan)
{
    loan_t loan LOAN_SCOPED = {.forgotten = atomic_load(&self->forgotten), .place = first_place()};
    loan.context = take_kept(self, loan.place);
    if (loan.context == NULL) {
        loan.context = EVP_CIPHER_CTX_new();
        if (loan.context == NULL)
            return ERR_NO_MEMORY;
        if (EVP_CipherInit_ex2(loan.context, self->gcm, NULL, NULL, 1, NULL) != 1)
            return ERR_INTERNAL;
    }
    *out_loan = (loan_t){STEAL(loan.context), loan.forgotten, loan.place};
    return ERR_OK;
}

static void give_back(aead_t *self, loan_t *loan)
{
    for (size_t i = 0; i < AEAD_CONTEXTS; i++) {
        place_t *place = &self->places[(loan->place + i) % AEAD_CONTEXTS];
        EVP_CIPHER_CTX *none = NULL;
        if (!atomic_compare_exchange_strong(&place->context, &none, loan->context))
            continue;
        loan->context = NULL;
        /* Pairs with aead_forget: either this sees its count, or it sees this context. */
        if (atomic_load(&self->forgotten) != loan->forgotten)
            EVP_CIPHER_CTX_free(atomic_exchange(&place->context, NULL));
        return;
    }
}

void aead_forget(aead_t *self)
{
    atomic_fetch_add(&self->forgotten, 1);
    for (size_t i = 0; i < AEAD_CONTEXTS; i++)
        EVP_CIPHER_CTX_free(atomic_exchange(&self->places[i].context, NULL));
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

/* Of a record: key, nonce and context are in it. */
static err_t begin(EVP_CIPHER_CTX *cipher, const aead_key_t *derived,
                   const uint8_t rest[AEAD_HALF_NONCE_SIZE], str_t context, bool is_sealing)
{
    int size = 0;
    bool is_begun =
        EVP_CipherInit_ex2(cipher, NULL, derived->bytes, rest, is_sealing ? 1 : 0, NULL) == 1 &&
        EVP_CipherUpdate(cipher, NULL, &size, (const uint8_t *)context.data, (int)context.size) ==
            1;
    return is_begun ? ERR_OK : ERR_INTERNAL;
}

err_t aead_seal(aead_t *self, const aead_key_t *derived, const uint8_t rest[AEAD_HALF_NONCE_SIZE],
                str_t context, str_t plain, char *room)
{
    loan_t loan LOAN_SCOPED = {0};
    uint8_t *out = (uint8_t *)room;
    int size = 0;
    if (!fits(context, plain))
        return ERR_INTERNAL;
    TRY(borrow(self, &loan));
    TRY(begin(loan.context, derived, rest, context, true));
    if (plain.size > 0 && EVP_EncryptUpdate(loan.context, out, &size, (const uint8_t *)plain.data,
                                            (int)plain.size) != 1)
        return ERR_INTERNAL;
    if (EVP_EncryptFinal_ex(loan.context, out + plain.size, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(loan.context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, out + plain.size) !=
            1)
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
    TRY(borrow(self, &loan));
    TRY(begin(loan.context, derived, rest, context, false));
    if (text_size > 0 && EVP_DecryptUpdate(loan.context, out, &size, (const uint8_t *)sealed.data,
                                           (int)text_size) != 1)
        return ERR_INTERNAL;
    if (EVP_CIPHER_CTX_ctrl(loan.context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) != 1)
        return ERR_INTERNAL;
    err_t err = EVP_DecryptFinal_ex(loan.context, tag, &size) == 1 ? ERR_OK : ERR_CORRUPT;
    give_back(self, &loan);
    return err;
}
