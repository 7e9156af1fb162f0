#include "storage/keys/keyring.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/file.h"
#include "storage/keys/keyring_file.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 16 * 1024 };

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
    pthread_rwlock_t lock;                         /* of what follows */
    generation_t generations[KEYRING_GENERATIONS]; /* newest first */
};

static void generation_deinit(generation_t *self)
{
    EVP_PKEY_free(self->token_key);
    OPENSSL_cleanse(self, sizeof *self);
}

/* ---- the form of a file ----
 *
 *     musicstream-key 1
 *     made 1764000000000
 *     url HEX
 *     -----BEGIN PRIVATE KEY----- ... */

static void wiped_buf_deinit(buf_t *self)
{
    if (self->data != NULL)
        OPENSSL_cleanse(self->data, self->capacity);
    buf_deinit(self);
}

static void bio_scope_end(BIO **bio)
{
    BIO_free_all(*bio);
}

static err_t generation_write(const generation_t *self, buf_t *out)
{
    BIO *bio SCOPED(bio_scope_end) = BIO_new(BIO_s_secmem());
    if (bio == NULL)
        return ERR_NO_MEMORY;
    if (PEM_write_bio_PrivateKey(bio, self->token_key, NULL, NULL, 0, NULL, NULL) != 1)
        return ERR_INTERNAL;

    char *pem = NULL;
    long pem_size = BIO_get_mem_data(bio, &pem);
    buf_printf(out, "musicstream-key 1\nmade %lld\nurl ", (long long)self->made_at_ms);
    hex_append(out, str_of(self->url_key, sizeof self->url_key));
    buf_append_char(out, '\n');
    buf_append_bytes(out, pem, (size_t)pem_size);
    return buf_status(out);
}

/* The rest of the line after `name` and a blank. */
static err_t next_line(str_t *rest, str_t name, str_t *out_value)
{
    str_t line;
    if (!str_next(rest, '\n', &line) || !str_starts_with(line, name) || line.size <= name.size ||
        line.data[name.size] != ' ')
        return ERR_CORRUPT;
    *out_value = str_slice(line, name.size + 1, line.size);
    return ERR_OK;
}

static err_t read_key(str_t hex, uint8_t out_key[KEYRING_MAC_SIZE])
{
    buf_t key SCOPED(wiped_buf_deinit) = BUF_INIT;
    if (hex_decode(&key, hex) != ERR_OK || key.size != KEYRING_MAC_SIZE)
        return ERR_CORRUPT;
    memcpy(out_key, key.data, KEYRING_MAC_SIZE);
    return ERR_OK;
}

static err_t generation_read(generation_t *self, uint32_t number, str_t text)
{
    str_t rest = text, version, made, url;
    TRY(next_line(&rest, STR("musicstream-key"), &version));
    if (!str_equal(version, STR("1")))
        return ERR_NEWER;
    TRY(next_line(&rest, STR("made"), &made));
    TRY(next_line(&rest, STR("url"), &url));
    if (str_to_i64(made, &self->made_at_ms) != ERR_OK || rest.size > INT32_MAX)
        return ERR_CORRUPT;
    TRY(read_key(url, self->url_key));

    BIO *bio SCOPED(bio_scope_end) = BIO_new_mem_buf(rest.data, (int)rest.size);
    if (bio == NULL)
        return ERR_NO_MEMORY;
    self->token_key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    if (self->token_key == NULL || EVP_PKEY_get_base_id(self->token_key) != EVP_PKEY_EC ||
        EVP_PKEY_get_bits(self->token_key) != 256) {
        EVP_PKEY_free(STEAL(self->token_key));
        return ERR_CORRUPT;
    }
    self->number = number;
    return ERR_OK;
}

/* ---- making and loading ---- */

static void key_path(const keyring_t *self, uint32_t number, buf_t *out)
{
    buf_printf(out, "%s/%04u.key", self->directory, number);
}

static err_t make_generation(keyring_t *self, uint32_t number, generation_t *out_generation)
{
    generation_t made SCOPED(generation_deinit) = {
        .number = number,
        .made_at_ms = clock_wall_ms(&self->clock),
        .token_key = EVP_EC_gen("P-256"),
    };
    if (made.token_key == NULL)
        return ERR_INTERNAL;
    random_fill(&self->random, made.url_key, sizeof made.url_key);

    if (self->directory != NULL) {
        buf_t text SCOPED(wiped_buf_deinit) = BUF_INIT, path BUF_SCOPED = BUF_INIT;
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
        buf_t text SCOPED(wiped_buf_deinit) = BUF_INIT, path BUF_SCOPED = BUF_INIT;
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

static err_t read_instance(keyring_t *self, str_t text)
{
    str_t rest = text, version, id, secret;
    TRY(next_line(&rest, STR("musicstream-instance"), &version));
    if (!str_equal(version, STR("1")))
        return ERR_NEWER;
    TRY(next_line(&rest, STR("id"), &id));
    TRY(next_line(&rest, STR("secret"), &secret));
    if (id.size != KEYRING_INSTANCE_SIZE)
        return ERR_CORRUPT;
    memcpy(self->instance, id.data, id.size);
    return read_key(secret, self->secret);
}

/* A folder with keys but without `instance` is damaged: making a new one would sign everybody out.
 */
static err_t load_or_make_instance(keyring_t *self)
{
    buf_t text SCOPED(wiped_buf_deinit) = BUF_INIT, path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/instance", self->directory);
    TRY(buf_status(&path));

    err_t err = file_read(buf_terminated(&path), FILE_SIZE_MAX, &text);
    if (err == ERR_OK)
        return read_instance(self, buf_str(&text));
    if (err != ERR_NOT_FOUND)
        return err;
    uint32_t numbers[1] = {0};
    TRY(keyring_file_list(self->directory, numbers, COUNT_OF(numbers)));
    if (numbers[0] != 0)
        return ERR_CORRUPT;

    make_instance(self);
    buf_printf(&text, "musicstream-instance 1\nid %s\nsecret ", self->instance);
    hex_append(&text, str_of(self->secret, sizeof self->secret));
    buf_append_char(&text, '\n');
    TRY(buf_status(&text));
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

uint32_t keyring_newest(keyring_t *self)
{
    pthread_rwlock_rdlock(&self->lock);
    uint32_t number = self->generations[0].number;
    pthread_rwlock_unlock(&self->lock);
    return number;
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

    generation_t made = {0};
    TRY(make_generation(self, newest + 1, &made));
    pthread_rwlock_wrlock(&self->lock);
    generation_t gone = self->generations[KEYRING_GENERATIONS - 1];
    for (size_t i = KEYRING_GENERATIONS - 1; i > 0; i--)
        self->generations[i] = self->generations[i - 1];
    self->generations[0] = made;
    pthread_rwlock_unlock(&self->lock);

    if (gone.number != 0 && self->directory != NULL) {
        buf_t path BUF_SCOPED = BUF_INIT;
        key_path(self, gone.number, &path);
        unlink(buf_terminated(&path));
    }
    generation_deinit(&gone);
    return ERR_OK;
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
