#include "storage/journal/journal_hooks.h"

void journal_hooks_init(journal_hooks_t *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->count = 0;
}

void journal_hooks_deinit(journal_hooks_t *self)
{
    pthread_mutex_destroy(&self->lock);
}

err_t journal_hooks_add(journal_hooks_t *self, journal_hook_fn fn, void *context)
{
    pthread_mutex_lock(&self->lock);
    err_t err = self->count == JOURNAL_HOOKS_MAX ? ERR_LIMIT : ERR_OK;
    if (err == ERR_OK)
        self->hooks[self->count++] = (struct journal_hook){fn, context};
    pthread_mutex_unlock(&self->lock);
    return err;
}

void journal_hooks_remove(journal_hooks_t *self, journal_hook_fn fn, void *context)
{
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->count; i++) {
        if (self->hooks[i].fn == fn && self->hooks[i].context == context) {
            self->hooks[i] = self->hooks[--self->count];
            break;
        }
    }
    pthread_mutex_unlock(&self->lock);
}

void journal_hooks_call(journal_hooks_t *self, uint64_t head)
{
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->count; i++)
        self->hooks[i].fn(self->hooks[i].context, head);
    pthread_mutex_unlock(&self->lock);
}
