#pragma once
/* wheel.h -- a hierarchical timing wheel (Varghese and Lauck, 1987, scheme 7) with ticks of a
 * sixteenth of a millisecond.
 *
 * WHEEL_LEVELS levels of 256 slots: level n holds what is due within 256^(n+1) ticks (16 ms, 4 s,
 * 17 min, 3 days); what lies further away waits in the last level and is placed again when its slot
 * comes up. Adding and removing are O(1). An entry fires at its time or up to a tick later, never
 * earlier; entries that were added at one moment for one moment fire in their order.
 *
 * Who adds many need not know what time it is for each: wheel_add_after only notes the delay, and
 * it counts from the next wheel_settle.
 *
 * Ownership  Entries are the caller's, embedded. Threads  One. */

#include "runtime/base/attributes.h"

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 256, WHEEL_TICK_NS = 62500, WHEEL_TICKS_MS = 16 };

/* Of an entry, and of the ring it lies in. */
typedef struct wheel_link wheel_link_t;
struct wheel_link {
    wheel_link_t *next, *previous;
};

typedef struct wheel_entry {
    wheel_link_t link; /* next NULL: not in a wheel */
    uint64_t due;      /* in ticks; until it is settled: after how many */
} wheel_entry_t;

typedef struct wheel {
    uint64_t now; /* in ticks */
    uint64_t count;
    wheel_link_t fresh;                                /* to be settled */
    uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* a bit a slot */
    wheel_link_t slots[WHEEL_LEVELS][WHEEL_SLOTS];
} wheel_t;

void wheel_init(wheel_t *self, uint64_t now_ns);
void wheel_add(wheel_t *self, wheel_entry_t *entry, uint64_t due_ns);
void wheel_add_after(wheel_t *self, wheel_entry_t *entry, uint64_t delay_ms);
static inline bool wheel_is_settled(const wheel_t *self)
{
    return self->fresh.next == &self->fresh;
}
/* The delays that were noted begin now. Returns when the first of them is due. */
uint64_t wheel_settle(wheel_t *self, uint64_t now_ns);
static inline bool wheel_has(const wheel_entry_t *entry)
{
    return entry->link.next != NULL;
}
/* The last one of this ring was removed. */
void wheel_note_empty(wheel_t *self, const wheel_link_t *ring);
/* Of one that is in it. */
static inline void wheel_remove(wheel_t *self, wheel_entry_t *entry)
{
    wheel_link_t *next = entry->link.next, *previous = entry->link.previous;
    previous->next = next;
    next->previous = previous;
    entry->link.next = NULL;
    self->count--;
    if (UNLIKELY(next == previous)) /* the ring itself */
        wheel_note_empty(self, next);
}
/* When it is, or was, due; of one that is settled. */
uint64_t wheel_due_ns(const wheel_entry_t *entry);
/* Moves on to now_ns and takes out one entry that is due; NULL: none. Call until NULL. */
wheel_entry_t *wheel_take_due(wheel_t *self, uint64_t now_ns);
/* When to look again, of what is settled: at or before the earliest entry. False: there is none. */
bool wheel_next_ns(const wheel_t *self, uint64_t *out_ns);
