#pragma once
/* keys_open.h -- the vault of the users' keys (storage/crypt/vault.h) with the master key that the
 * configuration names: --master-key-file, MUSICSTREAM_MASTER_KEY, --master-key-command, or else
 * DATA/keys/master, which the first start makes.
 *
 * Threads  One. Errors  Of the vault; *problem says what to do. */

#include "node/config.h"
#include "storage/crypt/vault.h"
#include "storage/data_folder.h"

err_t keys_open(const config_t *config, const data_folder_t *data, buf_t *problem,
                vault_t **out_vault);
/* Whether the key is the data folder's own: then a rotation writes it there. */
bool keys_are_ours(const config_t *config);
/* DATA/keys/master. */
err_t keys_keep(const data_folder_t *data, const aead_key_t *master);
