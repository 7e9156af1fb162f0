#pragma once
/* room_rules.h -- the rules of a room: who is in, who owns it, what is kept of what was said. Pure.
 *
 * A decide function checks a command and makes the event; `out_is_change` false: there is nothing
 * to do. It also makes room, so that applying what it decided can't fail. Message ids are given out
 * from 1 and never again. The version grows by one with every event.
 *
 * A room that was closed keeps nothing but that. A message whose author was erased comes back from
 * the journal without its text, and is not kept; a name likewise is empty.
 *
 * Ownership  The room owns members and messages. Events borrow from the command and the room.
 * Threads    None.
 * Errors     A refused command leaves the room as it was. Applying: NO_MEMORY, and the room must
 * not be used any more. */

#include "actors/protocol/room.h"
#include "actors/social/people/links.h"

typedef struct room_kept {
    uint64_t message_id;
    int64_t sent_at;
    char author_id[ROOM_USER_ID_SIZE_MAX + 1];
    char *text; /* owned, terminated */
} room_kept_t;

typedef struct room {
    char owner_id[ROOM_USER_ID_SIZE_MAX + 1]; /* empty: it was never made */
    char name[ROOM_NAME_SIZE_MAX + 1];
    bool is_public, is_closed;
    uint64_t version;
    int64_t created_at;
    links_t members;       /* in the order of their coming */
    room_kept_t *messages; /* by id, ascending; room for ROOM_MESSAGES_MAX, or NULL */
    uint32_t message_count;
    uint64_t last_message;
} room_t;

void room_deinit(room_t *self);
#define ROOM_SCOPED SCOPED(room_deinit)

bool room_has_member(const room_t *self, str_t user_id);
/* Something that they said is kept, from the message with this index on. */
bool room_has_words_of(const room_t *self, str_t user_id, uint32_t from);
/* Who wrote the message with this index. */
str_t room_author(const room_t *self, uint32_t index);
room_standing_t room_standing_of(const room_t *self, str_t user_id);
/* Who owns it once `user_id` is gone; empty: nobody is left. */
str_t room_heir(const room_t *self, str_t user_id);

/* NOT_FOUND: never made, closed, or private and `user_id` is no member. */
err_t room_check_seen(const room_t *self, str_t user_id);
/* The same; FORBIDDEN: no member. */
err_t room_check_member(const room_t *self, str_t user_id);
/* The same; FORBIDDEN: not the owner. */
err_t room_check_owner(const room_t *self, str_t user_id);
/* INVALID: empty, too long, more than a line, not UTF-8. */
err_t room_check_name(str_t name);

/* INVALID; CONFLICT. */
err_t room_decide_create(room_t *self, const room_create_t *command, room_created_t *out_event,
                         bool *out_is_change);
/* NOT_FOUND; LIMIT. */
err_t room_decide_join(room_t *self, str_t user_id, bool *out_is_change);
/* NOT_FOUND; FORBIDDEN; INVALID. */
err_t room_decide_post(room_t *self, const room_post_t *command, room_posted_t *out_event);
/* NOT_FOUND; FORBIDDEN. */
err_t room_decide_delete(const room_t *self, const room_delete_message_t *command);

err_t room_apply_created(room_t *self, const room_created_t *event, int64_t wall_ms);
void room_apply_renamed(room_t *self, str_t name);
void room_apply_public(room_t *self, bool is_public);
void room_apply_owner(room_t *self, const room_owner_set_t *event);
err_t room_apply_joined(room_t *self, str_t user_id, int64_t wall_ms);
void room_apply_left(room_t *self, str_t user_id);
err_t room_apply_posted(room_t *self, const room_posted_t *event, int64_t wall_ms);
void room_apply_deleted(room_t *self, uint64_t message_id);
void room_apply_forgotten(room_t *self, str_t user_id);
void room_apply_closed(room_t *self);

/* Up to `count_max` messages below `before` (0: all), newest first; borrowed. Returns how many. */
uint32_t room_page(const room_t *self, uint64_t before, uint32_t count_max, room_message_t *out,
                   bool *out_has_next);

/* The state as a record in the arena that borrows, and back. NO_MEMORY; CORRUPT: more than there
 * may be. */
err_t room_to_state(const room_t *self, arena_t *arena, room_state_t *out_state);
err_t room_from_state(room_t *self, const room_state_t *state);
