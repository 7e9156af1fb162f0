/* resolve_recent.c -- what the caller searched for lately: kept by `user` (user.def). */

#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/graph.h"

static address_t user_address(graphql_field_t *field)
{
    return address_of(USER_KIND, graph_user_id(graph_of(field)));
}

static err_t search_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const user_search_t *)items + index);
}

static err_t got_searches(graphql_field_t *field, const answer_t *answer)
{
    const user_searches_t *copy = graph_keep(field, &user_searches_schema, answer->message);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    return graphql_return_list(field, copy->searches.count, search_item, copy->searches.items);
}

static err_t query_recent_searches(graphql_field_t *field)
{
    return graph_ask(field, user_address(field), got_searches, user_get_searches);
}

static err_t note_search(graphql_field_t *field)
{
    return graph_ask(field, user_address(field), got_searches, user_note_search,
                     .query = graphql_arg_str(field, "query"));
}

static err_t remove_recent_search(graphql_field_t *field)
{
    return graph_ask(field, user_address(field), got_searches, user_forget_search,
                     .query = graphql_arg_str(field, "query"));
}

static err_t clear_recent_searches(graphql_field_t *field)
{
    return graph_ask(field, user_address(field), got_searches, user_clear_searches);
}

static err_t recent_searched_at(graphql_field_t *field)
{
    return graph_return_time(field, ((const user_search_t *)graphql_source(field))->searched_at);
}

graph_rows_t resolve_recent(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.recentSearches", .resolve = query_recent_searches},
        {"Mutation.noteSearch", .resolve = note_search},
        {"Mutation.removeRecentSearch", .resolve = remove_recent_search},
        {"Mutation.clearRecentSearches", .resolve = clear_recent_searches},
        {"RecentSearch.query", GRAPHQL_MEMBER(user_search_t, query)},
        {"RecentSearch.searchedAt", .resolve = recent_searched_at},
    };
    return GRAPH_ROWS(rows);
}
