/* resolve_follows.c -- who follows whom. The numbers are everybody's to see, the lists one's own.
 */

#include "actors/protocol/account.h"
#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/views.h"

static address_t caller(graphql_field_t *field)
{
    return address_of(USER_KIND, graph_user_id(graph_of(field)));
}

static str_t id_of(graphql_field_t *field)
{
    return ((const account_info_t *)graphql_source(field))->user_id;
}

static err_t query_user(graphql_field_t *field)
{
    str_t id;
    if (graph_text_id(graphql_arg_str(field, "id"), "us_", &id) != ERR_OK)
        return graphql_return_null(field);
    return graph_return_user_or_null(field, id);
}

/* ---- numbers ---- */

/* How another stands to the caller says how many follow whom. */
static err_t ask_other(graphql_field_t *field, graph_then_fn then)
{
    return graph_ask(field, address_of(USER_KIND, id_of(field)), then, user_get_standing,
                     .user_id = graph_user_id(graph_of(field)));
}

static err_t ask_caller(graphql_field_t *field, graph_then_fn then)
{
    return graph_ask(field, caller(field), then, user_get_standing, .user_id = id_of(field));
}

static err_t got_follower_count(graphql_field_t *field, const answer_t *answer)
{
    return graphql_return_int(field, ((const user_standing_t *)answer->message)->follower_count);
}

static err_t follower_count(graphql_field_t *field)
{
    return ask_other(field, got_follower_count);
}

static err_t got_following_count(graphql_field_t *field, const answer_t *answer)
{
    return graphql_return_int(field, ((const user_standing_t *)answer->message)->following_count);
}

static err_t following_count(graphql_field_t *field)
{
    return ask_other(field, got_following_count);
}

static err_t got_is_followed(graphql_field_t *field, const answer_t *answer)
{
    return graphql_return_bool(field, ((const user_standing_t *)answer->message)->is_following);
}

static err_t is_followed(graphql_field_t *field)
{
    return ask_caller(field, got_is_followed);
}

static err_t got_is_follower(graphql_field_t *field, const answer_t *answer)
{
    return graphql_return_bool(field, ((const user_standing_t *)answer->message)->is_follower);
}

static err_t is_follower(graphql_field_t *field)
{
    return ask_caller(field, got_is_follower);
}

/* ---- lists ---- */

static err_t got_links(graphql_field_t *field, const answer_t *answer)
{
    const user_links_t *got = graph_keep(field, &user_links_schema, answer->message);
    graph_page_t *page =
        got == NULL ? NULL
                    : graph_new_page(field, got->links.count, got->has_next, got->total_count);
    if (page == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < got->links.count; i++)
        graph_add_edge(field, page, got->links.items[i].number, &got->links.items[i]);
    return graphql_return_object(field, page);
}

static err_t links(graphql_field_t *field, bool is_of_followers)
{
    str_t after = graphql_arg_str(field, "after");
    uint64_t before = 0;
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    if (!str_is_empty(after))
        TRY(str_to_u64(after, &before));
    return graph_ask(field, caller(field), got_links, user_get_links,
                     .is_of_followers = is_of_followers, .before = before, .first = first);
}

static err_t query_following(graphql_field_t *field)
{
    return links(field, false);
}

static err_t query_followers(graphql_field_t *field)
{
    return links(field, true);
}

static err_t follow_user(graphql_field_t *field)
{
    return graph_return_user_or_null(field, ((const user_link_t *)graphql_source(field))->user_id);
}

static err_t follow_since(graphql_field_t *field)
{
    return graph_return_time(field, ((const user_link_t *)graphql_source(field))->since);
}

/* ---- edits ---- */

static err_t got_user(graphql_field_t *field, const answer_t *answer)
{
    const void *copy = graph_keep(field, &account_info_schema, answer->message);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

static err_t got_standing(graphql_field_t *field, const answer_t *answer)
{
    str_t id;
    (void)answer;
    TRY(graph_text_id(graphql_arg_str(field, "userId"), "us_", &id));
    return graph_ask_again(field, address_of(ACCOUNT_KIND, id), got_user, account_get);
}

static err_t set_follow(graphql_field_t *field, bool is_following)
{
    str_t id;
    TRY(graph_text_id(graphql_arg_str(field, "userId"), "us_", &id));
    return graph_ask(field, caller(field), got_standing, user_set_follow, .user_id = id,
                     .is_following = is_following);
}

static err_t follow(graphql_field_t *field)
{
    return set_follow(field, true);
}

static err_t unfollow(graphql_field_t *field)
{
    return set_follow(field, false);
}

graph_rows_t resolve_follows(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.user", .resolve = query_user},
        {"Query.following", .resolve = query_following},
        {"Query.followers", .resolve = query_followers},
        {"Mutation.follow", .resolve = follow},
        {"Mutation.unfollow", .resolve = unfollow},
        {"User.followerCount", .resolve = follower_count},
        {"User.followingCount", .resolve = following_count},
        {"User.isFollowed", .resolve = is_followed},
        {"User.isFollower", .resolve = is_follower},
        {"Follow.user", .resolve = follow_user},
        {"Follow.since", .resolve = follow_since},
    };
    return GRAPH_ROWS(rows);
}
