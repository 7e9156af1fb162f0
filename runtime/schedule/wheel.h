#pragma once
/* wheel.h -- a hierarchical timing wheel in milliseconds (Varghese and Lauck, 1987, scheme 7).
 *
 * WHEEL_LEVELS levels of 64 slots: level n holds what is due within 64^(n+1) ms; what lies further
 * away waits in the last level and is placed again when its slot comes up. Adding and removing are
 * O(1). An entry fires at its time or later, never earlier; entries that were added at one moment
 * for one moment fire in their order.
 *
 * Ownership  Entries are the caller's, embedded. Threads  One. */

#include "runtime/base/attributes.h"

enum { WHEEL_LEVELS = 5, WHEEL_SLOTS = 64 };

typedef struct wheel_entry wheel_entry_t;
struct wheel_entry {
    wheel_entry_t *next, *previous; /* NULL: not in a wheel */
    uint64_t due_ms;
    uint16_t level, slot;
};

typedef struct wheel {
    uint64_t now_ms;
    uint64_t count;
    uint64_t occupied[WHEEL_LEVELS]; /* a bit a slot */
    wheel_entry_t slots[WHEEL_LEVELS][WHEEL_SLOTS];
} wheel_t;

void wheel_init(wheel_t *self, uint64_t now_ms);
void wheel_add(wheel_t *self, wheel_entry_t *entry, uint64_t due_ms);
/* Does nothing for an entry that is in no wheel. */
void wheel_remove(wheel_t *self, wheel_entry_t *entry);
bool wheel_has(const wheel_entry_t *entry);
/* Moves on to now_ms and takes out one entry that is due; NULL: none. Call until NULL. */
wheel_entry_t *wheel_take_due(wheel_t *self, uint64_t now_ms);
/* When to look again: at or before the earliest entry. False: the wheel is empty. */
bool wheel_next_ms(const wheel_t *self, uint64_t *out_ms);
