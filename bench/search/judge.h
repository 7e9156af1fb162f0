#pragma once
/* judge.h -- puts questions to a search engine, ours or another, and says how well and how fast it
 * answers.
 *
 * Threads  One. Errors  Ends the program when there is no memory. */

#include "bench/search/asking.h"

enum { JUDGE_RESULTS = 10 };

typedef struct judge_engine {
    void *context;
    /* The ids of tracks, best first; returns how many. */
    size_t (*ask)(void *context, const search_request_t *request, arena_t *arena,
                  uint64_t out_ids[JUDGE_RESULTS]);
} judge_engine_t;

/* Told each question that was not answered with what was meant first. place: JUDGE_RESULTS and
 * more: not at all. */
typedef void (*judge_miss_fn)(str_t text, str_t wanted, size_t place);

typedef struct judge_figures {
    size_t asked, first, ten; /* right at once; among the first ten */
    double seconds;           /* together */
    double p50_ms, p99_ms, worst_ms;
    char worst[SEARCH_REQUEST_SIZE_MAX + 1]; /* the question that took longest */
} judge_figures_t;

double judge_share_first(const judge_figures_t *figures);
double judge_share_ten(const judge_figures_t *figures);

typedef struct judge_options {
    const corpus_t *corpus;
    size_t count;       /* of questions, the same ones each time */
    double seconds_max; /* after which no further one is asked; 0: all */
    judge_miss_fn miss; /* or NULL */
} judge_options_t;

judge_figures_t judge_kind(const judge_engine_t *engine, const judge_options_t *options,
                           asking_kind_t kind, tongue_t tongue);
/* Whether the original comes first. options->count does not matter. */
judge_figures_t judge_misspellings(const judge_engine_t *engine, const judge_options_t *options,
                                   const songs_misspellings_t *list);
/* Songs by their title alone; with their artist before it; behind it. */
judge_figures_t judge_songs(const judge_engine_t *engine, const judge_options_t *options,
                            int artist);
