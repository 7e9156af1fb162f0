#include "storage/roots/piece.h"

#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "storage/crypt/aead.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum {
    SECRET_SIZE_MIN = 16,
    MAC_SIZE = 32,
    ASKED_SIZE = 16,      /* of a request's nonce */
    ASKED_TEXT_SIZE = 22, /* base64url */
    PROOF_TEXT_SIZE = 22 + 1 + 43,
    NUMBER_SIZE = 8,
    HEAD_SIZE = 2 * NUMBER_SIZE, /* total, version */
};
_Static_assert((int)PROOF_TEXT_SIZE < (int)PIECE_PROOF_SIZE, "a proof has room");
_Static_assert(AEAD_NONCE_SIZE + HEAD_SIZE + AEAD_TAG_SIZE == (int)PIECE_OVERHEAD,
               "as the header says");

struct piece_keys {
    aead_key_t sign, seal;
    aead_t *aead;
    piece_keys_t *accepted; /* NULL: none but these */
};

static err_t mac(const aead_key_t *key, str_t data, uint8_t out[MAC_SIZE])
{
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key->bytes, AEAD_KEY_SIZE, (const uint8_t *)data.data, data.size, out,
             &size) == NULL ||
        size != MAC_SIZE)
        return ERR_INTERNAL;
    return ERR_OK;
}

/* HMAC as a pseudorandom function of a secret that need not be uniform (RFC 5869, 2.2). */
static err_t derive(str_t secret, const char *purpose, aead_key_t *out_key)
{
    unsigned size = 0;
    if (HMAC(EVP_sha256(), secret.data, (int)secret.size, (const uint8_t *)purpose, strlen(purpose),
             out_key->bytes, &size) == NULL ||
        size != AEAD_KEY_SIZE)
        return ERR_INTERNAL;
    return ERR_OK;
}

err_t piece_keys_new(str_t secret, piece_keys_t **out_keys)
{
    if (secret.size < SECRET_SIZE_MIN || secret.size > PIECE_SIZE_MAX)
        return ERR_INVALID;
    piece_keys_t *self PIECE_KEYS_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    TRY(derive(secret, "musicstream pieces: who asks, 1", &self->sign));
    TRY(derive(secret, "musicstream pieces: what comes, 1", &self->seal));
    TRY(aead_new(&self->aead));
    *out_keys = STEAL(self);
    return ERR_OK;
}

void piece_keys_free(piece_keys_t *self)
{
    if (self == NULL)
        return;
    piece_keys_free(self->accepted);
    aead_free(self->aead);
    aead_key_wipe(&self->sign);
    aead_key_wipe(&self->seal);
    memory_free(self);
}

void piece_keys_scope_end(piece_keys_t **self)
{
    piece_keys_free(*self);
}

/* ---- who asks ---- */

static err_t append_proof(const piece_keys_t *keys, str_t method, str_t target, str_t nonce,
                          buf_t *out)
{
    uint8_t proof[MAC_SIZE];
    buf_t text BUF_SCOPED = BUF_INIT;
    if (target.size > PIECE_TARGET_SIZE_MAX)
        return ERR_LIMIT;
    buf_printf(&text, "%.*s %.*s %.*s", STR_ARG(nonce), STR_ARG(method), STR_ARG(target));
    TRY(buf_status(&text));
    TRY(mac(&keys->sign, buf_str(&text), proof));
    buf_append(out, nonce);
    buf_append_char(out, '.');
    base64url_append(out, str_of(proof, sizeof proof));
    return buf_status(out);
}

err_t piece_sign(const piece_keys_t *keys, str_t method, str_t target, char room[PIECE_PROOF_SIZE])
{
    const ms_random_t random = random_system();
    uint8_t nonce[ASKED_SIZE];
    buf_t text BUF_SCOPED = BUF_INIT, proof BUF_SCOPED = BUF_INIT;
    random_fill(&random, nonce, sizeof nonce);
    base64url_append(&text, str_of(nonce, sizeof nonce));
    TRY(buf_status(&text));
    TRY(append_proof(keys, method, target, buf_str(&text), &proof));
    return str_to_array(buf_str(&proof), room, PIECE_PROOF_SIZE) ? ERR_OK : ERR_INTERNAL;
}

err_t piece_check(const piece_keys_t *keys, str_t method, str_t target, str_t proof)
{
    buf_t want BUF_SCOPED = BUF_INIT;
    if (proof.size != PROOF_TEXT_SIZE || proof.data[ASKED_TEXT_SIZE] != '.')
        return ERR_FORBIDDEN;
    TRY(append_proof(keys, method, target, str_slice(proof, 0, ASKED_TEXT_SIZE), &want));
    return CRYPTO_memcmp(want.data, proof.data, PROOF_TEXT_SIZE) == 0 ? ERR_OK : ERR_FORBIDDEN;
}

