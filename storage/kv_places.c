#include "storage/kv_places.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

void kv_places_init(kv_places_t *self, kv_t *kv)
{
    pthread_mutex_init(&self->left_lock, NULL);
    pthread_cond_init(&self->left, NULL);
    self->places[0].kv = kv;
}

kv_t *kv_places_current(kv_places_t *self)
{
    return self->places[atomic_load(&self->current)].kv;
}

kv_t *kv_places_take(kv_places_t *self)
{
    return STEAL(self->places[atomic_load(&self->current)].kv);
}

void kv_places_deinit(kv_places_t *self)
{
    kv_close(kv_places_current(self));
    pthread_mutex_destroy(&self->left_lock);
    pthread_cond_destroy(&self->left);
}

/* ---- reading ---- */

void kv_places_leave(kv_places_t *self, uint32_t place)
{
    if (atomic_fetch_sub(&self->places[place].readers, 1) > 1 ||
        atomic_load(&self->current) == place)
        return;
    pthread_mutex_lock(&self->left_lock);
    pthread_cond_signal(&self->left);
    pthread_mutex_unlock(&self->left_lock);
}

uint32_t kv_places_enter(kv_places_t *self)
{
    for (;;) {
        uint32_t place = atomic_load(&self->current);
        atomic_fetch_add(&self->places[place].readers, 1);
        if (atomic_load(&self->current) == place)
            return place;
        kv_places_leave(self, place); /* it was swapped in between */
    }
}

err_t kv_places_read(kv_places_t *self, kv_tx_t *out_tx, uint32_t *out_place)
{
    uint32_t place = kv_places_enter(self);
    err_t err = kv_read(self->places[place].kv, out_tx);
    if (err == ERR_OK)
        *out_place = place;
    else
        kv_places_leave(self, place);
    return err;
}

/* ---- swapping ---- */

err_t kv_places_beside(const char *path, const char *ending, buf_t *out)
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

err_t kv_places_settle(const char *path, bool *out_has_new)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(kv_places_beside(path, "old", &name));
    TRY(kv_remove(buf_terminated(&name)));
    TRY(kv_places_beside(path, "new", &name));
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

static err_t swap_folders(kv_t *old, kv_t *fresh)
{
    buf_t path BUF_SCOPED = BUF_INIT, aside BUF_SCOPED = BUF_INIT;
    buf_append(&path, str_from(kv_path(old)));
    (void)buf_terminated(&path);
    TRY(buf_status(&path));
    TRY(kv_places_beside(buf_terminated(&path), "old", &aside));
    TRY(kv_remove(buf_terminated(&aside)));
    TRY(kv_rename(old, buf_terminated(&aside)));
    err_t err = kv_rename(fresh, buf_terminated(&path));
    if (err != ERR_OK)
        IGNORE_ERR(kv_rename(old, buf_terminated(&path)));
    return err;
}

static void wait_until_left(kv_places_t *self, uint32_t place)
{
    pthread_mutex_lock(&self->left_lock);
    while (atomic_load(&self->places[place].readers) > 0)
        pthread_cond_wait(&self->left, &self->left_lock);
    pthread_mutex_unlock(&self->left_lock);
}

err_t kv_places_swap(kv_places_t *self, kv_t **fresh)
{
    uint32_t place = atomic_load(&self->current), other = 1 - place;
    TRY(swap_folders(self->places[place].kv, *fresh));
    self->places[other].kv = *fresh;
    atomic_store(&self->current, other);
    wait_until_left(self, place);
    *fresh = STEAL(self->places[place].kv);
    return ERR_OK;
}
