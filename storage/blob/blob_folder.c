#include "storage/blob/blob_folder_parts.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/blob/blob_store_folder.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHA256_SIZE = 32, VARIANT_SIZE_MAX = 64, FOLDER_DIGITS = 2 };

static err_t open_local(blob_folder_t *self)
{
    blob_store_folder_options_t local = {self->path, self->options.is_durable};
    return blob_store_folder_open(&local, &self->local);
}

err_t blob_folder_open(const blob_folder_options_t *options, blob_folder_t **out_folder)
{
    blob_folder_t *self BLOB_FOLDER_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->lock, NULL);
    self->options = *options;
    self->path = str_dup_terminated(str_from(options->path));
    self->area = str_dup_terminated(str_from(options->area == NULL ? "blobs" : options->area));
    if (self->path == NULL || self->area == NULL)
        return ERR_NO_MEMORY;
    TRY(open_local(self));
    *out_folder = STEAL(self);
    return ERR_OK;
}

void blob_folder_close(blob_folder_t *self)
{
    if (self == NULL)
        return;
    blob_store_close(self->local);
    pthread_mutex_destroy(&self->lock);
    memory_free(self->path);
    memory_free(self->area);
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

bool blob_is_hash(str_t hash)
{
    for (size_t i = 0; i < hash.size; i++)
        if (!((hash.data[i] >= '0' && hash.data[i] <= '9') ||
              (hash.data[i] >= 'a' && hash.data[i] <= 'f')))
            return false;
    return hash.size == BLOB_HASH_SIZE;
}

bool blob_is_variant(str_t variant)
{
    for (size_t i = 0; i < variant.size; i++) {
        char c = variant.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return variant.size > 0 && variant.size <= VARIANT_SIZE_MAX && variant.data[0] != '.';
}

err_t blob_local_key(str_t hash, str_t variant, buf_t *out)
{
    if (!blob_is_hash(hash) || (variant.size > 0 && !blob_is_variant(variant)))
        return ERR_INVALID;
    buf_append(out, str_slice(hash, 0, FOLDER_DIGITS));
    buf_append_char(out, '/');
    buf_append(out, str_slice(hash, FOLDER_DIGITS, (size_t)2 * FOLDER_DIGITS));
    buf_append_char(out, '/');
    buf_append(out, hash);
    if (variant.size > 0)
        buf_printf(out, ".%.*s", STR_ARG(variant));
    return buf_status(out);
}

err_t blob_far_key(const blob_folder_t *self, str_t local, buf_t *out)
{
    buf_printf(out, "%s/%.*s", self->area,
               STR_ARG(str_slice(local, str_find_last(local, '/') + 1, local.size)));
    return buf_status(out);
}

static err_t path_in(const blob_folder_t *self, str_t hash, str_t variant, arena_t *arena,
                     const char **out_path)
{
    buf_t key BUF_SCOPED = BUF_INIT;
    TRY(blob_local_key(hash, variant, &key));
    str_t path = arena_printf(arena, "%s/%.*s", self->path, STR_ARG(buf_str(&key)));
    if (path.data == NULL)
        return ERR_NO_MEMORY;
    *out_path = path.data;
    return ERR_OK;
}

/* ---- putting ---- */

/* What is there already is as new again, so that no sweep takes it that began before. */
static bool renew(const blob_folder_t *self, str_t key)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/%.*s", self->path, STR_ARG(key));
    return utimensat(AT_FDCWD, buf_terminated(&path), NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

static err_t put(blob_folder_t *self, str_t hash, str_t variant, str_t content)
{
    buf_t key BUF_SCOPED = BUF_INIT;
    if (content.size > BLOB_SIZE_MAX)
        return ERR_LIMIT;
    TRY(blob_local_key(hash, variant, &key));
    pthread_mutex_lock(&self->lock);
    err_t err = variant.size == 0 && renew(self, buf_str(&key))
                    ? ERR_OK
                    : blob_store_put(self->local, buf_str(&key), content);
    pthread_mutex_unlock(&self->lock);
    if (err == ERR_OK && self->options.wake != NULL)
        self->options.wake(self->options.wake_context);
    return err;
}

err_t blob_put(blob_folder_t *self, str_t content, blob_hash_t *out_hash)
{
    blob_hash_t hash;
    if (content.size > BLOB_SIZE_MAX)
        return ERR_LIMIT;
    TRY(blob_hash_of(content, &hash));
    TRY(put(self, str_from(hash.text), (str_t){NULL, 0}, content));
    *out_hash = hash;
    return ERR_OK;
}

err_t blob_variant_put(blob_folder_t *self, str_t hash, str_t variant, str_t content)
{
    return blob_is_variant(variant) ? put(self, hash, variant, content) : ERR_INVALID;
}

/* ---- getting ---- */

err_t blob_check(str_t hash, str_t content)
{
    blob_hash_t real;
    TRY(blob_hash_of(content, &real));
    return str_equal(str_from(real.text), hash) ? ERR_OK : ERR_CORRUPT;
}

/* From behind into the cache. A few at a time: these threads have other work, too. */
static err_t fetch(blob_folder_t *self, str_t far, buf_t *out)
{
    err_t err = ERR_BUSY;
    if (self->options.behind == NULL)
        return ERR_NOT_FOUND;
    if (atomic_fetch_add(&self->fetching, 1) < BLOB_FETCH_MAX)
        err = blob_store_get(self->options.behind, far, out);
    atomic_fetch_sub(&self->fetching, 1);
    /* Who may not look is told that it is not available, not that it is not there. */
    return err == ERR_FORBIDDEN ? ERR_UNAVAILABLE : err;
}

void blob_keep_cached(const blob_folder_t *self, str_t far, str_t content)
{
    if (self->options.cache != NULL) /* one that is not kept is fetched again */
        IGNORE_ERR(segment_cache_put(self->options.cache, far, content));
}

err_t blob_read_cached(const blob_folder_t *self, str_t far, buf_t *out)
{
    int fd;
    uint64_t size;
    if (self->options.cache == NULL)
        return ERR_NOT_FOUND;
    TRY(segment_cache_read(self->options.cache, far, &fd, &size));
    err_t err = size > BLOB_SIZE_MAX ? ERR_LIMIT : file_read_at(fd, 0, (size_t)size, out);
    close(fd);
    return err;
}

/* A cached one that is damaged is as good as none. */
static err_t get_far(blob_folder_t *self, str_t hash, str_t far, buf_t *out)
{
    size_t before = out->size;
    err_t err = blob_read_cached(self, far, out);
    if (err == ERR_OK && blob_check(hash, str_slice(buf_str(out), before, out->size)) == ERR_OK)
        return ERR_OK;
    out->size = before;
    TRY(fetch(self, far, out));
    str_t content = str_slice(buf_str(out), before, out->size);
    TRY(blob_check(hash, content));
    blob_keep_cached(self, far, content);
    return ERR_OK;
}

err_t blob_get(blob_folder_t *self, str_t hash, buf_t *out)
{
    buf_t key BUF_SCOPED = BUF_INIT, far BUF_SCOPED = BUF_INIT;
    size_t before = out->size;
    TRY(blob_local_key(hash, (str_t){NULL, 0}, &key));
    TRY(blob_far_key(self, buf_str(&key), &far));
    err_t err = blob_store_get(self->local, buf_str(&key), out);
    if (err == ERR_OK)
        err = blob_check(hash, str_slice(buf_str(out), before, out->size));
    if (err != ERR_OK)
        out->size = before;
    bool is_far = self->options.behind != NULL && (err == ERR_NOT_FOUND || err == ERR_CORRUPT);
    if (is_far) /* another copy may be whole */
        err = get_far(self, hash, buf_str(&far), out);
    if (err != ERR_OK)
        out->size = before;
    return err;
}

static err_t open_local_file(const blob_folder_t *self, str_t key, int *out_fd, uint64_t *out_size)
{
    struct stat info;
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/%.*s", self->path, STR_ARG(key));
    (void)buf_terminated(&path);
    TRY(buf_status(&path));
    int fd = open(path.data, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return ERR_NOT_FOUND;
    }
    *out_fd = fd;
    *out_size = (uint64_t)info.st_size;
    return ERR_OK;
}

static err_t open_far(blob_folder_t *self, str_t hash, bool is_whole, str_t far, int *out_fd,
                      uint64_t *out_size)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    err_t err = segment_cache_read(self->options.cache, far, out_fd, out_size);
    if (err == ERR_OK)
        return ERR_OK;
    TRY(fetch(self, far, &content));
    if (is_whole)
        TRY(blob_check(hash, buf_str(&content)));
    TRY(segment_cache_put(self->options.cache, far, buf_str(&content)));
    return segment_cache_read(self->options.cache, far, out_fd, out_size);
}

err_t blob_open(blob_folder_t *self, str_t hash, str_t variant, int *out_fd, uint64_t *out_size)
{
    buf_t key BUF_SCOPED = BUF_INIT, far BUF_SCOPED = BUF_INIT;
    TRY(blob_local_key(hash, variant, &key));
    TRY(blob_far_key(self, buf_str(&key), &far));
    err_t err = open_local_file(self, buf_str(&key), out_fd, out_size);
    if (err == ERR_NOT_FOUND && self->options.behind != NULL)
        err = open_far(self, hash, variant.size == 0, buf_str(&far), out_fd, out_size);
    return err;
}

bool blob_has(blob_folder_t *self, str_t hash)
{
    buf_t key BUF_SCOPED = BUF_INIT, far BUF_SCOPED = BUF_INIT;
    blob_info_t info;
    if (blob_local_key(hash, (str_t){NULL, 0}, &key) != ERR_OK ||
        blob_far_key(self, buf_str(&key), &far) != ERR_OK)
        return false;
    return blob_store_find(self->local, buf_str(&key), &info) == ERR_OK ||
           (self->options.behind != NULL &&
            blob_store_find(self->options.behind, buf_str(&far), &info) == ERR_OK);
}

err_t blob_path(const blob_folder_t *self, str_t hash, arena_t *arena, const char **out_path)
{
    return path_in(self, hash, (str_t){NULL, 0}, arena, out_path);
}

err_t blob_variant_path(const blob_folder_t *self, str_t hash, str_t variant, arena_t *arena,
                        const char **out_path)
{
    return blob_is_variant(variant) ? path_in(self, hash, variant, arena, out_path) : ERR_INVALID;
}
