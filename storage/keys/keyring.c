#include "storage/keys/keyring_parts.h"

#include "runtime/base/memory.h"
#include "storage/crypt/aead.h"
#include "storage/file.h"
#include "storage/keys/keyring_file.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 16 * 1024 };

/* ---- making and loading ---- */

static void key_path(const keyring_t *self, uint32_t number, buf_t *out)
{
    buf_printf(out, "%s/%04u.key", self->directory, number);
}

static err_t make_generation(keyring_t *self, uint32_t number, generation_t *out_generation)
{
    generation_t made SCOPED(generation_deinit) = {0};
    TRY(generation_make(self, number, &made));
    if (self->directory != NULL) {
        buf_t text AEAD_BUF_SCOPED = BUF_INIT, path BUF_SCOPED = BUF_INIT;
        TRY(generation_write(&made, &text));
        key_path(self, number, &path);
        TRY(buf_status(&path));
        TRY(file_replace(buf_terminated(&path), buf_str(&text), true));
    }
    *out_generation = STEAL(made);
    return ERR_OK;
}

static err_t load_generations(keyring_t *self)
{
    uint32_t numbers[KEYRING_GENERATIONS] = {0};
    TRY(keyring_file_list(self->directory, numbers, KEYRING_GENERATIONS));
    for (size_t i = 0; i < KEYRING_GENERATIONS && numbers[i] != 0; i++) {
        buf_t text AEAD_BUF_SCOPED = BUF_INIT, path BUF_SCOPED = BUF_INIT;
        key_path(self, numbers[i], &path);
        TRY(buf_status(&path));
        TRY(file_read(buf_terminated(&path), FILE_SIZE_MAX, &text));
        TRY(generation_read(&self->generations[i], numbers[i], buf_str(&text)));
    }
    return ERR_OK;
}

static void make_instance(keyring_t *self)
{
    uint8_t id[KEYRING_INSTANCE_SIZE / 2];
    random_fill(&self->random, id, sizeof id);
    for (size_t i = 0; i < sizeof id; i++) {
        self->instance[2 * i] = "0123456789abcdef"[id[i] >> 4];
        self->instance[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
    }
    random_fill(&self->random, self->secret, sizeof self->secret);
}

/* A folder with keys but without `instance` is damaged: making a new one would sign everybody out.
 */
static err_t load_or_make_instance(keyring_t *self)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT, path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/instance", self->directory);
    TRY(buf_status(&path));

    err_t err = file_read(buf_terminated(&path), FILE_SIZE_MAX, &text);
    str_t rest;
    if (err == ERR_OK)
        return keyring_instance_read(self, buf_str(&text), &rest);
    if (err != ERR_NOT_FOUND)
        return err;
    uint32_t numbers[1] = {0};
    TRY(keyring_file_list(self->directory, numbers, COUNT_OF(numbers)));
    if (numbers[0] != 0)
        return ERR_CORRUPT;

    make_instance(self);
    TRY(keyring_instance_write(self, &text));
    return file_replace(buf_terminated(&path), buf_str(&text), true);
}

static err_t load(keyring_t *self, str_t directory)
{
    if (str_is_empty(directory)) {
        make_instance(self);
    } else {
        self->directory = str_dup_terminated(directory);
        if (self->directory == NULL)
            return ERR_NO_MEMORY;
        TRY(keyring_file_make_directory(self->directory));
        TRY(load_or_make_instance(self));
        TRY(load_generations(self));
    }
    if (self->generations[0].number == 0)
        TRY(make_generation(self, 1, &self->generations[0]));
    return keyring_rotate_if_due(self);
}

err_t keyring_open(str_t directory, const ms_clock_t *clock, const ms_random_t *random,
                   keyring_t **out_keyring)
{
    keyring_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    if (pthread_rwlock_init(&self->lock, NULL) != 0) {
        memory_free(self);
        return ERR_NO_MEMORY;
    }
    if (pthread_mutex_init(&self->changing, NULL) != 0) {
        pthread_rwlock_destroy(&self->lock);
        memory_free(self);
        return ERR_NO_MEMORY;
    }
    keyring_t *scoped KEYRING_SCOPED = self;
    self->clock = *clock;
    self->random = *random;
    TRY(load(self, directory));
    *out_keyring = STEAL(scoped);
    return ERR_OK;
}

