#pragma once
/* account.h -- the messages of `account`, one user's password and sessions: see account.def. */

#define DEF_FILE "actors/protocol/account.def"
#include "runtime/base/schema_declare.h"

#define ACCOUNT_KIND "account"
#define TOPIC_SESSIONS_ENDED STR("sessions/ended")

typedef enum account_role {
    ACCOUNT_ROLE_NONE,
    ACCOUNT_ROLE_ADMIN,
    ACCOUNT_ROLE_LISTENER
} account_role_t;

typedef enum session_end {
    SESSION_END_SIGNED_OUT = 1,
    SESSION_END_REUSE, /* an old refresh token came back: somebody has a copy */
    SESSION_END_PASSWORD,
    SESSION_END_CROWDED, /* more than ACCOUNT_SESSIONS_MAX: the one longest unused goes */
    SESSION_END_EXPIRED,
    SESSION_END_ERASED
} session_end_t;

#define ACCOUNT_ACCESS_MS INT64_C(900000)      /* 15 minutes */
#define ACCOUNT_REFRESH_MS INT64_C(7776000000) /* 90 days without use */
#define ACCOUNT_REFRESH_GRACE_MS INT64_C(60000)
enum {
    ACCOUNT_SESSIONS_MAX = 100,
    ACCOUNT_NAME_CHARACTERS_MAX = 64,
    ACCOUNT_PASSWORD_SIZE_MIN = 8,
    ACCOUNT_PASSWORD_SIZE_MAX = 1024,
    ACCOUNT_DEVICE_NAME_SIZE_MAX = 200
};
