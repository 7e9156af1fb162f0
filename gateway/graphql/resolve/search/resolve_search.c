/* resolve_search.c -- Query.search: the question, put together once, and asked. */

#include "gateway/graphql/resolve/search/found.h"

/* As many as are wanted of a group: those that are asked for, and enough to rank the best of all.
 */
static uint32_t wanted(graphql_field_t *field, found_group_t group)
{
    uint32_t window = found_window(field, group);
    if (group == FOUND_LYRICS)
        return window;
    window = MAX(window, found_top_window(field));
    return window == 0 && graphql_selects(field, "totalCount") ? 1 : window;
}

static err_t take_kind(graphql_field_t *field, const search_answer_t *answer, search_kind_t kind,
                       found_t *found)
{
    found_list_t *list = &found->lists[kind];
    size_t count = answer->counts[kind];
    found_hit_t *hits = arena_new_array(graphql_arena(field), count, sizeof *hits);
    if (hits == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        hits[i] = (found_hit_t){.found = found,
                                .group = (found_group_t)kind,
                                .id = answer->hits[kind][i].id,
                                .score = answer->hits[kind][i].score,
                                .line_at_ms = -1};
    *list = (found_list_t){hits, (uint32_t)count, count};
    return ERR_OK;
}

static err_t ask_index(graphql_field_t *field, const uint32_t windows[FOUND_GROUP_COUNT],
                       found_t *found)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    search_answer_t answer;
    search_query_t query = {.text = graphql_arg_str(field, "query")};
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        query.limits[kind] = MIN(windows[kind], (uint32_t)SEARCH_LIMIT_MAX);
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    TRY(catalog_search(&read, &query, &answer));
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        TRY(take_kind(field, &answer, (search_kind_t)kind, found));
    return ERR_OK;
}

static err_t query_search(graphql_field_t *field)
{
    uint32_t windows[FOUND_GROUP_COUNT];
    found_t *found = arena_new(graphql_arena(field), sizeof *found);
    if (found == NULL)
        return ERR_NO_MEMORY;
    *found = (found_t){.is_typing = graphql_arg_bool(field, "typing", false)};
    for (int group = 0; group < FOUND_GROUP_COUNT; group++)
        windows[group] = wanted(field, (found_group_t)group);
    TRY(ask_index(field, windows, found));
    if (graphql_value_is_null(graphql_arg(field, "filter")))
        TRY(found_ask_names(field, windows, found));
    return found_return(field, found);
}

graph_rows_t resolve_search(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.search", .resolve = query_search},
    };
    return GRAPH_ROWS(rows);
}
