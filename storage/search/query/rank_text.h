#pragma once
/* rank_text.h -- one field of a document, taken apart, and how a word of a question stands in it.
 *
 * Threads  None: pure, but for the question's scratch rows. */

#include "storage/search/query/rank.h"
#include "storage/search/words.h"

enum { RANK_RUNS_MAX = 32 }; /* of a field; what stands behind them is not matched */

typedef struct rank_text {
    str_t text;
    size_t count, cjk_count;
    words_run_t runs[RANK_RUNS_MAX];
    uint16_t units[RANK_RUNS_MAX];   /* a word is one, a CJK run as many as it has characters */
    uint16_t covered[RANK_RUNS_MAX]; /* of them, how many were asked for */
    uint64_t letters[RANK_RUNS_MAX]; /* osa_letters; 0: not looked at yet */
    sound_t sounds[RANK_RUNS_MAX];   /* where has_sounds */
    bool has_sounds;
} rank_text_t;

void rank_text_init(rank_text_t *out, str_t text);
/* Part of it that was asked for: 0 to 1. */
double rank_text_coverage(const rank_text_t *self);

/* How the word stands in the text, the field's share not counted in; value 0: it does not. Marks
 * what it covers. is_plain: as typed only, not misspelt, joined or in part. */
rank_match_t rank_text_match(rank_text_t *self, question_word_t *word, bool is_plain);
/* Two words of the question written as one, against one of the text; value 0: no. */
rank_match_t rank_text_match_merged(rank_text_t *self, question_word_t *merged);
