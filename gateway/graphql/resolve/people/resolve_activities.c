/* resolve_activities.c -- what those did whom the caller follows, newest first.
 *
 * Each of them is asked, at every page: at most FEED_PEOPLE_MAX, those followed last. Each says
 * what the caller may see. The order is by time, then user, then number; a cursor is a place in it.
 */

#include "gateway/graphql/resolve/views.h"

#include <stdlib.h>

enum {
    FEED_PEOPLE_MAX = USER_PAGE_MAX,
    FEED_TIES = 16 /* more than one does in a millisecond: asked for beyond the page */
};

typedef struct item {
    str_t user_id;
    const user_activity_t *activity;
} item_t;

/* ---- places ---- */

static str_t cursor_of(arena_t *arena, const item_t *item)
{
    return arena_printf(arena, "%lld.%llu.%.*s", (long long)item->activity->at,
                        (unsigned long long)item->activity->number, STR_ARG(item->user_id));
}

/* Takes what stands before the next dot. */
static err_t take_number(str_t *rest, uint64_t *out_number)
{
    size_t dot = str_find(*rest, '.');
    if (dot == rest->size)
        return ERR_INVALID;
    TRY(str_to_u64(str_slice(*rest, 0, dot), out_number));
    *rest = str_slice(*rest, dot + 1, rest->size);
    return ERR_OK;
}

static err_t place_of(str_t cursor, user_activity_t *room, item_t *out_item)
{
    uint64_t at;
    TRY(take_number(&cursor, &at));
    TRY(take_number(&cursor, &room->number));
    room->at = (int64_t)MIN(at, (uint64_t)INT64_MAX);
    *out_item = (item_t){cursor, room};
    return ERR_OK;
}

static int newest_first(const void *a, const void *b)
{
    const item_t *x = a, *y = b;
    if (x->activity->at != y->activity->at)
        return x->activity->at < y->activity->at ? 1 : -1;
    int by_user = str_compare(x->user_id, y->user_id);
    if (by_user != 0 || x->activity->number == y->activity->number)
        return by_user;
    return x->activity->number < y->activity->number ? 1 : -1;
}

/* ---- the page ---- */

static size_t collect(const void **answers, uint32_t count, const item_t *after, item_t *out)
{
    size_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        const user_activities_t *of = answers[i];
        for (uint32_t j = 0; j < of->activities.count; j++) {
            out[found] = (item_t){of->user_id, &of->activities.items[j]};
            found += after->activity == NULL || newest_first(after, &out[found]) < 0;
        }
    }
    qsort(out, found, sizeof *out, newest_first);
    return found;
}

static size_t activity_count(const void **answers, uint32_t count)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += ((const user_activities_t *)answers[i])->activities.count;
    return sum;
}

static err_t got_activities(graphql_field_t *field, const void **answers, uint32_t count)
{
    str_t cursor = graphql_arg_str(field, "after");
    arena_t *arena = graphql_arena(field);
    user_activity_t room = {0};
    item_t after = {0};
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    if (!str_is_empty(cursor))
        TRY(place_of(cursor, &room, &after));
    graph_page_t *page = arena_new(arena, sizeof *page);
    item_t *items = arena_new_array(arena, activity_count(answers, count) + 1, sizeof *items);
    if (page == NULL || items == NULL)
        return ERR_NO_MEMORY;
    size_t found = collect(answers, count, &after, items), shown = MIN(found, (size_t)first);
    graph_edge_t *edges = arena_new_array(arena, shown, sizeof *edges);
    if (edges == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < shown; i++) {
        edges[i].cursor = cursor_of(arena, &items[i]);
        edges[i].node = &items[i];
    }
    *page = (graph_page_t){.edges = edges,
                           .count = shown,
                           .has_next = shown < found,
                           .has_previous = after.activity != NULL};
    return graphql_return_object(field, page);
}

static err_t got_followed(graphql_field_t *field, const answer_t *answer)
{
    const user_links_t *followed = answer->message;
    str_t cursor = graphql_arg_str(field, "after");
    user_activity_t room = {0};
    item_t after;
    str_t ids[FEED_PEOPLE_MAX];
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    if (!str_is_empty(cursor))
        TRY(place_of(cursor, &room, &after));
    const user_get_activities_t question = {
        .user_id = graph_user_id(graph_of(field)), .until = room.at, .first = first + FEED_TIES};
    const graph_gather_t all = {USER_KIND, &user_get_activities_schema, &question, got_activities};
    for (uint32_t i = 0; i < followed->links.count; i++)
        ids[i] = followed->links.items[i].user_id;
    return graph_gather(field, &all, ids, followed->links.count);
}

static err_t query_activity_feed(graphql_field_t *field)
{
    return graph_ask(field, address_of(USER_KIND, graph_user_id(graph_of(field))), got_followed,
                     user_get_links, .first = FEED_PEOPLE_MAX);
}

/* ---- Activity ---- */

static const item_t *item_of(graphql_field_t *field)
{
    return graphql_source(field);
}

static err_t activity_user(graphql_field_t *field)
{
    return graph_return_user_or_null(field, item_of(field)->user_id);
}

static err_t activity_kind(graphql_field_t *field)
{
    static const char *const kinds[] = {"FAVOURITE", "RATING", "PLAYLIST", "FOLLOW"};
    uint32_t kind = item_of(field)->activity->kind;
    if (kind < ACTIVITY_FAVOURITE || kind > ACTIVITY_FOLLOW)
        return ERR_INTERNAL;
    return graphql_return_str(field, str_from(kinds[kind - 1]));
}

static err_t activity_at(graphql_field_t *field)
{
    return graph_return_time(field, item_of(field)->activity->at);
}

static err_t activity_track(graphql_field_t *field)
{
    const catalog_track_t *track = NULL;
    if (item_of(field)->activity->track_id != 0)
        TRY(graph_track_kept(field, item_of(field)->activity->track_id, &track));
    return track == NULL ? graphql_return_null(field) : graphql_return_object(field, track);
}

static err_t activity_rating(graphql_field_t *field)
{
    uint32_t rating = item_of(field)->activity->rating;
    return rating == 0 ? graphql_return_null(field) : graphql_return_int(field, rating);
}

/* What it is now, for the caller. */
static err_t activity_playlist(graphql_field_t *field)
{
    const user_activity_t *activity = item_of(field)->activity;
    if (activity->kind != ACTIVITY_PLAYLIST)
        return graphql_return_null(field);
    return graph_return_playlist_node(
        field, arena_printf(graphql_arena(field), "pl_%.*s", STR_ARG(activity->object_id)));
}

static err_t activity_followed(graphql_field_t *field)
{
    const user_activity_t *activity = item_of(field)->activity;
    return activity->kind == ACTIVITY_FOLLOW ? graph_return_user_or_null(field, activity->object_id)
                                             : graphql_return_null(field);
}

graph_rows_t resolve_activities(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.activityFeed", .resolve = query_activity_feed},
        {"Activity.user", .resolve = activity_user},
        {"Activity.kind", .resolve = activity_kind},
        {"Activity.at", .resolve = activity_at},
        {"Activity.track", .resolve = activity_track},
        {"Activity.rating", .resolve = activity_rating},
        {"Activity.playlist", .resolve = activity_playlist},
        {"Activity.followed", .resolve = activity_followed},
    };
    return GRAPH_ROWS(rows);
}
