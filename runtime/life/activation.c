#include "runtime/life/activation.h"

#include "runtime/base/memory.h"
#include "runtime/code/hold.h"
#include "runtime/durable/outbox.h"
#include "runtime/life/bonds.h"
#include "runtime/life/relations.h"
#include "runtime/life/tie.h"
#include "runtime/mail/backlog.h"

const actor_extra_t actor_extra_none;

static actor_extra_t *no_extra(void)
{
    return (actor_extra_t *)(uintptr_t)&actor_extra_none; /* only ever read */
}

void actor_init(actor_t *self)
{
    mailbox_init(&self->mailbox, &self->mailbox_end);
    self->extra = no_extra();
}

actor_extra_t *actor_extra(actor_t *self)
{
    if (self->extra == &actor_extra_none) {
        actor_extra_t *extra = memory_new(sizeof *extra);
        if (extra == NULL)
            return NULL;
        lane_init(&extra->deferred);
        self->extra = extra;
    }
    return self->extra;
}

err_t actor_set_key(actor_t *self, str_t key)
{
    char *at = self->key.inside;
    if (key.size >= ACTOR_KEY_INSIDE)
        at = self->key.outside = memory_new(key.size + 1);
    if (at == NULL)
        return ERR_NO_MEMORY;
    if (key.size >= ACTOR_KEY_INSIDE)
        actor_charge(self, (int64_t)key.size + 1);
    if (key.size > 0)
        memcpy(at, key.data, key.size);
    at[key.size] = '\0';
    self->key_size = (uint8_t)key.size;
    return ERR_OK;
}

err_t actor_new_state(actor_t *self)
{
    block_class_t block = 0;
    size_t size = self->kind->state_size;
    self->state = pool_new(pool_current(), size, &block);
    if (self->state == NULL)
        return ERR_NO_MEMORY;
    memset(self->state, 0, size);
    self->is_state_pooled = block != 0;
    actor_charge(self, (int64_t)size);
    return ERR_OK;
}

void actor_take_state(actor_t *self, void *state)
{
    self->state = state;
    self->is_state_pooled = false;
    actor_charge(self, (int64_t)self->kind->state_size);
}

void actor_free_state(actor_t *actor)
{
    if (actor->state == NULL)
        return;
    if (actor->kind->deinit != NULL)
        actor->kind->deinit(actor->state);
    /* The same size asks for the same class. */
    block_class_t block = actor->is_state_pooled ? pool_class_of(actor->kind->state_size) : 0;
    pool_free(pool_current(), STEAL(actor->state), block);
    actor_charge(actor, -(int64_t)actor->kind->state_size);
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra == NULL)
        return;
    actor_memory_clear(&extra->memory);
    extra->is_woken = false;
    if (UNLIKELY(actor_peek(actor)->state_arena.blocks != NULL))
        arena_deinit(&actor->extra->state_arena);
}

void actor_drop_deferred(actor_extra_t *extra)
{
    message_t *message;
    while ((message = lane_pop(&extra->deferred)) != NULL) {
        extra->deferred_count--;
        system_message_free(message);
    }
}

/* As a new slot, but for its mailbox. */
static void reset(actor_t *self)
{
    self->phase = ACTOR_FREE;
    self->is_virtual = self->is_stopping = self->is_removed = self->is_linked = false;
    self->has_run = false;
    self->is_failed_start = self->is_failed = false;
    self->kind = NULL;
    self->key_size = 0;
    atomic_store_explicit(&self->active_ms, 0, memory_order_relaxed);
    atomic_store_explicit(&self->busy_ns, 0, memory_order_relaxed);
}

static void extra_free(actor_t *self)
{
    actor_extra_t *extra = actor_extra_or_null(self);
    if (extra == NULL)
        return;
    actor_discharge(self);
    actor_memory_clear(&extra->memory);
    hold_drop(&extra->hold);
    actor_drop_deferred(extra);
    timer_table_deinit(&extra->timers);
    alarm_cancel(&extra->idle_alarm);
    alarm_cancel(&extra->restart_alarm);
    ask_table_deinit(&extra->asks);
    durable_free(extra->durable);
    outbox_free(extra->outbox_before);
    bonds_free(extra->bonds);
    backlog_free(extra->backlog);
    memory_free(extra->children);
    memory_free(extra->remembered);
    intensity_deinit(&extra->failures);
    memory_free(extra);
    self->extra = no_extra();
}

void actor_dispose(actor_t *self)
{
    message_t *message;
    while ((message = mailbox_pop_user(&self->mailbox, &self->mailbox_end)) != NULL)
        message_free(message);
    while ((message = mailbox_pop_system(&self->mailbox, &self->mailbox_end)) != NULL)
        system_message_free(message);
    actor_free_state(self);
    extra_free(self);
    if (self->key_size >= ACTOR_KEY_INSIDE) {
        memory_free(self->key.outside);
        actor_charge(self, -(int64_t)self->key_size - 1);
    }
    tie_unref(actor_tie(self));
    actor_entry(self)->parent = 0;
    reset(self);
}
