/* resolve_user.c -- users, and what the caller made of tracks: favourites, ratings, history. */

#include "actors/protocol/account.h"
#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/facts.h"
#include "gateway/graphql/resolve/views.h"

static address_t user_address(graphql_field_t *field)
{
    return address_of(USER_KIND, graph_user_id(graph_of(field)));
}

/* ---- User ---- */

static err_t got_account(graphql_field_t *field, const answer_t *answer)
{
    const void *copy = graph_keep(field, &account_info_schema, answer->message);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

err_t graph_return_user(graphql_field_t *field, str_t user_id)
{
    return graph_ask(field, address_of(ACCOUNT_KIND, user_id), got_account, account_get);
}

err_t graph_return_user_or_null(graphql_field_t *field, str_t user_id)
{
    return graph_ask_or_null(field, address_of(ACCOUNT_KIND, user_id), got_account, account_get);
}

static err_t query_me(graphql_field_t *field)
{
    return graph_return_user(field, graph_user_id(graph_of(field)));
}

static err_t user_id(graphql_field_t *field)
{
    const account_info_t *account = graphql_source(field);
    return graphql_return_str(
        field, arena_printf(graphql_arena(field), "us_%.*s", STR_ARG(account->user_id)));
}

static err_t user_role(graphql_field_t *field)
{
    const account_info_t *account = graphql_source(field);
    return graphql_return_str(field,
                              account->role == ACCOUNT_ROLE_ADMIN ? STR("ADMIN") : STR("LISTENER"));
}

static err_t user_created_at(graphql_field_t *field)
{
    return graph_return_time(field, ((const account_info_t *)graphql_source(field))->created_at);
}

/* ---- favourites ---- */

static err_t got_favourites(graphql_field_t *field, const answer_t *answer)
{
    const user_favourites_t *got = answer->message;
    graph_page_t *page =
        graph_new_page(field, got->favourites.count, got->has_next, got->total_count);
    if (page == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < got->favourites.count; i++) {
        const user_favourite_t *favourite = &got->favourites.items[i];
        const catalog_track_t *track;
        TRY(graph_track_kept(field, favourite->track_id, &track));
        if (track != NULL)
            graph_add_edge(field, page, favourite->number, track);
    }
    return graphql_return_object(field, page);
}

static err_t query_favourites(graphql_field_t *field)
{
    str_t after = graphql_arg_str(field, "after");
    uint64_t before = 0;
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    if (!str_is_empty(after))
        TRY(str_to_u64(after, &before));
    return graph_ask(field, user_address(field), got_favourites, user_get_favourites,
                     .before = before, .first = first);
}

/* ---- history ---- */

typedef struct play {
    const catalog_track_t *track;
    int64_t played_at;
} play_t;

static err_t play_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const play_t *)items + index);
}

static err_t got_history(graphql_field_t *field, const answer_t *answer)
{
    const user_history_t *got = answer->message;
    play_t *plays = arena_new_array(graphql_arena(field), got->plays.count, sizeof *plays);
    size_t count = 0;
    if (plays == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < got->plays.count; i++) {
        plays[count].played_at = got->plays.items[i].played_at;
        TRY(graph_track_kept(field, got->plays.items[i].track_id, &plays[count].track));
        count += plays[count].track != NULL ? 1 : 0;
    }
    return graphql_return_list(field, count, play_item, plays);
}

static err_t query_history(graphql_field_t *field)
{
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    return graph_ask(field, user_address(field), got_history, user_get_history, .first = first);
}

static err_t play_track(graphql_field_t *field)
{
    return graphql_return_object(field, ((const play_t *)graphql_source(field))->track);
}

static err_t play_played_at(graphql_field_t *field)
{
    return graph_return_time(field, ((const play_t *)graphql_source(field))->played_at);
}

/* ---- edits ---- */

static err_t got_facts(graphql_field_t *field, const answer_t *answer)
{
    const user_facts_t *facts = answer->message;
    const catalog_track_t *track;
    if (facts->tracks.count == 0)
        return ERR_NOT_FOUND;
    TRY(graph_track(field, facts->tracks.items[0].track_id, &track));
    return graphql_return_object(field, track);
}

/* The id of a track that is in the catalog. */
static err_t arg_track(graphql_field_t *field, uint64_t *out_id)
{
    const catalog_track_t *track;
    TRY(graph_arg_id(field, "trackId", "tr_", out_id));
    return graph_track(field, *out_id, &track);
}

static err_t set_favourite(graphql_field_t *field)
{
    uint64_t id;
    TRY(arg_track(field, &id));
    return graph_ask(field, user_address(field), got_facts, user_set_favourite, .track_id = id,
                     .is_favourite = graphql_arg_bool(field, "isFavourite", false));
}

static err_t set_rating(graphql_field_t *field)
{
    uint64_t id;
    int64_t rating = graphql_arg_int(field, "rating", 0);
    TRY(arg_track(field, &id));
    if (rating < 0 || rating > USER_RATING_MAX)
        return graphql_return_error(field, ERR_INVALID, "a rating is 1 to 5");
    return graph_ask(field, user_address(field), got_facts, user_set_rating, .track_id = id,
                     .rating = (uint32_t)rating);
}

/* ---- Listener ---- */

static err_t listener_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const presence_listener_t *)items + index);
}

err_t graph_return_listeners(graphql_field_t *field, const presence_list_t *list)
{
    const presence_list_t *copy = graph_keep(field, &presence_list_schema, list);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    return graphql_return_list(field, copy->listeners.count, listener_item, copy->listeners.items);
}

static err_t listener_user(graphql_field_t *field)
{
    return graph_return_user(field, ((const presence_listener_t *)graphql_source(field))->user_id);
}

static err_t listener_track(graphql_field_t *field)
{
    const presence_listener_t *listener = graphql_source(field);
    const catalog_track_t *track = NULL;
    if (listener->track_id != 0)
        TRY(graph_track_kept(field, listener->track_id, &track));
    return track == NULL ? graphql_return_null(field) : graphql_return_object(field, track);
}

graph_rows_t resolve_user(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.me", .resolve = query_me},
        {"Query.favourites", .resolve = query_favourites},
        {"Query.history", .resolve = query_history},
        {"Mutation.setFavourite", .resolve = set_favourite},
        {"Mutation.setRating", .resolve = set_rating},
        {"User.id", .resolve = user_id},
        {"User.name", GRAPHQL_MEMBER(account_info_t, name)},
        {"User.role", .resolve = user_role},
        {"User.createdAt", .resolve = user_created_at},
        {"Play.track", .resolve = play_track},
        {"Play.playedAt", .resolve = play_played_at},
        {"Listener.user", .resolve = listener_user},
        {"Listener.track", .resolve = listener_track},
        {"Listener.isPlaying", GRAPHQL_MEMBER(presence_listener_t, is_playing)},
    };
    return GRAPH_ROWS(rows);
}
