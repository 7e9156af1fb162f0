#include "storage/blob/blob_sealed.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { SIV_SIZE = 16, STORED_CHUNK = BLOB_CHUNK_SIZE + AEAD_TAG_SIZE };

typedef struct blob_sealed {
    blob_store_t store;
    blob_store_t *inner;
    blob_keys_t keys;
    blob_seal_t *seal;
    EVP_CIPHER *siv;
} blob_sealed_t;

static blob_sealed_t *sealed_of(blob_store_t *store)
{
    return CONTAINER_OF(store, blob_sealed_t, store);
}

/* ---- names ---- */

static void cipher_scope_end(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

/* area is authenticated. tag: 16 bytes, given or taken. */
static err_t siv(const blob_sealed_t *self, bool is_sealing, str_t area, str_t text, char *tag,
                 char *room)
{
    EVP_CIPHER_CTX *cipher SCOPED(cipher_scope_end) = EVP_CIPHER_CTX_new();
    int size = 0;
    if (cipher == NULL)
        return ERR_NO_MEMORY;
    if (EVP_CipherInit_ex2(cipher, self->siv, self->keys.name, NULL, is_sealing ? 1 : 0, NULL) !=
            1 ||
        (!is_sealing && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, SIV_SIZE, tag) != 1) ||
        EVP_CipherUpdate(cipher, NULL, &size, (const uint8_t *)area.data, (int)area.size) != 1)
        return ERR_INTERNAL;
    if (EVP_CipherUpdate(cipher, (uint8_t *)room, &size, (const uint8_t *)text.data,
                         (int)text.size) != 1 ||
        EVP_CipherFinal_ex(cipher, (uint8_t *)room + text.size, &size) != 1)
        return is_sealing ? ERR_INTERNAL : ERR_CORRUPT;
    return is_sealing && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, SIV_SIZE, tag) != 1
               ? ERR_INTERNAL
               : ERR_OK;
}

static err_t seal_key(const blob_sealed_t *self, str_t key, buf_t *out)
{
    char room[SIV_SIZE + BLOB_SEALED_NAME_MAX];
    size_t slash = str_find(key, '/');
    str_t area = str_slice(key, 0, slash), name = str_slice(key, slash + 1, key.size);
    if (name.size == 0)
        return ERR_INVALID;
    if (name.size > BLOB_SEALED_NAME_MAX)
        return ERR_LIMIT;
    TRY(siv(self, true, area, name, room, room + SIV_SIZE));
    buf_append(out, area);
    buf_append_char(out, '/');
    base64url_append(out, str_of(room, SIV_SIZE + name.size));
    TRY(buf_status(out));
    return blob_key_is_valid(buf_str(out)) ? ERR_OK : ERR_LIMIT;
}

/* CORRUPT: not one of ours. */
static err_t open_key(const blob_sealed_t *self, str_t key, buf_t *out)
{
    char name[BLOB_SEALED_NAME_MAX];
    buf_t bytes BUF_SCOPED = BUF_INIT;
    size_t slash = str_find(key, '/');
    str_t area = str_slice(key, 0, slash);
    err_t err = base64url_decode(&bytes, str_slice(key, slash + 1, key.size));
    if (err == ERR_NO_MEMORY)
        return err;
    if (err != ERR_OK || bytes.size <= SIV_SIZE || bytes.size > SIV_SIZE + sizeof name)
        return ERR_CORRUPT;
    str_t text = str_slice(buf_str(&bytes), SIV_SIZE, bytes.size);
    TRY(siv(self, false, area, text, bytes.data, name));
    buf_reset(out);
    buf_printf(out, "%.*s/%.*s", STR_ARG(area), (int)text.size, name);
    return buf_status(out);
}

/* ---- the table ---- */

static err_t put(blob_store_t *store, str_t key, str_t content)
{
    blob_sealed_t *self = sealed_of(store);
    buf_t name BUF_SCOPED = BUF_INIT, sealed BUF_SCOPED = BUF_INIT;
    TRY(seal_key(self, key, &name));
    TRY(blob_seal(self->seal, key, content, &sealed));
    return blob_store_put(self->inner, buf_str(&name), buf_str(&sealed));
}

static err_t get_whole(const blob_sealed_t *self, str_t key, str_t name, buf_t *out)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    size_t most = (size_t)blob_sealed_size(BLOB_SIZE_MAX);
    TRY(blob_store_get_range(self->inner, name, 0, most, &bytes));
    return blob_unseal(self->seal, key, buf_str(&bytes), out);
}

