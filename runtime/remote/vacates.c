#include "runtime/remote/vacates.h"

#include "runtime/base/assert.h"

#include <string.h>

vacate_t *vacates_begin(vacates_t *self)
{
    if (self->count < VACATES_MAX) {
        vacate_t *item = &self->items[self->count++];
        *item = (vacate_t){0};
        return item;
    }
    vacate_t *last = &self->items[VACATES_MAX - 1];
    *last = (vacate_t){.set = last->set};
    return last;
}

bool vacates_walked(vacates_t *self, size_t index, const vacate_t *walked, uint64_t left)
{
    ASSERT(index < self->count);
    vacate_t *now = &self->items[index];
    /* A partition is in one set once: what was added is not in the copy. */
    if (memcmp(&now->set, &walked->set, sizeof now->set) != 0)
        return false;
    *now = *walked;
    return left == 0;
}

partition_set_t vacates_take(vacates_t *self, size_t index)
{
    ASSERT(index < self->count);
    partition_set_t set = self->items[index].set;
    self->count--;
    memmove(&self->items[index], &self->items[index + 1],
            (self->count - index) * sizeof *self->items);
    return set;
}
