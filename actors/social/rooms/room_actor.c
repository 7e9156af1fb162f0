/* room_actor.c -- the actor around room_rules.h. Whoever comes to a room, or goes, has it told to
 * their `user`: by a message in the append of the event, sent before it is emitted. */

#include "actors/social/kinds.h"
#include "actors/social/rooms/room_rules.h"

typedef struct room_self {
    room_t room;
    bool is_broken; /* an event could not be applied: there was no memory */
} room_self_t;

#define ACTOR_DEF "actors/protocol/room.def"
#define ACTOR_STATE room_self_t
#include "runtime/actor_kind.h"

/* ---- answering and telling ---- */

static err_t answer(const room_self_t *self, context_t *ctx, str_t user_id)
{
    const room_t *room = &self->room;
    return actor_reply(
        ctx, room_view, .room_id = context_key(ctx), .owner_id = str_from(room->owner_id),
        .name = str_from(room->name), .version = room->version, .is_public = room->is_public,
        .is_member = room_has_member(room, user_id), .member_count = room->members.count,
        .message_count = room->message_count, .created_at = room->created_at);
}

static err_t answer_done(context_t *ctx)
{
    return actor_reply(ctx, room_done, .room_id = context_key(ctx));
}

static void publish_change(const room_self_t *self, context_t *ctx)
{
    str_t id = context_key(ctx);
    actor_publish(ctx, arena_printf(context_arena(ctx), "room/%.*s", STR_ARG(id)), room_changed,
                  .room_id = id, .version = self->room.version, .is_closed = self->room.is_closed);
}

static err_t tell(context_t *ctx, str_t user_id, room_standing_t standing)
{
    return actor_send_durably(ctx, address_of(USER_KIND, user_id), user_note_room,
                              .room_id = context_key(ctx), .standing = standing);
}

/* Members, and those who said something and left. */
static err_t tell_all_of_the_end(const room_t *room, context_t *ctx)
{
    for (uint32_t i = 0; i < room->members.count; i++)
        TRY(tell(ctx, str_from(room->members.items[i].user_id), ROOM_STANDING_NONE));
    for (uint32_t i = 0; i < room->message_count; i++) {
        str_t author = room_author(room, i);
        if (!room_has_member(room, author) && !room_has_words_of(room, author, i + 1))
            TRY(tell(ctx, author, ROOM_STANDING_NONE));
    }
    return ERR_OK;
}

static err_t close_room(room_self_t *self, context_t *ctx)
{
    TRY(tell_all_of_the_end(&self->room, ctx));
    emit(ctx, room_closed, .owner_id = str_from(self->room.owner_id));
    return ERR_OK;
}

/* ---- reading ---- */

ON(room_get)
{
    TRY(room_check_seen(&self->room, command->user_id));
    return answer(self, ctx, command->user_id);
}

ON(room_get_messages)
{
    room_message_t page[ROOM_PAGE_MAX];
    bool has_next = false;
    TRY(room_check_member(&self->room, command->user_id));
    uint32_t count = room_page(&self->room, command->before,
                               MIN(command->first, (uint32_t)ROOM_PAGE_MAX), page, &has_next);
    return actor_reply(ctx, room_messages, .messages = {page, count}, .has_next = has_next,
                       .total_count = self->room.message_count);
}

ON(room_get_members)
{
    const user_link_t *members;
    TRY(room_check_member(&self->room, command->user_id));
    TRY(links_to_records(&self->room.members, context_arena(ctx), &members));
    return actor_reply(ctx, room_members, .members = {members, self->room.members.count});
}

/* ---- talking ---- */

ON(room_post)
{
    room_posted_t event;
    TRY(room_decide_post(&self->room, command, &event));
    if (event.kept_from != 0) {
        str_t author = room_author(&self->room, 0);
        if (!room_has_member(&self->room, author) && !room_has_words_of(&self->room, author, 1))
            TRY(tell(ctx, author, ROOM_STANDING_NONE));
    }
    actor_emit(ctx, &room_posted_schema, &event);
    publish_change(self, ctx);
    return actor_reply(ctx, room_said, .message_id = event.message_id, .author_id = event.author_id,
                       .text = event.text, .sent_at = context_wall_ms(ctx));
}

ON(room_delete_message)
{
    TRY(room_decide_delete(&self->room, command));
    emit(ctx, room_message_deleted, .author_id = command->user_id,
         .message_id = command->message_id);
    publish_change(self, ctx);
    return answer_done(ctx);
}

/* ---- coming and going ---- */

ON(room_create)
{
    room_created_t event;
    bool is_change = false;
    TRY(room_decide_create(&self->room, command, &event, &is_change));
    if (is_change) {
        TRY(tell(ctx, command->user_id, ROOM_STANDING_MEMBER));
        actor_emit(ctx, &room_created_schema, &event);
    }
    return answer(self, ctx, command->user_id);
}

ON(room_join)
{
    bool is_change = false;
    TRY(room_decide_join(&self->room, command->user_id, &is_change));
    if (is_change) {
        TRY(tell(ctx, command->user_id, ROOM_STANDING_MEMBER));
        emit(ctx, room_joined, .user_id = command->user_id);
        publish_change(self, ctx);
    }
    return answer(self, ctx, command->user_id);
}

