#pragma once
/* catalog_dirty.h -- the albums, artists and genres that a batch touched, each once, with how their
 * counts change.
 *
 * Ownership  Owns its entries; their strings are borrowed from the batch.
 * Errors     NULL: no memory. */

#include "runtime/base/str.h"

typedef struct dirty_entry {
    uint64_t id;
    int64_t tracks, albums; /* to be added to its counts */
    str_t name, sort_name, mbid, artwork;
    bool is_noted; /* search is told of it */
} dirty_entry_t;

typedef struct dirty {
    dirty_entry_t *entries;
    uint32_t *slots; /* index + 1 of an entry; 0: free. At most half are taken */
    size_t count, capacity, slot_count;
} dirty_t;

void dirty_deinit(dirty_t *self);
/* Keeps the memory of a batch of usual size. */
void dirty_clear(dirty_t *self);
/* The entry of the id, made when there is none; valid until the next call. */
dirty_entry_t *dirty_at(dirty_t *self, uint64_t id);
