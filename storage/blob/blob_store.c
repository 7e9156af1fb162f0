#include "storage/blob/blob_store.h"

void blob_store_close(blob_store_t *self)
{
    if (self != NULL)
        self->table->close(self);
}

void blob_store_scope_end(blob_store_t **self)
{
    blob_store_close(*self);
}

bool blob_key_is_valid(str_t key)
{
    char before = '/';
    for (size_t i = 0; i < key.size; i++) {
        char c = key.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
        bool is_inside = (c == '.' || c == '/') && before != '/';
        if (!is_word && !is_inside)
            return false;
        before = c;
    }
    return key.size > 0 && key.size <= BLOB_KEY_SIZE_MAX && before != '/';
}

err_t blob_store_put(blob_store_t *self, str_t key, str_t content)
{
    if (!blob_key_is_valid(key))
        return ERR_INVALID;
    return content.size > BLOB_SIZE_MAX ? ERR_LIMIT : self->table->put(self, key, content);
}

err_t blob_store_get(blob_store_t *self, str_t key, buf_t *out)
{
    size_t before = out->size;
    TRY(blob_store_get_range(self, key, 0, (size_t)BLOB_SIZE_MAX + 1, out));
    if (out->size - before <= BLOB_SIZE_MAX)
        return ERR_OK;
    out->size = before;
    return ERR_LIMIT;
}

err_t blob_store_get_range(blob_store_t *self, str_t key, uint64_t offset, size_t size_max,
                           buf_t *out)
{
    size_t before = out->size;
    if (!blob_key_is_valid(key))
        return ERR_INVALID;
    err_t err = self->table->get(self, key, offset, size_max, out);
    if (err == ERR_OK)
        err = buf_status(out);
    if (err != ERR_OK)
        out->size = before;
    return err;
}

err_t blob_store_check(blob_store_t *self, str_t key, buf_t *out)
{
    return blob_key_is_valid(key) ? self->table->check(self, key, out) : ERR_INVALID;
}

err_t blob_store_find(blob_store_t *self, str_t key, blob_info_t *out_info)
{
    return blob_key_is_valid(key) ? self->table->find(self, key, out_info) : ERR_INVALID;
}

err_t blob_store_remove(blob_store_t *self, str_t key)
{
    return blob_key_is_valid(key) ? self->table->remove(self, key) : ERR_INVALID;
}

err_t blob_store_list(blob_store_t *self, str_t prefix, blob_visit_fn visit, void *context)
{
    return self->table->list(self, prefix, visit, context);
}

err_t blob_store_tidy(blob_store_t *self, int64_t before_ms, uint64_t *out_count)
{
    return self->table->tidy(self, before_ms, out_count);
}

void blob_store_status(blob_store_t *self, blob_store_status_t *out_status)
{
    self->table->status(self, out_status);
}
