#include "actors/social/people/follows.h"

#include "actors/protocol/account.h"
#include "actors/social/people/acting.h"

enum { ASK_USER_TIMEOUT_MS = 5000 };

static address_t user_at(str_t user_id)
{
    return address_of(USER_KIND, user_id);
}

/* ---- reading ---- */

static user_standing_t standing_to(const user_book_t *book, str_t user_id)
{
    return (user_standing_t){.is_following = links_has(&book->following, user_id),
                             .is_follower = links_has(&book->followers, user_id),
                             .following_count = book->following.count,
                             .follower_count = book->followers.count};
}

err_t follows_standing(const user_book_t *book, context_t *ctx, str_t user_id)
{
    user_standing_t standing = standing_to(book, user_id);
    return actor_reply_message(ctx, &user_standing_schema, &standing);
}

err_t follows_list(const user_book_t *book, context_t *ctx, const user_get_links_t *command)
{
    const links_t *links = command->is_of_followers ? &book->followers : &book->following;
    user_link_t page[USER_PAGE_MAX];
    bool has_next = false;
    uint32_t count = links_page(links, command->before,
                                MIN(command->first, (uint32_t)USER_PAGE_MAX), page, &has_next);
    return actor_reply(ctx, user_links, .links = {page, count}, .has_next = has_next,
                       .total_count = links->count);
}

/* ---- following ---- */

static void set_following(user_book_t *book, context_t *ctx, str_t user_id, bool is_following)
{
    emit(ctx, user_follow_set, .user_id = user_id, .is_following = is_following);
    acting_note(book, ctx, &(user_acted_t){.kind = ACTIVITY_FOLLOW, .object_id = user_id},
                is_following);
}

/* Sent first: a refusal after an event would cost the state. */
static err_t follow(user_book_t *book, context_t *ctx, const user_set_follow_t *command)
{
    bool is_change = false;
    TRY(user_decide_follow(book, context_key(ctx), command, &is_change));
    if (!is_change)
        return ERR_OK;
    TRY(actor_send_durably(ctx, user_at(command->user_id), user_note_follower,
                           .user_id = context_key(ctx), .is_following = command->is_following,
                           .since = context_wall_ms(ctx)));
    set_following(book, ctx, command->user_id, command->is_following);
    return ERR_OK;
}

typedef struct follow_job {
    reply_token_t token;
    char user_id[LINK_USER_ID_SIZE_MAX + 1];
} follow_job_t;

static void followed_is_known(void *state, context_t *ctx, const answer_t *answer, void *data,
                              UNUSED size_t data_size)
{
    user_book_t *book = state;
    const follow_job_t *job = data;
    const user_set_follow_t command = {.user_id = str_from(job->user_id), .is_following = true};
    err_t err = answer->err == ERR_OK ? follow(book, ctx, &command) : answer->err;
    if (err != ERR_OK) {
        actor_refuse_to(ctx, job->token, err);
        return;
    }
    user_standing_t standing = standing_to(book, command.user_id);
    actor_reply_to_message(ctx, job->token, ERR_OK, &user_standing_schema, &standing);
}

/* Whether there is such a user is asked first: an actor of any name answers. */
err_t follows_set(user_book_t *book, context_t *ctx, const user_set_follow_t *command)
{
    follow_job_t job;
    bool is_change = false;
    TRY(user_decide_follow(book, context_key(ctx), command, &is_change));
    if (!is_change || !command->is_following) {
        TRY(follow(book, ctx, command));
        return follows_standing(book, ctx, command->user_id);
    }
    str_to_array(command->user_id, job.user_id, sizeof job.user_id);
    job.token = actor_reply_later(ctx);
    actor_ask(ctx, address_of(ACCOUNT_KIND, command->user_id), ASK_USER_TIMEOUT_MS,
              followed_is_known, &job, sizeof job, account_get);
    return ERR_OK;
}

/* ---- being followed ---- */

/* Who can't be a follower of this one is told to end it. */
err_t follows_note(user_book_t *book, context_t *ctx, const user_note_follower_t *command)
{
    bool is_change = false;
    err_t err = user_decide_follower(book, command, &is_change);
    if (err == ERR_LIMIT)
        return actor_send_durably(ctx, user_at(command->user_id), user_forget,
                                  .user_id = context_key(ctx));
    TRY(err);
    if (is_change)
        emit(ctx, user_follower_set, .user_id = command->user_id,
             .is_follower = command->is_following, .since = command->since);
    return ERR_OK;
}

err_t follows_forget(user_book_t *book, context_t *ctx, str_t user_id)
{
    if (links_has(&book->following, user_id))
        set_following(book, ctx, user_id, false);
    if (links_has(&book->followers, user_id))
        emit(ctx, user_follower_set, .user_id = user_id);
    return actor_reply(ctx, user_done);
}

/* ---- parting ---- */

/* By the outbox, as what began them: so the end comes behind the beginning. A full one is no error:
 * some are left. */
static err_t part_from_followed(user_book_t *book, context_t *ctx)
{
    const links_t *following = &book->following;
    for (uint32_t i = 0; i < USER_PART_MAX && following->count > 0; i++) {
        const link_t last = following->items[following->count - 1];
        const user_set_follow_t end = {.user_id = str_from(last.user_id)};
        err_t err = follow(book, ctx, &end);
        if (err == ERR_LIMIT)
            break;
        TRY(err);
    }
    const user_parted_t left = {user_book_ties(book)};
    return actor_reply_message(ctx, &user_parted_schema, &left);
}

typedef struct part_job {
    reply_token_t token;
    char user_ids[USER_PART_MAX][LINK_USER_ID_SIZE_MAX + 1];
} part_job_t;

static void followers_have_forgotten(void *state, context_t *ctx, const answer_t *answers,
                                     uint32_t count, void *data, UNUSED size_t data_size)
{
    user_book_t *book = state;
    const part_job_t *job = data;
    err_t err = ERR_OK;
    for (uint32_t i = 0; i < count; i++) {
        str_t user_id = str_from(job->user_ids[i]);
        if (answers[i].err != ERR_OK)
            err = answers[i].err;
        else if (links_has(&book->followers, user_id))
            emit(ctx, user_follower_set, .user_id = user_id);
    }
    if (err != ERR_OK) {
        actor_refuse_to(ctx, job->token, err);
        return;
    }
    const user_parted_t left = {user_book_ties(book)};
    actor_reply_to_message(ctx, job->token, ERR_OK, &user_parted_schema, &left);
}

static err_t part_from_followers(user_book_t *book, context_t *ctx)
{
    uint32_t count = MIN(book->followers.count, (uint32_t)USER_PART_MAX);
    part_job_t *job = arena_new(context_arena(ctx), sizeof *job);
    address_t *to = arena_new_array(context_arena(ctx), count, sizeof *to);
    if (job == NULL || to == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const link_t *link = &book->followers.items[i];
        memcpy(job->user_ids[i], link->user_id, sizeof link->user_id);
        to[i] = user_at(str_from(job->user_ids[i]));
    }
    job->token = actor_reply_later(ctx);
    actor_ask_many(ctx, to, count, ASK_USER_TIMEOUT_MS, followers_have_forgotten, job, sizeof *job,
                   user_forget, .user_id = context_key(ctx));
    return ERR_OK;
}

err_t follows_part(user_book_t *book, context_t *ctx)
{
    return book->following.count > 0 ? part_from_followed(book, ctx)
                                     : part_from_followers(book, ctx);
}
