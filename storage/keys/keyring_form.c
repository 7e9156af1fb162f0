#include "storage/keys/keyring_parts.h"

#include "runtime/base/text.h"
#include "storage/crypt/aead.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

void generation_deinit(generation_t *self)
{
    EVP_PKEY_free(self->token_key);
    OPENSSL_cleanse(self, sizeof *self);
}

static void bio_scope_end(BIO **bio)
{
    BIO_free_all(*bio);
}

err_t generation_write(const generation_t *self, buf_t *out)
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
    buf_t key AEAD_BUF_SCOPED = BUF_INIT;
    if (hex_decode(&key, hex) != ERR_OK || key.size != KEYRING_MAC_SIZE)
        return ERR_CORRUPT;
    memcpy(out_key, key.data, KEYRING_MAC_SIZE);
    return ERR_OK;
}

err_t generation_read(generation_t *self, uint32_t number, str_t text)
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

err_t generation_make(const keyring_t *self, uint32_t number, generation_t *out_generation)
{
    generation_t made = {
        .number = number,
        .made_at_ms = clock_wall_ms(&self->clock),
        .token_key = EVP_EC_gen("P-256"),
    };
    if (made.token_key == NULL)
        return ERR_INTERNAL;
    random_fill(&self->random, made.url_key, sizeof made.url_key);
    *out_generation = made;
    OPENSSL_cleanse(&made, sizeof made);
    return ERR_OK;
}

err_t keyring_instance_write(const keyring_t *self, buf_t *out)
{
    buf_printf(out, "musicstream-instance 1\nid %s\nsecret ", self->instance);
    hex_append(out, str_of(self->secret, sizeof self->secret));
    buf_append_char(out, '\n');
    return buf_status(out);
}

err_t keyring_instance_read(keyring_t *self, str_t text, str_t *out_rest)
{
    str_t rest = text, version, id, secret;
    uint8_t key[KEYRING_MAC_SIZE];
    TRY(next_line(&rest, STR("musicstream-instance"), &version));
    if (!str_equal(version, STR("1")))
        return ERR_NEWER;
    TRY(next_line(&rest, STR("id"), &id));
    TRY(next_line(&rest, STR("secret"), &secret));
    if (id.size != KEYRING_INSTANCE_SIZE)
        return ERR_CORRUPT;
    TRY(read_key(secret, key));
    memcpy(self->instance, id.data, id.size);
    memcpy(self->secret, key, sizeof key);
    OPENSSL_cleanse(key, sizeof key);
    *out_rest = rest;
    return ERR_OK;
}
