/* resolve_catalog.c -- albums, artists, genres and lists of tracks. */

#include "gateway/graphql/resolve/graph.h"

/* ---- Query ---- */

static err_t query_albums(graphql_field_t *field)
{
    static const struct {
        const char *name;
        catalog_list_t list;
        bool is_backward;
    } sorts[] = {
        {"TITLE", CATALOG_ALBUMS_BY_TITLE, false},
        {"ARTIST", CATALOG_ALBUMS_BY_ARTIST, false},
        {"YEAR", CATALOG_ALBUMS_BY_YEAR, false},
        {"ADDED", CATALOG_ALBUMS_BY_ADDED, true},
    };
    str_t genre = graphql_arg_str(field, "genre"), sort = graphql_arg_str(field, "sort");
    catalog_counts_t counts;
    if (genre.data != NULL) {
        const catalog_genre_t *of;
        uint64_t id;
        TRY(graph_id(genre, "ge_", &id));
        TRY(graph_genre(field, id, &of));
        return graph_return_page(field, GRAPH_ALBUM, CATALOG_ALBUMS_OF_GENRE, id, false,
                                 of->album_count);
    }
    TRY(graph_counts(field, &counts));
    for (size_t i = 0; i < COUNT_OF(sorts); i++)
        if (str_equal(sort, str_from(sorts[i].name)))
            return graph_return_page(field, GRAPH_ALBUM, sorts[i].list, 0, sorts[i].is_backward,
                                     counts.albums);
    return ERR_INVALID;
}

static err_t query_artists(graphql_field_t *field)
{
    catalog_counts_t counts;
    TRY(graph_counts(field, &counts));
    return graph_return_page(field, GRAPH_ARTIST, CATALOG_ARTISTS_BY_NAME, 0, false,
                             counts.artists);
}

static err_t query_genres(graphql_field_t *field)
{
    catalog_counts_t counts;
    TRY(graph_counts(field, &counts));
    return graph_return_page(field, GRAPH_GENRE, CATALOG_GENRES_BY_NAME, 0, false, counts.genres);
}

static err_t query_tracks(graphql_field_t *field)
{
    catalog_counts_t counts;
    TRY(graph_counts(field, &counts));
    return graph_return_page(field, GRAPH_TRACK, CATALOG_TRACKS_BY_TITLE, 0, false, counts.tracks);
}

/* One thing by its id: null when it is not there. */
static err_t return_or_null(graphql_field_t *field, err_t err, const void *record)
{
    if (err == ERR_NOT_FOUND)
        return graphql_return_null(field);
    return err != ERR_OK ? err : graphql_return_object(field, record);
}

static err_t find_record(graphql_field_t *field, graph_record_t kind, uint64_t id,
                         const void **out_record)
{
    switch (kind) {
    case GRAPH_TRACK:
        return graph_track(field, id, (const catalog_track_t **)out_record);
    case GRAPH_ALBUM:
        return graph_album(field, id, (const catalog_album_t **)out_record);
    case GRAPH_ARTIST:
        return graph_artist(field, id, (const catalog_artist_t **)out_record);
    case GRAPH_GENRE:
        return graph_genre(field, id, (const catalog_genre_t **)out_record);
    }
    return ERR_NOT_FOUND;
}

static err_t query_one(graphql_field_t *field, graph_record_t kind, const char *prefix)
{
    const void *record = NULL;
    uint64_t id;
    err_t err = graph_arg_id(field, "id", prefix, &id);
    if (err == ERR_OK)
        err = find_record(field, kind, id, &record);
    return return_or_null(field, err, record);
}

static err_t query_album(graphql_field_t *field)
{
    return query_one(field, GRAPH_ALBUM, "al_");
}

static err_t query_artist(graphql_field_t *field)
{
    return query_one(field, GRAPH_ARTIST, "ar_");
}

static err_t query_genre(graphql_field_t *field)
{
    return query_one(field, GRAPH_GENRE, "ge_");
}

static err_t query_track(graphql_field_t *field)
{
    return query_one(field, GRAPH_TRACK, "tr_");
}

/* Playlists and users are asked for by their own fields: what they show depends on the caller. */
static err_t query_node(graphql_field_t *field)
{
    static const struct {
        const char *prefix, *type;
        graph_record_t kind;
    } kinds[] = {{"tr_", "Track", GRAPH_TRACK},
                 {"al_", "Album", GRAPH_ALBUM},
                 {"ar_", "Artist", GRAPH_ARTIST},
                 {"ge_", "Genre", GRAPH_GENRE}};
    str_t text = graphql_arg_str(field, "id");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        uint64_t id;
        const void *record;
        if (graph_id(text, kinds[i].prefix, &id) != ERR_OK)
            continue;
        err_t err = find_record(field, kinds[i].kind, id, &record);
        if (err == ERR_NOT_FOUND)
            return graphql_return_null(field);
        return err != ERR_OK ? err : graphql_return_object_as(field, kinds[i].type, record);
    }
    return graph_return_playlist_node(field, text);
}

/* ---- Album ---- */

static err_t album_id(graphql_field_t *field)
{
    return graph_return_id(field, "al_", ((const catalog_album_t *)graphql_source(field))->id);
}

static err_t album_credits(graphql_field_t *field)
{
    const catalog_album_t *album = graphql_source(field);
    return graph_return_credits(field, album->credits.items, album->credits.count);
}

static err_t album_artist_line(graphql_field_t *field)
{
    const catalog_album_t *album = graphql_source(field);
    return graph_return_artist_line(field, album->credits.items, album->credits.count);
}

