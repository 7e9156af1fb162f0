#include "actors/auth/accounts_rules.h"

#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"

#include <utf8proc.h>

void accounts_book_deinit(accounts_book_t *self)
{
    memory_free(self->users);
    memory_free(self->ended);
    *self = (accounts_book_t){0};
}

/* ---- names ---- */

enum { FOLDED_MAX = 2048 }; /* code points: NFKC makes at most 18 of one (UAX 15) */

err_t accounts_check_name(str_t name)
{
    if (str_is_empty(name) || name.size > ACCOUNTS_NAME_SIZE_MAX || !utf8_is_valid(name) ||
        utf8_count(name) > ACCOUNT_NAME_CHARACTERS_MAX || str_trim(name).size != name.size)
        return ERR_INVALID;
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
            return ERR_INVALID;
    return ERR_OK;
}

/* The folded name as UTF-8 in `room`; empty where it can't be folded. */
static str_t fold(str_t name, utf8proc_int32_t room[FOLDED_MAX])
{
    utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)name.data, (utf8proc_ssize_t)name.size, room,
                           FOLDED_MAX - 1, options);
    if (count <= 0 || count > FOLDED_MAX - 1)
        return (str_t){NULL, 0};
    utf8proc_ssize_t size = utf8proc_reencode(room, count, options);
    return size <= 0 ? (str_t){NULL, 0} : str_of(room, (size_t)size);
}

uint64_t accounts_name_hash(str_t name)
{
    utf8proc_int32_t room[FOLDED_MAX];
    str_t folded =
        name.size > ACCOUNTS_NAME_SIZE_MAX || str_is_empty(name) ? name : fold(name, room);
    return str_hash(str_is_empty(folded) ? name : folded);
}

static bool is_same_name(str_t a, str_t b)
{
    utf8proc_int32_t room_a[FOLDED_MAX], room_b[FOLDED_MAX];
    return str_equal(fold(a, room_a), fold(b, room_b));
}

const accounts_entry_t *accounts_find_name(const accounts_book_t *self, str_t name)
{
    if (accounts_check_name(name) != ERR_OK)
        return NULL;
    uint64_t hash = accounts_name_hash(name);
    for (uint32_t i = 0; i < self->user_count; i++)
        if (self->users[i].folded_hash == hash && is_same_name(str_from(self->users[i].name), name))
            return &self->users[i];
    return NULL;
}

bool accounts_have_admin(const accounts_book_t *self)
{
    for (uint32_t i = 0; i < self->user_count; i++)
        if (self->users[i].role == ACCOUNT_ROLE_ADMIN)
            return true;
    return false;
}

/* ---- users ---- */

static err_t reserve(accounts_book_t *self)
{
    if (self->user_count < self->user_capacity)
        return ERR_OK;
    if (self->user_count >= ACCOUNTS_MAX)
        return ERR_LIMIT;
    uint32_t capacity = MIN(MAX(4u, self->user_capacity * 2), (uint32_t)ACCOUNTS_MAX);
    accounts_entry_t *users = memory_resize(self->users, capacity, sizeof *users);
    if (users == NULL)
        return ERR_NO_MEMORY;
    self->users = users;
    self->user_capacity = capacity;
    return ERR_OK;
}

err_t accounts_decide_add(accounts_book_t *self, str_t name, uint32_t role)
{
    utf8proc_int32_t room[FOLDED_MAX];
    TRY(accounts_check_name(name));
    if (str_is_empty(fold(name, room)) ||
        (role != ACCOUNT_ROLE_ADMIN && role != ACCOUNT_ROLE_LISTENER))
        return ERR_INVALID;
    if (accounts_find_name(self, name) != NULL)
        return ERR_CONFLICT;
    return reserve(self);
}

static err_t add(accounts_book_t *self, str_t user_id, str_t name, uint32_t role,
                 int64_t created_at)
{
    TRY(reserve(self));
    accounts_entry_t *user = &self->users[self->user_count++];
    *user = (accounts_entry_t){
        .folded_hash = accounts_name_hash(name), .role = role, .created_at = created_at};
    str_to_array(user_id, user->user_id, sizeof user->user_id);
    str_to_array(name, user->name, sizeof user->name);
    return ERR_OK;
}