err_t piece_keys_accept(piece_keys_t *self, str_t secret)
{
    piece_keys_t **last = &self->accepted;
    while (*last != NULL)
        last = &(*last)->accepted;
    return piece_keys_new(secret, last);
}

err_t piece_keys_find(const piece_keys_t *self, str_t method, str_t target, str_t proof,
                      const piece_keys_t **out_keys)
{
    for (const piece_keys_t *keys = self; keys != NULL; keys = keys->accepted) {
        err_t err = piece_check(keys, method, target, proof);
        if (err == ERR_OK)
            *out_keys = keys;
        if (err != ERR_FORBIDDEN)
            return err;
    }
    return ERR_FORBIDDEN;
}

/* ---- what comes ---- */

uint64_t piece_file_version(int64_t mtime_ns, uint64_t size_bytes)
{
    return str_hash_more(str_hash(str_of(&mtime_ns, sizeof mtime_ns)),
                         str_of(&size_bytes, sizeof size_bytes));
}

static void put_number(char *room, uint64_t number)
{
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        room[i] = (char)(number >> (8 * (NUMBER_SIZE - 1 - i)));
}

static uint64_t get_number(const char *bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        number = number << 8 | (uint8_t)bytes[i];
    return number;
}

typedef struct binding {
    aead_key_t derived;
    buf_t context; /* the request that it answers */
} binding_t;

static void binding_deinit(binding_t *self)
{
    aead_key_wipe(&self->derived);
    buf_deinit(&self->context);
}

static err_t bind(const piece_keys_t *keys, str_t proof, str_t target, const uint8_t *nonce,
                  binding_t *out)
{
    buf_printf(&out->context, "%.*s %.*s", STR_ARG(proof), STR_ARG(target));
    TRY(buf_status(&out->context));
    return aead_derive(keys->aead, &keys->seal, nonce, &out->derived);
}

err_t piece_seal(const piece_keys_t *keys, str_t proof, str_t target, const piece_t *piece,
                 buf_t *out)
{
    const ms_random_t random = random_system();
    binding_t binding SCOPED(binding_deinit) = {0};
    uint8_t nonce[AEAD_NONCE_SIZE];
    size_t before = out->size, size = HEAD_SIZE + piece->content.size;
    if (piece->content.size > PIECE_SIZE_MAX)
        return ERR_LIMIT;
    random_fill(&random, nonce, sizeof nonce);
    TRY(bind(keys, proof, target, nonce, &binding));
    char *room = buf_extend(out, sizeof nonce + size + AEAD_TAG_SIZE);
    if (room == NULL)
        return ERR_NO_MEMORY;
    memcpy(room, nonce, sizeof nonce);
    char *plain = room + sizeof nonce;
    put_number(plain, piece->total);
    put_number(plain + NUMBER_SIZE, piece->version);
    if (piece->content.size > 0)
        memcpy(plain + HEAD_SIZE, piece->content.data, piece->content.size);
    err_t err = aead_seal(keys->aead, &binding.derived, nonce + AEAD_HALF_NONCE_SIZE,
                          buf_str(&binding.context), str_of(plain, size), plain);
    if (err != ERR_OK)
        out->size = before;
    return err;
}

err_t piece_open(const piece_keys_t *keys, str_t proof, str_t target, str_t sealed, buf_t *out,
                 piece_t *out_piece)
{
    binding_t binding SCOPED(binding_deinit) = {0};
    buf_t plain BUF_SCOPED = BUF_INIT;
    if (sealed.size < PIECE_OVERHEAD)
        return ERR_CORRUPT;
    if (sealed.size > PIECE_OVERHEAD + PIECE_SIZE_MAX)
        return ERR_LIMIT;
    const uint8_t *nonce = (const uint8_t *)sealed.data;
    TRY(bind(keys, proof, target, nonce, &binding));
    char *room = buf_extend(&plain, sealed.size - AEAD_NONCE_SIZE - AEAD_TAG_SIZE);
    if (room == NULL)
        return ERR_NO_MEMORY;
    TRY(aead_open(keys->aead, &binding.derived, nonce + AEAD_HALF_NONCE_SIZE,
                  buf_str(&binding.context), str_slice(sealed, AEAD_NONCE_SIZE, sealed.size),
                  room));
    size_t before = out->size;
    buf_append(out, str_slice(buf_str(&plain), HEAD_SIZE, plain.size));
    TRY(buf_status(out));
    *out_piece = (piece_t){get_number(room), get_number(room + NUMBER_SIZE),
                           str_slice(buf_str(out), before, out->size)};
    return ERR_OK;
}
