#pragma once
/* secrets_open.h -- what all nodes of a cluster must have in common, from cluster_secrets
 * (storage/postgres/cluster_secrets.h): the keyring, and the master key where the configuration
 * names none.
 *
 * Threads  Any. Errors  Of cluster_secrets.h, with a sentence in *problem. */

#include "node/config.h"
#include "storage/keys/keyring.h"
#include "storage/postgres/cluster_secrets.h"

bool secrets_are_shared(const config_t *config); /* the node is of a cluster */
/* For people: why they can't be had. Nothing for ERR_OK. */
void secrets_explain(const config_t *config, err_t err, buf_t *problem);
/* The schema must be there. */
err_t secrets_open(const config_t *config, buf_t *problem, cluster_secrets_t **out_secrets);
/* For keyring_share; borrows the secrets. */
keyring_store_t secrets_keyring(cluster_secrets_t *secrets);

/* The cluster's master key. NOT_FOUND: it has none yet, and no sentence. */
err_t secrets_master(const config_t *config, buf_t *problem, aead_key_t *out_key);
/* Gives it one, where it has none; *key is what it has from here on. */
err_t secrets_give_master(const config_t *config, buf_t *problem, aead_key_t *key);
/* Puts another in its place: after a rotation. */
err_t secrets_keep_master(const config_t *config, const aead_key_t *key);
