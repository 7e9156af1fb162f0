#include "actors/auth/throttle.h"

enum { SETS = THROTTLE_SLOTS / THROTTLE_WAYS, FIRST_WAIT_MS = 1000, DOUBLINGS_MAX = 9 };

/* The slot of the key; NULL: there is none. */
static const throttle_slot_t *find(const throttle_t *self, uint64_t key)
{
    const throttle_slot_t *set = &self->slots[key % SETS * THROTTLE_WAYS];
    for (size_t i = 0; i < THROTTLE_WAYS; i++)
        if (set[i].key == key && key != 0)
            return &set[i];
    return NULL;
}

static bool is_forgotten(const throttle_slot_t *slot, uint64_t now_ms)
{
    return now_ms - slot->last_ms >= THROTTLE_FORGET_MS;
}

uint64_t throttle_slot_wait_ms(const throttle_slot_t *self, uint64_t now_ms)
{
    return is_forgotten(self, now_ms) || self->open_at_ms <= now_ms ? 0 : self->open_at_ms - now_ms;
}

void throttle_slot_count(throttle_slot_t *self, uint32_t free_failures, uint64_t now_ms)
{
    if (is_forgotten(self, now_ms))
        *self = (throttle_slot_t){.key = self->key};
    self->last_ms = now_ms;
    if (self->failures < UINT32_MAX)
        self->failures++;
    if (self->failures >= free_failures) {
        uint32_t doublings = MIN(self->failures - free_failures, (uint32_t)DOUBLINGS_MAX);
        self->open_at_ms =
            now_ms + MIN((uint64_t)FIRST_WAIT_MS << doublings, (uint64_t)THROTTLE_WAIT_MAX_MS);
    }
}

uint64_t throttle_wait_ms(const throttle_t *self, uint64_t key, uint64_t now_ms)
{
    const throttle_slot_t *slot = find(self, key);
    return slot == NULL ? 0 : throttle_slot_wait_ms(slot, now_ms);
}

/* The key's slot, or one that is empty, or the one unused longest. */
static throttle_slot_t *take(throttle_t *self, uint64_t key)
{
    throttle_slot_t *set = &self->slots[key % SETS * THROTTLE_WAYS], *oldest = set;
    for (size_t i = 0; i < THROTTLE_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].last_ms < oldest->last_ms)
            oldest = &set[i];
    }
    *oldest = (throttle_slot_t){.key = key};
    return oldest;
}

void throttle_count(throttle_t *self, uint64_t key, uint32_t free_failures, uint64_t now_ms)
{
    throttle_slot_count(take(self, key), free_failures, now_ms);
}

void throttle_clear(throttle_t *self, uint64_t key)
{
    throttle_slot_t *set = &self->slots[key % SETS * THROTTLE_WAYS];
    for (size_t i = 0; i < THROTTLE_WAYS; i++)
        if (set[i].key == key)
            set[i] = (throttle_slot_t){0};
}
