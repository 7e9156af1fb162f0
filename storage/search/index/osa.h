#pragma once
/* osa.h -- the distance of words, a code point at a time: what one step leaves follows from the two
 * before it, so words with a common start share their steps.
 *
 * Optimal string alignment: insertion, deletion, substitution, and two neighbours swapped, no
 * substring edited twice. Simulated as the automaton of Wu and Manber ("Fast text searching
 * allowing errors", 1992) with swaps: a bit for each number of the word's code points that can be
 * had with so many edits, so a step costs a few operations, however long the word is.
 *
 * Invariant  states[d] belongs to a path's first d code points; a step at depth d makes those
 * behind it stale. Threads  None: pure functions over the caller's memory. */

#include "runtime/base/str.h"

enum { OSA_SIZE_MAX = 63, OSA_EDITS_MAX = 3, OSA_DEPTH_MAX = OSA_SIZE_MAX + OSA_EDITS_MAX + 1 };
enum { OSA_SLOTS = 128 };

typedef struct osa_state {
    uint64_t had[OSA_EDITS_MAX + 1];     /* bit j: the word's first j, with so many edits */
    uint64_t swapped[OSA_EDITS_MAX + 1]; /* bit j: and then the one after the next */
} osa_state_t;

typedef struct osa {
    uint32_t size, edits;
    bool is_kana;
    uint64_t all;               /* bits 0 to size */
    uint64_t letters;           /* osa_letters, but of kana by characters */
    uint32_t points[OSA_SLOTS]; /* a table of the word's code points, */
    uint64_t places[OSA_SLOTS]; /* bit j: it is the word's j-th; 0: an empty slot */
    osa_state_t states[OSA_DEPTH_MAX + 1];
} osa_t;

/* False: the word is longer than OSA_SIZE_MAX code points. `edits` is cut at OSA_EDITS_MAX. An
 * invalid byte counts as a code point. */
bool osa_init(osa_t *out, str_t word, uint32_t edits);
/* The same for what may be kana: one with its voicing mark is one character, another than without.
 * Only what is measured whole (osa_measure, osa_measure_within) is read so. */
bool osa_init_kana(osa_t *out, str_t word, uint32_t edits);
/* Where the table has a code point, or would have it. */
static inline size_t osa_slot(const osa_t *self, uint32_t code_point)
{
    size_t slot = code_point % OSA_SLOTS;
    while (self->places[slot] != 0 && self->points[slot] != code_point)
        slot = (slot + 1) % OSA_SLOTS; /* at most OSA_SIZE_MAX of them are taken */
    return slot;
}

/* Where it stands in the word. */
static inline uint64_t osa_places(const osa_t *self, uint32_t code_point)
{
    return self->places[osa_slot(self, code_point)];
}

/* The path's code point number `depth`, 1 to OSA_DEPTH_MAX, after those before it. Returns the
 * least distance that anything that starts with this path can have; more than edits: prune. */
uint32_t osa_step(osa_t *self, uint32_t depth, uint32_t code_point);
/* Where in the word a code point has to stand (osa_places) so that the path may go on with it
 * within `limit` edits, once it has used all of them; until then OSA_OPEN_ALL. */
#define OSA_OPEN_ALL UINT64_MAX
uint64_t osa_open(const osa_t *self, uint32_t depth, uint32_t limit);
/* Of the whole word to the path of this depth; edits + 1: more than that. */
uint32_t osa_distance(const osa_t *self, uint32_t depth);
/* The letters that a word has, a bit for each 64th code point, and whether those of another are so
 * few that it is more than `edits` away: each that it lacks takes one. Most words are refused so.
 */
uint64_t osa_letters(str_t word);
bool osa_lacks(const osa_t *self, uint64_t letters);
/* Of a whole word, or with is_beginning of the best of what it starts with; edits + 1: more. */
uint32_t osa_measure(osa_t *self, str_t word, bool is_beginning);
/* The same of the best part of a text, wherever it starts and ends. */
uint32_t osa_measure_within(osa_t *self, str_t text);
