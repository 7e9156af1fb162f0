#pragma once
/* ranks.h -- the order of documents by kind and popularity, worked out in place: 16 bytes each.
 *
 * Threads  None: pure functions. */

#include "storage/search/search_kind.h"

#include <stddef.h>
#include <stdint.h>

typedef struct rank {
    uint64_t key;
    uint32_t index, size;
} rank_t;

/* Kind first, then most plays first. Of equal ones the smaller index comes first. */
uint64_t rank_key(search_kind_t kind, uint64_t plays);
search_kind_t rank_kind(uint64_t key);
/* By key, then by index; keeps no other memory. */
void ranks_sort(rank_t *items, size_t count);
/* Indices are 0 to count - 1, each once: item i comes to place i. */
void ranks_by_index(rank_t *items, size_t count);