static err_t get_part(const blob_sealed_t *self, str_t key, str_t name, uint64_t offset,
                      size_t size_max, buf_t *out)
{
    buf_t head BUF_SCOPED = BUF_INIT, bytes BUF_SCOPED = BUF_INIT, plain AEAD_BUF_SCOPED = BUF_INIT;
    uint64_t size;
    TRY(blob_store_get_range(self->inner, name, 0, BLOB_SEAL_HEAD_SIZE, &head));
    TRY(blob_seal_says(buf_str(&head), &size));
    uint64_t end = MIN(size, offset + size_max);
    if (offset >= end)
        return ERR_OK;
    uint64_t first = offset / BLOB_CHUNK_SIZE, last = (end - 1) / BLOB_CHUNK_SIZE;
    TRY(blob_store_get_range(self->inner, name, BLOB_SEAL_HEAD_SIZE + first * STORED_CHUNK,
                             (size_t)(last - first + 1) * STORED_CHUNK, &bytes));
    TRY(blob_unseal_chunks(self->seal, key, buf_str(&head), first, buf_str(&bytes), &plain));
    uint64_t skipped = first * BLOB_CHUNK_SIZE;
    if (plain.size < end - skipped) /* cut at the border of a chunk, or replaced in between */
        return ERR_CORRUPT;
    buf_append(out, str_slice(buf_str(&plain), offset - skipped, end - skipped));
    return buf_status(out);
}

static err_t get(blob_store_t *store, str_t key, uint64_t offset, size_t size_max, buf_t *out)
{
    blob_sealed_t *self = sealed_of(store);
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(seal_key(self, key, &name));
    if (offset == 0 && size_max >= BLOB_SIZE_MAX)
        return get_whole(self, key, buf_str(&name), out);
    err_t err = get_part(self, key, buf_str(&name), offset, size_max, out);
    /* It may have been replaced between its head and its part: then the second look is right. */
    return err == ERR_CORRUPT ? get_part(self, key, buf_str(&name), offset, size_max, out) : err;
}

static err_t check(blob_store_t *store, str_t key, buf_t *out)
{
    return get(store, key, 0, BLOB_SIZE_MAX, out);
}

static void show_plain(str_t key, const blob_info_t *stored, blob_info_t *out_info)
{
    *out_info = (blob_info_t){key, blob_unsealed_size(stored->size), stored->modified_ms};
}

static err_t find(blob_store_t *store, str_t key, blob_info_t *out_info)
{
    blob_sealed_t *self = sealed_of(store);
    buf_t name BUF_SCOPED = BUF_INIT;
    blob_info_t stored;
    TRY(seal_key(self, key, &name));
    TRY(blob_store_find(self->inner, buf_str(&name), &stored));
    show_plain(key, &stored, out_info);
    return ERR_OK;
}

static err_t remove_blob(blob_store_t *store, str_t key)
{
    blob_sealed_t *self = sealed_of(store);
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(seal_key(self, key, &name));
    return blob_store_remove(self->inner, buf_str(&name));
}

typedef struct listing {
    blob_sealed_t *sealed;
    str_t prefix;
    blob_visit_fn visit;
    void *context;
} listing_t;

static err_t show(void *context, const blob_info_t *blob)
{
    const listing_t *self = context;
    buf_t key BUF_SCOPED = BUF_INIT;
    blob_info_t info;
    err_t err = open_key(self->sealed, blob->key, &key);
    if (err == ERR_CORRUPT || (err == ERR_OK && !str_starts_with(buf_str(&key), self->prefix)))
        return ERR_OK;
    TRY(err);
    show_plain(buf_str(&key), blob, &info);
    return self->visit(self->context, &info);
}

static err_t list(blob_store_t *store, str_t prefix, blob_visit_fn visit, void *context)
{
    listing_t listing = {sealed_of(store), prefix, visit, context};
    size_t slash = str_find(prefix, '/'); /* of what is behind it, the inner one knows nothing */
    return blob_store_list(listing.sealed->inner, str_slice(prefix, 0, MIN(slash + 1, prefix.size)),
                           show, &listing);
}

static err_t tidy(blob_store_t *store, int64_t before_ms, uint64_t *out_count)
{
    return blob_store_tidy(sealed_of(store)->inner, before_ms, out_count);
}

static void status(blob_store_t *store, blob_store_status_t *out_status)
{
    blob_store_status(sealed_of(store)->inner, out_status);
}

/* ---- opening ---- */

static void close_store(blob_store_t *store)
{
    blob_sealed_t *self = sealed_of(store);
    blob_store_close(self->inner);
    blob_seal_free(self->seal);
    EVP_CIPHER_free(self->siv);
    OPENSSL_cleanse(&self->keys, sizeof self->keys);
    memory_free(self);
}

err_t blob_sealed_open(blob_store_t *inner, const blob_keys_t *keys, const ms_random_t *random,
                       blob_store_t **out_store)
{
    static const blob_store_table_t table = {put,  get,  check,  find,       remove_blob,
                                             list, tidy, status, close_store};
    blob_sealed_t *self = memory_new(sizeof *self);
    if (self == NULL) {
        blob_store_close(inner);
        return ERR_NO_MEMORY;
    }
    self->store.table = &table;
    blob_store_t *store BLOB_STORE_SCOPED = &self->store;
    self->inner = inner;
    self->keys = *keys;
    TRY(blob_seal_new(&keys->content, random, &self->seal));
    self->siv = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    if (self->siv == NULL)
        return ERR_INTERNAL;
    *out_store = STEAL(store);
    return ERR_OK;
}
