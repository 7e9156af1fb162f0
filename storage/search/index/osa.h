#pragma once
/* osa.h -- the distance of words, a row at a time: the cells for one prefix of a path follow from
 * those of the two before it, so words with a common start share its rows.
 *
 * Optimal string alignment: insertion, deletion, substitution, and two neighbours swapped, no
 * substring edited twice (Boytsov, "Indexing methods for approximate dictionary searching", 2011,
 * section 2). Only the cells within `edits` of the diagonal are computed: the others are more.
 *
 * Invariant  rows[d] belongs to the path's first d code points; a step at depth d makes the rows
 * behind it stale. Threads  None: pure functions over the caller's memory. */

#include "runtime/base/str.h"

enum { OSA_SIZE_MAX = 64, OSA_EDITS_MAX = 4, OSA_DEPTH_MAX = OSA_SIZE_MAX + OSA_EDITS_MAX + 1 };

typedef struct osa {
    uint32_t size, edits;
    uint32_t pattern[OSA_SIZE_MAX];
    uint32_t path[OSA_DEPTH_MAX + 1]; /* [1] is the first */
    uint8_t rows[OSA_DEPTH_MAX + 1][OSA_SIZE_MAX + 2];
} osa_t;

/* Code points of `word`, at most `max` (an invalid byte counts as one); max + 1: there are more. */
size_t osa_code_points(str_t word, uint32_t *out_points, size_t max);
/* False: the word is longer than OSA_SIZE_MAX code points. `edits` is cut at OSA_EDITS_MAX. */
bool osa_init(osa_t *out, str_t word, uint32_t edits);
/* The path's code point number `depth`, 1 to OSA_DEPTH_MAX, after those before it. Returns the
 * least distance that anything that starts with this path can have; more than edits: prune. */
uint32_t osa_step(osa_t *self, uint32_t depth, uint32_t code_point);
/* Of the whole word to the path of this depth; edits + 1: more than that. */
uint32_t osa_distance(const osa_t *self, uint32_t depth);
/* Of a whole word, or with is_beginning of the best of what it starts with; edits + 1: more. */
uint32_t osa_measure(osa_t *self, str_t word, bool is_beginning);
