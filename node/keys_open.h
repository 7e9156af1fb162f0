#pragma once
/* keys_open.h -- the vault of the users' keys (storage/crypt/vault.h): in the table subject_keys
 * with
 * --database, else in DATA/keys/subjects; and the master key that the configuration names:
 * --master-key-file, MUSICSTREAM_MASTER_KEY, --master-key-command, or else DATA/keys/master, or the
 * cluster's (cluster/secrets_open.h), which the first start makes.
 *
 * Threads  One. Errors  Of the vault; *problem says what to do. */

#include "node/config.h"
#include "storage/crypt/sealed_field.h"
#include "storage/relations/relations.h"

/* is_beside: by a command, while the node may run. With --database, the schema is brought up to
 * date, and keys that are in the data folder (of a version before) move into the table first. */
err_t keys_open(const config_t *config, const ms_log_t *log, bool is_beside, buf_t *problem,
                vault_t **out_vault);
/* Of a node that moves its journal: where its keys are, and which store is the other one. */
typedef struct keys_stores {
    vault_store_t *files, *table;
} keys_stores_t;
err_t keys_stores_open(const config_t *config, const ms_log_t *log, bool is_beside, buf_t *problem,
                       keys_stores_t *out_stores);
void keys_stores_close(keys_stores_t *self);
#define KEYS_STORES_SCOPED SCOPED(keys_stores_close)
/* Over one of them, which the vault owns from here on, whatever comes of it. */
err_t keys_open_over(const config_t *config, vault_store_t *store, buf_t *problem,
                     vault_t **out_vault);
/* The store alone, to look at beside the node, or of an installation that is restored; nothing is
 * made but the folder. The schema must be there. */
err_t keys_store(const config_t *config, buf_t *problem, vault_store_t **out_store);
/* The master key alone; one that is missing is not made. */
err_t keys_master(const config_t *config, buf_t *problem, aead_key_t *out_key);
/* Whether the key is the data folder's own, or the cluster's: then a rotation writes it there. */
bool keys_are_ours(const config_t *config);
/* There. */
err_t keys_keep(const config_t *config, const aead_key_t *master);
/* For the SQL tables: events of the kinds with personal data, as tables may keep them. Borrows the
 * projector. */
sealed_projector_t keys_projector(vault_t *vault);
relation_opener_t keys_opener(const sealed_projector_t *projector);
