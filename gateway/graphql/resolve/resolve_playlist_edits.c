/* resolve_playlist_edits.c -- the mutations of playlists. */

#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/views.h"

static str_t caller_id(graphql_field_t *field)
{
    return graph_user_id(graph_of(field));
}

static err_t got_view(graphql_field_t *field, const answer_t *answer)
{
    return graph_return_playlist(field, answer->message);
}

static err_t arg_playlist(graphql_field_t *field, address_t *out_address)
{
    str_t key;
    TRY(graph_text_id(graphql_arg_str(field, "id"), "pl_", &key));
    *out_address = address_of(PLAYLIST_KIND, key);
    return ERR_OK;
}

static err_t playlist_tracks(graphql_field_t *field, const graph_track_ref_t *refs, uint32_t count,
                             const playlist_track_t **out_tracks)
{
    playlist_track_t *tracks = arena_new_array(graphql_arena(field), count, sizeof *tracks);
    if (tracks == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        tracks[i] = (playlist_track_t){refs[i].track_id, refs[i].duration_ms};
    *out_tracks = tracks;
    return ERR_OK;
}

static err_t create_with(graphql_field_t *field, const graph_track_ref_t *refs, uint32_t count)
{
    const playlist_track_t *tracks;
    TRY(playlist_tracks(field, refs, count, &tracks));
    return graph_ask_to_find(field, address_of(USER_KIND, caller_id(field)), got_view,
                             user_create_playlist, .name = graphql_arg_str(field, "name"),
                             .tracks = {tracks, count});
}

static err_t create_playlist(graphql_field_t *field)
{
    return graph_arg_tracks(field, PLAYLIST_TRACKS_MAX, create_with);
}

static err_t rename_playlist(graphql_field_t *field)
{
    address_t to;
    TRY(arg_playlist(field, &to));
    return graph_ask_to_find(field, to, got_view, playlist_rename, .user_id = caller_id(field),
                             .name = graphql_arg_str(field, "name"));
}

static err_t set_playlist_public(graphql_field_t *field)
{
    address_t to;
    TRY(arg_playlist(field, &to));
    return graph_ask_to_find(field, to, got_view, playlist_set_public, .user_id = caller_id(field),
                             .is_public = graphql_arg_bool(field, "isPublic", false));
}

static err_t got_deleted(graphql_field_t *field, const answer_t *answer)
{
    const playlist_deleted_t *deleted = answer->message;
    return graphql_return_str(
        field, arena_printf(graphql_arena(field), "pl_%.*s", STR_ARG(deleted->playlist_id)));
}

static err_t delete_playlist(graphql_field_t *field)
{
    address_t playlist;
    TRY(arg_playlist(field, &playlist));
    return graph_ask_to_find(field, address_of(USER_KIND, caller_id(field)), got_deleted,
                             user_delete_playlist, .playlist_id = playlist.key);
}

static err_t add_these(graphql_field_t *field, const graph_track_ref_t *refs, uint32_t count)
{
    const playlist_track_t *tracks;
    address_t to;
    TRY(arg_playlist(field, &to));
    TRY(playlist_tracks(field, refs, count, &tracks));
    return graph_ask(field, to, got_view, playlist_insert, .user_id = caller_id(field),
                     .tracks = {tracks, count}, .index = graphql_arg_int(field, "index", -1));
}

static err_t add_to_playlist(graphql_field_t *field)
{
    return graph_arg_tracks(field, PLAYLIST_TRACKS_MAX, add_these);
}

static err_t remove_from_playlist(graphql_field_t *field)
{
    const uint64_t *ids;
    uint32_t count;
    address_t to;
    TRY(arg_playlist(field, &to));
    TRY(graph_arg_entries(field, "entryIds", PLAYLIST_TRACKS_MAX, &ids, &count));
    return graph_ask(field, to, got_view, playlist_remove, .user_id = caller_id(field),
                     .entry_ids = {ids, count});
}

static err_t move_playlist_entry(graphql_field_t *field)
{
    int64_t index = graphql_arg_int(field, "index", -1);
    uint64_t entry;
    address_t to;
    TRY(arg_playlist(field, &to));
    TRY(graphql_arg_id(field, "entryId", &entry));
    if (index < 0)
        return ERR_INVALID;
    return graph_ask(field, to, got_view, playlist_move, .user_id = caller_id(field),
                     .entry_id = entry, .index = (uint32_t)index);
}

graph_rows_t resolve_playlist_edits(void)
{
    static const graphql_resolver_t rows[] = {
        {"Mutation.createPlaylist", .resolve = create_playlist},
        {"Mutation.renamePlaylist", .resolve = rename_playlist},
        {"Mutation.setPlaylistPublic", .resolve = set_playlist_public},
        {"Mutation.deletePlaylist", .resolve = delete_playlist},
        {"Mutation.addToPlaylist", .resolve = add_to_playlist},
        {"Mutation.removeFromPlaylist", .resolve = remove_from_playlist},
        {"Mutation.movePlaylistEntry", .resolve = move_playlist_entry},
    };
    return GRAPH_ROWS(rows);
}
