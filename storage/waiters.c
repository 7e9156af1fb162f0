#include "storage/waiters.h"

#include "runtime/base/memory.h"

typedef struct waiter {
    struct waiter *next;
    uint64_t ticket, position;
    waiters_then_fn then;
    void *context;
} waiter_t;

void waiters_init(waiters_t *self, size_t count_max)
{
    *self = (waiters_t){.count_max = count_max};
    pthread_mutex_init(&self->lock, NULL);
}

void waiters_deinit(waiters_t *self)
{
    waiters_reach(self, UINT64_MAX, ERR_CANCELLED);
    pthread_mutex_destroy(&self->lock);
}

err_t waiters_add(waiters_t *self, uint64_t position, waiters_then_fn then, void *context,
                  uint64_t *out_ticket)
{
    waiter_t *waiter = memory_new(sizeof *waiter);
    if (waiter == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_lock(&self->lock);
    bool is_full = self->count >= self->count_max;
    if (!is_full) {
        *waiter = (waiter_t){self->first, ++self->last_ticket, position, then, context};
        *out_ticket = waiter->ticket;
        self->first = waiter;
        self->count++;
    }
    pthread_mutex_unlock(&self->lock);
    if (is_full)
        memory_free(waiter);
    return is_full ? ERR_LIMIT : ERR_OK;
}

/* Takes those that `position` satisfies out of the list. */
static waiter_t *take_reached(waiters_t *self, uint64_t position)
{
    waiter_t *reached = NULL, **last = &reached;
    pthread_mutex_lock(&self->lock);
    for (waiter_t **at = &self->first; *at != NULL;) {
        waiter_t *waiter = *at;
        if (waiter->position > position) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        self->count--;
        waiter->next = NULL;
        *last = waiter;
        last = &waiter->next;
    }
    pthread_mutex_unlock(&self->lock);
    return reached;
}

void waiters_reach(waiters_t *self, uint64_t position, err_t err)
{
    waiter_t *reached = take_reached(self, position);
    while (reached != NULL) {
        waiter_t *waiter = reached;
        reached = waiter->next;
        waiter->then(waiter->context, err);
        memory_free(waiter);
    }
}

bool waiters_cancel(waiters_t *self, uint64_t ticket)
{
    waiter_t *found = NULL;
    pthread_mutex_lock(&self->lock);
    for (waiter_t **at = &self->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->ticket == ticket) {
            found = *at;
            *at = found->next;
            self->count--;
            break;
        }
    }
    pthread_mutex_unlock(&self->lock);
    memory_free(found);
    return found != NULL;
}
