#pragma once
/* segment_index.h -- names, sizes and order of use of the cached files: the memory of
 * segment_cache.
 *
 * Invariants  used is the sum of the sizes. The list runs from the most to the least recently used.
 * Threads     None: segment_cache holds its lock. */

#include "runtime/base/str.h"

typedef struct segment {
    struct segment *newer, *older; /* in the order of use */
    struct segment *next_in_slot;
    uint64_t hash, size;
    size_t name_size;
    char name[];
} segment_t;

typedef struct segment_index {
    segment_t **slots;
    size_t slot_count, count;
    segment_t *newest, *oldest;
    uint64_t used;
} segment_index_t;

void segment_index_deinit(segment_index_t *self);
/* NULL: not there. */
segment_t *segment_index_find(const segment_index_t *self, str_t name);
/* Now the most recently used. */
void segment_index_touch(segment_index_t *self, segment_t *segment);
/* Adds one that is not there, as the most recently used. NULL: no memory. */
segment_t *segment_index_add(segment_index_t *self, str_t name, uint64_t size);
void segment_index_remove(segment_index_t *self, segment_t *segment);
