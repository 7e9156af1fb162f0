#pragma once
/* near.h -- the words of the index that a misspelt word may mean, the base's and the delta's.
 *
 * The base's come from a walk of its dictionary. The delta's lie in an ordered list: it is walked
 * with the rows of the word before (osa.h), and where a beginning is too far already, the next word
 * that is looked at is the first without that beginning.
 *
 * Ownership  Borrowed from the map, the list in the arena. Errors  NO_MEMORY */

#include "storage/search/index/search_read.h"
#include "storage/search/query/question.h"

typedef struct near_word {
    str_t text;
    uint32_t distance;
    uint64_t frequency;
} near_word_t;

typedef struct near_words {
    const near_word_t *items; /* fewest edits first, then most frequent */
    size_t count;
} near_words_t;

/* Within `edits`, `max` at most; the word itself among them. Ends when read->work is work_max. */
err_t near_find(search_read_t *read, question_word_t *word, uint32_t edits, size_t max,
                uint64_t work_max, near_words_t *out_words);
