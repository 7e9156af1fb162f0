#pragma once
/* answer.h -- from what was found to what is shown: ranking, pages, what was meant.
 *
 * Errors  CORRUPT, NO_MEMORY */

#include "storage/search/query/query_parts.h"

/* Ranks the candidates of each kind: query->hits, best first. */
err_t answer_rank(query_t *query);
/* Without words: hits are a page of what the filter leaves, in the order of numbers. */
err_t answer_browse(query_t *query);
/* The pages that are asked for, totals, matched words, the corrected text. */
err_t answer_fill(query_t *query, search_found_t *out_found);

/* The question as the best hit answers it (answer_meant.c); empty where that is as it was typed, or
 * no better. */
err_t answer_meant(query_t *query, str_t *out_meant);

typedef struct answer_words {
    str_t items[32];
    size_t count;
} answer_words_t;
/* Adds a word, each once, while there is room; empty ones are left out. */
void answer_add_word(answer_words_t *self, str_t word);
/* The words of an entry that a question's were matched with. */
void answer_add_matches(answer_words_t *self, const question_t *question,
                        const search_entry_t *entry, const rank_detail_t *detail);
/* As search_found_t.matched: copies in the arena; with is_typing the last one is what may go on,
 * empty when nothing does. */
err_t answer_keep_words(const answer_words_t *self, const question_t *question, bool is_typing,
                        arena_t *arena, search_names_t *out_matched);
