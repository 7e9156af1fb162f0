#include "storage/catalog/catalog_dirty.h"

#include "runtime/base/memory.h"

enum { DIRTY_CAPACITY_MIN = 64, DIRTY_CAPACITY_KEPT = 4096 };

void dirty_deinit(dirty_t *self)
{
    memory_free(self->entries);
    memory_free(self->slots);
    *self = (dirty_t){0};
}

void dirty_clear(dirty_t *self)
{
    if (self->capacity > DIRTY_CAPACITY_KEPT) {
        dirty_deinit(self);
        return;
    }
    self->count = 0;
    if (self->slots != NULL)
        memset(self->slots, 0, self->slot_count * sizeof *self->slots);
}

/* Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): ids are hashes or counters. */
static size_t slot_of(const dirty_t *self, uint64_t id)
{
    size_t at = (size_t)((id * 0x9e3779b97f4a7c15u) >> 32) & (self->slot_count - 1);
    while (self->slots[at] != 0 && self->entries[self->slots[at] - 1].id != id)
        at = (at + 1) & (self->slot_count - 1);
    return at;
}

static bool grow(dirty_t *self)
{
    size_t capacity = self->capacity == 0 ? DIRTY_CAPACITY_MIN : self->capacity * 2;
    uint32_t *slots = memory_new_array(capacity * 2, sizeof *slots);
    dirty_entry_t *entries = memory_resize(self->entries, capacity, sizeof *entries);
    if (entries != NULL)
        self->entries = entries;
    if (entries == NULL || slots == NULL) {
        memory_free(slots);
        return false;
    }
    memory_free(self->slots);
    self->slots = slots;
    self->slot_count = capacity * 2;
    self->capacity = capacity;
    for (size_t i = 0; i < self->count; i++)
        self->slots[slot_of(self, self->entries[i].id)] = (uint32_t)i + 1;
    return true;
}

dirty_entry_t *dirty_at(dirty_t *self, uint64_t id)
{
    if (self->count == self->capacity && !grow(self))
        return NULL;
    size_t at = slot_of(self, id);
    if (self->slots[at] == 0) {
        self->entries[self->count] = (dirty_entry_t){.id = id};
        self->slots[at] = (uint32_t)++self->count;
    }
    return &self->entries[self->slots[at] - 1];
}
