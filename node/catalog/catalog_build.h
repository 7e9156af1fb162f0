#pragma once
/* catalog_build.h -- the catalog of a data folder made anew from the journal, beside the one that
 * is read, which then gives way to it (catalog_swap.h, projection_take_over).
 *
 * The new one has its position in itself: cut short at any moment, the next call goes on where it
 * ended, and the old one is as it was. What is committed meanwhile both take.
 *
 * Threads  It blocks: call it on an offload lane, or where nothing else runs; one at a time.
 * Errors   CANCELLED: is_stopped; BUSY: the journal grows faster than it is read; FULL, IO,
 * CORRUPT; what the journal returns. */

#include "actors/library/library_projection.h"

enum { CATALOG_BUILD_TRIES = 60 };

typedef struct catalog_build {
    catalog_t *catalog;       /* what is read */
    projection_t *projection; /* that follows it */
    journal_t *journal;
    size_t map_size;     /* as catalog_open */
    const char *boot_id; /* the same; NULL: the machine's */
    const atomic_bool *is_stopped;
    projection_stepped_fn stepped; /* on the caller's thread; may be NULL */
    void *context;
} catalog_build_t;

err_t catalog_build(const catalog_build_t *self);