static err_t album_year(graphql_field_t *field)
{
    const catalog_album_t *album = graphql_source(field);
    return album->year == 0 ? graphql_return_null(field) : graphql_return_int(field, album->year);
}

static err_t album_date(graphql_field_t *field)
{
    return graph_return_text_or_null(field, ((const catalog_album_t *)graphql_source(field))->date);
}

static err_t album_original_date(graphql_field_t *field)
{
    return graph_return_text_or_null(
        field, ((const catalog_album_t *)graphql_source(field))->original_date);
}

static err_t album_genres(graphql_field_t *field)
{
    const catalog_album_t *album = graphql_source(field);
    return graph_return_genres(field, album->genres.items, album->genres.count);
}

static err_t album_artwork(graphql_field_t *field)
{
    const catalog_album_t *album = graphql_source(field);
    return graph_return_artwork(field, album->artwork, album->artwork_color);
}

static err_t album_added_at(graphql_field_t *field)
{
    return graph_return_time(field, ((const catalog_album_t *)graphql_source(field))->added_at_ms);
}

static err_t album_tracks(graphql_field_t *field)
{
    const catalog_album_t *album = graphql_source(field);
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_page_t page;
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    catalog_page_options_t options = {
        .list = CATALOG_TRACKS_OF_ALBUM, .of = album->id, .limit = first};
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    TRY(catalog_page(&read, &options, &page));
    uint64_t *ids = arena_new_array(&scratch, page.count, sizeof *ids);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < page.count; i++)
        ids[i] = page.items[i].id;
    return graph_return_records(field, GRAPH_TRACK, ids, page.count);
}

static err_t album_track_pages(graphql_field_t *field)
{
    const catalog_album_t *album = graphql_source(field);
    return graph_return_page(field, GRAPH_TRACK, CATALOG_TRACKS_OF_ALBUM, album->id, false,
                             album->track_count);
}

/* ---- Artist, Genre ---- */

static err_t artist_id(graphql_field_t *field)
{
    return graph_return_id(field, "ar_", ((const catalog_artist_t *)graphql_source(field))->id);
}

static err_t artist_artwork(graphql_field_t *field)
{
    return graph_return_artwork(field, ((const catalog_artist_t *)graphql_source(field))->artwork,
                                (str_t){0});
}

static err_t artist_albums(graphql_field_t *field)
{
    const catalog_artist_t *artist = graphql_source(field);
    return graph_return_page(field, GRAPH_ALBUM, CATALOG_ALBUMS_OF_ARTIST, artist->id, false,
                             artist->album_count);
}

static err_t artist_tracks(graphql_field_t *field)
{
    const catalog_artist_t *artist = graphql_source(field);
    return graph_return_page(field, GRAPH_TRACK, CATALOG_TRACKS_OF_ARTIST, artist->id, false,
                             artist->track_count);
}

static err_t genre_id(graphql_field_t *field)
{
    return graph_return_id(field, "ge_", ((const catalog_genre_t *)graphql_source(field))->id);
}

graph_rows_t resolve_catalog(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.node", .resolve = query_node},
        {"Query.albums", .resolve = query_albums},
        {"Query.album", .resolve = query_album},
        {"Query.artists", .resolve = query_artists},
        {"Query.artist", .resolve = query_artist},
        {"Query.genres", .resolve = query_genres},
        {"Query.genre", .resolve = query_genre},
        {"Query.tracks", .resolve = query_tracks},
        {"Query.track", .resolve = query_track},
        {"Album.id", .resolve = album_id},
        {"Album.title", GRAPHQL_MEMBER(catalog_album_t, title)},
        {"Album.credits", .resolve = album_credits},
        {"Album.artistLine", .resolve = album_artist_line},
        {"Album.year", .resolve = album_year},
        {"Album.date", .resolve = album_date},
        {"Album.originalDate", .resolve = album_original_date},
        {"Album.genres", .resolve = album_genres},
        {"Album.isCompilation", GRAPHQL_MEMBER(catalog_album_t, is_compilation)},
        {"Album.artwork", .resolve = album_artwork},
        {"Album.trackCount", GRAPHQL_MEMBER(catalog_album_t, track_count)},
        {"Album.discCount", GRAPHQL_MEMBER(catalog_album_t, disc_count)},
        {"Album.durationMs", GRAPHQL_MEMBER(catalog_album_t, duration_ms)},
        {"Album.addedAt", .resolve = album_added_at},
        {"Album.tracks", .resolve = album_tracks},
        {"Album.trackPages", .resolve = album_track_pages},
        {"Artist.id", .resolve = artist_id},
        {"Artist.name", GRAPHQL_MEMBER(catalog_artist_t, name)},
        {"Artist.sortName", GRAPHQL_MEMBER(catalog_artist_t, sort_name)},
        {"Artist.artwork", .resolve = artist_artwork},
        {"Artist.albumCount", GRAPHQL_MEMBER(catalog_artist_t, album_count)},
        {"Artist.trackCount", GRAPHQL_MEMBER(catalog_artist_t, track_count)},
        {"Artist.albums", .resolve = artist_albums},
        {"Artist.tracks", .resolve = artist_tracks},
        {"Genre.id", .resolve = genre_id},
        {"Genre.name", GRAPHQL_MEMBER(catalog_genre_t, name)},
        {"Genre.albumCount", GRAPHQL_MEMBER(catalog_genre_t, album_count)},
        {"Genre.trackCount", GRAPHQL_MEMBER(catalog_genre_t, track_count)},
    };
    return GRAPH_ROWS(rows);
}
