#include "actors/social/rooms/room_rules.h"

#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"

static void forget_message(room_kept_t *message)
{
    memory_free(STEAL(message->text));
}

static void forget_messages(room_t *self)
{
    for (uint32_t i = 0; i < self->message_count; i++)
        forget_message(&self->messages[i]);
    self->message_count = 0;
}

void room_deinit(room_t *self)
{
    forget_messages(self);
    memory_free(self->messages);
    links_deinit(&self->members);
    *self = (room_t){0};
}

/* ---- looking ---- */

bool room_has_member(const room_t *self, str_t user_id)
{
    return links_has(&self->members, user_id);
}

str_t room_author(const room_t *self, uint32_t index)
{
    return str_from(self->messages[index].author_id);
}

bool room_has_words_of(const room_t *self, str_t user_id, uint32_t from)
{
    for (uint32_t i = from; i < self->message_count; i++)
        if (str_equal(room_author(self, i), user_id))
            return true;
    return false;
}

room_standing_t room_standing_of(const room_t *self, str_t user_id)
{
    if (room_has_member(self, user_id))
        return ROOM_STANDING_MEMBER;
    return room_has_words_of(self, user_id, 0) ? ROOM_STANDING_LEFT : ROOM_STANDING_NONE;
}

str_t room_heir(const room_t *self, str_t user_id)
{
    for (uint32_t i = 0; i < self->members.count; i++) {
        str_t member = str_from(self->members.items[i].user_id);
        if (!str_equal(member, user_id))
            return member;
    }
    return STR("");
}

err_t room_check_seen(const room_t *self, str_t user_id)
{
    if (self->owner_id[0] == '\0' || self->is_closed)
        return ERR_NOT_FOUND;
    return self->is_public || room_has_member(self, user_id) ? ERR_OK : ERR_NOT_FOUND;
}

err_t room_check_member(const room_t *self, str_t user_id)
{
    TRY(room_check_seen(self, user_id));
    return room_has_member(self, user_id) ? ERR_OK : ERR_FORBIDDEN;
}

err_t room_check_owner(const room_t *self, str_t user_id)
{
    TRY(room_check_seen(self, user_id));
    return str_equal(str_from(self->owner_id), user_id) ? ERR_OK : ERR_FORBIDDEN;
}

err_t room_check_name(str_t name)
{
    bool is_name =
        name.size <= ROOM_NAME_SIZE_MAX && !str_is_empty(str_trim(name)) && utf8_is_line(name);
    return is_name ? ERR_OK : ERR_INVALID;
}

/* Lines and tabs may be; other control characters not. */
static err_t check_text(str_t text)
{
    if (text.size > ROOM_TEXT_SIZE_MAX || str_is_empty(str_trim(text)) || !utf8_is_valid(text))
        return ERR_INVALID;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            return ERR_INVALID;
    }
    return ERR_OK;
}

/* ---- decide ---- */

static err_t reserve_messages(room_t *self)
{
    if (self->messages == NULL)
        self->messages = memory_new_array(ROOM_MESSAGES_MAX, sizeof *self->messages);
    return self->messages == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t room_decide_create(room_t *self, const room_create_t *command, room_created_t *out_event,
                         bool *out_is_change)
{
    if (self->owner_id[0] != '\0') {
        bool is_same = !self->is_closed && str_equal(str_from(self->owner_id), command->user_id);
        *out_is_change = false;
        return is_same ? ERR_OK : ERR_CONFLICT;
    }
    if (str_is_empty(command->user_id) || command->user_id.size > ROOM_USER_ID_SIZE_MAX)
        return ERR_INVALID;
    TRY(room_check_name(command->name));
    TRY(links_reserve(&self->members, ROOM_MEMBERS_MAX));
    *out_event = (room_created_t){.owner_id = command->user_id,
                                  .name = str_trim(command->name),
                                  .is_public = command->is_public};
    *out_is_change = true;
    return ERR_OK;
}

err_t room_decide_join(room_t *self, str_t user_id, bool *out_is_change)
{
    if (str_is_empty(user_id) || user_id.size > ROOM_USER_ID_SIZE_MAX)
        return ERR_INVALID;
    TRY(room_check_seen(self, user_id));
    *out_is_change = !room_has_member(self, user_id);
    return *out_is_change ? links_reserve(&self->members, ROOM_MEMBERS_MAX) : ERR_OK;
}

err_t room_decide_post(room_t *self, const room_post_t *command, room_posted_t *out_event)
{
    TRY(room_check_member(self, command->user_id));
    TRY(check_text(command->text));
    TRY(reserve_messages(self));
    str_t text = str_trim(command->text);
    uint64_t kept_from = 0;
    if (self->message_count == ROOM_MESSAGES_MAX)
        kept_from = self->messages[1].message_id;
    *out_event = (room_posted_t){.author_id = command->user_id,
                                 .message_id = self->last_message + 1,
                                 .text = text,
                                 .size_bytes = (uint32_t)text.size,
                                 .kept_from = kept_from};
    return ERR_OK;
}

static uint32_t index_of(const room_t *self, uint64_t message_id)
{
    uint32_t i = 0;
    while (i < self->message_count && self->messages[i].message_id != message_id)
        i++;
    return i;
}

err_t room_decide_delete(const room_t *self, const room_delete_message_t *command)
{
    TRY(room_check_member(self, command->user_id));
    uint32_t index = index_of(self, command->message_id);
    if (index == self->message_count)
        return ERR_NOT_FOUND;
    bool is_own = str_equal(str_from(self->messages[index].author_id), command->user_id);
    return is_own ? ERR_OK : ERR_FORBIDDEN;
}

/* ---- apply ---- */

err_t room_apply_created(room_t *self, const room_created_t *event, int64_t wall_ms)
{
    str_to_array(event->owner_id, self->owner_id, sizeof self->owner_id);
    str_to_array(event->name, self->name, sizeof self->name);
    self->is_public = event->is_public;
    self->created_at = wall_ms;
    self->version++;
    return links_add(&self->members, event->owner_id, wall_ms);
}

void room_apply_renamed(room_t *self, str_t name)
{
    str_to_array(name, self->name, sizeof self->name);
    self->version++;
}

void room_apply_public(room_t *self, bool is_public)
{
    self->is_public = is_public;
    self->version++;
}

void room_apply_owner(room_t *self, const room_owner_set_t *event)
{
    str_to_array(event->owner_id, self->owner_id, sizeof self->owner_id);
    str_to_array(event->name, self->name, sizeof self->name);
    self->version++;
}

err_t room_apply_joined(room_t *self, str_t user_id, int64_t wall_ms)
{
    self->version++;
    return links_add(&self->members, user_id, wall_ms);
}

void room_apply_left(room_t *self, str_t user_id)
{
    links_remove(&self->members, user_id);
    self->version++;
}

/* Those for which `goes` says so. */
static void drop_messages(room_t *self, bool (*goes)(const room_kept_t *message, const void *of),
                          const void *of)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->message_count; i++) {
        if (goes(&self->messages[i], of))
            forget_message(&self->messages[i]);
        else
            self->messages[kept++] = self->messages[i];
    }
    self->message_count = kept;
}

