#include "storage/blob/blob_folder.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHA256_SIZE = 32, VARIANT_SIZE_MAX = 64, FOLDER_DIGITS = 2 };

struct blob_folder {
    char *path;
    bool is_durable;
    _Atomic uint64_t serial; /* of files being written, so that two never share a name */
};

err_t blob_folder_open(const blob_folder_options_t *options, blob_folder_t **out_folder)
{
    blob_folder_t *self BLOB_FOLDER_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->is_durable = options->is_durable;
    self->path = str_dup_terminated(str_from(options->path));
    if (self->path == NULL)
        return ERR_NO_MEMORY;
    TRY(file_make_folders(self->path));
    *out_folder = STEAL(self);
    return ERR_OK;
}

void blob_folder_close(blob_folder_t *self)
{
    if (self == NULL)
        return;
    memory_free(self->path);
    memory_free(self);
}

void blob_folder_scope_end(blob_folder_t **self)
{
    blob_folder_close(*self);
}

err_t blob_hash_of(str_t content, blob_hash_t *out_hash)
{
    unsigned char digest[SHA256_SIZE];
    unsigned size = 0;
    if (EVP_Digest(content.size == 0 ? "" : content.data, content.size, digest, &size, EVP_sha256(),
                   NULL) != 1 ||
        size != SHA256_SIZE)
        return ERR_INTERNAL;
    buf_t text = {.data = out_hash->text, .capacity = BLOB_HASH_SIZE, .size_max = BLOB_HASH_SIZE};
    hex_append(&text, str_of(digest, sizeof digest));
    out_hash->text[BLOB_HASH_SIZE] = '\0';
    return ERR_OK;
}

static bool is_hash(str_t hash)
{
    for (size_t i = 0; i < hash.size; i++)
        if (!((hash.data[i] >= '0' && hash.data[i] <= '9') ||
              (hash.data[i] >= 'a' && hash.data[i] <= 'f')))
            return false;
    return hash.size == BLOB_HASH_SIZE;
}

static bool is_variant(str_t variant)
{
    for (size_t i = 0; i < variant.size; i++) {
        char c = variant.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return variant.size > 0 && variant.size <= VARIANT_SIZE_MAX && variant.data[0] != '.';
}

/* PATH/ab/cd/HASH, and with a variant PATH/ab/cd/HASH.VARIANT. */
static err_t path_of(const blob_folder_t *self, str_t hash, str_t variant, buf_t *out)
{
    if (!is_hash(hash))
        return ERR_INVALID;
    buf_printf(out, "%s/%.2s/%.2s/%.*s", self->path, hash.data, hash.data + FOLDER_DIGITS,
               STR_ARG(hash));
    if (variant.size > 0)
        buf_printf(out, ".%.*s", STR_ARG(variant));
    (void)buf_terminated(out);
    return buf_status(out);
}

static err_t path_in(const blob_folder_t *self, str_t hash, str_t variant, arena_t *arena,
                     const char **out_path)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    TRY(path_of(self, hash, variant, &path));
    str_t kept = arena_str(arena, buf_str(&path));
    if (kept.data == NULL)
        return ERR_NO_MEMORY;
    *out_path = kept.data;
    return ERR_OK;
}

/* Writes beside the place and renames: whoever comes second replaces the same by the same. */
static err_t store(blob_folder_t *self, const char *path, str_t content)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    buf_append(&name, str_slice(str_from(path), 0, str_find_last(str_from(path), '/')));
    TRY(file_make_folders(buf_terminated(&name)));
    buf_reset(&name);
    buf_printf(&name, "%s.%ld-%llu", path, (long)getpid(),
               (unsigned long long)atomic_fetch_add(&self->serial, 1));
    const char *beside = buf_terminated(&name);
    TRY(buf_status(&name));
    TRY(file_replace(beside, content, self->is_durable));
    if (rename(beside, path) != 0) {
        err_t err = err_from_errno(errno);
        unlink(beside);
        return err;
    }
    return self->is_durable ? file_sync_folder_of(path) : ERR_OK;
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

err_t blob_put(blob_folder_t *self, str_t content, blob_hash_t *out_hash)
{
    blob_hash_t hash;
    buf_t path BUF_SCOPED = BUF_INIT;
    if (content.size > BLOB_SIZE_MAX)
        return ERR_LIMIT;
    TRY(blob_hash_of(content, &hash));
    TRY(path_of(self, str_from(hash.text), (str_t){NULL, 0}, &path));
    if (!is_file(buf_terminated(&path)))
        TRY(store(self, buf_terminated(&path), content));
    *out_hash = hash;
    return ERR_OK;
}

err_t blob_get(blob_folder_t *self, str_t hash, buf_t *out)
{
    blob_hash_t real;
    buf_t path BUF_SCOPED = BUF_INIT;
    size_t before = out->size;
    TRY(path_of(self, hash, (str_t){NULL, 0}, &path));
    TRY(file_read(buf_terminated(&path), BLOB_SIZE_MAX, out));
    err_t err = blob_hash_of(str_slice(buf_str(out), before, out->size), &real);
    if (err == ERR_OK && !str_equal(str_from(real.text), hash))
        err = ERR_CORRUPT;
    if (err != ERR_OK)
        out->size = before;
    return err;
}

bool blob_has(blob_folder_t *self, str_t hash)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    return path_of(self, hash, (str_t){NULL, 0}, &path) == ERR_OK && is_file(buf_terminated(&path));
}

err_t blob_path(const blob_folder_t *self, str_t hash, arena_t *arena, const char **out_path)
{
    return path_in(self, hash, (str_t){NULL, 0}, arena, out_path);
}

err_t blob_variant_path(const blob_folder_t *self, str_t hash, str_t variant, arena_t *arena,
                        const char **out_path)
{
    return is_variant(variant) ? path_in(self, hash, variant, arena, out_path) : ERR_INVALID;
}

err_t blob_variant_put(blob_folder_t *self, str_t hash, str_t variant, str_t content)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    if (!is_variant(variant))
        return ERR_INVALID;
    if (content.size > BLOB_SIZE_MAX)
        return ERR_LIMIT;
    TRY(path_of(self, hash, variant, &path));
    return store(self, buf_terminated(&path), content);
}
