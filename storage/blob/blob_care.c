#include "storage/blob/blob_folder_parts.h"

const char *blob_folder_area(const blob_folder_t *self)
{
    return self->area;
}

const char *blob_folder_path(const blob_folder_t *self)
{
    return self->path;
}

blob_store_t *blob_folder_local(blob_folder_t *self)
{
    return self->local;
}

blob_store_t *blob_folder_behind(blob_folder_t *self)
{
    return self->options.behind;
}

bool blob_name_read(str_t key, str_t *out_hash, str_t *out_variant)
{
    str_t name = str_slice(
        key, str_find_last(key, '/') < key.size ? str_find_last(key, '/') + 1 : 0, key.size);
    size_t dot = str_find(name, '.');
    *out_hash = str_slice(name, 0, dot);
    *out_variant = str_slice(name, MIN(dot + 1, name.size), name.size);
    return blob_is_hash(*out_hash) && (dot == name.size || blob_is_variant(*out_variant));
}

static err_t sweep_one(blob_store_t *store, str_t key, int64_t before_ms, bool *out_is_swept)
{
    blob_info_t info;
    err_t err = blob_store_find(store, key, &info);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && info.modified_ms >= before_ms))
        return ERR_OK;
    if (err == ERR_OK)
        err = blob_store_remove(store, key);
    *out_is_swept = err == ERR_OK;
    return err;
}

static err_t lock_behind(const blob_folder_t *self, str_t hash)
{
    const blob_guard_t *guard = &self->options.guard;
    return guard->lock == NULL ? ERR_OK : guard->lock(guard->context, hash);
}

static void unlock_behind(const blob_folder_t *self, str_t hash)
{
    const blob_guard_t *guard = &self->options.guard;
    if (guard->unlock != NULL)
        guard->unlock(guard->context, hash);
}

static err_t sweep_one_behind(const blob_folder_t *self, str_t hash, str_t key, int64_t before_ms,
                              bool *out_is_swept)
{
    TRY(lock_behind(self, hash));
    err_t err = sweep_one(self->options.behind, key, before_ms, out_is_swept);
    unlock_behind(self, hash);
    return err;
}

err_t blob_folder_sweep(blob_folder_t *self, str_t key, int64_t before_ms, bool *out_is_swept)
{
    *out_is_swept = false;
    pthread_mutex_lock(&self->lock);
    err_t err = sweep_one(self->local, key, before_ms, out_is_swept);
    pthread_mutex_unlock(&self->lock);
    return err;
}

err_t blob_folder_sweep_behind(blob_folder_t *self, str_t key, int64_t before_ms,
                               bool *out_is_swept)
{
    str_t hash, variant;
    buf_t local BUF_SCOPED = BUF_INIT;
    blob_info_t info;
    *out_is_swept = false;
    if (!blob_name_read(key, &hash, &variant))
        return ERR_OK; /* not ours */
    TRY(blob_local_key(hash, variant, &local));
    /* What waits here was put a moment ago. What is put from now on waits until this is through: no
     * put does. */
    pthread_mutex_lock(&self->lock);
    err_t err = blob_store_find(self->local, buf_str(&local), &info);
    self->sweeping = buf_str(&local);
    pthread_mutex_unlock(&self->lock);
    if (err == ERR_NOT_FOUND)
        err = sweep_one_behind(self, hash, key, before_ms, out_is_swept);
    pthread_mutex_lock(&self->lock);
    self->sweeping = (str_t){NULL, 0};
    pthread_mutex_unlock(&self->lock);
    if (*out_is_swept && self->options.cache != NULL)
        segment_cache_remove(self->options.cache, key);
    return err;
}

/* One that is there and was put not long ago stays: else every rescan would send it all again. */
static err_t send_one(blob_folder_t *self, str_t far, str_t content, int64_t fresh_ms)
{
    blob_info_t info;
    err_t err = blob_store_find(self->options.behind, far, &info);
    if (err == ERR_OK && info.modified_ms >= fresh_ms)
        return ERR_OK;
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    return blob_store_put(self->options.behind, far, content);
}

/* One that is there before this says no is there until it was sent: so no sweep of it begins. */
static bool is_being_swept(blob_folder_t *self, str_t key)
{
    pthread_mutex_lock(&self->lock);
    bool is_swept = str_equal(self->sweeping, key);
    pthread_mutex_unlock(&self->lock);
    return is_swept;
}

err_t blob_folder_send(blob_folder_t *self, str_t key, int64_t fresh_ms)
{
    buf_t content BUF_SCOPED = BUF_INIT, far BUF_SCOPED = BUF_INIT;
    str_t hash, variant;
    if (!blob_name_read(key, &hash, &variant))
        return ERR_OK;
    if (is_being_swept(self, key))
        return ERR_BUSY;
    TRY(blob_far_key(self, key, &far));
    TRY(blob_store_get(self->local, key, &content));
    if (variant.size == 0)
        TRY(blob_check(hash, buf_str(&content)));
    /* Not under the lock: it may take long. What is put meanwhile is renewed, and stays. */
    blob_info_t before, after;
    TRY(blob_store_find(self->local, key, &before));
    TRY(lock_behind(self, hash));
    err_t sent = send_one(self, buf_str(&far), buf_str(&content), fresh_ms);
    unlock_behind(self, hash);
    TRY(sent);
    blob_keep_cached(self, buf_str(&far), buf_str(&content));
    pthread_mutex_lock(&self->lock);
    err_t err = blob_store_find(self->local, key, &after);
    if (err == ERR_OK && after.modified_ms == before.modified_ms)
        err = blob_store_remove(self->local, key);
    pthread_mutex_unlock(&self->lock);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

err_t blob_folder_restore(blob_folder_t *self, str_t key)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    str_t hash, variant;
    if (!blob_name_read(key, &hash, &variant))
        return ERR_INVALID;
    TRY(blob_read_cached(self, key, &content));
    if (variant.size == 0)
        TRY(blob_check(hash, buf_str(&content)));
    return blob_store_put(self->options.behind, key, buf_str(&content));
}
