#include "node/cluster/secrets_open.h"

#include "cluster/link/cluster_key.h"
#include "node/cluster/cluster_config.h"
#include "node/journal_open.h"

#include <openssl/crypto.h>

enum { KEEP_TRIES = 8 };

bool secrets_are_shared(const config_t *config)
{
    return config->cluster_key_file[0] != '\0' && config->database[0] != '\0';
}

err_t secrets_open(const config_t *config, buf_t *problem, cluster_secrets_t **out_secrets)
{
    cluster_config_t cluster CLUSTER_CONFIG_SCOPED = {0};
    TRY(cluster_config_read(config, problem, &cluster));
    return cluster_secrets_open(config->database, cluster.keys.keys, cluster.keys.count,
                                out_secrets);
}

void secrets_explain(const config_t *config, err_t err, buf_t *problem)
{
    if (err == ERR_FORBIDDEN)
        buf_printf(problem,
                   "the cluster key %s is not the one that the other nodes have: copy theirs here",
                   config->cluster_key_file);
    else if (err != ERR_OK && err != ERR_NOT_FOUND && err != ERR_CONFLICT)
        buf_printf(problem, "%s", journal_why_no_database(err));
}

static err_t explain(const config_t *config, err_t err, buf_t *problem)
{
    secrets_explain(config, err, problem);
    return err;
}

/* ---- the keyring ---- */

static err_t get_keyring(void *context, buf_t *out_text, uint64_t *out_version)
{
    return cluster_secret_get(context, CLUSTER_SECRET_KEYRING, out_text, out_version);
}

static err_t put_keyring(void *context, str_t text, uint64_t version)
{
    return cluster_secret_put(context, CLUSTER_SECRET_KEYRING, text, version);
}

keyring_store_t secrets_keyring(cluster_secrets_t *secrets)
{
    return (keyring_store_t){secrets, get_keyring, put_keyring};
}

/* ---- the master key ---- */

static err_t get_master(cluster_secrets_t *secrets, aead_key_t *out_key, uint64_t *out_version)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    TRY(cluster_secret_get(secrets, CLUSTER_SECRET_MASTER, &text, out_version));
    if (text.size != sizeof out_key->bytes)
        return ERR_CORRUPT;
    memcpy(out_key->bytes, text.data, sizeof out_key->bytes);
    return ERR_OK;
}

static err_t put_master(cluster_secrets_t *secrets, const aead_key_t *key, uint64_t version)
{
    return cluster_secret_put(secrets, CLUSTER_SECRET_MASTER, str_of(key->bytes, sizeof key->bytes),
                              version);
}

err_t secrets_master(const config_t *config, buf_t *problem, aead_key_t *out_key)
{
    cluster_secrets_t *secrets CLUSTER_SECRETS_SCOPED = NULL;
    uint64_t version;
    TRY(secrets_open(config, problem, &secrets));
    return explain(config, get_master(secrets, out_key, &version), problem);
}

err_t secrets_give_master(const config_t *config, buf_t *problem, aead_key_t *key)
{
    cluster_secrets_t *secrets CLUSTER_SECRETS_SCOPED = NULL;
    uint64_t version;
    TRY(secrets_open(config, problem, &secrets));
    err_t err = put_master(secrets, key, 0);
    if (err == ERR_CONFLICT) /* another node was quicker */
        err = get_master(secrets, key, &version);
    return explain(config, err, problem);
}

/* Another node may keep the same one now. */
static err_t keep_once(cluster_secrets_t *secrets, const aead_key_t *key)
{
    aead_key_t there AEAD_KEY_SCOPED;
    uint64_t version = 0;
    err_t err = get_master(secrets, &there, &version);
    if (err == ERR_OK && CRYPTO_memcmp(there.bytes, key->bytes, sizeof there.bytes) == 0)
        return ERR_OK;
    return err == ERR_OK || err == ERR_NOT_FOUND ? put_master(secrets, key, version) : err;
}

err_t secrets_keep_master(const config_t *config, const aead_key_t *key)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    cluster_secrets_t *secrets CLUSTER_SECRETS_SCOPED = NULL;
    TRY(secrets_open(config, &problem, &secrets));
    err_t err = ERR_CONFLICT;
    for (int i = 0; i < KEEP_TRIES && err == ERR_CONFLICT; i++)
        err = keep_once(secrets, key);
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}
