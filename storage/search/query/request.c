#include "storage/search/query/answer.h"
#include "storage/search/query/explain.h"
#include "storage/search/query/facets.h"
#include "storage/search/query/lyrics.h"
#include "storage/search/query/sets.h"
#include "storage/search/query/stages.h"

enum { PERCENT_FOUND = 70, PERCENT_RANKED = 85 };

static void query_deinit(query_t *self)
{
    set_scope_end(&self->found);
    set_scope_end(&self->unfiltered);
    set_scope_end(&self->taken);
    buf_deinit(&self->notes);
    search_read_end(&self->read);
}

static err_t prepare(query_t *self)
{
    const search_request_t *request = self->request;
    TRY(question_parse(self->arena, request->text, request->is_typing, &self->question));
    self->rank_work = WORK_RANK;
    for (size_t i = 0; i < self->question.count; i++)
        self->rank_work += WORK_RANK_WORD + self->question.words[i].text.size;
    self->taken = roaring_bitmap_create();
    if (self->taken == NULL)
        return ERR_NO_MEMORY;
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        self->candidates[kind].items = arena_new_array(
            self->arena, query_wants(self, kind) ? SEARCH_RANKED_MAX : 1, sizeof(candidate_t));
        if (self->candidates[kind].items == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* Counts of a facet that is filtered by need what the filter leaves out. */
static bool has_facet_filter(const filter_t *filter)
{
    for (size_t i = 0; i < SEARCH_FACET_COUNT; i++)
        if (filter->facets[i] != NULL)
            return true;
    return false;
}

/* What is found is ranked and shown, too: a share of the budget is kept for each of what follows,
 * so that what took all of its own still has an answer. */
static void may_spend(query_t *self, uint64_t percent)
{
    uint64_t whole = self->request->work_max == 0 ? SEARCH_WORK_MAX : self->request->work_max;
    self->work_max = whole / 100 * percent + whole % 100 * percent / 100;
}

static err_t find(query_t *self)
{
    may_spend(self, PERCENT_RANKED);
    if (self->question.count == 0)
        return answer_browse(self);
    if (self->request->in_lyrics)
        return lyrics_run(self);
    may_spend(self, PERCENT_FOUND);
    TRY(stages_run(self));
    may_spend(self, PERCENT_RANKED);
    return answer_rank(self);
}

/* What was found is laid out for counting in one step (facets.c): there has to be room for it. */
static bool may_count(query_t *self)
{
    uint64_t size = self->found == NULL ? 0 : roaring_bitmap_get_cardinality(self->found);
    if (!self->request->wants_facets || self->read.work + size / WORK_SPREAD <= self->work_max)
        return self->request->wants_facets;
    self->is_cut = true;
    return false;
}

static err_t answer(query_t *self, const filter_t *filter, search_found_t *out_found)
{
    const search_request_t *request = self->request;
    self->visible = filter->all;
    self->keeps_unfiltered = request->wants_facets && has_facet_filter(filter);
    TRY(find(self));
    may_spend(self, 100);
    TRY(self->stage == SEARCH_STAGE_LYRICS ? lyrics_fill(self, out_found)
                                           : answer_fill(self, out_found));
    if (may_count(self))
        TRY(facets_count(self, filter, out_found));
    TRY(explain_query(self, &out_found->explanation));
    TRY(query_go_on(self));
    out_found->stage = self->stage;
    out_found->is_cut = self->is_cut;
    out_found->work = self->read.work;
    return ERR_OK;
}

err_t search_ask(search_index_t *index, arena_t *arena, const search_request_t *request,
                 search_found_t *out_found)
{
    query_t self SCOPED(query_deinit) = {
        .arena = arena,
        .request = request,
    };
    filter_t filter FILTER_SCOPED = {0};
    search_found_t found = {0};
    may_spend(&self, PERCENT_FOUND); /* the filter, too */
    TRY(search_read_begin(index, arena, &self.read));
    TRY(prepare(&self));
    TRY(filter_init(&self, &filter));
    TRY(answer(&self, &filter, &found));
    *out_found = found;
    return ERR_OK;
}
