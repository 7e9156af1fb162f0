/* resolve_pages.c -- Relay's connections, the same for every kind of node. */

#include "gateway/graphql/resolve/graph.h"

static err_t edge_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const graph_edge_t *)items + index);
}

static err_t node_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, ((const graph_edge_t *)items)[index].node);
}

static err_t edges(graphql_field_t *field)
{
    const graph_page_t *page = graphql_source(field);
    return graphql_return_list(field, page->count, edge_item, page->edges);
}

static err_t nodes(graphql_field_t *field)
{
    const graph_page_t *page = graphql_source(field);
    return graphql_return_list(field, page->count, node_item, page->edges);
}

static err_t page_info(graphql_field_t *field)
{
    return graphql_return_object(field, graphql_source(field));
}

static err_t total_count(graphql_field_t *field)
{
    const graph_page_t *page = graphql_source(field);
    return graphql_return_int(field, (int64_t)page->total_count);
}

static err_t cursor_at(graphql_field_t *field, bool is_last)
{
    const graph_page_t *page = graphql_source(field);
    if (page->count == 0)
        return graphql_return_null(field);
    return graphql_return_str(field, page->edges[is_last ? page->count - 1 : 0].cursor);
}

static err_t start_cursor(graphql_field_t *field)
{
    return cursor_at(field, false);
}

static err_t end_cursor(graphql_field_t *field)
{
    return cursor_at(field, true);
}

graph_rows_t resolve_pages(void)
{
#define PAGE_ROWS(type)                                                                            \
    {type "Connection.edges", .resolve = edges}, {type "Connection.nodes", .resolve = nodes},      \
        {type "Connection.pageInfo", .resolve = page_info},                                        \
        {type "Edge.cursor", GRAPHQL_MEMBER(graph_edge_t, cursor)},                                \
    {                                                                                              \
        type "Edge.node", GRAPHQL_MEMBER_POINTER(graph_edge_t, node)                               \
    }
#define CONNECTION_ROWS(type)                                                                      \
    PAGE_ROWS(type),                                                                               \
    {                                                                                              \
        type "Connection.totalCount", .resolve = total_count                                       \
    }
    static const graphql_resolver_t rows[] = {
        CONNECTION_ROWS("Album"),
        CONNECTION_ROWS("Artist"),
        CONNECTION_ROWS("Genre"),
        CONNECTION_ROWS("Track"),
        CONNECTION_ROWS("PlaylistEntry"),
        CONNECTION_ROWS("Follow"),
        CONNECTION_ROWS("RoomMessage"),
        PAGE_ROWS("Activity"), /* their number is not known */
        CONNECTION_ROWS("SearchTrack"),
        CONNECTION_ROWS("SearchAlbum"),
        CONNECTION_ROWS("SearchArtist"),
        CONNECTION_ROWS("SearchPlaylist"),
        CONNECTION_ROWS("SearchUser"),
        CONNECTION_ROWS("SearchLyrics"),
        {"PageInfo.hasNextPage", GRAPHQL_MEMBER(graph_page_t, has_next)},
        {"PageInfo.hasPreviousPage", GRAPHQL_MEMBER(graph_page_t, has_previous)},
        {"PageInfo.startCursor", .resolve = start_cursor},
        {"PageInfo.endCursor", .resolve = end_cursor},
    };
#undef CONNECTION_ROWS
#undef PAGE_ROWS
    return GRAPH_ROWS(rows);
}
