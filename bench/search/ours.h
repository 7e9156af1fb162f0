#pragma once
/* ours.h -- our own index as the judge asks it.
 *
 * Threads  One. Errors  Ends the program when the index can't answer. */

#include "bench/search/judge.h"

typedef struct ours {
    search_index_t *index;
    uint64_t asked, cut; /* cut: the budget of work was spent */
    uint64_t work_most;
} ours_t;

judge_engine_t ours_engine(ours_t *self);
/* Builds an index of the whole corpus in `path`, and opens it. */
search_index_t *ours_build(const char *path, corpus_t *corpus);
