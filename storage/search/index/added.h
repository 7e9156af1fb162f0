#pragma once
/* added.h -- which documents were added since some moment.
 *
 * The base's documents stand in the order of their moments, in blocks of a page: moments, which
 * ascend, and numbers. Beside the blocks lie ADDED_MARKS bitsets at most, evenly spread: who comes
 * from that place on. A question finds its place by halving over the blocks, starts with the mark
 * that is nearest, and turns the bits of the blocks between: a sixteenth of the documents at most,
 * whatever the moment is and however many were added at once. The delta's moments stand by number.
 *
 * A moment is milliseconds with the sign turned, so that it orders as bytes do (added_moment).
 *
 * Threads  As the transaction. Errors  CORRUPT, NO_MEMORY; writing: FULL, IO */

#include "storage/kv.h"

#include <roaring/roaring.h>

enum {
    ADDED_BLOCK = 508, /* documents; with a head, 8 bytes each and a checksum: an LMDB page */
    ADDED_HEAD = 8,    /* the first moment */
    ADDED_MARKS = 7,
};

static inline uint64_t added_moment(int64_t ms)
{
    return (uint64_t)ms ^ 1ull << 63;
}

/* Documents from one mark to the next: whole blocks. */
uint32_t added_mark_step(uint32_t count);
/* Words of a mark, which has a bit for each document. */
size_t added_mark_words(uint32_t count);
/* Bytes a moment takes in a block, behind the first one, as what is past it. */
size_t added_moment_size(uint64_t first, uint64_t last);

/* Those of the base's `count` documents, gone or not, that were added at or after `ms`: a bitmap of
 * the caller's. *work as search_read_t has it. */
err_t added_base_since(const kv_tx_t *tx, uint32_t count, int64_t ms, uint64_t *work,
                       roaring_bitmap_t **out_bitmap);

err_t added_delta_put(const kv_tx_t *tx, uint32_t number, int64_t ms);
err_t added_delta_drop(const kv_tx_t *tx, uint32_t number);
/* Adds those of the delta to a bitmap. */
err_t added_delta_since(const kv_tx_t *tx, int64_t ms, uint64_t *work, roaring_bitmap_t *bitmap);