void keyring_close(keyring_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < KEYRING_GENERATIONS; i++)
        generation_deinit(&self->generations[i]);
    pthread_mutex_destroy(&self->changing);
    pthread_rwlock_destroy(&self->lock);
    memory_free(self->directory);
    OPENSSL_cleanse(self, sizeof *self);
    memory_free(self);
}

void keyring_scope_end(keyring_t **self)
{
    keyring_close(*self);
}

str_t keyring_instance(const keyring_t *self)
{
    return str_from(self->instance);
}

/* One that others may not have read yet signs nothing, where there is another. */
static const generation_t *generation_that_signs(const keyring_t *self)
{
    const generation_t *newest = &self->generations[0], *before = &self->generations[1];
    bool is_young = clock_wall_ms(&self->clock) - newest->made_at_ms < KEYRING_SETTLE_MS;
    return self->store != NULL && is_young && before->number != 0 ? before : newest;
}

uint32_t keyring_newest(keyring_t *self)
{
    pthread_rwlock_rdlock(&self->lock);
    uint32_t number = generation_that_signs(self)->number;
    pthread_rwlock_unlock(&self->lock);
    return number;
}

generation_t keyring_push(keyring_t *self, generation_t *made)
{
    generation_t gone = self->generations[KEYRING_GENERATIONS - 1];
    for (size_t i = KEYRING_GENERATIONS - 1; i > 0; i--)
        self->generations[i] = self->generations[i - 1];
    self->generations[0] = *made;
    *made = (generation_t){0};
    return gone;
}

static err_t rotate(keyring_t *self, uint32_t newest)
{
    generation_t made = {0};
    TRY(make_generation(self, newest + 1, &made));
    pthread_rwlock_wrlock(&self->lock);
    generation_t gone = keyring_push(self, &made);
    pthread_rwlock_unlock(&self->lock);

    if (gone.number != 0 && self->directory != NULL) {
        buf_t path BUF_SCOPED = BUF_INIT;
        key_path(self, gone.number, &path);
        unlink(buf_terminated(&path));
    }
    generation_deinit(&gone);
    return ERR_OK;
}

err_t keyring_rotate_if_due(keyring_t *self)
{
    int64_t now_ms = clock_wall_ms(&self->clock);
    pthread_rwlock_rdlock(&self->lock);
    uint32_t newest = self->generations[0].number;
    bool is_due = now_ms - self->generations[0].made_at_ms >= KEYRING_ROTATE_MS;
    pthread_rwlock_unlock(&self->lock);
    if (!is_due)
        return ERR_OK;
    return self->store == NULL ? rotate(self, newest) : keyring_shared_rotate(self);
}

/* ---- using ---- */

static const generation_t *generation_at(const keyring_t *self, uint32_t number)
{
    for (size_t i = 0; i < KEYRING_GENERATIONS; i++)
        if (number != 0 && self->generations[i].number == number)
            return &self->generations[i];
    return NULL;
}

/* A reference of its own, so that the lock is not held while OpenSSL computes. */
static EVP_PKEY *token_key_ref(keyring_t *self, uint32_t number)
{
    pthread_rwlock_rdlock(&self->lock);
    const generation_t *generation = generation_at(self, number);
    EVP_PKEY *key = generation == NULL ? NULL : generation->token_key;
    if (key != NULL && EVP_PKEY_up_ref(key) != 1)
        key = NULL;
    pthread_rwlock_unlock(&self->lock);
    return key;
}

