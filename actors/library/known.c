#include "actors/library/known.h"

#include "runtime/base/memory.h"

enum { CAPACITY_FIRST = 1024 };

void known_deinit(known_t *self)
{
    memory_free(self->slots);
    *self = (known_t){0};
}

static uint64_t hash_of(str_t path)
{
    uint64_t hash = str_hash(path);
    return hash == 0 ? 1 : hash;
}

static uint64_t mark_of(uint64_t size_bytes, int64_t stamp)
{
    uint64_t both[2] = {size_bytes, (uint64_t)stamp};
    return str_hash(str_of(both, sizeof both));
}

/* The slot of a hash: its own, or the free one where it belongs. FNV's low bits are weak in short
 * strings, so the high ones are folded in. */
static known_file_t *slot_of(known_file_t *slots, size_t capacity, uint64_t hash)
{
    size_t index = (size_t)(hash ^ hash >> 32) & (capacity - 1);
    while (slots[index].path_hash != 0 && slots[index].path_hash != hash)
        index = (index + 1) & (capacity - 1);
    return &slots[index];
}

static err_t grow(known_t *self)
{
    size_t capacity = self->capacity == 0 ? CAPACITY_FIRST : self->capacity * 2;
    known_file_t *slots = memory_new_array(capacity, sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->capacity; i++)
        if (self->slots[i].path_hash != 0)
            *slot_of(slots, capacity, self->slots[i].path_hash) = self->slots[i];
    memory_free(self->slots);
    self->slots = slots;
    self->capacity = capacity;
    return ERR_OK;
}

err_t known_add(known_t *self, str_t path, uint64_t size_bytes, int64_t stamp, uint64_t track_id,
                bool is_available)
{
    if (self->count >= KNOWN_MAX)
        return ERR_LIMIT;
    if (self->count >= self->capacity / 4 * 3)
        TRY(grow(self));
    uint64_t hash = hash_of(path);
    known_file_t *slot = slot_of(self->slots, self->capacity, hash);
    self->count += slot->path_hash == 0;
    *slot = (known_file_t){.path_hash = hash,
                           .mark = mark_of(size_bytes, stamp),
                           .track_id = track_id & ~((uint64_t)3 << 62),
                           .is_available = is_available};
    return ERR_OK;
}

bool known_is_same(const known_file_t *file, uint64_t size_bytes, int64_t stamp)
{
    return file->mark == mark_of(size_bytes, stamp);
}

known_file_t *known_find(const known_t *self, str_t path)
{
    if (self->count == 0)
        return NULL;
    known_file_t *slot = slot_of(self->slots, self->capacity, hash_of(path));
    return slot->path_hash == 0 ? NULL : slot;
}

known_file_t *known_next(const known_t *self, size_t *cursor)
{
    while (*cursor < self->capacity) {
        known_file_t *slot = &self->slots[(*cursor)++];
        if (slot->path_hash != 0)
            return slot;
    }
    return NULL;
}
