#pragma once
/* audit_log.h -- the state of the audit log: where its chain stands, and whose erasure is begun;
 * pure but for the MAC.
 *
 * Ownership  A value. Threads  None. */

#include "actors/protocol/audit.h"
#include "storage/keys/keyring.h"

typedef struct audit_user {
    char id[AUDIT_USER_ID_SIZE_MAX + 1];
} audit_user_t;

typedef struct audit_log {
    uint64_t number; /* of the newest entry */
    char chain[AUDIT_CHAIN_SIZE + 1];
    audit_user_t pending[AUDIT_PENDING_MAX];
    uint32_t pending_count;
    bool is_anchored; /* has an entry that says so: audit_anchor.h */
} audit_log_t;

bool audit_log_is_pending(const audit_log_t *self, str_t user_id);
/* The entry that follows, and its chain in `room`. INVALID: the action or the user; LIMIT:
 * AUDIT_PENDING_MAX; INTERNAL. */
err_t audit_log_next(const audit_log_t *self, const keyring_t *keyring, uint32_t action,
                     str_t user_id, int64_t at_ms, char room[AUDIT_CHAIN_SIZE + 1],
                     audit_noted_t *out_event);
void audit_log_apply(audit_log_t *self, const audit_noted_t *event);
/* For a reader: whether `event` follows on the chain. */
bool audit_log_follows(const audit_log_t *self, const keyring_t *keyring,
                       const audit_noted_t *event);
/* "erasure begun" */
const char *audit_action_text(uint32_t action);