err_t accounts_apply_added(accounts_book_t *self, const accounts_user_added_t *event,
                           int64_t wall_ms)
{
    return add(self, event->user_id, event->name, event->role, wall_ms);
}

/* The index of a user; user_count: nobody. */
static uint32_t user_index(const accounts_book_t *self, str_t user_id)
{
    uint32_t index = 0;
    while (index < self->user_count && !str_equal(str_from(self->users[index].user_id), user_id))
        index++;
    return index;
}

err_t accounts_decide_remove(const accounts_book_t *self, str_t user_id, bool *out_is_change)
{
    uint32_t index = user_index(self, user_id), admins = 0;
    bool is_there = index < self->user_count;
    for (uint32_t i = 0; i < self->user_count; i++)
        admins += self->users[i].role == ACCOUNT_ROLE_ADMIN ? 1 : 0;
    if (is_there && self->users[index].role == ACCOUNT_ROLE_ADMIN && admins == 1)
        return ERR_CONFLICT;
    *out_is_change = is_there;
    return ERR_OK;
}

void accounts_apply_removed(accounts_book_t *self, const accounts_user_removed_t *event)
{
    uint32_t index = user_index(self, event->user_id);
    if (index == self->user_count)
        return;
    self->user_count--;
    memmove(self->users + index, self->users + index + 1,
            (self->user_count - index) * sizeof *self->users);
}

/* ---- ended sessions ---- */

static void note_ended(accounts_book_t *self, str_t sid, int64_t ended_at)
{
    if (self->ended_count == ACCOUNTS_ENDED_MAX) {
        self->ended_count--;
        memmove(self->ended, self->ended + 1, self->ended_count * sizeof *self->ended);
    }
    accounts_ended_sid_t *ended = &self->ended[self->ended_count++];
    str_to_array(sid, ended->sid, sizeof ended->sid);
    ended->ended_at = ended_at;
}

static err_t reserve_ended(accounts_book_t *self)
{
    if (self->ended == NULL)
        self->ended = memory_new_array(ACCOUNTS_ENDED_MAX, sizeof *self->ended);
    return self->ended == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t accounts_apply_ended(accounts_book_t *self, const accounts_sessions_ended_t *event,
                           int64_t wall_ms)
{
    TRY(reserve_ended(self));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->ended_count; i++)
        if (self->ended[i].ended_at + ACCOUNTS_ENDED_MS > wall_ms)
            self->ended[kept++] = self->ended[i];
    self->ended_count = kept;
    for (uint32_t i = 0; i < event->sids.count; i++)
        note_ended(self, event->sids.items[i], wall_ms);
    return ERR_OK;
}

/* ---- records ---- */

void accounts_users_copy(const accounts_book_t *self, accounts_user_t *out)
{
    for (uint32_t i = 0; i < self->user_count; i++)
        out[i] = (accounts_user_t){.user_id = str_from(self->users[i].user_id),
                                   .name = str_from(self->users[i].name),
                                   .role = self->users[i].role,
                                   .created_at = self->users[i].created_at};
}

void accounts_ended_copy(const accounts_book_t *self, accounts_ended_session_t *out)
{
    for (uint32_t i = 0; i < self->ended_count; i++)
        out[i] = (accounts_ended_session_t){.sid = str_from(self->ended[i].sid),
                                            .ended_at = self->ended[i].ended_at};
}

err_t accounts_from_state(accounts_book_t *self, const accounts_state_t *state)
{
    if (state->users.count > ACCOUNTS_MAX || state->ended.count > ACCOUNTS_ENDED_MAX)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < state->users.count; i++) {
        const accounts_user_t *user = &state->users.items[i];
        TRY(add(self, user->user_id, user->name, user->role, user->created_at));
    }
    if (state->ended.count != 0)
        TRY(reserve_ended(self));
    for (uint32_t i = 0; i < state->ended.count; i++)
        note_ended(self, state->ended.items[i].sid, state->ended.items[i].ended_at);
    return ERR_OK;
}