static bool is_below(const room_kept_t *message, const void *of)
{
    return message->message_id < *(const uint64_t *)of;
}

static bool is_it(const room_kept_t *message, const void *of)
{
    return message->message_id == *(const uint64_t *)of;
}

static bool is_of(const room_kept_t *message, const void *of)
{
    return str_equal(str_from(message->author_id), *(const str_t *)of);
}

/* A snapshot's, too. */
static err_t keep(room_t *self, const room_message_t *message)
{
    TRY(reserve_messages(self));
    if (self->message_count == ROOM_MESSAGES_MAX)
        return ERR_CORRUPT;
    room_kept_t kept = {.message_id = message->message_id,
                        .sent_at = message->sent_at,
                        .text = str_dup_terminated(message->text)};
    if (kept.text == NULL)
        return ERR_NO_MEMORY;
    str_to_array(message->author_id, kept.author_id, sizeof kept.author_id);
    self->messages[self->message_count++] = kept;
    return ERR_OK;
}

err_t room_apply_posted(room_t *self, const room_posted_t *event, int64_t wall_ms)
{
    drop_messages(self, is_below, &event->kept_from);
    self->last_message = event->message_id;
    self->version++;
    if (str_is_empty(event->text))
        return ERR_OK; /* its author is erased */
    return keep(self, &(room_message_t){event->message_id, event->author_id, event->text, wall_ms});
}

void room_apply_deleted(room_t *self, uint64_t message_id)
{
    drop_messages(self, is_it, &message_id);
    self->version++;
}

void room_apply_forgotten(room_t *self, str_t user_id)
{
    drop_messages(self, is_of, &user_id);
    links_remove(&self->members, user_id);
    self->version++;
}

void room_apply_closed(room_t *self)
{
    forget_messages(self);
    links_deinit(&self->members);
    self->name[0] = '\0';
    self->is_public = false;
    self->is_closed = true;
    self->version++;
}

/* ---- reading ---- */

static room_message_t record_of(const room_kept_t *message)
{
    return (room_message_t){message->message_id, str_from(message->author_id),
                            str_from(message->text), message->sent_at};
}

uint32_t room_page(const room_t *self, uint64_t before, uint32_t count_max, room_message_t *out,
                   bool *out_has_next)
{
    uint32_t end = self->message_count;
    while (before != 0 && end > 0 && self->messages[end - 1].message_id >= before)
        end--;
    uint32_t count = MIN(end, count_max);
    for (uint32_t i = 0; i < count; i++)
        out[i] = record_of(&self->messages[end - 1 - i]);
    *out_has_next = count < end;
    return count;
}

/* ---- snapshot ---- */

err_t room_to_state(const room_t *self, arena_t *arena, room_state_t *out_state)
{
    room_message_t *messages = arena_new_array(arena, self->message_count + 1, sizeof *messages);
    const user_link_t *members;
    if (messages == NULL)
        return ERR_NO_MEMORY;
    TRY(links_to_records(&self->members, arena, &members));
    for (uint32_t i = 0; i < self->message_count; i++)
        messages[i] = record_of(&self->messages[i]);
    *out_state = (room_state_t){.owner_id = str_from(self->owner_id),
                                .name = str_from(self->name),
                                .is_public = self->is_public,
                                .is_closed = self->is_closed,
                                .version = self->version,
                                .created_at = self->created_at,
                                .members = {members, self->members.count},
                                .last_member = self->members.last,
                                .messages = {messages, self->message_count},
                                .last_message = self->last_message};
    return ERR_OK;
}

err_t room_from_state(room_t *self, const room_state_t *state)
{
    *self = (room_t){.is_public = state->is_public,
                     .is_closed = state->is_closed,
                     .version = state->version,
                     .created_at = state->created_at,
                     .last_message = state->last_message};
    str_to_array(state->owner_id, self->owner_id, sizeof self->owner_id);
    str_to_array(state->name, self->name, sizeof self->name);
    TRY(links_from_records(&self->members, state->members.items, state->members.count,
                           ROOM_MEMBERS_MAX));
    self->members.last = state->last_member;
    for (uint32_t i = 0; i < state->messages.count; i++)
        TRY(keep(self, &state->messages.items[i]));
    return ERR_OK;
}
