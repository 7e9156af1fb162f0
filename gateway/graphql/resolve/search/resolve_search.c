/* resolve_search.c -- Query.search: the question is read, asked once, and shown (found.h). */

#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/search/found.h"

/* ---- among favourites ---- */

/* The question waits in its field for the ids: there is one of a field. */
static err_t got_favourites(graphql_field_t *field, const answer_t *answer)
{
    const user_favourite_ids_t *ids =
        graph_keep(field, &user_favourite_ids_schema, answer->message);
    found_question_t *question;
    if (ids == NULL)
        return ERR_NO_MEMORY;
    TRY(found_question_new(field, &question));
    question->filter.only_tracks = ids->track_ids.items;
    question->filter.only_track_count = ids->track_ids.count;
    return found_ask(field, question);
}

static bool is_one_too_many(graphql_field_t *field)
{
    graph_t *graph = graph_of(field);
    if (graph->searching != graphql_arena(field))
        graph->searches = 0;
    graph->searching = graphql_arena(field);
    return ++graph->searches > FOUND_SEARCHES_MAX;
}

static err_t query_search(graphql_field_t *field)
{
    found_question_t *question;
    if (is_one_too_many(field))
        return graphql_return_error(field, ERR_LIMIT, "a request may search twice");
    TRY(found_question_new(field, &question));
    if (question->filter.is_only_tracks)
        return graph_ask(field, address_of(USER_KIND, graph_user_id(graph_of(field))),
                         got_favourites, user_get_favourite_ids);
    return found_ask(field, question);
}

graph_rows_t resolve_search(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.search", .resolve = query_search},
    };
    return GRAPH_ROWS(rows);
}
