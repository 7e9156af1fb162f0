/* graph_arguments.c -- lists of ids as they come in mutations. */

#include "gateway/graphql/views.h"

err_t graph_arg_tracks(graphql_field_t *field, const char *name, size_t max,
                       const graph_track_ref_t **out_tracks, uint32_t *out_count)
{
    const graphql_value_t *list = graphql_arg(field, name);
    size_t count = graphql_value_count(list);
    if (count > max)
        return ERR_LIMIT;
    graph_track_ref_t *tracks = arena_new_array(graphql_arena(field), count, sizeof *tracks);
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    if (tracks == NULL)
        return ERR_NO_MEMORY;
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    for (size_t i = 0; i < count; i++) {
        catalog_track_t track;
        uint64_t id;
        TRY(graph_id(graphql_value_str(graphql_value_at(list, i)), "tr_", &id));
        TRY(catalog_track(&read, id, &track));
        tracks[i] = (graph_track_ref_t){id, (uint32_t)MIN(track.duration_ms, (uint64_t)UINT32_MAX)};
    }
    *out_tracks = tracks;
    *out_count = (uint32_t)count;
    return ERR_OK;
}

err_t graph_arg_entries(graphql_field_t *field, const char *name, size_t max,
                        const uint64_t **out_ids, uint32_t *out_count)
{
    const graphql_value_t *list = graphql_arg(field, name);
    size_t count = graphql_value_count(list);
    if (count > max)
        return ERR_LIMIT;
    uint64_t *ids = arena_new_array(graphql_arena(field), count, sizeof *ids);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        TRY(graphql_value_id(graphql_value_at(list, i), &ids[i]));
    *out_ids = ids;
    *out_count = (uint32_t)count;
    return ERR_OK;
}
