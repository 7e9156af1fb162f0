#include "actors/auth/account_rules.h"

#include "runtime/base/memory.h"

void account_deinit(account_t *self)
{
    memory_free(self->logins);
    *self = (account_t){0};
}

bool account_exists(const account_t *self)
{
    return self->name[0] != '\0';
}

account_login_t *account_login(const account_t *self, str_t sid)
{
    for (uint32_t i = 0; i < self->login_count; i++)
        if (str_equal(str_from(self->logins[i].sid), sid))
            return &self->logins[i];
    return NULL;
}

const account_login_t *account_login_to_end(const account_t *self)
{
    if (self->login_count < ACCOUNT_SESSIONS_MAX)
        return NULL;
    const account_login_t *oldest = &self->logins[0];
    for (uint32_t i = 1; i < self->login_count; i++)
        if (self->logins[i].used_at < oldest->used_at)
            oldest = &self->logins[i];
    return oldest;
}

err_t account_reserve_login(account_t *self)
{
    if (self->login_count < self->login_capacity)
        return ERR_OK;
    uint32_t capacity = MAX(2u, self->login_capacity * 2);
    account_login_t *logins = memory_resize(self->logins, capacity, sizeof *logins);
    if (logins == NULL)
        return ERR_NO_MEMORY;
    self->logins = logins;
    self->login_capacity = capacity;
    return ERR_OK;
}

account_refresh_verdict_t account_decide_refresh(const account_t *self, str_t sid, uint32_t counter,
                                                 int64_t now_ms, int64_t node_started_at_ms)
{
    const account_login_t *login = account_login(self, sid);
    if (login == NULL)
        return ACCOUNT_REFRESH_UNKNOWN;
    if (now_ms - login->used_at > ACCOUNT_REFRESH_MS)
        return ACCOUNT_REFRESH_EXPIRED;
    if (counter == login->counter)
        return ACCOUNT_REFRESH_ROTATE;
    int64_t grace_from = MAX(login->used_at, node_started_at_ms);
    bool is_previous = counter != 0 && counter + 1 == login->counter;
    return is_previous && now_ms - grace_from <= ACCOUNT_REFRESH_GRACE_MS ? ACCOUNT_REFRESH_REPEAT
                                                                          : ACCOUNT_REFRESH_REUSE;
}

/* ---- events ---- */

void account_apply_created(account_t *self, const account_created_t *event, int64_t wall_ms)
{
    str_to_array(event->name, self->name, sizeof self->name);
    str_to_array(event->password_hash, self->password_hash, sizeof self->password_hash);
    self->role = event->role;
    self->created_at = wall_ms;
}

void account_apply_password(account_t *self, const account_password_changed_t *event)
{
    str_to_array(event->password_hash, self->password_hash, sizeof self->password_hash);
}

static err_t add_login(account_t *self, const account_session_t *session)
{
    TRY(account_reserve_login(self));
    account_login_t *login = &self->logins[self->login_count++];
    *login = (account_login_t){.started_at = session->started_at,
                               .used_at = session->used_at,
                               .counter = session->counter};
    str_to_array(session->sid, login->sid, sizeof login->sid);
    str_to_array(session->device_name, login->device_name, sizeof login->device_name);
    return ERR_OK;
}

err_t account_apply_started(account_t *self, const account_session_started_t *event,
                            int64_t wall_ms)
{
    account_session_t session = {.sid = event->sid,
                                 .device_name = event->device_name,
                                 .started_at = wall_ms,
                                 .used_at = wall_ms,
                                 .counter = 1};
    return add_login(self, &session);
}

void account_apply_rotated(account_t *self, const account_session_rotated_t *event, int64_t wall_ms)
{
    account_login_t *login = account_login(self, event->sid);
    if (login == NULL)
        return;
    login->counter = event->counter;
    login->used_at = wall_ms;
}

void account_apply_ended(account_t *self, const account_session_ended_t *event)
{
    account_login_t *login = account_login(self, event->sid);
    if (login == NULL)
        return;
    size_t index = (size_t)(login - self->logins);
    self->login_count--;
    memmove(login, login + 1, (self->login_count - index) * sizeof *login);
}

/* ---- records ---- */

void account_sessions_copy(const account_t *self, account_session_t *out)
{
    for (uint32_t i = 0; i < self->login_count; i++) {
        const account_login_t *login = &self->logins[i];
        account_session_t session = {str_from(login->sid), str_from(login->device_name),
                                     login->started_at, login->used_at, login->counter};
        uint32_t at = i; /* last used first */
        for (; at > 0 && out[at - 1].used_at < session.used_at; at--)
            out[at] = out[at - 1];
        out[at] = session;
    }
}

err_t account_from_state(account_t *self, const account_state_t *state)
{
    if (state->sessions.count > ACCOUNT_SESSIONS_MAX)
        return ERR_CORRUPT;
    str_to_array(state->name, self->name, sizeof self->name);
    str_to_array(state->password_hash, self->password_hash, sizeof self->password_hash);
    self->role = state->role;
    self->created_at = state->created_at;
    for (uint32_t i = 0; i < state->sessions.count; i++)
        TRY(add_login(self, &state->sessions.items[i]));
    return ERR_OK;
}
