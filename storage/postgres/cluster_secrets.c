#include "storage/postgres/cluster_secrets.h"

#include "runtime/base/memory.h"
#include "storage/keys/cluster_derive.h"
#include "storage/postgres/pg.h"

enum { SEALED_MORE = AEAD_NONCE_SIZE + AEAD_TAG_SIZE };

struct cluster_secrets {
    char *address;
    aead_key_t keys[CLUSTER_SECRETS_KEYS_MAX];
    size_t key_count;
    aead_t *aead;
};

err_t cluster_secrets_open(const char *address, const uint8_t (*keys)[AEAD_KEY_SIZE], size_t count,
                           cluster_secrets_t **out_secrets)
{
    if (count == 0 || count > CLUSTER_SECRETS_KEYS_MAX)
        return ERR_INVALID;
    cluster_secrets_t *self CLUSTER_SECRETS_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->address = str_dup_terminated(str_from(address));
    if (self->address == NULL)
        return ERR_NO_MEMORY;
    self->key_count = count;
    for (size_t i = 0; i < count; i++)
        TRY(cluster_derive(keys[i], CLUSTER_FOR_SECRETS, &self->keys[i]));
    TRY(aead_new(&self->aead));
    *out_secrets = STEAL(self);
    return ERR_OK;
}

void cluster_secrets_close(cluster_secrets_t *self)
{
    if (self == NULL)
        return;
    aead_free(self->aead);
    for (size_t i = 0; i < self->key_count; i++)
        aead_key_wipe(&self->keys[i]);
    memory_free(self->address);
    memory_free(self);
}

void cluster_secrets_scope_end(cluster_secrets_t **self)
{
    cluster_secrets_close(*self);
}

static err_t connect_to(const cluster_secrets_t *self, pg_t **out_pg)
{
    return pg_open(
        &(pg_options_t){.address = self->address, .application = "musicstream cluster secrets"},
        out_pg);
}

/* ---- sealed: the nonce, then what AES-256-GCM makes of it with the name as its context ---- */

static err_t seal(cluster_secrets_t *self, const char *name, str_t text, buf_t *out)
{
    const ms_random_t random = random_system();
    aead_key_t derived AEAD_KEY_SCOPED;
    uint8_t nonce[AEAD_NONCE_SIZE];
    random_fill(&random, nonce, sizeof nonce);
    TRY(aead_derive(self->aead, &self->keys[0], nonce, &derived));
    TRY(buf_reserve(out, text.size + SEALED_MORE));
    buf_append_bytes(out, nonce, sizeof nonce);
    TRY(aead_seal(self->aead, &derived, nonce + AEAD_HALF_NONCE_SIZE, str_from(name), text,
                  out->data + out->size));
    out->size += text.size + AEAD_TAG_SIZE;
    return ERR_OK;
}

/* CORRUPT: not with this key. */
static err_t open_with(cluster_secrets_t *self, const aead_key_t *key, const char *name,
                       str_t sealed, buf_t *out)
{
    aead_key_t derived AEAD_KEY_SCOPED;
    const uint8_t *nonce = (const uint8_t *)sealed.data;
    str_t rest = str_slice(sealed, AEAD_NONCE_SIZE, sealed.size);
    TRY(buf_reserve(out, rest.size));
    TRY(aead_derive(self->aead, key, nonce, &derived));
    TRY(aead_open(self->aead, &derived, nonce + AEAD_HALF_NONCE_SIZE, str_from(name), rest,
                  out->data + out->size));
    out->size += rest.size - AEAD_TAG_SIZE;
    return ERR_OK;
}

static err_t open_sealed(cluster_secrets_t *self, const char *name, str_t sealed, buf_t *out,
                         bool *out_is_first)
{
    if (sealed.size < SEALED_MORE)
        return ERR_FORBIDDEN;
    for (size_t i = 0; i < self->key_count; i++) {
        err_t err = open_with(self, &self->keys[i], name, sealed, out);
        *out_is_first = i == 0;
        if (err != ERR_CORRUPT)
            return err;
    }
    return ERR_FORBIDDEN;
}

/* ---- the table ---- */

err_t cluster_secret_get(cluster_secrets_t *self, const char *name, buf_t *out,
                         uint64_t *out_version)
{
    pg_t *pg PG_SCOPED = NULL;
    PGresult *result PG_RESULT_SCOPED = NULL;
    const pg_statement_t statement = {
        .sql = "SELECT version, sealed FROM cluster_secrets WHERE name = $1",
        .parameters = {pg_text(str_from(name))},
        .parameter_count = 1};
    TRY(connect_to(self, &pg));
    TRY(pg_run(pg, &statement, &result));
    if (PQntuples(result) == 0)
        return ERR_NOT_FOUND;
    bool is_first = true;
    size_t before = out->size;
    TRY(open_sealed(self, name, pg_get_str(result, 0, 1), out, &is_first));
    *out_version = (uint64_t)pg_get_i64(result, 0, 0);
    if (is_first)
        return ERR_OK;
    /* Under the key that came first before. Where another was quicker, it did the same. */
    err_t err =
        cluster_secret_put(self, name, str_slice(buf_str(out), before, out->size), *out_version);
    if (err == ERR_OK)
        *out_version += 1;
    return err == ERR_CONFLICT ? ERR_OK : err;
}

err_t cluster_secret_put(cluster_secrets_t *self, const char *name, str_t text, uint64_t version)
{
    pg_t *pg PG_SCOPED = NULL;
    PGresult *result PG_RESULT_SCOPED = NULL;
    buf_t sealed BUF_SCOPED = BUF_INIT;
    char number[8];
    if (text.size > CLUSTER_SECRET_SIZE_MAX)
        return ERR_LIMIT;
    TRY(seal(self, name, text, &sealed));
    pg_statement_t insert = {.sql = "INSERT INTO cluster_secrets (name, version, sealed)"
                                    " VALUES ($1, 1, $2) ON CONFLICT (name) DO NOTHING RETURNING 1",
                             .parameters = {pg_text(str_from(name)), pg_bytes(buf_str(&sealed))},
                             .parameter_count = 2};
    pg_statement_t replace = {.sql = "UPDATE cluster_secrets SET version = version + 1, sealed = $2"
                                     " WHERE name = $1 AND version = $3 RETURNING 1",
                              .parameters = {pg_text(str_from(name)), pg_bytes(buf_str(&sealed)),
                                             pg_i64(number, (int64_t)version)},
                              .parameter_count = 3};
    TRY(connect_to(self, &pg));
    TRY(pg_run(pg, version == 0 ? &insert : &replace, &result));
    return PQntuples(result) == 1 ? ERR_OK : ERR_CONFLICT;
}
