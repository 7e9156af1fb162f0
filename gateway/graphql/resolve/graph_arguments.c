/* graph_arguments.c -- lists of ids as they come in mutations. */

#include "gateway/graphql/resolve/views.h"

typedef struct tracks {
    const graphql_value_t *ids;
    graph_track_ref_t *refs;
    uint32_t count;
    graph_tracks_fn then;
} tracks_t;

static err_t look_up(graphql_field_t *field, void *data, size_t begin, size_t end)
{
    tracks_t *self = data;
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(catalog_read_begin(graph_of(field)->home->api->catalog, &scratch, &read));
    for (size_t i = begin; i < end; i++) {
        catalog_track_t track;
        uint64_t id;
        TRY(graph_id(graphql_value_str(graphql_value_at(self->ids, i)), "tr_", &id));
        TRY(catalog_track(&read, id, &track));
        self->refs[i] =
            (graph_track_ref_t){id, (uint32_t)MIN(track.duration_ms, (uint64_t)UINT32_MAX)};
    }
    return ERR_OK;
}

static err_t looked_up(graphql_field_t *field, void *data)
{
    const tracks_t *self = data;
    return self->then(field, self->refs, self->count);
}

err_t graph_arg_tracks(graphql_field_t *field, size_t max, graph_tracks_fn then)
{
    const graphql_value_t *ids = graphql_arg(field, "trackIds");
    size_t count = graphql_value_count(ids);
    if (count > max)
        return ERR_LIMIT;
    tracks_t *self = arena_new(graphql_arena(field), sizeof *self);
    graph_track_ref_t *refs = arena_new_array(graphql_arena(field), count, sizeof *refs);
    if (self == NULL || refs == NULL)
        return ERR_NO_MEMORY;
    *self = (tracks_t){ids, refs, (uint32_t)count, then};
    return graph_in_slices(field, count, look_up, looked_up, self);
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
