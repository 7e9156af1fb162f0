#pragma once
/* posting_form.h -- the portable form of a roaring bitmap, as who reads its bytes sees it
 * (https://github.com/RoaringBitmap/RoaringFormatSpec).
 *
 * A container holds the numbers of one key, their upper 16 bits: as an array, as a bitset where
 * they are more than POSTING_ARRAY_MAX, or as runs. They lie one behind the other from `end` on.
 *
 * Threads  None: pure functions. */

#include "runtime/base/str.h"

enum { POSTING_ARRAY_MAX = 4096, POSTING_BITSET_SIZE = 8192 };

typedef struct posting_form {
    str_t all;
    size_t count, flags_at, keys_at, offsets_at, end; /* end: where containers begin */
    bool has_runs, has_offsets;
} posting_form_t;

/* False: the head is not one. What it says lies within `all`; the containers are not looked at. */
bool posting_form_read(str_t all, posting_form_t *out);
bool posting_form_is_run(const posting_form_t *form, size_t i);

/* Counts bits in pairs, fours and eights (Warren, Hacker's Delight, 5-1). */
static inline uint64_t posting_bits_of(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    return ((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56;
}
