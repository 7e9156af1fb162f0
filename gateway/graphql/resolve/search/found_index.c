/* found_index.c -- what the index of the catalog finds: one question for all groups, and one for
 * lyrics where they are asked for. */

#include "gateway/graphql/resolve/search/found.h"

static err_t take_results(graphql_field_t *field, const search_found_t *answer, search_kind_t kind,
                          found_group_t group, const found_question_t *question)
{
    found_t *found = question->found;
    size_t count = answer->counts[kind];
    found_hit_t *hits = arena_new_array(graphql_arena(field), count, sizeof *hits);
    if (hits == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const search_result_t *result = &answer->results[kind][i];
        hits[i] = (found_hit_t){.found = found,
                                .group = group,
                                .id = result->id,
                                .score = result->score,
                                .words = group == FOUND_LYRICS ? &found->sung : &found->words,
                                .line = result->line,
                                .line_at_ms = result->line_at_ms,
                                .explanation = result->explanation};
    }
    found->lists[group] =
        (found_list_t){hits, (uint32_t)count, question->windows[group], answer->totals[kind]};
    return ERR_OK;
}

/* Where there is none yet, nothing is found, and found->is_building says why. */
static err_t ask(graphql_field_t *field, const search_request_t *request, found_t *found,
                 search_found_t *out_answer)
{
    *out_answer = (search_found_t){.stage = SEARCH_STAGE_EXACT};
    err_t err = search_feed_ask(graph_of(field)->home->api->search, graphql_arena(field), request,
                                out_answer);
    found->is_building |= err == ERR_UNAVAILABLE;
    found->is_partial |= err == ERR_OK && out_answer->is_cut;
    return err == ERR_UNAVAILABLE ? ERR_OK : err;
}

static search_request_t request_of(graphql_field_t *field, const found_question_t *question)
{
    return (search_request_t){.text = graphql_arg_str(field, "query"),
                              .is_typing = question->found->is_typing,
                              .is_exact = question->is_exact,
                              .filter = question->filter,
                              .wants_explanation = question->wants_explanation};
}

static err_t ask_names(graphql_field_t *field, const found_question_t *question, uint64_t work_max)
{
    found_t *found = question->found;
    search_found_t answer;
    search_request_t request = request_of(field, question);
    request.wants_facets = question->wants_facets;
    request.work_max = work_max;
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        request.first[kind] = question->windows[kind];
    TRY(ask(field, &request, found, &answer));
    found->words = answer.matched;
    found->corrected = answer.corrected;
    found->explanation = answer.explanation;
    memcpy(found->facets, answer.facets, sizeof found->facets);
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        TRY(take_results(field, &answer, (search_kind_t)kind, (found_group_t)kind, question));
    return ERR_OK;
}

static err_t ask_lyrics(graphql_field_t *field, const found_question_t *question, uint64_t work_max)
{
    found_t *found = question->found;
    search_found_t answer;
    search_request_t request = request_of(field, question);
    request.in_lyrics = true;
    request.work_max = work_max;
    request.first[SEARCH_TRACK] = question->windows[FOUND_LYRICS];
    TRY(ask(field, &request, found, &answer));
    found->sung = answer.matched;
    return take_results(field, &answer, SEARCH_TRACK, FOUND_LYRICS, question);
}

err_t found_ask_index(graphql_field_t *field, const found_question_t *question)
{
    bool has_lyrics = question->windows[FOUND_LYRICS] > 0, has_names = question->wants_facets;
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        has_names |= question->windows[kind] > 0;
    /* Both in the time of one. */
    uint64_t work_max = has_lyrics && has_names ? question->work_max / 2 : question->work_max;
    if (has_names)
        TRY(ask_names(field, question, work_max));
    return has_lyrics ? ask_lyrics(field, question, work_max) : ERR_OK;
}
