/* resolve_highlights.c -- the texts of a result in pieces, and facets. */

#include "gateway/graphql/resolve/search/found.h"

typedef struct segment {
    str_t text;
    bool is_match;
} segment_t;

static err_t segment_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const segment_t *)items + index);
}

/* The pieces between the spans, too; returns how many. */
static size_t cut_up(str_t text, const search_span_t *spans, size_t count, segment_t *out)
{
    size_t at = 0, pieces = 0;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].start > at)
            out[pieces++] = (segment_t){str_slice(text, at, spans[i].start), false};
        at = spans[i].start + spans[i].size;
        out[pieces++] = (segment_t){str_slice(text, spans[i].start, at), true};
    }
    if (at < text.size)
        out[pieces++] = (segment_t){str_slice(text, at, text.size), false};
    return pieces;
}

static err_t return_segments(graphql_field_t *field, str_t text)
{
    const found_hit_t *hit = graphql_source(field);
    search_span_t spans[SEARCH_SPANS_MAX];
    size_t count = search_highlight(text, hit->words, hit->found->is_typing, spans);
    segment_t *segments = arena_new_array(graphql_arena(field), 2 * count + 1, sizeof *segments);
    if (segments == NULL)
        return ERR_NO_MEMORY;
    return graphql_return_list(field, cut_up(text, spans, count, segments), segment_item, segments);
}

static err_t highlight_title(graphql_field_t *field)
{
    const found_hit_t *hit = graphql_source(field);
    switch (hit->group) {
    case FOUND_TRACKS:
    case FOUND_LYRICS:
        return return_segments(field, ((const catalog_track_t *)hit->node)->title);
    case FOUND_ALBUMS:
        return return_segments(field, ((const catalog_album_t *)hit->node)->title);
    case FOUND_ARTISTS:
        return return_segments(field, ((const catalog_artist_t *)hit->node)->name);
    case FOUND_PLAYLISTS:
        return return_segments(field, ((const playlist_view_t *)hit->node)->name);
    case FOUND_PEOPLE:
        return return_segments(field, ((const account_info_t *)hit->node)->name);
    case FOUND_GROUP_COUNT:
        break;
    }
    return ERR_INTERNAL;
}

static err_t highlight_artist(graphql_field_t *field)
{
    const found_hit_t *hit = graphql_source(field);
    buf_t line BUF_SCOPED = BUF_INIT;
    if (hit->group == FOUND_TRACKS || hit->group == FOUND_LYRICS) {
        const catalog_track_t *track = hit->node;
        catalog_artist_line(track->credits.items, track->credits.count, &line);
    } else if (hit->group == FOUND_ALBUMS) {
        const catalog_album_t *album = hit->node;
        catalog_artist_line(album->credits.items, album->credits.count, &line);
    }
    TRY(buf_status(&line));
    return return_segments(field, graph_keep_str(field, buf_str(&line)));
}

static err_t highlight_album(graphql_field_t *field)
{
    const found_hit_t *hit = graphql_source(field);
    bool is_track = hit->group == FOUND_TRACKS || hit->group == FOUND_LYRICS;
    return return_segments(field, is_track ? ((const catalog_track_t *)hit->node)->album : STR(""));
}

static err_t line_segments(graphql_field_t *field)
{
    return return_segments(field, ((const found_hit_t *)graphql_source(field))->line);
}

static err_t line_at(graphql_field_t *field)
{
    int64_t at_ms = ((const found_hit_t *)graphql_source(field))->line_at_ms;
    return at_ms < 0 ? graphql_return_null(field) : graphql_return_int(field, at_ms);
}

/* ---- facets ---- */

static err_t facet_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const search_facet_value_t *)items + index);
}

static err_t return_facet(graphql_field_t *field, search_facet_t facet)
{
    const found_t *found = graphql_source(field);
    const search_facet_list_t *list = &found->facets[facet];
    return graphql_return_list(field, list->count, facet_item, list->items);
}

static err_t facet_genres(graphql_field_t *field)
{
    return return_facet(field, SEARCH_FACET_GENRE);
}

static err_t facet_moods(graphql_field_t *field)
{
    return return_facet(field, SEARCH_FACET_MOOD);
}

static err_t facet_decades(graphql_field_t *field)
{
    return return_facet(field, SEARCH_FACET_DECADE);
}

static err_t facet_languages(graphql_field_t *field)
{
    return return_facet(field, SEARCH_FACET_LANGUAGE);
}

static err_t facet_formats(graphql_field_t *field)
{
    return return_facet(field, SEARCH_FACET_FORMAT);
}

graph_rows_t resolve_highlights(void)
{
    static const graphql_resolver_t rows[] = {
        {"SearchHighlights.title", .resolve = highlight_title},
        {"SearchHighlights.artist", .resolve = highlight_artist},
        {"SearchHighlights.album", .resolve = highlight_album},
        {"SearchSegment.text", GRAPHQL_MEMBER(segment_t, text)},
        {"SearchSegment.isMatch", GRAPHQL_MEMBER(segment_t, is_match)},
        {"SearchLine.text", GRAPHQL_MEMBER(found_hit_t, line)},
        {"SearchLine.segments", .resolve = line_segments},
        {"SearchLine.atMs", .resolve = line_at},
        {"SearchFacets.genres", .resolve = facet_genres},
        {"SearchFacets.moods", .resolve = facet_moods},
        {"SearchFacets.decades", .resolve = facet_decades},
        {"SearchFacets.languages", .resolve = facet_languages},
        {"SearchFacets.formats", .resolve = facet_formats},
        {"SearchFacetValue.value", GRAPHQL_MEMBER(search_facet_value_t, value)},
        {"SearchFacetValue.count", GRAPHQL_MEMBER(search_facet_value_t, count)},
    };
    return GRAPH_ROWS(rows);
}
