#pragma once
/* dictionary.h -- the words of an index as a trie over code points, in one block of bytes that is
 * mapped, never loaded; and the walk that finds the words near a misspelt one.
 *
 * Words are folded, without CJK and kana terms (two edits would reach each of them), ascending by
 * bytes. The block is made in one pass over them. A damaged block gives wrong words, never a read
 * outside of it: dictionary_open checks its size and bounds, the walk checks each step.
 *
 * Distance  Optimal string alignment: insertion, deletion, substitution, and two neighbours
 * swapped, no substring edited twice. Threads  None: pure functions over immutable bytes. */

#include "runtime/base/buf.h"

typedef struct dictionary_builder dictionary_builder_t;
err_t dictionary_builder_new(dictionary_builder_t **out_builder);
void dictionary_builder_free(dictionary_builder_t *self); /* NULL is fine */
/* Before the first word: the words are nobody's to find in memory that was given back. */
void dictionary_builder_keep_secret(dictionary_builder_t *self);
/* Ascending, each once. frequency: of how many documents.
 *   INVALID  not after the word before it; empty, longer than FOLD_WORD_SIZE_MAX or no UTF-8
 *   LIMIT    4 GiB of words
 *   NO_MEMORY  the builder is of no further use */
err_t dictionary_builder_add(dictionary_builder_t *self, str_t word, uint64_t frequency);
/* The block, appended; the builder is used up: only free is left. NO_MEMORY */
err_t dictionary_builder_finish(dictionary_builder_t *self, buf_t *out);
/* The same into room of the caller's, without a copy of the whole between: no more words; how large
 * the block is (NO_MEMORY); then all of it, once, and each part is given back as it is written. */
err_t dictionary_builder_end(dictionary_builder_t *self, size_t *out_size);
void dictionary_builder_write(dictionary_builder_t *self, char *room);

typedef struct dictionary {
    str_t block;
    uint32_t word_count, node_count;
    const void *words, *nodes; /* within the block */
} dictionary_t;

/* CORRUPT. An empty block is an empty dictionary. */
err_t dictionary_open(str_t block, dictionary_t *out_dictionary);
str_t dictionary_word(const dictionary_t *self, uint32_t index);
uint64_t dictionary_frequency(const dictionary_t *self, uint32_t index);
/* The first word that is not before `word`; word_count: none. */
uint32_t dictionary_lower_bound(const dictionary_t *self, str_t word);
bool dictionary_has(const dictionary_t *self, str_t word, uint32_t *out_index);

typedef struct dictionary_near {
    uint32_t index;
    uint32_t distance;
} dictionary_near_t;

/* Words within `distance` edits of `word`; with is_prefix, words that start with something within
 * it. Adds at most `max`, fewest edits first, then most frequent; *work counts nodes, and the walk
 * ends at work_max. Returns how many. */
size_t dictionary_find_near(const dictionary_t *self, str_t word, uint32_t distance, bool is_prefix,
                            dictionary_near_t *out, size_t max, uint64_t *work, uint64_t work_max);
/* The distance, if it is at most `max`; else max + 1. Of code points. */
uint32_t dictionary_distance(str_t a, str_t b, uint32_t max);
