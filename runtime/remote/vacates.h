#pragma once
/* vacates.h -- the emptyings that are under way on a node, oldest first (vacate.h): each in a walk
 * of its own, so that one whose actors wait keeps no other; no more than VACATES_MAX, since each
 * walk looks at all activations. What comes past that joins the youngest one.
 *
 * Invariant  A partition that joins an emptying is asked and waited for from the beginning: the
 * patience that others have used up is not its own (broken: its actors are forced at once, or, past
 * VACATE_ASKS_MAX, never asked).
 *
 * Threads  Under one lock of its owner's; the walk itself (vacate_step) is of a copy, without it.
 * One thread walks and takes out. */

#include "runtime/remote/vacate.h"

enum { VACATES_MAX = 16 };

typedef struct vacates {
    size_t count;
    vacate_t items[VACATES_MAX];
} vacates_t; /* zeroed: none */

/* The one that partitions are to be added to, at once. */
vacate_t *vacates_begin(vacates_t *self);
/* `walked` is a copy of the item, after a vacate_step that came to `left`. Whether it is over: then
 * it is to be taken. Never where more was added meanwhile. */
bool vacates_walked(vacates_t *self, size_t index, const vacate_t *walked, uint64_t left);
/* Its set, and it is none any more. */
partition_set_t vacates_take(vacates_t *self, size_t index);
