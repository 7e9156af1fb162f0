#pragma once
/* question.h -- the text of a request as the words that are looked for.
 *
 * Folded and taken apart as documents are (words.h). A word that stands twice is asked for once.
 * How many edits a word may be from what is meant: none below 3 code points, 1 below 6, else 2; a
 * beginning none below 4, else 1: a short word has too many neighbours.
 *
 * Ownership  All in the arena. Threads  One question belongs to one thread: ranking uses its rows.
 * Errors     NO_MEMORY */

#include "runtime/base/arena.h"
#include "storage/search/index/osa.h"
#include "storage/search/search_request.h"
#include "storage/search/sound.h"

typedef struct question_word {
    str_t text;
    bool is_cjk, is_prefix;
    bool is_known;         /* somebody has it as it was typed (stages.c) */
    uint32_t size;         /* code points */
    uint32_t edits;        /* within which it is looked up; 0: as it is */
    uint32_t edits_ranked; /* within which it counts, a little, where a document is found without */
    double weight;         /* in ranking: a short word says less */
    sound_t sound;         /* of a whole word */
    osa_t osa;             /* rows are scratch */
} question_word_t;

typedef struct question {
    str_t text; /* folded */
    question_word_t *words;
    /* merged[i]: words i and i + 1 written as one; size 0: they can't be. count - 1 of them. */
    question_word_t *merged;
    size_t count;
} question_t;

/* `text`: any bytes; at most SEARCH_REQUEST_SIZE_MAX and SEARCH_REQUEST_WORDS_MAX are looked at.
 * is_typing: the last word may go on, unless a blank follows it. */
err_t question_parse(arena_t *arena, str_t text, bool is_typing, question_t *out_question);
/* A word's edits and rows; for words that are made of others, too. */
void question_word_init(question_word_t *out, str_t text, bool is_cjk, bool is_prefix);
