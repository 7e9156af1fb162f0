/* resolve_session.c -- the caller's playback session. */

#include "gateway/graphql/resolve/views.h"

static const session_view_t *view_of(graphql_field_t *field)
{
    return graphql_source(field);
}

err_t graph_return_session(graphql_field_t *field, const session_view_t *view)
{
    const void *copy = graph_keep(field, &session_view_schema, view);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

static err_t got_view(graphql_field_t *field, const answer_t *answer)
{
    return graph_return_session(field, answer->message);
}

static err_t query_session(graphql_field_t *field)
{
    return graph_ask(field, address_of(SESSION_KIND, graph_user_id(graph_of(field))), got_view,
                     session_get);
}

/* ---- PlaybackSession ---- */

typedef struct entry {
    uint64_t id;
    const catalog_track_t *track;
} entry_t;

static err_t entry_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const entry_t *)items + index);
}

typedef struct queue {
    const session_view_t *view;
    entry_t *entries;
    size_t count;
} queue_t;

static err_t look_up(graphql_field_t *field, void *data, size_t begin, size_t end)
{
    queue_t *self = data;
    for (size_t i = begin; i < end; i++) {
        const session_entry_t *from = &self->view->queue.items[i];
        entry_t *entry = &self->entries[self->count];
        entry->id = from->entry_id;
        TRY(graph_track_kept(field, from->track_id, &entry->track));
        self->count += entry->track != NULL ? 1 : 0;
    }
    return ERR_OK;
}

static err_t looked_up(graphql_field_t *field, void *data)
{
    const queue_t *self = data;
    return graphql_return_list(field, self->count, entry_item, self->entries);
}

static err_t session_queue(graphql_field_t *field)
{
    const session_view_t *view = view_of(field);
    queue_t *self = arena_new(graphql_arena(field), sizeof *self);
    entry_t *entries = arena_new_array(graphql_arena(field), view->queue.count, sizeof *entries);
    if (self == NULL || entries == NULL)
        return ERR_NO_MEMORY;
    *self = (queue_t){view, entries, 0};
    return graph_in_slices(field, view->queue.count, look_up, looked_up, self);
}

static err_t session_current(graphql_field_t *field)
{
    uint64_t id = view_of(field)->current_entry_id;
    return id == 0 ? graphql_return_null(field) : graphql_return_id(field, id);
}

static err_t session_position_at(graphql_field_t *field)
{
    int64_t at = view_of(field)->position_at;
    return graph_return_time(field, at == 0 ? view_of(field)->server_time : at);
}

static err_t session_server_time(graphql_field_t *field)
{
    const api_t *api = graph_of(field)->home->api;
    return graph_return_time(field, clock_wall_ms(&api->clock));
}

static err_t session_repeat(graphql_field_t *field)
{
    static const char *const names[] = {
        [SESSION_REPEAT_OFF] = "OFF", [SESSION_REPEAT_ALL] = "ALL", [SESSION_REPEAT_ONE] = "ONE"};
    uint32_t repeat = view_of(field)->repeat;
    return graphql_return_str(field, str_from(names[repeat < COUNT_OF(names) ? repeat : 0]));
}

static err_t session_active(graphql_field_t *field)
{
    return graph_return_text_or_null(field, view_of(field)->active_device_id);
}

static err_t device_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const session_device_t *)items + index);
}

static err_t session_devices(graphql_field_t *field)
{
    return graphql_return_list(field, view_of(field)->devices.count, device_item,
                               view_of(field)->devices.items);
}

graph_rows_t resolve_session(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.session", .resolve = query_session},
        {"PlaybackSession.version", GRAPHQL_MEMBER(session_view_t, version)},
        {"PlaybackSession.placement", GRAPHQL_MEMBER(session_view_t, placement)},
        {"PlaybackSession.queue", .resolve = session_queue},
        {"PlaybackSession.currentEntryId", .resolve = session_current},
        {"PlaybackSession.isPlaying", GRAPHQL_MEMBER(session_view_t, is_playing)},
        {"PlaybackSession.positionMs", GRAPHQL_MEMBER(session_view_t, position_ms)},
        {"PlaybackSession.positionAt", .resolve = session_position_at},
        {"PlaybackSession.serverTime", .resolve = session_server_time},
        {"PlaybackSession.repeat", .resolve = session_repeat},
        {"PlaybackSession.isShuffled", GRAPHQL_MEMBER(session_view_t, is_shuffled)},
        {"PlaybackSession.activeDeviceId", .resolve = session_active},
        {"PlaybackSession.devices", .resolve = session_devices},
        {"QueueEntry.id", GRAPHQL_MEMBER(entry_t, id)},
        {"QueueEntry.track", GRAPHQL_MEMBER_POINTER(entry_t, track)},
        {"Device.id", GRAPHQL_MEMBER(session_device_t, device_id)},
        {"Device.name", GRAPHQL_MEMBER(session_device_t, name)},
        {"Device.isOnline", GRAPHQL_MEMBER(session_device_t, is_online)},
        {"Device.volume", GRAPHQL_MEMBER(session_device_t, volume)},
    };
    return GRAPH_ROWS(rows);
}
