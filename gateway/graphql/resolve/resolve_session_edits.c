/* resolve_session_edits.c -- the mutations of the playback session. */

#include "gateway/graphql/resolve/views.h"

static err_t got_view(graphql_field_t *field, const answer_t *answer)
{
    return graph_return_session(field, answer->message);
}

/* An edit is answered with its version only; the client gets the state after it. */
static err_t edit_done(graphql_field_t *field, const answer_t *answer)
{
    (void)answer;
    return graph_ask_again(field, address_of(SESSION_KIND, graph_user_id(graph_of(field))),
                           got_view, session_get);
}

/* Asks the caller's session. */
#define ask_session(field, command, ...)                                                           \
    graph_ask((field), address_of(SESSION_KIND, graph_user_id(graph_of(field))), edit_done,        \
              command, ##__VA_ARGS__)

static err_t queue_tracks(graphql_field_t *field, const graph_track_ref_t *refs, uint32_t count,
                          const session_track_t **out_tracks)
{
    session_track_t *tracks = arena_new_array(graphql_arena(field), count, sizeof *tracks);
    if (tracks == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        tracks[i] = (session_track_t){refs[i].track_id, refs[i].duration_ms};
    *out_tracks = tracks;
    return ERR_OK;
}

static err_t play_these(graphql_field_t *field, const graph_track_ref_t *refs, uint32_t count)
{
    int64_t start = graphql_arg_int(field, "startIndex", 0);
    const session_track_t *tracks;
    TRY(queue_tracks(field, refs, count, &tracks));
    if (start < 0)
        return ERR_INVALID;
    return ask_session(field, session_play_tracks, .device_id = graphql_arg_str(field, "deviceId"),
                       .tracks = {tracks, count}, .start_index = (uint32_t)start);
}

static err_t play_tracks(graphql_field_t *field)
{
    return graph_arg_tracks(field, SESSION_QUEUE_MAX, play_these);
}

static err_t enqueue_these(graphql_field_t *field, const graph_track_ref_t *refs, uint32_t count)
{
    const session_track_t *tracks;
    TRY(queue_tracks(field, refs, count, &tracks));
    return ask_session(field, session_enqueue, .tracks = {tracks, count},
                       .is_next = str_equal(graphql_arg_str(field, "place"), STR("NEXT")));
}

static err_t enqueue(graphql_field_t *field)
{
    return graph_arg_tracks(field, SESSION_QUEUE_MAX, enqueue_these);
}

static err_t remove_from_queue(graphql_field_t *field)
{
    const uint64_t *ids;
    uint32_t count;
    TRY(graph_arg_entries(field, "entryIds", SESSION_QUEUE_MAX, &ids, &count));
    return ask_session(field, session_remove, .entry_ids = {ids, count});
}

static err_t move_queue_entry(graphql_field_t *field)
{
    int64_t index = graphql_arg_int(field, "index", -1);
    uint64_t entry;
    TRY(graphql_arg_id(field, "entryId", &entry));
    if (index < 0)
        return ERR_INVALID;
    return ask_session(field, session_move, .entry_id = entry, .index = (uint32_t)index);
}

static err_t clear_queue(graphql_field_t *field)
{
    return ask_session(field, session_clear);
}

/* An entry id that may be left out: 0. */
static err_t arg_entry(graphql_field_t *field, uint64_t *out_entry)
{
    *out_entry = 0;
    return graphql_value_is_null(graphql_arg(field, "entryId"))
               ? ERR_OK
               : graphql_arg_id(field, "entryId", out_entry);
}

static err_t play(graphql_field_t *field)
{
    uint64_t entry;
    TRY(arg_entry(field, &entry));
    return ask_session(field, session_play, .device_id = graphql_arg_str(field, "deviceId"),
                       .entry_id = entry, .position_ms = graphql_arg_int(field, "positionMs", -1));
}

static err_t pause_here(graphql_field_t *field)
{
    return ask_session(field, session_pause,
                       .position_ms = graphql_arg_int(field, "positionMs", -1));
}

static err_t seek(graphql_field_t *field)
{
    return ask_session(field, session_seek, .position_ms = graphql_arg_int(field, "positionMs", 0));
}

static err_t report_progress(graphql_field_t *field)
{
    uint64_t entry;
    TRY(graphql_arg_id(field, "entryId", &entry));
    return ask_session(field, session_report_progress,
                       .device_id = graphql_arg_str(field, "deviceId"), .entry_id = entry,
                       .position_ms = graphql_arg_int(field, "positionMs", 0),
                       .is_playing = graphql_arg_bool(field, "isPlaying", false),
                       .placement = (uint64_t)MAX(graphql_arg_int(field, "placement", 0), 0));
}

static err_t set_repeat(graphql_field_t *field)
{
    str_t name = graphql_arg_str(field, "repeat");
    session_repeat_t repeat = str_equal(name, STR("ALL"))   ? SESSION_REPEAT_ALL
                              : str_equal(name, STR("ONE")) ? SESSION_REPEAT_ONE
                                                            : SESSION_REPEAT_OFF;
    return ask_session(field, session_set_repeat, .repeat = repeat);
}

static err_t set_shuffle(graphql_field_t *field)
{
    return ask_session(field, session_set_shuffle,
                       .is_shuffled = graphql_arg_bool(field, "isShuffled", false));
}

static err_t set_volume(graphql_field_t *field)
{
    int64_t volume = graphql_arg_int(field, "volume", 0);
    if (volume < 0 || volume > SESSION_VOLUME_MAX)
        return graphql_return_error(field, ERR_INVALID, "a volume is 0 to 100");
    return ask_session(field, session_set_volume, .device_id = graphql_arg_str(field, "deviceId"),
                       .volume = (uint32_t)volume);
}

static err_t transfer_playback(graphql_field_t *field)
{
    return ask_session(field, session_transfer, .device_id = graphql_arg_str(field, "deviceId"));
}

static err_t forget_device(graphql_field_t *field)
{
    return ask_session(field, session_forget_device,
                       .device_id = graphql_arg_str(field, "deviceId"));
}

graph_rows_t resolve_session_edits(void)
{
    static const graphql_resolver_t rows[] = {
        {"Mutation.playTracks", .resolve = play_tracks},
        {"Mutation.enqueue", .resolve = enqueue},
        {"Mutation.removeFromQueue", .resolve = remove_from_queue},
        {"Mutation.moveQueueEntry", .resolve = move_queue_entry},
        {"Mutation.clearQueue", .resolve = clear_queue},
        {"Mutation.play", .resolve = play},
        {"Mutation.pause", .resolve = pause_here},
        {"Mutation.seek", .resolve = seek},
        {"Mutation.reportProgress", .resolve = report_progress},
        {"Mutation.setRepeat", .resolve = set_repeat},
        {"Mutation.setShuffle", .resolve = set_shuffle},
        {"Mutation.setVolume", .resolve = set_volume},
        {"Mutation.transferPlayback", .resolve = transfer_playback},
        {"Mutation.forgetDevice", .resolve = forget_device},
    };
    return GRAPH_ROWS(rows);
}
