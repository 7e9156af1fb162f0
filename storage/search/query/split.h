#pragma once
/* split.h -- a word that was run together as the words it may be: "teenspirit", "wewillrockyou".
 *
 * In two: at the places where the rarer half is most frequent. In more: the way of words that are
 * known which is likeliest when each comes by itself (the sum of the logarithms of how rare they
 * are, and something for each, so that few long words win over many short ones).
 *
 * Threads  None. */

#include "storage/search/query/query_parts.h"

enum { SPLITS_MAX = 4, SPLIT_PARTS_MAX = 8 };

typedef struct split {
    str_t parts[SPLIT_PARTS_MAX]; /* of the word's text */
    size_t count;
    uint64_t frequency; /* of the rarest part */
} split_t;

/* Returns how many ways there are, SPLITS_MAX at most. */
size_t split_find(query_t *query, const question_word_t *word, split_t out_splits[SPLITS_MAX]);
