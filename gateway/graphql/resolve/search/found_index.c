/* found_index.c -- what is asked: one question to the index of the catalog for all groups, one for
 * lyrics where they are asked for, and one to the names, all at once. */

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

/* ---- asking ---- */

typedef struct asking {
    graph_t *graph; /* held while it is away; NULL: it is not */
    graphql_field_t *field;
    const found_question_t *question;
    search_part_t *names, *lyrics; /* of the ask; NULL: not asked for */
    search_ask_t ask;
} asking_t;

static search_part_t *add_part(asking_t *self)
{
    const found_question_t *question = self->question;
    search_part_t *part = &self->ask.parts[self->ask.count++];
    part->request = (search_request_t){.text = graphql_arg_str(self->field, "query"),
                                       .is_typing = question->found->is_typing,
                                       .is_exact = question->is_exact,
                                       .filter = question->filter,
                                       .wants_explanation = question->wants_explanation};
    return part;
}

static void add_names(asking_t *self)
{
    self->names = add_part(self);
    self->names->request.wants_facets = self->question->wants_facets;
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        self->names->request.first[kind] = self->question->windows[kind];
}

static void add_lyrics(asking_t *self)
{
    self->lyrics = add_part(self);
    self->lyrics->request.in_lyrics = true;
    self->lyrics->request.first[SEARCH_TRACK] = self->question->windows[FOUND_LYRICS];
}

static void add_parts(asking_t *self)
{
    const found_question_t *question = self->question;
    bool has_names = question->wants_facets;
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        has_names |= question->windows[kind] > 0;
    if (has_names)
        add_names(self);
    if (question->windows[FOUND_LYRICS] > 0)
        add_lyrics(self);
    self->ask.names.is_wanted = found_names_query(self->field, question, &self->ask.names.query);
}

/* ---- taking ---- */

/* Where there is no index yet, nothing is found, and found->is_building says why. */
static err_t take_part(search_part_t *part, found_t *found)
{
    found->is_building |= part->err == ERR_UNAVAILABLE;
    if (part->err == ERR_UNAVAILABLE)
        part->found = (search_found_t){.stage = SEARCH_STAGE_EXACT};
    else
        TRY(part->err);
    found->is_partial |= part->found.is_cut;
    return ERR_OK;
}

static err_t take_names(asking_t *self, found_t *found)
{
    const search_found_t *answer = &self->names->found;
    TRY(take_part(self->names, found));
    found->words = answer->matched;
    found->corrected = answer->corrected;
    found->explanation = answer->explanation;
    memcpy(found->facets, answer->facets, sizeof found->facets);
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        TRY(take_results(self->field, answer, (search_kind_t)kind, (found_group_t)kind,
                         self->question));
    return ERR_OK;
}

static err_t take_lyrics(asking_t *self, found_t *found)
{
    const search_found_t *answer = &self->lyrics->found;
    TRY(take_part(self->lyrics, found));
    found->sung = answer->matched;
    return take_results(self->field, answer, SEARCH_TRACK, FOUND_LYRICS, self->question);
}

static err_t take(asking_t *self)
{
    if (self->names != NULL)
        TRY(take_names(self, self->question->found));
    if (self->lyrics != NULL)
        TRY(take_lyrics(self, self->question->found));
    if (self->ask.names.is_wanted) {
        TRY(self->ask.names.err);
        TRY(found_take_names(self->field, self->question, &self->ask.names.found));
    }
    return found_return(self->field, self->question->found);
}

/* On the field's thread; it is gone when it is completed, and with it what lies in its arena. */
static void came_back(void *context)
{
    asking_t *self = context;
    graph_t *graph = self->graph;
    graphql_field_t *field = self->field;
    err_t err = graphql_is_cancelled(field) ? ERR_CANCELLED : take(self);
    if (err != ERR_OK)
        IGNORE_ERR(graphql_return_error(field, err, NULL)); /* always OK */
    graph_unref(graph);
}

static void nobody_waits(void *context)
{
    search_asker_cancel(&((asking_t *)context)->ask);
}

err_t found_ask(graphql_field_t *field, const found_question_t *question)
{
    graph_t *graph = graph_of(field);
    asking_t *self = arena_new(graphql_arena(field), sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->field = field;
    self->question = question;
    self->ask.edge = graph->home->edge;
    self->ask.arena = graphql_arena(field);
    self->ask.then = came_back;
    self->ask.context = self;
    add_parts(self);
    question->found->is_building |= !search_feed_is_ready(graph->home->api->search);
    if (search_asker_ask(graph->home->api->asker, &self->ask))
        return take(self);
    self->graph = graph_ref(graph);
    IGNORE_ERR(graphql_on_cancel(field, nobody_waits, self)); /* then it runs to its end */
    return graphql_is_pending(field) ? ERR_OK : graphql_pending(field);
}
