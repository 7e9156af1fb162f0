#pragma once
/* keys_open.h -- the vault of the users' keys (storage/crypt/vault.h) with the master key that the
 * configuration names: --master-key-file, MUSICSTREAM_MASTER_KEY, --master-key-command, or else
 * DATA/keys/master, which the first start makes.
 *
 * Threads  One. Errors  Of the vault; *problem says what to do. */

#include "node/config.h"
#include "storage/crypt/sealed_field.h"
#include "storage/relations/relations.h"

/* In config->data, which a command may do beside the node that runs there. */
err_t keys_open(const config_t *config, buf_t *problem, vault_t **out_vault);
/* The master key alone; one that is missing is not made. */
err_t keys_master(const config_t *config, buf_t *problem, aead_key_t *out_key);
/* Whether the key is the data folder's own: then a rotation writes it there. */
bool keys_are_ours(const config_t *config);
/* DATA/keys/master. */
err_t keys_keep(const config_t *config, const aead_key_t *master);
/* For the SQL tables: events of the kinds with personal data, as tables may keep them. Borrows the
 * projector. */
sealed_projector_t keys_projector(vault_t *vault);
relation_opener_t keys_opener(const sealed_projector_t *projector);
