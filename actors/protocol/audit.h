#pragma once
/* audit.h -- the messages of `audit`: see audit.def. */

#define DEF_FILE "actors/protocol/audit.def"
#include "runtime/base/schema_declare.h"

#define AUDIT_KIND "audit"
#define AUDIT_KEY STR("node")

typedef enum audit_action {
    AUDIT_EXPORTED = 1,
    AUDIT_ERASURE_BEGUN,
    AUDIT_ERASURE_REFUSED, /* the last administrator */
    AUDIT_ERASURE_ENDED,
    AUDIT_MASTER_KEY_CHANGED, /* of nobody, as those that follow: user_id is empty */
    AUDIT_ANCHORED,           /* the newest entry is anchored from now on: once */
    AUDIT_ANCHOR_LOST         /* it was, and the anchor was not there: another one is made */
} audit_action_t;

enum {
    AUDIT_USER_ID_SIZE_MAX = 32,
    AUDIT_CHAIN_SIZE = 64, /* hexadecimal digits */
    AUDIT_PENDING_MAX = 64 /* erasures begun and not ended */
};
