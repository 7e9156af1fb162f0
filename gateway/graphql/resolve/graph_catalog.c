/* graph_catalog.c -- records and pages of the catalog, copied out of the map: a read transaction
 * never outlives the resolver that opened it. */

#include "gateway/graphql/resolve/graph.h"
#include "runtime/base/text.h"

typedef err_t (*read_record_fn)(catalog_read_t *read, uint64_t id, void *out_record);

static err_t read_track(catalog_read_t *read, uint64_t id, void *out_record)
{
    return catalog_track(read, id, out_record);
}

static err_t read_album(catalog_read_t *read, uint64_t id, void *out_record)
{
    return catalog_album(read, id, out_record);
}

static err_t read_artist(catalog_read_t *read, uint64_t id, void *out_record)
{
    return catalog_artist(read, id, out_record);
}

static err_t read_genre(catalog_read_t *read, uint64_t id, void *out_record)
{
    return catalog_genre(read, id, out_record);
}

typedef union record {
    catalog_track_t track;
    catalog_album_t album;
    catalog_artist_t artist;
    catalog_genre_t genre;
} record_t;

static const struct {
    read_record_fn read;
    const schema_t *schema;
} records[] = {
    [GRAPH_TRACK] = {read_track, &catalog_track_schema},
    [GRAPH_ALBUM] = {read_album, &catalog_album_schema},
    [GRAPH_ARTIST] = {read_artist, &catalog_artist_schema},
    [GRAPH_GENRE] = {read_genre, &catalog_genre_schema},
};

static err_t keep_record(graphql_field_t *field, catalog_read_t *read, graph_record_t kind,
                         uint64_t id, const void **out_record)
{
    record_t record;
    TRY(records[kind].read(read, id, &record));
    const void *copy = graph_keep(field, records[kind].schema, &record);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    *out_record = copy;
    return ERR_OK;
}

static err_t keep_one(graphql_field_t *field, graph_record_t kind, uint64_t id,
                      const void **out_record)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    return keep_record(field, &read, kind, id, out_record);
}

err_t graph_track(graphql_field_t *field, uint64_t id, const catalog_track_t **out_track)
{
    const void *record;
    TRY(keep_one(field, GRAPH_TRACK, id, &record));
    *out_track = record;
    return ERR_OK;
}

err_t graph_track_kept(graphql_field_t *field, uint64_t id, const catalog_track_t **out_track)
{
    const catalog_track_t *track = NULL;
    err_t err = graph_track(field, id, &track);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_track = track;
    return ERR_OK;
}

err_t graph_album(graphql_field_t *field, uint64_t id, const catalog_album_t **out_album)
{
    const void *record;
    TRY(keep_one(field, GRAPH_ALBUM, id, &record));
    *out_album = record;
    return ERR_OK;
}

err_t graph_artist(graphql_field_t *field, uint64_t id, const catalog_artist_t **out_artist)
{
    const void *record;
    TRY(keep_one(field, GRAPH_ARTIST, id, &record));
    *out_artist = record;
    return ERR_OK;
}

err_t graph_genre(graphql_field_t *field, uint64_t id, const catalog_genre_t **out_genre)
{
    const void *record;
    TRY(keep_one(field, GRAPH_GENRE, id, &record));
    *out_genre = record;
    return ERR_OK;
}

static err_t return_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, ((const void *const *)items)[index]);
}

err_t graph_keep_records(graphql_field_t *field, graph_record_t kind, const uint64_t *ids,
                         size_t count, const void ***out_records)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    const void **found = arena_new_array(graphql_arena(field), count, sizeof *found);
    if (found == NULL)
        return ERR_NO_MEMORY;
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    for (size_t i = 0; i < count; i++) {
        found[i] = NULL;
        err_t err = keep_record(field, &read, kind, ids[i], &found[i]);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
    }
    *out_records = found;
    return ERR_OK;
}

err_t graph_return_records(graphql_field_t *field, graph_record_t kind, const uint64_t *ids,
                           size_t count)
{
    const void **found;
    size_t found_count = 0;
    TRY(graph_keep_records(field, kind, ids, count, &found));
    for (size_t i = 0; i < count; i++)
        if (found[i] != NULL)
            found[found_count++] = found[i];
    return graphql_return_list(field, found_count, return_item, found);
}

err_t graph_counts(graphql_field_t *field, catalog_counts_t *out_counts)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    return catalog_counts(&read, out_counts);
}

/* ---- pages ---- */

static err_t read_cursor(graphql_field_t *field, buf_t *out)
{
    str_t after = graphql_arg_str(field, "after");
    return str_is_empty(after) ? ERR_OK : base64url_decode(out, after);
}

static err_t keep_edge(graphql_field_t *field, catalog_read_t *read, graph_record_t kind,
                       const catalog_item_t *item, graph_edge_t *out_edge)
{
    buf_t cursor BUF_SCOPED = BUF_INIT;
    base64url_append(&cursor, item->cursor);
    TRY(buf_status(&cursor));
    out_edge->cursor = graph_keep_str(field, buf_str(&cursor));
    return keep_record(field, read, kind, item->id, &out_edge->node);
}

err_t graph_return_page(graphql_field_t *field, graph_record_t kind, catalog_list_t list,
                        uint64_t of, bool is_backward, uint64_t total_count)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    buf_t after BUF_SCOPED = BUF_INIT;
    catalog_page_t page;
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    TRY(read_cursor(field, &after));
    catalog_page_options_t options = {.list = list,
                                      .of = of,
                                      .after = buf_str(&after),
                                      .limit = first,
                                      .is_backward = is_backward};
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    TRY(catalog_page(&read, &options, &page));

    graph_page_t *out = arena_new(graphql_arena(field), sizeof *out);
    graph_edge_t *edges = arena_new_array(graphql_arena(field), page.count, sizeof *edges);
    if (out == NULL || edges == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < page.count; i++)
        TRY(keep_edge(field, &read, kind, &page.items[i], &edges[i]));
    *out = (graph_page_t){.edges = edges,
                          .count = page.count,
                          .has_next = page.has_more,
                          .has_previous = after.size > 0,
                          .total_count = total_count};
    return graphql_return_object(field, out);
}
