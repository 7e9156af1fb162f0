#pragma once
/* asking.h -- questions that people put to a made-up catalog, kind by kind, each with the track it
 * means.
 *
 * Ownership  A question lies in the arena it was made in. Threads  Reading: any.
 * Errors     Ends the program when there is no memory. */

#include "bench/search/corpus.h"
#include "storage/search/search_request.h"

typedef enum asking_kind {
    ASKING_EXACT,        /* a title */
    ASKING_ARTIST_TITLE, /* and its artist, before or behind it */
    ASKING_PREFIX,       /* its first 1 to 8 characters, being typed */
    ASKING_BEGUN,        /* four fifths of a title of 8 characters and more, being typed */
    ASKING_COMPLETION,   /* title and artist, cut anywhere, being typed */
    ASKING_TYPO1,        /* with one mistake */
    ASKING_TYPO2,        /* with two */
    ASKING_FIRST_LETTER, /* the first letter of a word is another */
    ASKING_TORN,         /* a word in two */
    ASKING_RUN_TOGETHER, /* two words in one */
    ASKING_ACCENT,       /* a title with accents, without them */
    ASKING_MARKS,        /* Arabic and Hebrew, with vowel marks where the title has none */
    ASKING_CJK,          /* 2 to 4 characters from within a Japanese title */
    ASKING_CJK_TYPO1,    /* a Japanese title of 3 to 6 characters, one of which is wrong */
    ASKING_FACET,        /* a word, a genre, a decade, a popularity, with all counts */
    ASKING_ADDED,        /* a word, or none, of what was added since a day, a month or a year */
    ASKING_LYRICS,       /* four to six words of a line */
    ASKING_KIND_COUNT
} asking_kind_t;

typedef struct asking {
    asking_kind_t kind;
    search_request_t request;
    uint64_t track; /* its number */
    search_document_t target;
} asking_t;

const char *asking_kind_name(asking_kind_t kind);
/* Question `number` of a kind. `tongue`: about a track of this language; TONGUE_COUNT: of any that
 * the kind is asked in. */
asking_t asking_make(const corpus_t *corpus, asking_kind_t kind, tongue_t tongue, uint64_t number,
                     arena_t *arena);
/* Whether a track is what was meant: itself, or one with the same title, but for "(Live)" and its
 * like; for titles alone. */
bool asking_is_meant(const asking_t *self, const corpus_t *corpus, uint64_t id, arena_t *arena);
/* Where in a list of results what was meant stands; `count`: nowhere. */
size_t asking_place(const asking_t *self, const corpus_t *corpus, const search_result_t *results,
                    size_t count, arena_t *arena);
