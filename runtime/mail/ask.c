#include "runtime/mail/ask.h"

#include "runtime/base/memory.h"

enum { ASKS_FIRST = 8 };

void ask_table_clear(ask_table_t *self)
{
    for (uint32_t i = 0; i < self->capacity; i++) {
        ask_t ask;
        if (!ask_take(self, (uint64_t)self->asks[i].generation << 32 | i, &ask))
            continue;
        alarm_cancel(&ask.alarm);
        if (ask.actor_then != NULL)
            memory_free(ask.data);
    }
}

void ask_table_deinit(ask_table_t *self)
{
    ask_table_clear(self);
    memory_free(self->asks);
    *self = (ask_table_t){0};
}

static err_t grow(ask_table_t *self)
{
    if (self->capacity >= ASKS_MAX)
        return ERR_LIMIT;
    uint32_t capacity = self->capacity == 0 ? ASKS_FIRST : self->capacity * 2;
    ask_t *asks = memory_resize(self->asks, capacity, sizeof(ask_t));
    if (asks == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = capacity; i > self->capacity; i--) {
        asks[i - 1] = (ask_t){.next_free = self->first_free};
        self->first_free = i;
    }
    self->asks = asks;
    self->capacity = capacity;
    return ERR_OK;
}

err_t ask_open(ask_table_t *self, const ask_t *ask, uint64_t *out_correlation)
{
    if (self->first_free == 0)
        TRY(grow(self));
    uint32_t index = self->first_free - 1;
    ask_t *slot = &self->asks[index];
    uint32_t generation = slot->generation + 1;
    self->first_free = slot->next_free;
    *slot = *ask;
    slot->generation = generation;
    slot->is_open = true;
    self->open_count++;
    *out_correlation = (uint64_t)generation << 32 | index;
    return ERR_OK;
}

ask_t *ask_at(ask_table_t *self, uint64_t correlation)
{
    uint32_t index = (uint32_t)correlation;
    if (index >= self->capacity)
        return NULL;
    ask_t *slot = &self->asks[index];
    return slot->is_open && slot->generation == correlation >> 32 ? slot : NULL;
}

bool ask_take(ask_table_t *self, uint64_t correlation, ask_t *out_ask)
{
    ask_t *slot = ask_at(self, correlation);
    if (slot == NULL)
        return false;
    *out_ask = *slot;
    *slot = (ask_t){.generation = slot->generation, .next_free = self->first_free};
    self->first_free = (uint32_t)correlation + 1;
    self->open_count--;
    return true;
}
