/* resolve_rooms.c -- rooms, and what is said in them. */

#include "gateway/graphql/resolve/views.h"

#include <stdlib.h>

static str_t caller_id(graphql_field_t *field)
{
    return graph_user_id(graph_of(field));
}

static const room_view_t *view_of(graphql_field_t *field)
{
    return graphql_source(field);
}

static err_t arg_room(graphql_field_t *field, const char *name, address_t *out_address)
{
    str_t key;
    TRY(graph_text_id(graphql_arg_str(field, name), "ro_", &key));
    *out_address = address_of(ROOM_KIND, key);
    return ERR_OK;
}

err_t graph_return_room(graphql_field_t *field, const room_view_t *view)
{
    const void *copy = graph_keep(field, &room_view_schema, view);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

static err_t got_room(graphql_field_t *field, const answer_t *answer)
{
    return graph_return_room(field, answer->message);
}

/* ---- queries ---- */

static err_t query_room(graphql_field_t *field)
{
    address_t to;
    if (arg_room(field, "id", &to) != ERR_OK)
        return graphql_return_null(field);
    return graph_ask_or_null(field, to, got_room, room_get, .user_id = caller_id(field));
}

static err_t view_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, ((const room_view_t *const *)items)[index]);
}

static int newest_first(const void *a, const void *b)
{
    const room_view_t *x = *(const room_view_t *const *)a, *y = *(const room_view_t *const *)b;
    if (x->created_at != y->created_at)
        return x->created_at < y->created_at ? 1 : -1;
    return str_compare(x->room_id, y->room_id);
}

/* Those that the caller has just left are on the list for a moment yet. */
static err_t got_rooms(graphql_field_t *field, const void **views, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (((const room_view_t *)views[i])->is_member)
            views[kept++] = views[i];
    qsort(views, kept, sizeof *views, newest_first);
    return graphql_return_list(field, kept, view_item, views);
}

static err_t got_ids(graphql_field_t *field, const answer_t *answer)
{
    const user_rooms_t *list = answer->message;
    const room_get_t question = {.user_id = caller_id(field)};
    const graph_gather_t all = {ROOM_KIND, &room_get_schema, &question, got_rooms};
    return graph_gather(field, &all, list->room_ids.items, list->room_ids.count);
}

static err_t query_rooms(graphql_field_t *field)
{
    return graph_ask(field, address_of(USER_KIND, caller_id(field)), got_ids, user_get_rooms);
}

/* ---- Room ---- */

static err_t return_room_id(graphql_field_t *field, str_t id)
{
    return graphql_return_str(field, arena_printf(graphql_arena(field), "ro_%.*s", STR_ARG(id)));
}

static err_t room_id(graphql_field_t *field)
{
    return return_room_id(field, view_of(field)->room_id);
}

/* What an erased owner called it is gone: an empty one came without data. */
static err_t room_name(graphql_field_t *field)
{
    str_t name = view_of(field)->name;
    return graphql_return_str(field, str_is_empty(name) ? STR("") : name);
}

static err_t room_owner(graphql_field_t *field)
{
    return graph_return_user_or_null(field, view_of(field)->owner_id);
}

static err_t room_created_at(graphql_field_t *field)
{
    return graph_return_time(field, view_of(field)->created_at);
}

static err_t member_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const user_link_t *)items + index);
}

static err_t got_members(graphql_field_t *field, const answer_t *answer)
{
    const room_members_t *got = graph_keep(field, &room_members_schema, answer->message);
    return got == NULL
               ? ERR_NO_MEMORY
               : graphql_return_list(field, got->members.count, member_item, got->members.items);
}

static err_t room_members_of(graphql_field_t *field)
{
    return graph_ask(field, address_of(ROOM_KIND, view_of(field)->room_id), got_members,
                     room_get_members, .user_id = caller_id(field));
}

static err_t member_user(graphql_field_t *field)
{
    return graph_return_user_or_null(field, ((const user_link_t *)graphql_source(field))->user_id);
}

static err_t member_since(graphql_field_t *field)
{
    return graph_return_time(field, ((const user_link_t *)graphql_source(field))->since);
}

static err_t got_messages(graphql_field_t *field, const answer_t *answer)
{
    const room_messages_t *got = graph_keep(field, &room_messages_schema, answer->message);
    graph_page_t *page =
        got == NULL ? NULL
                    : graph_new_page(field, got->messages.count, got->has_next, got->total_count);
    if (page == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < got->messages.count; i++)
        graph_add_edge(field, page, got->messages.items[i].message_id, &got->messages.items[i]);
    return graphql_return_object(field, page);
}

static err_t room_messages_of(graphql_field_t *field)
{
    str_t after = graphql_arg_str(field, "after");
    uint64_t before = 0;
    uint32_t first;
    TRY(graph_arg_first(field, &first));
    if (!str_is_empty(after))
        TRY(str_to_u64(after, &before));
    return graph_ask(field, address_of(ROOM_KIND, view_of(field)->room_id), got_messages,
                     room_get_messages, .user_id = caller_id(field), .before = before,
                     .first = first);
}

/* ---- RoomMessage ---- */

