#include "storage/blob/segment_index.h"

#include "runtime/base/memory.h"

enum { SLOTS_MIN = 256 };

void segment_index_deinit(segment_index_t *self)
{
    while (self->oldest != NULL)
        segment_index_remove(self, self->oldest);
    memory_free(self->slots);
    *self = (segment_index_t){0};
}

static segment_t **slot_of(const segment_index_t *self, uint64_t hash)
{
    return &self->slots[hash & (self->slot_count - 1)];
}

segment_t *segment_index_find(const segment_index_t *self, str_t name)
{
    uint64_t hash = str_hash(name);
    if (self->slot_count == 0)
        return NULL;
    segment_t *at = *slot_of(self, hash);
    while (at != NULL && !(at->hash == hash && str_equal(str_of(at->name, at->name_size), name)))
        at = at->next_in_slot;
    return at;
}

static void unlink_use(segment_index_t *self, segment_t *segment)
{
    *(segment->newer == NULL ? &self->newest : &segment->newer->older) = segment->older;
    *(segment->older == NULL ? &self->oldest : &segment->older->newer) = segment->newer;
    segment->newer = segment->older = NULL;
}

static void link_newest(segment_index_t *self, segment_t *segment)
{
    segment->older = self->newest;
    *(self->newest == NULL ? &self->oldest : &self->newest->newer) = segment;
    self->newest = segment;
}

void segment_index_touch(segment_index_t *self, segment_t *segment)
{
    unlink_use(self, segment);
    link_newest(self, segment);
}

static bool grow(segment_index_t *self)
{
    size_t slot_count = self->slot_count == 0 ? SLOTS_MIN : self->slot_count * 2;
    segment_t **slots = memory_new_array(slot_count, sizeof *slots);
    if (slots == NULL)
        return false;
    memory_free(self->slots);
    self->slots = slots;
    self->slot_count = slot_count;
    for (segment_t *at = self->newest; at != NULL; at = at->older) {
        segment_t **slot = slot_of(self, at->hash);
        at->next_in_slot = *slot;
        *slot = at;
    }
    return true;
}

segment_t *segment_index_add(segment_index_t *self, str_t name, uint64_t size)
{
    if (self->count >= self->slot_count && !grow(self))
        return NULL;
    segment_t *segment = memory_new(sizeof *segment + name.size + 1);
    if (segment == NULL)
        return NULL;
    segment->hash = str_hash(name);
    segment->size = size;
    segment->name_size = name.size;
    if (name.size > 0)
        memcpy(segment->name, name.data, name.size);
    segment_t **slot = slot_of(self, segment->hash);
    segment->next_in_slot = *slot;
    *slot = segment;
    link_newest(self, segment);
    self->used += size;
    self->count++;
    return segment;
}

void segment_index_remove(segment_index_t *self, segment_t *segment)
{
    segment_t **at = slot_of(self, segment->hash);
    while (*at != segment)
        at = &(*at)->next_in_slot;
    *at = segment->next_in_slot;
    unlink_use(self, segment);
    self->used -= segment->size;
    self->count--;
    memory_free(segment);
}
