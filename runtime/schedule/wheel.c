#include "runtime/schedule/wheel.h"

enum { SLOT_BITS = 8, SLOT_MASK = WHEEL_SLOTS - 1, SLOT_WORDS = WHEEL_SLOTS / 64 };

_Static_assert(WHEEL_TICKS_MS *WHEEL_TICK_NS == 1000000, "a whole number of ticks in a ms");

/* The last tick that a clock can show. */
#define DUE_MAX (UINT64_MAX / WHEEL_TICK_NS)

static wheel_entry_t *entry_of(wheel_link_t *link)
{
    return CONTAINER_OF(link, wheel_entry_t, link);
}

static uint64_t ticks_until(uint64_t ns)
{
    return MIN(ns / WHEEL_TICK_NS + (ns % WHEEL_TICK_NS != 0), DUE_MAX);
}

static uint64_t slot_width(uint32_t level)
{
    return UINT64_C(1) << (SLOT_BITS * level);
}

static void ring_init(wheel_link_t *ring)
{
    ring->next = ring->previous = ring;
}

static void ring_append(wheel_link_t *ring, wheel_link_t *link)
{
    link->next = ring;
    link->previous = ring->previous;
    ring->previous->next = link;
    ring->previous = link;
}

void wheel_init(wheel_t *self, uint64_t now_ns)
{
    *self = (wheel_t){.now = now_ns / WHEEL_TICK_NS};
    ring_init(&self->fresh);
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++)
            ring_init(&self->slots[level][slot]);
    }
}

static void place(wheel_t *self, wheel_entry_t *entry)
{
    uint64_t delay = entry->due > self->now ? entry->due - self->now : 0;
    uint32_t level = 0;
    while (level < WHEEL_LEVELS - 1 && delay >= slot_width(level + 1))
        level++;
    /* Too far for the last level: as far as it reaches, and again from there. */
    uint64_t reach = MIN(delay, slot_width(level + 1) - slot_width(level));
    uint32_t slot = (uint32_t)((self->now + reach) >> (SLOT_BITS * level)) & SLOT_MASK;
    ring_append(&self->slots[level][slot], &entry->link);
    self->occupied[level][slot / 64] |= UINT64_C(1) << slot % 64;
}

void wheel_add(wheel_t *self, wheel_entry_t *entry, uint64_t due_ns)
{
    entry->due = ticks_until(due_ns);
    place(self, entry);
    self->count++;
}

void wheel_add_after(wheel_t *self, wheel_entry_t *entry, uint64_t delay_ms)
{
    entry->due = MIN(delay_ms, DUE_MAX / WHEEL_TICKS_MS) * WHEEL_TICKS_MS;
    ring_append(&self->fresh, &entry->link);
    self->count++;
}

uint64_t wheel_settle(wheel_t *self, uint64_t now_ns)
{
    uint64_t now = ticks_until(now_ns), first = DUE_MAX;
    wheel_link_t *link = self->fresh.next;
    ring_init(&self->fresh);
    while (link != &self->fresh) {
        wheel_link_t *next = link->next;
        wheel_entry_t *entry = entry_of(link);
        entry->due = MIN(entry->due + now, DUE_MAX);
        first = MIN(first, entry->due);
        place(self, entry);
        link = next;
    }
    return first * WHEEL_TICK_NS;
}

void wheel_note_empty(wheel_t *self, const wheel_link_t *ring)
{
    if (ring == &self->fresh)
        return;
    size_t index = (size_t)(ring - &self->slots[0][0]);
    size_t slot = index % WHEEL_SLOTS;
    self->occupied[index / WHEEL_SLOTS][slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

uint64_t wheel_due_ns(const wheel_entry_t *entry)
{
    return entry->due * WHEEL_TICK_NS;
}

/* All of a slot of a level above 0, spread over the levels below. */
static void spread(wheel_t *self, wheel_link_t *ring)
{
    wheel_link_t *link = ring->next;
    if (link == ring)
        return;
    ring_init(ring);
    wheel_note_empty(self, ring);
    while (link != ring) {
        wheel_link_t *next = link->next;
        place(self, entry_of(link)); /* perhaps back to where it was, on the last level */
        link = next;
    }
}

/* The slots that begin now on the levels above 0. */
static void cascade(wheel_t *self)
{
    for (uint32_t level = WHEEL_LEVELS - 1; level > 0; level--) {
        if (self->now % slot_width(level) == 0)
            spread(self, &self->slots[level][self->now >> (SLOT_BITS * level) & SLOT_MASK]);
    }
}

/* How many slots from `from` on, round, the first occupied one is. WHEEL_SLOTS: none is. */
static uint32_t slots_on(const uint64_t occupied[SLOT_WORDS], uint32_t from)
{
    for (uint32_t i = 0; i <= SLOT_WORDS; i++) {
        uint32_t word = (from / 64 + i) % SLOT_WORDS;
        uint64_t bits = occupied[word];
        if (i == 0)
            bits &= UINT64_MAX << from % 64;
        if (i == SLOT_WORDS)
            bits &= (UINT64_C(1) << from % 64) - 1;
        if (bits != 0)
            return (word * 64 + (uint32_t)__builtin_ctzll(bits) - from) & SLOT_MASK;
    }
    return WHEEL_SLOTS;
}

/* The first tick after now at which something must be done. */
static uint64_t next_stop(const wheel_t *self)
{
    uint64_t best = UINT64_MAX;
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        uint64_t next = (self->now >> (SLOT_BITS * level)) + 1;
        uint32_t on = slots_on(self->occupied[level], (uint32_t)next & SLOT_MASK);
        if (on < WHEEL_SLOTS)
            best = MIN(best, (next + on) << (SLOT_BITS * level));
    }
    return best;
}

wheel_entry_t *wheel_take_due(wheel_t *self, uint64_t now_ns)
{
    uint64_t now = now_ns / WHEEL_TICK_NS;
    for (;;) {
        const wheel_link_t *ring = &self->slots[0][self->now & SLOT_MASK];
        if (ring->next != ring) {
            wheel_entry_t *entry = entry_of(ring->next);
            wheel_remove(self, entry);
            return entry;
        }
        if (now <= self->now)
            return NULL;
        self->now = MIN(now, next_stop(self));
        cascade(self);
    }
}

bool wheel_next_ns(const wheel_t *self, uint64_t *out_ns)
{
    uint32_t slot = (uint32_t)self->now & SLOT_MASK;
    bool is_due = (self->occupied[0][slot / 64] >> slot % 64 & 1) != 0;
    uint64_t next = is_due ? self->now : next_stop(self);
    if (next == UINT64_MAX)
        return false;
    *out_ns = MIN(next, DUE_MAX) * WHEEL_TICK_NS;
    return true;
}