static err_t message_author(graphql_field_t *field)
{
    return graph_return_user_or_null(field,
                                     ((const room_message_t *)graphql_source(field))->author_id);
}

static err_t message_sent_at(graphql_field_t *field)
{
    return graph_return_time(field, ((const room_message_t *)graphql_source(field))->sent_at);
}

/* ---- edits ---- */

static err_t create_room(graphql_field_t *field)
{
    return graph_ask(field, address_of(USER_KIND, caller_id(field)), got_room, user_create_room,
                     .name = graphql_arg_str(field, "name"),
                     .is_public = graphql_arg_bool(field, "isPublic", false));
}

static err_t join_room(graphql_field_t *field)
{
    address_t room;
    TRY(arg_room(field, "id", &room));
    return graph_ask(field, address_of(USER_KIND, caller_id(field)), got_room, user_join_room,
                     .room_id = room.key);
}

static err_t rename_room(graphql_field_t *field)
{
    address_t to;
    TRY(arg_room(field, "id", &to));
    return graph_ask(field, to, got_room, room_rename, .user_id = caller_id(field),
                     .name = graphql_arg_str(field, "name"));
}

static err_t set_room_public(graphql_field_t *field)
{
    address_t to;
    TRY(arg_room(field, "id", &to));
    return graph_ask(field, to, got_room, room_set_public, .user_id = caller_id(field),
                     .is_public = graphql_arg_bool(field, "isPublic", false));
}

static err_t got_done(graphql_field_t *field, const answer_t *answer)
{
    return return_room_id(field, ((const room_done_t *)answer->message)->room_id);
}

static err_t leave_room(graphql_field_t *field)
{
    address_t to;
    TRY(arg_room(field, "id", &to));
    return graph_ask(field, to, got_done, room_leave, .user_id = caller_id(field));
}

static err_t close_room(graphql_field_t *field)
{
    address_t to;
    TRY(arg_room(field, "id", &to));
    return graph_ask(field, to, got_done, room_close, .user_id = caller_id(field));
}

static err_t got_said(graphql_field_t *field, const answer_t *answer)
{
    const room_said_t *said = graph_keep(field, &room_said_schema, answer->message);
    room_message_t *message = arena_new(graphql_arena(field), sizeof *message);
    if (said == NULL || message == NULL)
        return ERR_NO_MEMORY;
    *message = (room_message_t){said->message_id, said->author_id, said->text, said->sent_at};
    return graphql_return_object(field, message);
}

static err_t post_message(graphql_field_t *field)
{
    address_t to;
    TRY(arg_room(field, "roomId", &to));
    return graph_ask(field, to, got_said, room_post, .user_id = caller_id(field),
                     .text = graphql_arg_str(field, "text"));
}

static err_t got_deleted(graphql_field_t *field, const answer_t *answer)
{
    (void)answer;
    return graphql_return_str(field, graphql_arg_str(field, "messageId"));
}

static err_t delete_message(graphql_field_t *field)
{
    uint64_t id;
    address_t to;
    TRY(arg_room(field, "roomId", &to));
    TRY(graphql_arg_id(field, "messageId", &id));
    return graph_ask(field, to, got_deleted, room_delete_message, .user_id = caller_id(field),
                     .message_id = id);
}

graph_rows_t resolve_rooms(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.rooms", .resolve = query_rooms},
        {"Query.room", .resolve = query_room},
        {"Mutation.createRoom", .resolve = create_room},
        {"Mutation.joinRoom", .resolve = join_room},
        {"Mutation.leaveRoom", .resolve = leave_room},
        {"Mutation.renameRoom", .resolve = rename_room},
        {"Mutation.setRoomPublic", .resolve = set_room_public},
        {"Mutation.closeRoom", .resolve = close_room},
        {"Mutation.postMessage", .resolve = post_message},
        {"Mutation.deleteMessage", .resolve = delete_message},
        {"Room.id", .resolve = room_id},
        {"Room.name", .resolve = room_name},
        {"Room.owner", .resolve = room_owner},
        {"Room.isPublic", GRAPHQL_MEMBER(room_view_t, is_public)},
        {"Room.isMember", GRAPHQL_MEMBER(room_view_t, is_member)},
        {"Room.version", GRAPHQL_MEMBER(room_view_t, version)},
        {"Room.memberCount", GRAPHQL_MEMBER(room_view_t, member_count)},
        {"Room.messageCount", GRAPHQL_MEMBER(room_view_t, message_count)},
        {"Room.createdAt", .resolve = room_created_at},
        {"Room.members", .resolve = room_members_of},
        {"Room.messages", .resolve = room_messages_of},
        {"RoomMember.user", .resolve = member_user},
        {"RoomMember.since", .resolve = member_since},
        {"RoomMessage.id", GRAPHQL_MEMBER(room_message_t, message_id)},
        {"RoomMessage.author", .resolve = message_author},
        {"RoomMessage.text", GRAPHQL_MEMBER(room_message_t, text)},
        {"RoomMessage.sentAt", .resolve = message_sent_at},
    };
    return GRAPH_ROWS(rows);
}
