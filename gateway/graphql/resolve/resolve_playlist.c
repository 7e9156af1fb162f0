/* resolve_playlist.c -- playlists: reading them, and the caller's list of them. */

#include "actors/protocol/account.h"
#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/views.h"

#include <stdlib.h>

static const playlist_view_t *view_of(graphql_field_t *field)
{
    return graphql_source(field);
}

err_t graph_return_playlist(graphql_field_t *field, const playlist_view_t *view)
{
    const void *copy = graph_keep(field, &playlist_view_schema, view);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

/* ---- one ---- */

static err_t got_node(graphql_field_t *field, const answer_t *answer)
{
    const void *copy = graph_keep(field, &playlist_view_schema, answer->message);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    return str_equal(graphql_field_name(field), STR("node"))
               ? graphql_return_object_as(field, "Playlist", copy)
               : graphql_return_object(field, copy);
}

err_t graph_return_playlist_node(graphql_field_t *field, str_t id)
{
    str_t key;
    if (graph_text_id(id, "pl_", &key) != ERR_OK)
        return graphql_return_null(field);
    return graph_ask_or_null(field, address_of(PLAYLIST_KIND, key), got_node, playlist_get,
                             .user_id = graph_user_id(graph_of(field)));
}

static err_t query_playlist(graphql_field_t *field)
{
    return graph_return_playlist_node(field, graphql_arg_str(field, "id"));
}

/* ---- all of somebody's: who may not hear one is not answered by it ---- */

static int newest_first(const void *a, const void *b)
{
    const playlist_view_t *x = *(const playlist_view_t *const *)a;
    const playlist_view_t *y = *(const playlist_view_t *const *)b;
    if (x->changed_at != y->changed_at)
        return x->changed_at < y->changed_at ? 1 : -1;
    return str_compare(x->playlist_id, y->playlist_id);
}

static err_t view_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, ((const playlist_view_t *const *)items)[index]);
}

static err_t got_views(graphql_field_t *field, const void **views, uint32_t count)
{
    qsort(views, count, sizeof *views, newest_first);
    return graphql_return_list(field, count, view_item, views);
}

static err_t got_ids(graphql_field_t *field, const answer_t *answer)
{
    const user_playlists_t *list = answer->message;
    const playlist_get_t question = {.user_id = graph_user_id(graph_of(field))};
    const graph_gather_t all = {PLAYLIST_KIND, &playlist_get_schema, &question, got_views};
    return graph_gather(field, &all, list->playlist_ids.items, list->playlist_ids.count);
}

err_t graph_return_playlists(graphql_field_t *field)
{
    return graph_ask(field, address_of(USER_KIND, graph_user_id(graph_of(field))), got_ids,
                     user_get_playlists);
}

/* There is such a user. */
static err_t got_owner(graphql_field_t *field, const answer_t *answer)
{
    str_t user_id = ((const account_info_t *)answer->message)->user_id;
    return graph_ask_again(field, address_of(USER_KIND, user_id), got_ids, user_get_playlists);
}

static err_t query_playlists(graphql_field_t *field)
{
    str_t of = graphql_arg_str(field, "of"), user_id;
    if (str_is_empty(of))
        return graph_return_playlists(field);
    TRY(graph_text_id(of, "us_", &user_id));
    return graph_ask(field, address_of(ACCOUNT_KIND, user_id), got_owner, account_get);
}

/* ---- Playlist ---- */

static err_t playlist_id(graphql_field_t *field)
{
    return graphql_return_str(
        field, arena_printf(graphql_arena(field), "pl_%.*s", STR_ARG(view_of(field)->playlist_id)));
}

static err_t playlist_owner(graphql_field_t *field)
{
    return graph_return_user(field, view_of(field)->owner_id);
}

static err_t playlist_changed_at(graphql_field_t *field)
{
    return graph_return_time(field, view_of(field)->changed_at);
}

typedef struct entry {
    uint64_t id;
    const catalog_track_t *track;
    int64_t added_at;
} entry_t;

static err_t got_entries(graphql_field_t *field, const answer_t *answer)
{
    const playlist_view_t *view = answer->message;
    arena_t *arena = graphql_arena(field);
    graph_page_t *page = arena_new(arena, sizeof *page);
    graph_edge_t *edges = arena_new_array(arena, view->entries.count, sizeof *edges);
    entry_t *entries = arena_new_array(arena, view->entries.count, sizeof *entries);
    if (page == NULL || edges == NULL || entries == NULL)
        return ERR_NO_MEMORY;
    *page = (graph_page_t){.edges = edges,
                           .has_next = view->has_next,
                           .has_previous = view->first_index > 0,
                           .total_count = view->entry_count};
    for (uint32_t i = 0; i < view->entries.count; i++) {
        const playlist_entry_t *from = &view->entries.items[i];
        entry_t *entry = &entries[page->count];
        *entry = (entry_t){.id = from->entry_id, .added_at = from->added_at};
        TRY(graph_track_kept(field, from->track_id, &entry->track));
        if (entry->track == NULL)
            continue;
        edges[page->count++] =
            (graph_edge_t){arena_printf(arena, "%llu", (unsigned long long)entry->id), entry, NULL};
    }
    return graphql_return_object(field, page);
}

static err_t playlist_entries(graphql_field_t *field)
{
    str_t after = graphql_arg_str(field, "after");
    uint64_t after_entry = 0;
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    if (!str_is_empty(after))
        TRY(str_to_u64(after, &after_entry));
    return graph_ask(field, address_of(PLAYLIST_KIND, view_of(field)->playlist_id), got_entries,
                     playlist_get, .user_id = graph_user_id(graph_of(field)),
                     .after_entry_id = after_entry,
                     .first = MIN(first, (uint32_t)PLAYLIST_PAGE_MAX));
}

static err_t entry_added_at(graphql_field_t *field)
{
    return graph_return_time(field, ((const entry_t *)graphql_source(field))->added_at);
}

graph_rows_t resolve_playlist(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.playlists", .resolve = query_playlists},
        {"Query.playlist", .resolve = query_playlist},
        {"Playlist.id", .resolve = playlist_id},
        {"Playlist.name", GRAPHQL_MEMBER(playlist_view_t, name)},
        {"Playlist.owner", .resolve = playlist_owner},
        {"Playlist.version", GRAPHQL_MEMBER(playlist_view_t, version)},
        {"Playlist.entryCount", GRAPHQL_MEMBER(playlist_view_t, entry_count)},
        {"Playlist.durationMs", GRAPHQL_MEMBER(playlist_view_t, duration_ms)},
        {"Playlist.changedAt", .resolve = playlist_changed_at},
        {"Playlist.isPublic", GRAPHQL_MEMBER(playlist_view_t, is_public)},
        {"Playlist.entries", .resolve = playlist_entries},
        {"PlaylistEntry.id", GRAPHQL_MEMBER(entry_t, id)},
        {"PlaylistEntry.track", GRAPHQL_MEMBER_POINTER(entry_t, track)},
        {"PlaylistEntry.addedAt", .resolve = entry_added_at},
    };
    return GRAPH_ROWS(rows);
}
