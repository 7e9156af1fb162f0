#pragma once
/* rank.h -- how well a document answers a question: a number, and why.
 *
 * The score is a sum, so that each part can be weighed against the others (rank_weights below, with
 * why; docs/search.md):
 *   words       10 x the mean over the question's words, by weight, of how well each is matched: 1
 *               exactly, less as a beginning, run together, or misspelt; times its field's share
 *   coverage    2 x the part of the title that was asked for: "Love" before "Love Me Do"
 *   order       1 x the part of the question's neighbours that are neighbours there, too
 *   whole       the exact title comes first, whatever is more popular
 *   artist      0.5 x the part of the artist's name that was asked for
 *   popularity  4.5 x popularity / 100: the original before its covers
 *   kind        a grain, so that an artist is before a song of the same name
 *
 * Threads  None: pure, but for the question's scratch rows. */

#include "storage/search/index/search_read.h"
#include "storage/search/query/question.h"

typedef enum rank_how {
    RANK_NOT,
    RANK_EXACT,
    RANK_BEGINNING,
    RANK_JOINED, /* "teenspirit" for "teen spirit", or the other way round */
    RANK_NEAR,   /* misspelt */
    RANK_SOUND,  /* spelled by ear */
    RANK_PART,   /* of a CJK run */
    RANK_HOW_COUNT
} rank_how_t;

typedef enum rank_field {
    RANK_TITLE,
    RANK_ARTIST,
    RANK_ALBUM,
    RANK_OTHERS,
    RANK_FIELD_COUNT
} rank_field_t;

typedef struct rank_match {
    double value; /* 0 to 1, its field counted in */
    rank_how_t how;
    rank_field_t field;
    str_t found;       /* the document's words for it, borrowed from the entry */
    size_t place;      /* of a word: which of the field's */
    uint32_t edits;    /* RANK_NEAR */
    bool is_two_words; /* RANK_JOINED: the question's word and the next one are one of the title */
} rank_match_t;

typedef struct rank_detail {
    rank_match_t matches[SEARCH_REQUEST_WORDS_MAX]; /* of each word of the question */
    double words, coverage, order, whole, artist, popularity, kind; /* sum up to the score */
    bool is_whole;   /* the whole title was asked for, exactly */
    bool is_exact;   /* every word is matched as it was typed */
    bool is_covered; /* all of the title was asked for, somehow */
    bool is_answer;  /* every word is matched somehow, and all of the title is */
} rank_detail_t;

double rank_entry(question_t *question, const search_entry_t *entry, rank_detail_t *out_detail);
const char *rank_how_text(rank_how_t how);
const char *rank_field_text(rank_field_t field);
