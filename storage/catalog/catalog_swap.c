#include "storage/catalog/catalog_swap.h"

#include "storage/catalog/catalog_parts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static err_t beside(const char *path, const char *ending, buf_t *out)
{
    buf_reset(out);
    buf_printf(out, "%s.%s", path, ending);
    (void)buf_terminated(out);
    return buf_status(out);
}

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

err_t catalog_swap_settle(const char *path, bool *out_has_new)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(beside(path, "old", &name));
    TRY(kv_remove(buf_terminated(&name)));
    TRY(beside(path, "new", &name));
    bool has_new = is_there(buf_terminated(&name));
    /* Only a swap takes the old one's name away before the new one has it. */
    if (has_new && !is_there(path)) {
        if (rename(buf_terminated(&name), path) != 0)
            return err_from_errno(errno);
        has_new = false;
    }
    *out_has_new = has_new;
    return ERR_OK;
}

err_t catalog_open_new(catalog_t *self, size_t map_size, const char *boot_id, catalog_t **out_fresh)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(beside(kv_path(catalog_kv(self)), "new", &name));
    return catalog_open(buf_terminated(&name), map_size, boot_id, out_fresh);
}

static err_t swap_folders(kv_t *old, kv_t *fresh)
{
    buf_t path BUF_SCOPED = BUF_INIT, aside BUF_SCOPED = BUF_INIT;
    buf_append(&path, str_from(kv_path(old)));
    (void)buf_terminated(&path);
    TRY(buf_status(&path));
    TRY(beside(buf_terminated(&path), "old", &aside));
    TRY(kv_remove(buf_terminated(&aside)));
    TRY(kv_rename(old, buf_terminated(&aside)));
    err_t err = kv_rename(fresh, buf_terminated(&path));
    if (err != ERR_OK)
        IGNORE_ERR(kv_rename(old, buf_terminated(&path)));
    return err;
}

static void wait_until_left(catalog_t *self, uint32_t place)
{
    pthread_mutex_lock(&self->left_lock);
    while (atomic_load(&self->places[place].readers) > 0)
        pthread_cond_wait(&self->left, &self->left_lock);
    pthread_mutex_unlock(&self->left_lock);
}

err_t catalog_swap(catalog_t *self, catalog_t *fresh)
{
    uint32_t place = atomic_load(&self->current), other = 1 - place;
    kv_t **new = &fresh->places[atomic_load(&fresh->current)].kv;
    TRY(swap_folders(self->places[place].kv, *new));
    self->places[other].kv = *new;
    atomic_store(&self->current, other);
    wait_until_left(self, place);
    *new = STEAL(self->places[place].kv);
    return ERR_OK;
}

void catalog_drop(catalog_t *self)
{
    if (self == NULL)
        return;
    kv_drop(catalog_kv(self));
    catalog_free(self);
}
