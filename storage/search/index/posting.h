#pragma once
/* posting.h -- the numbers of the documents that have a term, as bytes.
 *
 * Up to POSTING_IDS_MAX: a byte that says how many, 24 bits of checksum, the numbers. More: a byte
 * 255, how many, a checksum, and a roaring bitmap in its portable form (the RoaringFormatSpec). The
 * checksum (CRC32C) finds what rotted on the disk; and because libroaring believes whatever it
 * reads, the form itself is checked too before it does: no bytes at all can make it read outside.
 *
 * Threads  None: pure functions. Errors  CORRUPT, NO_MEMORY */

#include "runtime/base/buf.h"

#include <roaring/roaring.h>

enum { POSTING_IDS_MAX = 24 };

/* Numbers as they come, ascending, each once. */
typedef struct posting_builder {
    uint32_t ids[POSTING_IDS_MAX];
    uint64_t count;
    roaring_bitmap_t *bitmap; /* NULL up to POSTING_IDS_MAX */
} posting_builder_t;
err_t posting_builder_add(posting_builder_t *self, const uint32_t *numbers, size_t count);
size_t posting_builder_size(posting_builder_t *self);
/* Writes that many bytes and empties it. */
void posting_builder_write(posting_builder_t *self, char *room, size_t size);
void posting_builder_deinit(posting_builder_t *self);

/* The whole of a bitmap, appended. */
err_t posting_append(buf_t *out, const roaring_bitmap_t *bitmap);

/* Adds the numbers to a bitmap. */
err_t posting_read_into(str_t bytes, roaring_bitmap_t *bitmap);
/* A new bitmap, the caller's. */
err_t posting_read(str_t bytes, roaring_bitmap_t **out_bitmap);
/* How many it says that there are; unchecked but for its size. */
err_t posting_count(str_t bytes, uint64_t *out_count);

/* What it is made of, for who reads it where it lies: the bitmap's bytes, unchecked, or few numbers
 * (then the bitmap is empty). */
err_t posting_parts(str_t bytes, str_t *out_portable, uint32_t out_ids[POSTING_IDS_MAX],
                    size_t *out_count);

/* Whether libroaring may read it: the whole of it is one bitmap of `count` numbers. */
bool posting_is_bitmap(str_t portable, uint64_t count);
