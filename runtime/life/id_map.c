#include "runtime/life/id_map.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/mix.h"

enum { ID_MAP_FIRST = 4 };

/* Ids are counters, so mix them. */
static uint32_t place_of(const id_map_t *self, uint64_t id)
{
    return (uint32_t)mix64(id) & (self->capacity - 1);
}

static uint32_t after(const id_map_t *self, uint32_t place)
{
    return (place + 1) & (self->capacity - 1);
}

void id_map_deinit(id_map_t *self)
{
    memory_free(self->entries);
    *self = (id_map_t){0};
}

id_value_t *id_map_at(const id_map_t *self, uint64_t id)
{
    if (self->count == 0)
        return NULL;
    uint32_t place = place_of(self, id);
    while (self->entries[place].id != 0) {
        if (self->entries[place].id == id)
            return &self->entries[place].value;
        place = after(self, place);
    }
    return NULL;
}

static void insert(id_map_t *self, id_entry_t entry)
{
    uint32_t place = place_of(self, entry.id);
    while (self->entries[place].id != 0)
        place = after(self, place);
    self->entries[place] = entry;
}

static err_t grow(id_map_t *self)
{
    id_map_t larger = {.capacity = self->capacity == 0 ? ID_MAP_FIRST : self->capacity * 2,
                       .count = self->count};
    larger.entries = memory_new_array(larger.capacity, sizeof(id_entry_t));
    if (larger.entries == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->capacity; i++) {
        if (self->entries[i].id != 0)
            insert(&larger, self->entries[i]);
    }
    memory_free(self->entries);
    *self = larger;
    return ERR_OK;
}

err_t id_map_put(id_map_t *self, uint64_t id, id_value_t value)
{
    ASSERT(id != 0);
    if ((self->count + 1) * 4 > self->capacity * 3)
        TRY(grow(self));
    insert(self, (id_entry_t){id, value});
    self->count++;
    return ERR_OK;
}

/* Entries behind a gap move into it unless they lie where they belong (Knuth, 6.4, algorithm R). */
static void close_gap(id_map_t *self, uint32_t gap)
{
    uint32_t mask = self->capacity - 1;
    for (uint32_t at = after(self, gap); self->entries[at].id != 0; at = after(self, at)) {
        uint32_t home = place_of(self, self->entries[at].id);
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        self->entries[gap] = self->entries[at];
        gap = at;
    }
    self->entries[gap] = (id_entry_t){0};
    self->count--;
}

bool id_map_take(id_map_t *self, uint64_t id, id_value_t *out_value)
{
    id_value_t *value = id_map_at(self, id);
    if (value == NULL)
        return false;
    *out_value = *value;
    close_gap(self, (uint32_t)(CONTAINER_OF(value, id_entry_t, value) - self->entries));
    return true;
}

bool id_map_next(const id_map_t *self, uint32_t *cursor, id_entry_t *out_entry)
{
    while (*cursor < self->capacity && self->entries[*cursor].id == 0)
        (*cursor)++;
    if (*cursor >= self->capacity)
        return false;
    *out_entry = self->entries[(*cursor)++];
    return true;
}
