#pragma once
/* backup_keys.h -- the users' keys in a backup: every record of a vault's store as it is, wrapped
 * by the master key, which is never among them; and the installation's own secret (`instance`,
 * keyring.h), sealed with the master key; the keys of blobs in a bucket, as they are sealed. Text,
 * a line each: a name, a blank, hexadecimal digits.
 *
 * Threads  One; the node may go on using the store.
 * Errors   FORBIDDEN: another master key; CORRUPT: not such a text; BUSY: the master key is being
 *          replaced right now, over and over; those of the store and of aead.h. */

#include "runtime/base/random.h"
#include "storage/crypt/aead.h"
#include "storage/crypt/vault_store.h"

typedef struct backup_keys {
    buf_t text;   /* of the file */
    buf_t erased; /* ids of users that were erased, a line each */
    uint64_t users, erased_count;
} backup_keys_t;
void backup_keys_deinit(backup_keys_t *self);
#define BACKUP_KEYS_SCOPED SCOPED(backup_keys_deinit)

/* Beside the users': files of the folder `keys`. */
typedef struct backup_secrets {
    buf_t instance; /* in clear */
    buf_t blobs;    /* sealed; empty: there is none */
} backup_secrets_t;
void backup_secrets_deinit(backup_secrets_t *self);
#define BACKUP_SECRETS_SCOPED SCOPED(backup_secrets_deinit)

err_t backup_keys_take(vault_store_t *store, const aead_key_t *master,
                       const backup_secrets_t *secrets, backup_keys_t *out_keys);
/* Whether a text is one of ours and its master key this one (NULL: any); counts. */
err_t backup_keys_check(str_t text, const aead_key_t *master, backup_keys_t *out_keys);
/* Puts every record that a store does not have yet into it, and appends the secrets. */
err_t backup_keys_give(str_t text, const aead_key_t *master, vault_store_t *store,
                       backup_secrets_t *out_secrets);
/* A tombstone in the place of each user's key in the list (ids, a line each; empty lines and '#'
 * are left out). INVALID: a line that is no id. */
err_t backup_keys_erase(str_t list, vault_store_t *store, uint64_t *out_count);
