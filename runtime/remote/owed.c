#include "runtime/remote/owed.h"

#include "runtime/base/assert.h"
#include "runtime/remote/remote.h"

void owed_init(owed_t *self)
{
    *self = (owed_t){0};
    ASSERT(uv_mutex_init(&self->lock) == 0);
}

void owed_deinit(owed_t *self)
{
    while (self->first != NULL) {
        message_t *message = self->first;
        self->first = message->link.next;
        message_free(message);
    }
    uv_mutex_destroy(&self->lock);
}

/* Nobody is asked by any of these: there is where its receiver is kept. */
void owed_keep(owed_t *self, uint64_t ref, message_t *message)
{
    message->reply_to.asker = ref;
    message->link.next = NULL;
    uv_mutex_lock(&self->lock);
    *(self->first == NULL ? &self->first : &self->last->link.next) = message;
    self->last = message;
    atomic_fetch_add(&self->count, 1);
    uv_mutex_unlock(&self->lock);
}

static message_t *take_first(owed_t *self)
{
    uv_mutex_lock(&self->lock);
    message_t *message = self->first;
    if (message != NULL)
        self->first = message->link.next;
    uv_mutex_unlock(&self->lock);
    return message;
}

static void put_back(owed_t *self, message_t *message)
{
    uv_mutex_lock(&self->lock);
    message->link.next = self->first;
    if (self->first == NULL)
        self->last = message;
    self->first = message;
    uv_mutex_unlock(&self->lock);
}

/* Without the lock: what the router calls may come back here. One at a time, or their order is
 * lost. */
void owed_try(remote_t *remote)
{
    owed_t *self = &remote->owed;
    message_t *message;
    if (atomic_exchange(&self->is_trying, true))
        return;
    while ((message = take_first(self)) != NULL) {
        err_t err = remote_carry_owed(remote, message);
        if (err == ERR_NO_MEMORY || err == ERR_BUSY) {
            put_back(self, message);
            break;
        }
        atomic_fetch_sub(&self->count, 1);
        message_free(message);
    }
    atomic_store(&self->is_trying, false);
}

bool owed_is_any(remote_t *remote, uint32_t seat)
{
    owed_t *self = &remote->owed;
    if (UNLIKELY(seat_bits_has(&remote->parted, seat)))
        return true;
    if (LIKELY(atomic_load_explicit(&self->count, memory_order_acquire) == 0))
        return false;
    owed_try(remote);
    bool is_any = atomic_load(&self->is_trying); /* then it may be in somebody's hand */
    uv_mutex_lock(&self->lock);
    for (const message_t *at = self->first; !is_any && at != NULL; at = at->link.next)
        is_any = ref_seat(at->reply_to.asker) == seat;
    uv_mutex_unlock(&self->lock);
    return is_any;
}
