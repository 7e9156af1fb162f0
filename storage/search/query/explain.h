#pragma once
/* explain.h -- in words: what was looked for and found, and why a result is where it is. Where no
 * explanation is asked for, nothing is done.
 *
 * Ownership  Texts lie in the arena. Errors  NO_MEMORY */

#include "storage/search/query/near.h"
#include "storage/search/query/query_parts.h"

/* "exactly bohemian: 120". `near`: what it may mean; NULL: nothing else. */
void explain_word(query_t *query, const char *how, str_t word, const near_words_t *near,
                  const roaring_bitmap_t *set);
/* A line with what is found so far. */
void explain_stage(query_t *query, const char *stage);
err_t explain_query(query_t *query, str_t *out_text);
err_t explain_hit(query_t *query, const rank_detail_t *detail, search_stage_t stage, double score,
                  str_t *out_text);
const char *explain_stage_text(search_stage_t stage);
