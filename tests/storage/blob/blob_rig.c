#include "tests/storage/blob/blob_rig.h"

#include <stdio.h>

/* ---- a store that can be away ---- */

static moody_t *moody_of(blob_store_t *store)
{
    return CONTAINER_OF(store, moody_t, store);
}

static err_t mood(blob_store_t *store)
{
    return atomic_load(&moody_of(store)->is_away) ? ERR_UNAVAILABLE : ERR_OK;
}

static err_t moody_put(blob_store_t *store, str_t key, str_t content)
{
    TRY(mood(store));
    atomic_fetch_add(&moody_of(store)->puts, 1);
    return blob_store_put(moody_of(store)->inner, key, content);
}

static err_t moody_get(blob_store_t *store, str_t key, uint64_t offset, size_t size, buf_t *out)
{
    TRY(mood(store));
    return blob_store_get_range(moody_of(store)->inner, key, offset, size, out);
}

static err_t moody_check(blob_store_t *store, str_t key, buf_t *out)
{
    TRY(mood(store));
    return blob_store_check(moody_of(store)->inner, key, out);
}

static err_t moody_find(blob_store_t *store, str_t key, blob_info_t *out_info)
{
    TRY(mood(store));
    return blob_store_find(moody_of(store)->inner, key, out_info);
}

static err_t moody_remove(blob_store_t *store, str_t key)
{
    TRY(mood(store));
    if (moody_of(store)->in_remove != NULL)
        moody_of(store)->in_remove(moody_of(store)->context);
    return blob_store_remove(moody_of(store)->inner, key);
}

static err_t moody_list(blob_store_t *store, str_t prefix, blob_visit_fn visit, void *context)
{
    TRY(mood(store));
    return blob_store_list(moody_of(store)->inner, prefix, visit, context);
}

static err_t moody_tidy(blob_store_t *store, int64_t before_ms, uint64_t *out_count)
{
    TRY(mood(store));
    return blob_store_tidy(moody_of(store)->inner, before_ms, out_count);
}

static void moody_status(blob_store_t *store, blob_store_status_t *out_status)
{
    blob_store_status(moody_of(store)->inner, out_status);
}

static void moody_close(blob_store_t *store)
{
    blob_store_close(moody_of(store)->inner);
}

static const blob_store_table_t moody_table = {moody_put,  moody_get,    moody_check,
                                               moody_find, moody_remove, moody_list,
                                               moody_tidy, moody_status, moody_close};

/* ---- the rig ---- */

void rig_end(rig_t *self)
{
    blob_upload_free(self->upload);
    blob_folder_close(self->blobs);
    segment_cache_close(self->cache);
    if (self->behind.inner != NULL)
        blob_store_close(&self->behind.store);
    temporary_remove(&self->folder);
}

static void open_behind(rig_t *self, uint64_t fresh_for_ms)
{
    temporary_name_t path = temporary_in(&self->folder, "behind");
    temporary_name_t cache = temporary_in(&self->folder, "cache");
    self->behind.store.table = &moody_table;
    check_ok(blob_store_folder_open(&(blob_store_folder_options_t){path.path, false},
                                    &self->behind.inner));
    check_ok(segment_cache_open(cache.path, 1 << 20, &self->cache));
    check_ok(blob_upload_new(
        &(blob_upload_options_t){.wait_min_ms = 1, .fresh_for_ms = fresh_for_ms}, &self->upload));
}

void rig_begin_with(rig_t *self, bool has_behind, uint64_t fresh_for_ms)
{
    self->folder = temporary_new();
    temporary_name_t path = temporary_in(&self->folder, "blobs");
    blob_folder_options_t options = {.path = path.path, .area = "art"};
    if (has_behind) {
        open_behind(self, fresh_for_ms);
        options.behind = &self->behind.store;
        options.cache = self->cache;
        options.wake = blob_upload_wake;
        options.wake_context = self->upload;
    }
    check_ok(blob_folder_open(&options, &self->blobs));
    if (has_behind)
        check_ok(blob_upload_start(self->upload, &self->blobs, 1));
}

void rig_begin(rig_t *self, bool has_behind)
{
    rig_begin_with(self, has_behind, 1000000);
}

blob_upload_status_t rig_upload_status(const rig_t *self)
{
    blob_upload_status_t status = {0};
    blob_upload_status(self->upload, &status);
    return status;
}

bool rig_has_sent(const rig_t *self, uint64_t count)
{
    blob_upload_status_t status = rig_upload_status(self);
    return status.sent >= count && status.is_idle;
}

void rig_wait_until_sent(const rig_t *self, uint64_t count)
{
    wait_until(rig_has_sent(self, count));
}

static err_t count_one(void *context, const blob_info_t *blob)
{
    (void)blob;
    ++*(uint32_t *)context;
    return ERR_OK;
}

uint32_t blob_count_of(blob_store_t *store)
{
    uint32_t count = 0;
    check_ok(blob_store_list(store, STR(""), count_one, &count));
    return count;
}

blob_hash_t rig_put(rig_t *self, const char *content)
{
    blob_hash_t hash;
    check_ok(blob_put(self->blobs, str_from(content), &hash));
    return hash;
}

bool rig_has_whole(rig_t *self, const blob_hash_t *hash, const char *content)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    return blob_get(self->blobs, str_from(hash->text), &out) == ERR_OK &&
           str_equal(buf_str(&out), str_from(content));
}

void rig_drop_cached(rig_t *self, const char *name)
{
    char key[BLOB_KEY_SIZE_MAX];
    snprintf(key, sizeof key, "art/%s", name);
    segment_cache_remove(self->cache, str_from(key));
}
