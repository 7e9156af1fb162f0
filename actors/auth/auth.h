#pragma once
/* auth.h -- the service of who people are: accounts, sign-in, sessions.
 *
 * Kinds: `accounts` (the directory) and `account` (one user), both durable.
 *
 * Ownership  The service is borrowed by the runtime and outlives it; the keyring too. */

#include "actors/auth/password.h"
#include "runtime/runtime.h"
#include "storage/keys/keyring.h"

typedef struct auth_service {
    keyring_t *keyring;
    password_cost_t cost;       /* PASSWORD_COST; less in tests */
    int64_t node_started_at_ms; /* wall clock: refresh tokens' grace starts no earlier */
} auth_service_t;

/* Before runtime_start. CONFLICT: registered already. */
err_t auth_register(runtime_t *runtime, const auth_service_t *service);