/* After who owned it has gone. `name`: what the new owner takes over. */
static void pass_on(context_t *ctx, str_t heir, str_t name)
{
    emit(ctx, room_owner_set, .owner_id = heir, .name = name);
}

ON(room_leave)
{
    room_t *room = &self->room;
    arena_t *arena = context_arena(ctx);
    TRY(room_check_seen(room, command->user_id));
    if (!room_has_member(room, command->user_id))
        return answer_done(ctx);
    bool is_owner = room_check_owner(room, command->user_id) == ERR_OK;
    str_t heir = arena_str(arena, room_heir(room, command->user_id));
    str_t name = arena_str(arena, str_from(room->name));
    if (str_is_empty(heir)) {
        TRY(close_room(self, ctx));
    } else {
        TRY(tell(ctx, command->user_id,
                 room_has_words_of(room, command->user_id, 0) ? ROOM_STANDING_LEFT
                                                              : ROOM_STANDING_NONE));
        emit(ctx, room_left, .user_id = command->user_id);
        if (is_owner)
            pass_on(ctx, heir, name);
    }
    publish_change(self, ctx);
    return answer_done(ctx);
}

/* Nothing of theirs stays: what they called the room neither. */
ON(room_forget)
{
    room_t *room = &self->room;
    if (room_standing_of(room, command->user_id) == ROOM_STANDING_NONE)
        return answer_done(ctx);
    bool is_owner = room_check_owner(room, command->user_id) == ERR_OK;
    str_t heir = arena_str(context_arena(ctx), room_heir(room, command->user_id));
    if (str_is_empty(heir)) {
        TRY(close_room(self, ctx));
    } else {
        emit(ctx, room_forgotten, .user_id = command->user_id);
        if (is_owner)
            pass_on(ctx, heir, STR(""));
    }
    publish_change(self, ctx);
    return answer_done(ctx);
}

/* ---- owning ---- */

ON(room_rename)
{
    TRY(room_check_owner(&self->room, command->user_id));
    TRY(room_check_name(command->name));
    str_t name = str_trim(command->name);
    if (!str_equal(name, str_from(self->room.name))) {
        emit(ctx, room_renamed, .owner_id = command->user_id, .name = name);
        publish_change(self, ctx);
    }
    return answer(self, ctx, command->user_id);
}

ON(room_set_public)
{
    TRY(room_check_owner(&self->room, command->user_id));
    if (command->is_public != self->room.is_public) {
        emit(ctx, room_public_set, .owner_id = command->user_id, .is_public = command->is_public);
        publish_change(self, ctx);
    }
    return answer(self, ctx, command->user_id);
}

ON(room_close)
{
    bool was_closed =
        self->room.is_closed && str_equal(str_from(self->room.owner_id), command->user_id);
    if (!was_closed) {
        TRY(room_check_owner(&self->room, command->user_id));
        TRY(close_room(self, ctx));
        publish_change(self, ctx);
    }
    return answer_done(ctx);
}

/* ---- events ---- */

APPLY(room_created)
{
    self->is_broken |= room_apply_created(&self->room, event, wall_ms) == ERR_NO_MEMORY;
}

APPLY(room_renamed)
{
    room_apply_renamed(&self->room, event->name);
}

APPLY(room_public_set)
{
    room_apply_public(&self->room, event->is_public);
}

APPLY(room_owner_set)
{
    room_apply_owner(&self->room, event);
}

APPLY(room_joined)
{
    self->is_broken |= room_apply_joined(&self->room, event->user_id, wall_ms) == ERR_NO_MEMORY;
}

APPLY(room_left)
{
    room_apply_left(&self->room, event->user_id);
}

APPLY(room_posted)
{
    self->is_broken |= room_apply_posted(&self->room, event, wall_ms) == ERR_NO_MEMORY;
}

APPLY(room_message_deleted)
{
    room_apply_deleted(&self->room, event->message_id);
}

APPLY(room_forgotten)
{
    room_apply_forgotten(&self->room, event->user_id);
}

APPLY(room_closed)
{
    room_apply_closed(&self->room);
}

/* ---- life ---- */

static err_t start(void *state, UNUSED context_t *ctx)
{
    return ((room_self_t *)state)->is_broken ? ERR_NO_MEMORY : ERR_OK;
}

static void deinit(void *state)
{
    room_deinit(&((room_self_t *)state)->room);
}

static void snapshot(const void *state, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    room_state_t record;
    if (room_to_state(&((const room_self_t *)state)->room, &arena, &record) == ERR_OK)
        schema_encode(&room_state_schema, &record, out);
    else
        out->failed = ERR_NO_MEMORY;
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    room_state_t record;
    TRY(schema_decode(&room_state_schema, text, &arena, &record));
    return room_from_state(&((room_self_t *)state)->room, &record);
}

ACTOR_KIND(room, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore,
           .idle_ms = 120000, .snapshot_every = 500);
