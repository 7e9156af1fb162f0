#pragma once
/* privacy_node.h -- the node's part in erasing, exporting, the audit log and the master key: what
 * it goes on with when it starts, and handlers of the control socket.
 *
 * Threads  The loop's that the control socket is on. */

#include "node/config.h"
#include "node/control/control.h"
#include "runtime/runtime.h"
#include "storage/crypt/vault.h"

typedef struct master_rotation {
    vault_t *vault;
    const config_t *config;
    edge_t *edge;
    const ms_log_t *log;
    bool is_ours; /* the new key is kept in the data folder */
    bool is_running;
    bool has_next; /* else: goes on with the one that was begun */
    aead_key_t next;
    err_t err;        /* what the last one came to */
    err_t follow_err; /* and vault_follow */
} master_rotation_t;

/* Everything but the last five is set. Goes on with a rotation that was cut short, and with
 * erasures. */
void privacy_start(master_rotation_t *rotation);
/* Every VAULT_FOLLOW_MS, on a thread that may wait. */
void privacy_follow(master_rotation_t *rotation);

void control_user_erase(control_request_t *request);
void control_user_exported(control_request_t *request);
void control_user_events(control_request_t *request);
void control_audit(control_request_t *request);
void control_keys_rotate(control_request_t *request);
void control_keys_status(control_request_t *request);
