#pragma once
/* privacy.h -- the service of what the law gives people: the audit log, and erasing.
 *
 * Kind: `audit`, durable.
 *
 * Ownership  The service is borrowed by the runtime and outlives it, and what it points to. */

#include "runtime/runtime.h"
#include "storage/crypt/vault.h"
#include "storage/keys/keyring.h"

typedef struct privacy_service {
    vault_t *vault;
    keyring_t *keyring;
    /* Rids the SQL tables of what deleted rows left; NULL: there are none. On a thread that may
     * wait. */
    err_t (*clear_rows)(void *context);
    void *context;
} privacy_service_t;

/* Before runtime_start. CONFLICT: registered already. */
err_t privacy_register(runtime_t *runtime, const privacy_service_t *service);
