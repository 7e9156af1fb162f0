#pragma once
/* account_rules.h -- one account: its password's hash and the sessions signed in to it; pure.
 *
 * A session's refresh tokens are counted from 1. `counter` is the newest one given out. Presented:
 *   the newest          it is used for the first time: ROTATE, the next one is given
 *   the one before it   while the newest was not used, for ACCOUNT_REFRESH_GRACE_MS: REPEAT, the
 * same successor again (the answer was lost, or two tabs asked at once) any other           REUSE:
 * somebody has a copy; the session ends The grace runs from the rotation, or from the node's start
 * where that came later: nobody could ask while it was down.
 *
 * Ownership  The account owns its sessions. Threads None. */

#include "actors/protocol/account.h"

enum {
    ACCOUNT_SID_SIZE = 32,
    ACCOUNT_NAME_SIZE_MAX = ACCOUNT_NAME_CHARACTERS_MAX * 4,
    ACCOUNT_HASH_SIZE_MAX = 127
};

typedef struct account_login {
    char sid[ACCOUNT_SID_SIZE + 1];
    char device_name[ACCOUNT_DEVICE_NAME_SIZE_MAX + 1];
    int64_t started_at, used_at; /* used: when the newest refresh token was given out */
    uint32_t counter;
} account_login_t;

typedef struct account {
    char name[ACCOUNT_NAME_SIZE_MAX + 1]; /* empty: there is no such account */
    char password_hash[ACCOUNT_HASH_SIZE_MAX + 1];
    uint32_t role;
    int64_t created_at;
    account_login_t *logins;
    uint32_t login_count, login_capacity;
} account_t;

void account_deinit(account_t *self);
#define ACCOUNT_SCOPED SCOPED(account_deinit)

bool account_exists(const account_t *self);
account_login_t *account_login(const account_t *self, str_t sid); /* NULL: none */
/* The session that must end before another may start; NULL: there is room. */
const account_login_t *account_login_to_end(const account_t *self);
/* Room for one more session. NO_MEMORY. */
err_t account_reserve_login(account_t *self);

typedef enum account_refresh_verdict {
    ACCOUNT_REFRESH_UNKNOWN, /* no such session */
    ACCOUNT_REFRESH_ROTATE,
    ACCOUNT_REFRESH_REPEAT,
    ACCOUNT_REFRESH_REUSE,
    ACCOUNT_REFRESH_EXPIRED /* unused for ACCOUNT_REFRESH_MS */
} account_refresh_verdict_t;
account_refresh_verdict_t account_decide_refresh(const account_t *self, str_t sid, uint32_t counter,
                                                 int64_t now_ms, int64_t node_started_at_ms);

void account_apply_created(account_t *self, const account_created_t *event, int64_t wall_ms);
void account_apply_password(account_t *self, const account_password_changed_t *event);
err_t account_apply_started(account_t *self, const account_session_started_t *event,
                            int64_t wall_ms);
void account_apply_rotated(account_t *self, const account_session_rotated_t *event,
                           int64_t wall_ms);
void account_apply_ended(account_t *self, const account_session_ended_t *event);

/* As records; `out` has room for login_count. */
void account_sessions_copy(const account_t *self, account_session_t *out);
err_t account_from_state(account_t *self, const account_state_t *state);
