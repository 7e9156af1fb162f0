/* resolve_found.c -- SearchResult and what is below it: pages, the best, facets. found.h */

#include "gateway/graphql/resolve/search/found.h"

static const struct {
    const char *type;
    graph_record_t record;
} groups[FOUND_GROUP_COUNT] = {
    [FOUND_TRACKS] = {"Track", GRAPH_TRACK},
    [FOUND_ALBUMS] = {"Album", GRAPH_ALBUM},
    [FOUND_ARTISTS] = {"Artist", GRAPH_ARTIST},
    [FOUND_PLAYLISTS] = {"Playlist", 0},
    [FOUND_PEOPLE] = {"User", 0},
    [FOUND_LYRICS] = {"Track", GRAPH_TRACK},
};

static bool is_of_catalog(found_group_t group)
{
    return group != FOUND_PLAYLISTS && group != FOUND_PEOPLE;
}

/* ---- nodes ---- */

static err_t read_kind(graphql_field_t *field, found_hit_t **hits, size_t count,
                       graph_record_t kind)
{
    uint64_t *ids = arena_new_array(graphql_arena(field), count, sizeof *ids);
    found_hit_t **of = arena_new_array(graphql_arena(field), count, sizeof(found_hit_t *));
    const void **nodes;
    size_t n = 0;
    if (ids == NULL || of == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (hits[i]->node == NULL && is_of_catalog(hits[i]->group) &&
            groups[hits[i]->group].record == kind) {
            ids[n] = hits[i]->id;
            of[n++] = hits[i];
        }
    if (n == 0)
        return ERR_OK;
    TRY(graph_keep_records(field, kind, ids, n, &nodes));
    for (size_t i = 0; i < n; i++)
        of[i]->node = nodes[i];
    return ERR_OK;
}

err_t found_read_nodes(graphql_field_t *field, found_hit_t **hits, size_t count)
{
    TRY(read_kind(field, hits, count, GRAPH_TRACK));
    TRY(read_kind(field, hits, count, GRAPH_ALBUM));
    return read_kind(field, hits, count, GRAPH_ARTIST);
}

/* ---- pages ---- */

static err_t page_arguments(graphql_field_t *field, found_group_t group, found_page_t *out_page)
{
    graphql_member_t members[] = {{STR("first"), {0}}, {STR("after"), {0}}};
    const graphql_value_t *first = graphql_arg(field, "first"),
                          *after = graphql_arg(field, "after");
    if (first != NULL)
        members[0].value = *first;
    if (after != NULL)
        members[1].value = *after;
    graphql_value_t arguments = {
        .kind = GRAPHQL_OBJECT, .count = COUNT_OF(members), .members = members};
    return found_page_of(&arguments, group, out_page);
}

static bool has_next(const found_list_t *list, found_group_t group, uint32_t end)
{
    return end < list->count ||
           (list->count >= list->asked && end < MIN(list->total, (uint64_t)found_max(group)));
}

static err_t return_group(graphql_field_t *field, found_group_t group)
{
    const found_t *found = graphql_source(field);
    const found_list_t *list = &found->lists[group];
    arena_t *arena = graphql_arena(field);
    found_page_t wanted;
    TRY(page_arguments(field, group, &wanted));
    uint32_t begin = MIN(wanted.offset, list->count), end = MIN(begin + wanted.first, list->count);
    size_t count = end - begin;
    graph_page_t *page = arena_new(arena, sizeof *page);
    graph_edge_t *edges = arena_new_array(arena, count, sizeof *edges);
    found_hit_t **hits = arena_new_array(arena, count, sizeof(found_hit_t *));
    if (page == NULL || edges == NULL || hits == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        hits[i] = &list->hits[begin + i];
    TRY(found_read_nodes(field, hits, count));
    *page = (graph_page_t){.edges = edges,
                           .has_next = has_next(list, group, end),
                           .has_previous = begin > 0,
                           .total_count = list->total};
    for (size_t i = 0; i < count; i++)
        if (hits[i]->node != NULL)
            edges[page->count++] = (graph_edge_t){
                arena_printf(arena, "%u", (unsigned)(begin + i + 1)), hits[i]->node, hits[i]};
    return graphql_return_object(field, page);
}

static err_t found_tracks(graphql_field_t *field)
{
    return return_group(field, FOUND_TRACKS);
}

static err_t found_albums(graphql_field_t *field)
{
    return return_group(field, FOUND_ALBUMS);
}

static err_t found_artists(graphql_field_t *field)
{
    return return_group(field, FOUND_ARTISTS);
}

static err_t found_playlists(graphql_field_t *field)
{
    return return_group(field, FOUND_PLAYLISTS);
}

static err_t found_people(graphql_field_t *field)
{
    return return_group(field, FOUND_PEOPLE);
}

static err_t found_lyrics(graphql_field_t *field)
{
    return return_group(field, FOUND_LYRICS);
}

/* ---- the best of all ---- */

static err_t top_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, ((found_hit_t *const *)items)[index]);
}

