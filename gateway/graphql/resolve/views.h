#pragma once
/* views.h -- answers of actors as GraphQL objects, for queries, edits and subscriptions alike.
 *
 * Each copies what it is given into the field's arena. */

#include "actors/protocol/playlist.h"
#include "actors/protocol/presence.h"
#include "actors/protocol/room.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/session.h"
#include "gateway/graphql/resolve/graph.h"

err_t graph_return_library(graphql_field_t *field, const library_status_t *status);
err_t graph_return_session(graphql_field_t *field, const session_view_t *view);
err_t graph_return_playlist(graphql_field_t *field, const playlist_view_t *view);
err_t graph_return_room(graphql_field_t *field, const room_view_t *view);
err_t graph_return_user(graphql_field_t *field, str_t user_id);
/* Null: there is no such user (any more). */
err_t graph_return_user_or_null(graphql_field_t *field, str_t user_id);
err_t graph_return_listeners(graphql_field_t *field, const presence_list_t *list);
/* The caller's playlists, newest change first: asks `user`, then each playlist. */
err_t graph_return_playlists(graphql_field_t *field);

/* Tracks for a queue or a playlist: id and duration, from ids of the argument `trackIds`; `then`
 * goes on with them, for the same field. NOT_FOUND: one of them is no track; LIMIT: more than
 * `max`. */
typedef struct graph_track_ref {
    uint64_t track_id;
    uint32_t duration_ms;
} graph_track_ref_t;
typedef err_t (*graph_tracks_fn)(graphql_field_t *field, const graph_track_ref_t *tracks,
                                 uint32_t count);
err_t graph_arg_tracks(graphql_field_t *field, size_t max, graph_tracks_fn then);
/* Numbers of a list of entry ids ("17"). INVALID; LIMIT. */
err_t graph_arg_entries(graphql_field_t *field, const char *name, size_t max,
                        const uint64_t **out_ids, uint32_t *out_count);
