#include "runtime/mail/ask.h"

#include <string.h>

#include "runtime/base/memory.h"
#include "runtime/mail/gather.h"

enum { ASKS_FIRST = 8 };

static uint32_t index_of(uint64_t correlation)
{
    return (uint32_t)correlation & (ASKS_MAX - 1);
}

static uint64_t correlation_of(const ask_table_t *self, uint32_t index)
{
    return (uint64_t)self->asks[index].generation << 32 | index;
}

void ask_table_clear(ask_table_t *self)
{
    for (uint32_t i = 0; i < self->capacity && self->open_count > 0; i++) {
        ask_t ask;
        if (ask_take(self, correlation_of(self, i), &ask) && ask.edge_then == NULL)
            ask_free_data(&ask);
    }
    alarm_cancel(&self->alarm);
}

void ask_table_deinit(ask_table_t *self)
{
    ask_table_clear(self);
    memory_free(self->asks);
    *self = (ask_table_t){0};
}

/* ---- the heap of deadlines ---- */

static uint64_t deadline_at(const ask_table_t *self, uint32_t at)
{
    return self->asks[self->asks[at].heap].deadline_ns;
}

static void heap_put(ask_table_t *self, uint32_t at, uint32_t index)
{
    self->asks[at].heap = index;
    self->asks[index].heap_at = at;
}

static void sift_up(ask_table_t *self, uint32_t at, uint32_t index)
{
    uint64_t deadline_ns = self->asks[index].deadline_ns;
    while (at > 0 && deadline_at(self, (at - 1) / 2) > deadline_ns) {
        heap_put(self, at, self->asks[(at - 1) / 2].heap);
        at = (at - 1) / 2;
    }
    heap_put(self, at, index);
}

static void sift_down(ask_table_t *self, uint32_t at, uint32_t index)
{
    uint64_t deadline_ns = self->asks[index].deadline_ns;
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= self->heap_count)
            break;
        if (child + 1 < self->heap_count && deadline_at(self, child + 1) < deadline_at(self, child))
            child++;
        if (deadline_at(self, child) >= deadline_ns)
            break;
        heap_put(self, at, self->asks[child].heap);
        at = child;
    }
    heap_put(self, at, index);
}

static void heap_add(ask_table_t *self, uint32_t index)
{
    self->asks[index].is_due = false;
    sift_up(self, self->heap_count++, index);
}

static void heap_remove(ask_table_t *self, uint32_t index)
{
    uint32_t at = self->asks[index].heap_at;
    uint32_t last = self->asks[--self->heap_count].heap;
    self->asks[index].is_due = true;
    if (last == index)
        return;
    if (at > 0 && deadline_at(self, (at - 1) / 2) > self->asks[last].deadline_ns)
        sift_up(self, at, last);
    else
        sift_down(self, at, last);
}

/* ---- opening and closing ---- */

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
    uint32_t generation = slot->generation + 1, heap = slot->heap;
    self->first_free = slot->next_free;
    *slot = *ask;
    slot->generation = generation;
    slot->heap = heap;
    slot->is_open = true;
    self->open_count++;
    heap_add(self, index);
    *out_correlation = correlation_of(self, index);
    return ERR_OK;
}

ask_t *ask_at(ask_table_t *self, uint64_t correlation)
{
    uint32_t index = index_of(correlation);
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
    uint32_t index = index_of(correlation);
    if (!slot->is_due)
        heap_remove(self, index);
    *out_ask = *slot;
    slot->is_open = false;
    slot->data = NULL;
    slot->gather = NULL;
    slot->next_free = self->first_free;
    self->first_free = index + 1;
    self->open_count--;
    return true;
}

err_t ask_keep_data(ask_t *self, str_t data, str_t chain)
{
    self->data = NULL;
    self->data_size = data.size;
    self->chain_size = (uint8_t)chain.size;
    if (data.size + chain.size == 0)
        return ERR_OK;
    self->data = pool_new(pool_current(), data.size + chain.size, &self->data_block);
    if (self->data == NULL)
        return ERR_NO_MEMORY;
    if (data.size > 0)
        memcpy(self->data, data.data, data.size);
    if (chain.size > 0)
        memcpy((char *)self->data + data.size, chain.data, chain.size);
    return ERR_OK;
}

str_t ask_chain(const ask_t *self)
{
    if (self->chain_size == 0)
        return (str_t){NULL, 0};
    return str_of((const char *)self->data + self->data_size, self->chain_size);
}

void ask_free_data(ask_t *self)
{
    gather_free(STEAL(self->gather));
    if (self->data != NULL)
        pool_free(pool_current(), STEAL(self->data), self->data_block);
}

/* ---- the alarm ---- */

err_t ask_table_arm(ask_table_t *self, scheduler_t *scheduler, uint64_t receiver)
{
    if (self->heap_count == 0)
        return ERR_OK;
    uint64_t first_ns = deadline_at(self, 0);
    if (self->alarm != NULL && self->alarm_ns <= first_ns)
        return ERR_OK;
    bool has_come = self->alarm != NULL && self->alarm_ns == UINT64_MAX;
    alarm_t *alarm = has_come ? self->alarm : alarm_new(ALARM_ASK, receiver, NULL, NULL);
    if (alarm == NULL)
        return ERR_NO_MEMORY;
    if (!has_come)
        alarm_cancel(&self->alarm);
    self->alarm = alarm;
    self->alarm_ns = first_ns;
    if (has_come)
        alarm_renew(alarm, receiver);
    alarm_arm_at(alarm, scheduler, first_ns);
    return ERR_OK;
}

void ask_table_fired(ask_table_t *self)
{
    self->alarm_ns = UINT64_MAX;
}

bool ask_table_due(ask_table_t *self, uint64_t now_ns, uint64_t *out_correlation)
{
    if (self->heap_count == 0 || deadline_at(self, 0) > now_ns)
        return false;
    uint32_t index = self->asks[0].heap;
    heap_remove(self, index);
    *out_correlation = correlation_of(self, index);
    return true;
}

void ask_table_defer(ask_table_t *self, uint64_t correlation, uint64_t deadline_ns)
{
    ask_t *ask = ask_at(self, correlation);
    if (ask == NULL || !ask->is_due)
        return;
    ask->deadline_ns = deadline_ns;
    heap_add(self, index_of(correlation));
}
