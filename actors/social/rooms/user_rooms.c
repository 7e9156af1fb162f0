#include "actors/social/rooms/user_rooms.h"

enum { ASK_ROOM_TIMEOUT_MS = 5000 };

static address_t room_at(str_t room_id)
{
    return address_of(ROOM_KIND, room_id);
}

err_t rooms_list(const user_book_t *book, context_t *ctx)
{
    str_t ids[USER_ROOMS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < book->rooms.count; i++)
        if (book->rooms.items[i].standing == ROOM_STANDING_MEMBER)
            ids[count++] = str_from(book->rooms.items[i].id);
    return actor_reply(ctx, user_rooms, .room_ids = {ids, count});
}

/* ---- making and joining ---- */

typedef struct room_job {
    reply_token_t token;
    char id[ROOM_ID_SIZE_MAX + 1];
} room_job_t;

static void room_is_open(void *state, context_t *ctx, const answer_t *answer, void *data,
                         UNUSED size_t data_size)
{
    user_book_t *book = state;
    const room_job_t *job = data;
    str_t id = str_from(job->id);
    err_t err = answer->err == ERR_OK ? room_list_reserve(&book->rooms, id) : answer->err;
    if (err != ERR_OK) {
        actor_refuse_to(ctx, job->token, err);
        return;
    }
    if (room_list_standing(&book->rooms, id) != ROOM_STANDING_MEMBER)
        emit(ctx, user_room_set, .room_id = id, .standing = ROOM_STANDING_MEMBER);
    actor_reply_to_message(ctx, job->token, ERR_OK, &room_view_schema, answer->message);
}

static err_t begin(user_book_t *book, context_t *ctx, str_t room_id, room_job_t *job)
{
    TRY(room_list_reserve(&book->rooms, room_id));
    str_to_array(room_id, job->id, sizeof job->id);
    job->token = actor_reply_later(ctx);
    return ERR_OK;
}

err_t rooms_create(user_book_t *book, context_t *ctx, str_t room_id,
                   const user_create_room_t *command)
{
    room_job_t job;
    TRY(begin(book, ctx, room_id, &job));
    actor_ask(ctx, room_at(room_id), ASK_ROOM_TIMEOUT_MS, room_is_open, &job, sizeof job,
              room_create, .user_id = context_key(ctx), .name = command->name,
              .is_public = command->is_public);
    return ERR_OK;
}

err_t rooms_join(user_book_t *book, context_t *ctx, str_t room_id)
{
    room_job_t job;
    TRY(begin(book, ctx, room_id, &job));
    actor_ask(ctx, room_at(room_id), ASK_ROOM_TIMEOUT_MS, room_is_open, &job, sizeof job, room_join,
              .user_id = context_key(ctx));
    return ERR_OK;
}

/* ---- what rooms tell ---- */

/* Who can't keep a room has it forget them. */
err_t rooms_note(user_book_t *book, context_t *ctx, const user_note_room_t *command)
{
    bool is_new = command->standing != ROOM_STANDING_NONE;
    err_t err = is_new ? room_list_reserve(&book->rooms, command->room_id) : ERR_OK;
    if (is_new && (book->is_erased || err == ERR_LIMIT))
        return actor_send_durably(ctx, room_at(command->room_id), room_forget,
                                  .user_id = context_key(ctx));
    TRY(err);
    if (room_list_standing(&book->rooms, command->room_id) != command->standing)
        emit(ctx, user_room_set, .room_id = command->room_id, .standing = command->standing);
    return ERR_OK;
}

/* ---- parting ---- */

typedef struct part_job {
    reply_token_t token;
    char ids[USER_PART_MAX][ROOM_ID_SIZE_MAX + 1];
} part_job_t;

static void rooms_have_forgotten(void *state, context_t *ctx, const answer_t *answers,
                                 uint32_t count, void *data, UNUSED size_t data_size)
{
    user_book_t *book = state;
    const part_job_t *job = data;
    err_t err = ERR_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (answers[i].err == ERR_OK)
            emit(ctx, user_room_set, .room_id = str_from(job->ids[i]));
        else
            err = answers[i].err;
    }
    if (err != ERR_OK) {
        actor_refuse_to(ctx, job->token, err);
        return;
    }
    const user_parted_t left = {user_book_ties(book)};
    actor_reply_to_message(ctx, job->token, ERR_OK, &user_parted_schema, &left);
}

err_t rooms_part(user_book_t *book, context_t *ctx)
{
    uint32_t count = MIN(book->rooms.count, (uint32_t)USER_PART_MAX);
    part_job_t *job = arena_new(context_arena(ctx), sizeof *job);
    address_t *to = arena_new_array(context_arena(ctx), count, sizeof *to);
    if (job == NULL || to == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const listed_room_t *room = &book->rooms.items[i];
        memcpy(job->ids[i], room->id, sizeof room->id);
        to[i] = room_at(str_from(job->ids[i]));
    }
    job->token = actor_reply_later(ctx);
    actor_ask_many(ctx, to, count, ASK_ROOM_TIMEOUT_MS, rooms_have_forgotten, job, sizeof *job,
                   room_forget, .user_id = context_key(ctx));
    return ERR_OK;
}
