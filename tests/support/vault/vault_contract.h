#pragma once
/* vault_contract.h -- what a vault must do over any store of its records: one test for all, from
 * compare-and-set to a rotation of the master key that is killed at each of its writes.
 *
 * Threads  One, and some of its own. */

#include "storage/crypt/vault.h"

/* Opens the same store again each time it is called; NULL: it can't be opened. */
typedef struct vault_medium {
    vault_store_t *(*open)(void *context);
    void *context;
} vault_medium_t;

/* True: it keeps the contract. False: *problem says what was broken. The store is empty before. */
bool vault_contract_holds(const vault_medium_t *medium, buf_t *problem);

/* Master key number `byte`; a vault over the medium with it, NULL: it does not open. */
aead_key_t vault_medium_master(uint8_t byte);
vault_t *vault_medium_vault(const vault_medium_t *medium, uint8_t byte);
