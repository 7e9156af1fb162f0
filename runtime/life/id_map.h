#pragma once
/* id_map.h -- from a number (a reference, an id) to a pointer or another number.
 *
 * Open addressing with linear probing and backward-shift deletion: no tombstones, so a map that
 * things come and go in stays as fast as it was. At most three quarters full; the capacity is 0 or
 * a power of two. The order of a walk depends on the ids alone.
 *
 * Ownership  The map owns its table, not what the values point to. An all-zero map is empty.
 * Threads    The owner's. */

#include "runtime/base/error.h"

typedef union id_value {
    void *pointer;
    uint64_t number;
} id_value_t;

typedef struct id_entry {
    uint64_t id; /* 0: free */
    id_value_t value;
} id_entry_t;

typedef struct id_map {
    id_entry_t *entries;
    uint32_t capacity, count;
} id_map_t;

void id_map_deinit(id_map_t *self);
/* NULL: not there. Borrowed until the next put or take. */
id_value_t *id_map_at(const id_map_t *self, uint64_t id);
/* `id` is not 0 and not there yet. NO_MEMORY: nothing changed. */
err_t id_map_put(id_map_t *self, uint64_t id, id_value_t value);
bool id_map_take(id_map_t *self, uint64_t id, id_value_t *out_value);
/* Every entry: `cursor` begins at 0. The map may not change meanwhile. */
bool id_map_next(const id_map_t *self, uint32_t *cursor, id_entry_t *out_entry);
