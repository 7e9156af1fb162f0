#include "bench/search/ours.h"

#include <stdio.h>
#include <stdlib.h>

static void must(err_t err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "search: %s: %s\n", what, err_text(err));
    exit(1);
}

static size_t ask(void *context, const search_request_t *request, arena_t *arena,
                  uint64_t out_ids[JUDGE_RESULTS])
{
    ours_t *self = context;
    search_found_t found;
    must(search_ask(self->index, arena, request, &found), "a question");
    size_t count = MIN(found.counts[SEARCH_TRACK], (size_t)JUDGE_RESULTS);
    for (size_t i = 0; i < count; i++)
        out_ids[i] = found.results[SEARCH_TRACK][i].id;
    self->asked++;
    self->cut += found.is_cut;
    self->work_most = MAX(self->work_most, found.work);
    return count;
}

judge_engine_t ours_engine(ours_t *self)
{
    return (judge_engine_t){.context = self, .ask = ask};
}

search_index_t *ours_build(const char *path, corpus_t *corpus)
{
    search_index_t *index;
    search_build_options_t build = {.source = corpus_source(corpus), .position = {1, 1}};
    search_index_options_t options = {.path = path};
    must(search_build(path, &build), "building");
    must(search_index_open(&options, &index), "opening");
    return index;
}