/* The best that no other place has taken yet: each list is in order. */
static found_hit_t *next_best(const found_t *found, uint32_t taken[FOUND_GROUP_COUNT])
{
    found_hit_t *best = NULL;
    for (int group = 0; group < FOUND_LYRICS; group++) {
        const found_list_t *list = &found->lists[group];
        if (taken[group] < list->count &&
            (best == NULL || list->hits[taken[group]].score > best->score))
            best = &list->hits[taken[group]];
    }
    if (best != NULL)
        taken[best->group]++;
    return best;
}

static err_t found_top(graphql_field_t *field)
{
    const found_t *found = graphql_source(field);
    int64_t first = graphql_arg_int(field, "first", 0);
    uint32_t taken[FOUND_GROUP_COUNT] = {0};
    size_t count = 0, kept = 0;
    if (first < 1 || first > FOUND_TOP_MAX)
        return ERR_INVALID;
    found_hit_t **best =
        arena_new_array(graphql_arena(field), (size_t)first, sizeof(found_hit_t *));
    if (best == NULL)
        return ERR_NO_MEMORY;
    for (found_hit_t *hit; count < (size_t)first && (hit = next_best(found, taken)) != NULL;)
        best[count++] = hit;
    TRY(found_read_nodes(field, best, count));
    for (size_t i = 0; i < count; i++)
        if (best[i]->node != NULL)
            best[kept++] = best[i];
    return graphql_return_list(field, kept, top_item, best);
}

static err_t top_node(graphql_field_t *field)
{
    const found_hit_t *hit = graphql_source(field);
    return graphql_return_object_as(field, groups[hit->group].type, hit->node);
}

static err_t same(graphql_field_t *field)
{
    return graphql_return_object(field, graphql_source(field));
}

/* ---- edges ---- */

static const found_hit_t *hit_of(graphql_field_t *field)
{
    return ((const graph_edge_t *)graphql_source(field))->more;
}

static err_t edge_score(graphql_field_t *field)
{
    return graphql_return_float(field, hit_of(field)->score);
}

static err_t edge_hit(graphql_field_t *field)
{
    return graphql_return_object(field, hit_of(field));
}

static err_t edge_explanation(graphql_field_t *field)
{
    return graph_return_text_or_null(field, hit_of(field)->explanation);
}

/* ---- the whole ---- */

static err_t found_status(graphql_field_t *field)
{
    const found_t *found = graphql_source(field);
    return graphql_return_str(field, found->is_building ? STR("BUILDING") : STR("READY"));
}

static err_t found_total_count(graphql_field_t *field)
{
    const found_t *found = graphql_source(field);
    uint64_t total = 0;
    for (int group = 0; group < FOUND_LYRICS; group++)
        total += found->lists[group].total;
    return graphql_return_int(field, (int64_t)MIN(total, (uint64_t)INT32_MAX));
}

static err_t found_did_you_mean(graphql_field_t *field)
{
    return graph_return_text_or_null(field, ((const found_t *)graphql_source(field))->corrected);
}

static err_t found_explanation(graphql_field_t *field)
{
    return graph_return_text_or_null(field, ((const found_t *)graphql_source(field))->explanation);
}

graph_rows_t resolve_found(void)
{
#define EDGE_ROWS(type)                                                                            \
    {type "Edge.score", .resolve = edge_score}, {type "Edge.highlights", .resolve = edge_hit},     \
    {                                                                                              \
        type "Edge.explanation", .resolve = edge_explanation                                       \
    }
    static const graphql_resolver_t rows[] = {
        {"SearchResult.status", .resolve = found_status},
        {"SearchResult.top", .resolve = found_top},
        {"SearchResult.tracks", .resolve = found_tracks},
        {"SearchResult.albums", .resolve = found_albums},
        {"SearchResult.artists", .resolve = found_artists},
        {"SearchResult.playlists", .resolve = found_playlists},
        {"SearchResult.people", .resolve = found_people},
        {"SearchResult.lyrics", .resolve = found_lyrics},
        {"SearchResult.totalCount", .resolve = found_total_count},
        {"SearchResult.didYouMean", .resolve = found_did_you_mean},
        {"SearchResult.isPartial", GRAPHQL_MEMBER(found_t, is_partial)},
        {"SearchResult.facets", .resolve = same},
        {"SearchResult.explanation", .resolve = found_explanation},
        {"SearchTop.node", .resolve = top_node},
        {"SearchTop.score", GRAPHQL_MEMBER(found_hit_t, score)},
        {"SearchTop.highlights", .resolve = same},
        EDGE_ROWS("SearchTrack"),
        EDGE_ROWS("SearchAlbum"),
        EDGE_ROWS("SearchArtist"),
        EDGE_ROWS("SearchPlaylist"),
        EDGE_ROWS("SearchUser"),
        EDGE_ROWS("SearchLyrics"),
        {"SearchLyricsEdge.line", .resolve = edge_hit},
    };
#undef EDGE_ROWS
    return GRAPH_ROWS(rows);
}
