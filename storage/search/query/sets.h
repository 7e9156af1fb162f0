#pragma once
/* sets.h -- the documents that have a word, as typed or as it may be meant, and what sets are put
 * together with.
 *
 * Ownership  A set that is given is the caller's (roaring_bitmap_free). Errors  CORRUPT, NO_MEMORY
 */

#include "storage/search/query/near.h"
#include "storage/search/query/query_parts.h"

void set_scope_end(roaring_bitmap_t **set);
#define SET_SCOPED SCOPED(set_scope_end)

/* The documents of a term. */
err_t set_of_term(query_t *query, search_space_t space, str_t term, roaring_bitmap_t **out_set);
err_t set_add_term(query_t *query, search_space_t space, str_t term, roaring_bitmap_t *set);

err_t set_empty(roaring_bitmap_t **out_set);

/* Of a CJK run (sets_cjk.c): all pairs; half of them, or, where it is short, all but one character.
 */
err_t set_of_run(query_t *query, str_t run, roaring_bitmap_t **out_set);
err_t set_most_of_run(query_t *query, str_t run, roaring_bitmap_t **out_set);
/* Whose title a short one is but for one character. */
err_t set_title_one_wrong(query_t *query, str_t run, roaring_bitmap_t **out_set);

/* As typed: the word, all words that start with it, or all pairs of a CJK run. */
err_t set_exact(query_t *query, question_word_t *word, roaring_bitmap_t **out_set);
/* Also misspelt, torn apart, or most of a CJK run. `exact` is counted in. out_near: what a misspelt
 * one may mean, the nearest first. */
err_t set_wide(query_t *query, question_word_t *word, const roaring_bitmap_t *exact,
               uint64_t work_max, near_words_t *out_near, roaring_bitmap_t **out_set);
/* Two words that should have been one. */
err_t set_merged(query_t *query, question_word_t *merged, uint64_t work_max,
                 roaring_bitmap_t **out_set);

/* a becomes what is in both; the work is counted. NULL in b: everything. */
void set_and(query_t *query, roaring_bitmap_t *a, const roaring_bitmap_t *b);
/* A copy that is what is in both. */
err_t set_both(query_t *query, const roaring_bitmap_t *a, const roaring_bitmap_t *b,
               roaring_bitmap_t **out_set);
void set_or(query_t *query, roaring_bitmap_t *a, const roaring_bitmap_t *b);
/* Documents of a kind: the base's and the delta's. */
uint64_t set_count(const query_t *query, const roaring_bitmap_t *set, search_kind_t kind);
