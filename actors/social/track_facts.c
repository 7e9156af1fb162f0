#include "actors/social/track_facts.h"

#include "runtime/base/memory.h"

enum { CAPACITY_MIN = 64 };

void track_facts_deinit(track_facts_t *self)
{
    memory_free(self->slots);
    *self = (track_facts_t){0};
}

bool track_fact_is_empty(const track_fact_t *fact)
{
    return fact->favourite_number == 0 && fact->rating == 0 && fact->play_count == 0 &&
           fact->imported == 0;
}

/* The slot of a track, or the empty one where it would go. There is always an empty one. */
static track_fact_t *slot_of(track_fact_t *slots, uint32_t capacity, uint64_t track_id)
{
    /* Fibonacci hashing: Knuth, TAOCP volume 3, section 6.4. */
    uint32_t at = (uint32_t)((track_id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (capacity - 1);
    while (slots[at].track_id != 0 && slots[at].track_id != track_id)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

const track_fact_t *track_facts_find(const track_facts_t *self, uint64_t track_id)
{
    if (self->capacity == 0 || track_id == 0)
        return NULL;
    const track_fact_t *slot = slot_of(self->slots, self->capacity, track_id);
    return slot->track_id == 0 ? NULL : slot;
}

static uint32_t count_telling(const track_facts_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->capacity; i++)
        if (self->slots[i].track_id != 0 && !track_fact_is_empty(&self->slots[i]))
            count++;
    return count;
}

static err_t rebuild(track_facts_t *self, uint32_t capacity)
{
    track_fact_t *slots = memory_new_array(capacity, sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    uint32_t used = 0;
    for (uint32_t i = 0; i < self->capacity; i++) {
        const track_fact_t *fact = &self->slots[i];
        if (fact->track_id == 0 || track_fact_is_empty(fact))
            continue;
        *slot_of(slots, capacity, fact->track_id) = *fact;
        used++;
    }
    memory_free(self->slots);
    *self = (track_facts_t){slots, capacity, used};
    return ERR_OK;
}

err_t track_facts_reserve(track_facts_t *self)
{
    return track_facts_reserve_many(self, 1);
}

err_t track_facts_reserve_many(track_facts_t *self, uint32_t count)
{
    bool is_full = self->used + count > USER_TRACKS_MAX;
    if (!is_full && self->used + count <= self->capacity / 4 * 3)
        return ERR_OK;
    uint32_t telling = count_telling(self);
    if (telling + count > USER_TRACKS_MAX)
        return ERR_LIMIT;
    uint32_t capacity = CAPACITY_MIN;
    while (capacity / 2 < telling + count)
        capacity *= 2;
    return rebuild(self, capacity);
}

track_fact_t *track_facts_at(track_facts_t *self, uint64_t track_id)
{
    if (self->capacity == 0 || track_id == 0)
        return NULL;
    track_fact_t *slot = slot_of(self->slots, self->capacity, track_id);
    if (slot->track_id == 0) {
        if (self->used + 1 > self->capacity / 4 * 3 || self->used >= USER_TRACKS_MAX)
            return NULL;
        *slot = (track_fact_t){.track_id = track_id};
        self->used++;
    }
    return slot;
}