static void pkey_scope_end(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void digest_scope_end(EVP_MD_CTX **digest)
{
    EVP_MD_CTX_free(*digest);
}

static void ecdsa_scope_end(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

enum { DER_SIZE_MAX = 80, HALF = KEYRING_SIGNATURE_SIZE / 2 };

err_t keyring_sign(keyring_t *self, uint32_t generation, str_t data,
                   uint8_t out_signature[KEYRING_SIGNATURE_SIZE])
{
    EVP_PKEY *key SCOPED(pkey_scope_end) = token_key_ref(self, generation);
    if (key == NULL)
        return ERR_NOT_FOUND;
    EVP_MD_CTX *digest SCOPED(digest_scope_end) = EVP_MD_CTX_new();
    uint8_t der[DER_SIZE_MAX];
    size_t der_size = sizeof der;
    if (digest == NULL || EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(digest, der, &der_size, (const uint8_t *)data.data, data.size) != 1)
        return ERR_INTERNAL;

    const uint8_t *cursor = der;
    ECDSA_SIG *signature SCOPED(ecdsa_scope_end) = d2i_ECDSA_SIG(NULL, &cursor, (long)der_size);
    uint8_t raw[KEYRING_SIGNATURE_SIZE];
    if (signature == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, HALF) != HALF ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + HALF, HALF) != HALF)
        return ERR_INTERNAL;
    memcpy(out_signature, raw, sizeof raw);
    return ERR_OK;
}

static err_t der_from_raw(const uint8_t raw[KEYRING_SIGNATURE_SIZE], uint8_t der[DER_SIZE_MAX],
                          size_t *out_size)
{
    ECDSA_SIG *signature SCOPED(ecdsa_scope_end) = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, HALF, NULL), *s = BN_bin2bn(raw + HALF, HALF, NULL);
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return ERR_NO_MEMORY;
    }
    uint8_t *cursor = der;
    int size = i2d_ECDSA_SIG(signature, NULL);
    if (size <= 0 || size > DER_SIZE_MAX || i2d_ECDSA_SIG(signature, &cursor) != size)
        return ERR_INTERNAL;
    *out_size = (size_t)size;
    return ERR_OK;
}

err_t keyring_verify(keyring_t *self, uint32_t generation, str_t data,
                     const uint8_t signature[KEYRING_SIGNATURE_SIZE])
{
    EVP_PKEY *key SCOPED(pkey_scope_end) = token_key_ref(self, generation);
    if (key == NULL)
        return ERR_NOT_FOUND;
    uint8_t der[DER_SIZE_MAX];
    size_t der_size = 0;
    TRY(der_from_raw(signature, der, &der_size));
    EVP_MD_CTX *digest SCOPED(digest_scope_end) = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) != 1)
        return ERR_INTERNAL;
    if (EVP_DigestVerify(digest, der, der_size, (const uint8_t *)data.data, data.size) != 1)
        return ERR_UNAUTHENTICATED;
    return ERR_OK;
}

static err_t mac(const uint8_t key[KEYRING_MAC_SIZE], str_t data, uint8_t out[KEYRING_MAC_SIZE])
{
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key, KEYRING_MAC_SIZE, (const uint8_t *)data.data, data.size, out,
             &size) == NULL ||
        size != KEYRING_MAC_SIZE)
        return ERR_INTERNAL;
    return ERR_OK;
}

err_t keyring_url_mac(keyring_t *self, uint32_t generation, str_t data,
                      uint8_t out_mac[KEYRING_MAC_SIZE])
{
    uint8_t key[KEYRING_MAC_SIZE];
    pthread_rwlock_rdlock(&self->lock);
    const generation_t *found = generation_at(self, generation);
    if (found != NULL)
        memcpy(key, found->url_key, sizeof key);
    pthread_rwlock_unlock(&self->lock);
    if (found == NULL)
        return ERR_NOT_FOUND;
    err_t err = mac(key, data, out_mac);
    OPENSSL_cleanse(key, sizeof key);
    return err;
}

err_t keyring_mac(const keyring_t *self, str_t purpose, str_t data,
                  uint8_t out_mac[KEYRING_MAC_SIZE])
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_append(&text, purpose);
    buf_append_char(&text, '\0');
    buf_append(&text, data);
    TRY(buf_status(&text));
    return mac(self->secret, buf_str(&text), out_mac);
}

bool keyring_equal(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}
