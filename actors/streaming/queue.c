#include "actors/streaming/queue.h"

#include "runtime/base/memory.h"
#include "runtime/base/random.h"

#include <stdlib.h>

void queue_deinit(queue_t *self)
{
    memory_free(self->entries);
    *self = (queue_t){0};
}

err_t queue_reserve(queue_t *self, uint32_t more)
{
    if (more > SESSION_QUEUE_MAX - self->count)
        return ERR_LIMIT;
    uint32_t wanted = self->count + more;
    if (wanted <= self->capacity)
        return ERR_OK;
    uint32_t capacity = MAX(wanted, MIN(self->capacity * 2, (uint32_t)SESSION_QUEUE_MAX));
    session_entry_t *entries = memory_resize(self->entries, capacity, sizeof *entries);
    if (entries == NULL)
        return ERR_NO_MEMORY;
    self->entries = entries;
    self->capacity = capacity;
    return ERR_OK;
}

uint32_t queue_index(const queue_t *self, uint64_t entry_id)
{
    uint32_t i = 0;
    while (i < self->count && self->entries[i].entry_id != entry_id)
        i++;
    return i;
}

static void number_homes(queue_t *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        self->entries[i].home = i;
}

/* The home of what is put in at `index`; makes room for it among the homes. */
static uint32_t open_home(queue_t *self, uint32_t index, uint32_t count)
{
    uint32_t home = 0;
    if (index == self->count) {
        for (uint32_t i = 0; i < self->count; i++)
            home = MAX(home, self->entries[i].home + 1);
        return home;
    }
    if (index > 0)
        home = self->entries[index - 1].home + 1;
    for (uint32_t i = 0; i < self->count; i++)
        if (self->entries[i].home >= home)
            self->entries[i].home += count;
    return home;
}

err_t queue_insert(queue_t *self, uint32_t index, const session_track_t *tracks, uint32_t count)
{
    TRY(queue_reserve(self, count));
    uint32_t home = open_home(self, index, count);
    if (index != self->count)
        memmove(self->entries + index + count, self->entries + index,
                (self->count - index) * sizeof *self->entries);
    for (uint32_t i = 0; i < count; i++)
        self->entries[index + i] = (session_entry_t){
            .entry_id = ++self->last_entry_id,
            .track_id = tracks[i].track_id,
            .duration_ms = tracks[i].duration_ms,
            .home = home + i,
        };
    self->count += count;
    return ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

bool queue_ids_have(const uint64_t *entry_ids, uint32_t count, uint64_t entry_id)
{
    return count != 0 && bsearch(&entry_id, entry_ids, count, sizeof entry_id, compare_ids) != NULL;
}

void queue_remove(queue_t *self, const uint64_t *entry_ids, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->count; i++)
        if (!queue_ids_have(entry_ids, count, self->entries[i].entry_id))
            self->entries[kept++] = self->entries[i];
    self->count = kept;
    if (!self->is_shuffled)
        number_homes(self);
}

void queue_move(queue_t *self, uint32_t from, uint32_t to)
{
    session_entry_t moved = self->entries[from];
    if (from < to)
        memmove(self->entries + from, self->entries + from + 1, (to - from) * sizeof moved);
    else
        memmove(self->entries + to + 1, self->entries + to, (from - to) * sizeof moved);
    self->entries[to] = moved;
    if (!self->is_shuffled)
        number_homes(self);
}

void queue_clear(queue_t *self)
{
    self->count = 0;
}

static void swap(queue_t *self, uint32_t a, uint32_t b)
{
    session_entry_t held = self->entries[a];
    self->entries[a] = self->entries[b];
    self->entries[b] = held;
}

void queue_shuffle(queue_t *self, uint64_t seed, uint64_t first_entry_id)
{
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    uint32_t fixed = 0, first = queue_index(self, first_entry_id);
    if (first != self->count) {
        swap(self, 0, first);
        fixed = 1;
    }
    for (uint32_t i = self->count; i > fixed + 1; i--)
        swap(self, i - 1, fixed + (uint32_t)random_below(&random, i - fixed));
    self->is_shuffled = true;
}

static int compare_homes(const void *a, const void *b)
{
    uint32_t left = ((const session_entry_t *)a)->home, right = ((const session_entry_t *)b)->home;
    return (left > right) - (left < right);
}

void queue_unshuffle(queue_t *self)
{
    if (self->count != 0)
        qsort(self->entries, self->count, sizeof *self->entries, compare_homes);
    self->is_shuffled = false;
    number_homes(self);
}
