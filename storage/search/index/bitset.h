#pragma once
/* bitset.h -- a plain bitset as a roaring bitmap: where a great many numbers come in no order, bits
 * that are turned and one pass over them at the end are many times faster than adding each.
 *
 * Threads  None: pure functions. Errors  NO_MEMORY */

#include "runtime/base/str.h"

#include <roaring/roaring.h>

/* A new bitmap of the numbers whose bits are set, the caller's. */
err_t bitset_to_bitmap(const uint64_t *words, size_t count, roaring_bitmap_t **out_bitmap);
