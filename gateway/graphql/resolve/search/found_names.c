/* found_names.c -- playlists and people: found by name, then each asked of its own actor, which
 * has the last word on who may see it. */

#include "actors/protocol/account.h"
#include "gateway/graphql/resolve/search/found.h"

static const struct {
    found_group_t group;
    const char *kind;
    const schema_t *answer;
} kinds[NAME_INDEX_KIND_COUNT] = {
    [NAME_INDEX_PERSON] = {FOUND_PEOPLE, ACCOUNT_KIND, &account_info_schema},
    [NAME_INDEX_PLAYLIST] = {FOUND_PLAYLISTS, PLAYLIST_KIND, &playlist_view_schema},
};

static err_t take_kind(graphql_field_t *field, const name_index_found_t *names,
                       name_index_kind_t kind, const found_question_t *question)
{
    found_t *found = question->found;
    uint32_t count = names->counts[kind];
    found_hit_t *hits = arena_new_array(graphql_arena(field), count, sizeof *hits);
    search_names_t *words = arena_new_array(graphql_arena(field), count, sizeof *words);
    if (hits == NULL || words == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const name_index_hit_t *hit = &names->hits[kind][i];
        words[i] = hit->words;
        hits[i] = (found_hit_t){.found = found,
                                .group = kinds[kind].group,
                                .key = hit->key,
                                .score = hit->score,
                                .words = &words[i],
                                .line_at_ms = -1};
    }
    found->lists[kinds[kind].group] =
        (found_list_t){hits, count, question->windows[kinds[kind].group], names->totals[kind]};
    return ERR_OK;
}

bool found_names_query(graphql_field_t *field, const found_question_t *question,
                       name_index_query_t *out_query)
{
    name_index_query_t query = {.text = graphql_arg_str(field, "query"),
                                .asker = graph_user_id(graph_of(field)),
                                .is_typing = question->found->is_typing,
                                .is_exact = question->is_exact};
    query.first[NAME_INDEX_PERSON] =
        MIN(question->windows[FOUND_PEOPLE], (uint32_t)FOUND_ASKED_MAX);
    query.first[NAME_INDEX_PLAYLIST] =
        MIN(question->windows[FOUND_PLAYLISTS], (uint32_t)FOUND_ASKED_MAX);
    *out_query = query;
    return !question->has_filter &&
           query.first[NAME_INDEX_PERSON] + query.first[NAME_INDEX_PLAYLIST] > 0;
}

err_t found_take_names(graphql_field_t *field, const found_question_t *question,
                       const name_index_found_t *names)
{
    question->found->is_partial |= names->is_cut;
    question->found->is_building |= !names->is_whole;
    TRY(take_kind(field, names, NAME_INDEX_PERSON, question));
    return take_kind(field, names, NAME_INDEX_PLAYLIST, question);
}

/* ---- asking their actors ---- */

typedef struct gather {
    graph_t *graph;
    graphql_field_t *field;
    found_t *found;
    uint32_t waiting;
} gather_t;

typedef struct asked {
    gather_t *gather;
    found_hit_t *hit;
    const schema_t *schema;
} asked_t;

/* Those that are gone meanwhile, or not the caller's to see any more. */
static void drop_gone(found_list_t *list)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->hits[i].node != NULL)
            list->hits[kept++] = list->hits[i];
    list->total -= list->count - kept;
    list->asked -= list->count - kept;
    list->count = kept;
}

static void finish(gather_t *self)
{
    graph_t *graph = self->graph;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        drop_gone(&self->found->lists[kinds[i].group]);
    IGNORE_ERR(graphql_return_object(self->field, self->found)); /* always OK */
    graph_unref(graph);
}

static void answered(void *context, const answer_t *answer)
{
    asked_t *asked = context;
    gather_t *self = asked->gather;
    if (answer->err == ERR_OK && !graphql_is_cancelled(self->field))
        asked->hit->node = graph_keep(self->field, asked->schema, answer->message);
    if (--self->waiting == 0)
        finish(self);
}

static void ask_one(gather_t *self, name_index_kind_t kind, asked_t *asked)
{
    edge_t *edge = self->graph->home->edge;
    address_t to = address_of(kinds[kind].kind, asked->hit->key);
    self->waiting++;
    if (kind == NAME_INDEX_PLAYLIST)
        edge_ask(edge, to, ASK_TIMEOUT_MS, (str_t){0}, answered, asked, playlist_get,
                 .user_id = graph_user_id(self->graph));
    else
        edge_ask(edge, to, ASK_TIMEOUT_MS, (str_t){0}, answered, asked, account_get);
}

err_t found_return(graphql_field_t *field, found_t *found)
{
    uint32_t count = 0;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        count += found->lists[kinds[i].group].count;
    if (count == 0)
        return graphql_return_object(field, found);
    gather_t *self = arena_new(graphql_arena(field), sizeof *self);
    asked_t *asked = arena_new_array(graphql_arena(field), count, sizeof *asked);
    if (self == NULL || asked == NULL)
        return ERR_NO_MEMORY;
    *self = (gather_t){graph_ref(graph_of(field)), field, found, 1}; /* one for this function */
    err_t err = graphql_is_pending(field) ? ERR_OK : graphql_pending(field);
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++) {
        const found_list_t *list = &found->lists[kinds[kind].group];
        for (uint32_t i = 0; i < list->count; i++) {
            *asked = (asked_t){self, &list->hits[i], kinds[kind].answer};
            ask_one(self, (name_index_kind_t)kind, asked++);
        }
    }
    if (--self->waiting == 0)
        finish(self);
    return err;
}
