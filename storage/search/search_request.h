#pragma once
/* search_request.h -- a question to the search index and its answer.
 *
 * Stages, each only when those before it found few and none that answers: every word exactly (the
 * last one as a beginning where is_typing); words that are misspelt, run together or torn apart;
 * all words but one; all but two of four and more. What they find, 500 a kind at most, is ranked by
 * how well each word matches, by how much of the title was asked for, and by popularity.
 * docs/search.md.
 *
 * A request has a budget of work (looking at a node of the dictionary, reading a posting list by
 * its size, ranking a document), not of time, so that the same question has the same answer; when
 * it is spent, what was found until then is the answer, and is_cut says so; or, where another asks
 * again with more (asking/search_asker.h), there is none.
 *
 * Rights: `roots` of the filter is what the asker may see. Nothing else is found or counted.
 *
 * Ownership  The answer lies in the arena. Threads  Any; pure reading.
 * Errors     INVALID: a bad filter; CORRUPT: the index has to be built again; NO_MEMORY; LIMIT: it
 *            gives up; CANCELLED: is_stopped. */

#include "runtime/base/arena.h"
#include "runtime/base/clock.h"
#include "storage/search/search_index.h"

#include <stdatomic.h>

enum {
    SEARCH_REQUEST_SIZE_MAX = 512, /* bytes looked at */
    SEARCH_REQUEST_WORDS_MAX = 16,
    SEARCH_RANKED_MAX = 500, /* tracks, half as many of the others: what one can page through */
    SEARCH_FACET_VALUES_MAX = 50,
    SEARCH_SPANS_MAX = 16,
    SEARCH_WORK_MAX = 1000000, /* the default budget: 30 to 50 ms, on a thread that may wait */
};

/* Lists: any of their values; together: all of them. Zeroes: no filter. */
typedef struct search_filter {
    search_names_t genres, moods, languages, formats;
    const search_names_t *roots; /* what the asker may see; NULL: everything */
    uint32_t year_from, year_to; /* inclusive; 0: open */
    uint32_t popularity_min;     /* 0 to 100 */
    int64_t added_since_ms;
    const uint64_t *only_tracks; /* the asker's favourites, ascending; then only tracks are found */
    size_t only_track_count;
    bool is_only_tracks; /* only_tracks counts, even when it is empty */
} search_filter_t;

typedef struct search_request {
    str_t text;     /* as typed; no words: what the filter leaves, most popular first */
    bool is_typing; /* the last word may go on */
    uint32_t first[SEARCH_KIND_COUNT], offset[SEARCH_KIND_COUNT]; /* first 0: none of this kind */
    search_filter_t filter;
    bool wants_facets, wants_explanation;
    bool is_exact;                 /* as quoted: no corrections */
    bool in_lyrics;                /* search the lyrics (tracks only) instead of names */
    uint64_t work_max;             /* 0: SEARCH_WORK_MAX */
    const atomic_bool *is_stopped; /* NULL: never; then CANCELLED, soon */
    /* When the work is spent, or at that time (0: none): LIMIT, soon, and no answer. Time is for
     * who asks again, since it depends on more than the question. */
    bool gives_up;
    uint64_t until_ns;
    ms_clock_t clock;
} search_request_t;

typedef enum search_stage {
    SEARCH_STAGE_EXACT,
    SEARCH_STAGE_FUZZY, /* corrected, split or merged */
    SEARCH_STAGE_ALL_BUT_ONE,
    SEARCH_STAGE_ALL_BUT_TWO,
    SEARCH_STAGE_LYRICS,
    SEARCH_STAGE_BROWSE, /* no words */
    SEARCH_STAGE_COUNT
} search_stage_t;

typedef struct search_result {
    search_kind_t kind;
    uint64_t id;
    double score; /* comparable within one answer, over kinds */
    search_stage_t stage;
    uint32_t popularity; /* 0 to 100 */
    /* Lyrics: the line that matches best, in the arena, and when it is sung (-1: not synced). */
    str_t line;
    int64_t line_at_ms;
    str_t explanation; /* where asked for: why it is where it is */
} search_result_t;

typedef struct search_facet_value {
    str_t value; /* as it was put in first; a decade as "1980" */
    uint64_t count;
} search_facet_value_t;

typedef enum search_facet {
    SEARCH_FACET_GENRE,
    SEARCH_FACET_MOOD,
    SEARCH_FACET_DECADE,
    SEARCH_FACET_LANGUAGE,
    SEARCH_FACET_FORMAT,
    SEARCH_FACET_COUNT
} search_facet_t;

typedef struct search_facet_list {
    const search_facet_value_t *items; /* most first */
    size_t count;
} search_facet_list_t;

typedef struct search_found {
    const search_result_t *results[SEARCH_KIND_COUNT]; /* best first */
    size_t counts[SEARCH_KIND_COUNT];
    uint64_t totals[SEARCH_KIND_COUNT]; /* exact where the first stage answered, else of what was
                                           ranked */
    str_t corrected;        /* the query as it was understood, folded; empty: as typed */
    search_names_t matched; /* folded words that were found, for highlights */
    search_stage_t stage;   /* the last that was run */
    bool is_cut;            /* the budget was spent */
    uint64_t work;          /* spent */
    search_facet_list_t facets[SEARCH_FACET_COUNT]; /* of tracks, where asked for */
    str_t explanation;                              /* where asked for: stages, terms, counts */
} search_found_t;

err_t search_ask(search_index_t *index, arena_t *arena, const search_request_t *request,
                 search_found_t *out_found);

/* ---- highlights ---- */

typedef struct search_span {
    uint32_t start, size; /* bytes of the text, at whole characters */
} search_span_t;

/* Where the words of found->matched stand in a text as people wrote it; ascending, not overlapping.
 * With is_typing the last of them may go on, and what was typed of it is marked. Returns how many,
 * SEARCH_SPANS_MAX at most. Pure. */
size_t search_highlight(str_t text, const search_names_t *matched, bool is_typing,
                        search_span_t out_spans[SEARCH_SPANS_MAX]);
