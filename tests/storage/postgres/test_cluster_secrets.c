#include "storage/postgres/cluster_secrets.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/postgres/postgres.h"

static const uint8_t KEYS[3][AEAD_KEY_SIZE] = {{1}, {2}, {3}};

static cluster_secrets_t *secrets_of(const postgres_t *server, size_t first, size_t count)
{
    cluster_secrets_t *secrets = NULL;
    check_ok(cluster_secrets_open(server->address, &KEYS[first], count, &secrets));
    return secrets;
}

static void check_secret(cluster_secrets_t *secrets, str_t want, uint64_t want_version)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    uint64_t version = 0;
    check_ok(cluster_secret_get(secrets, "keyring", &text, &version));
    check_str(buf_str(&text), want);
    cr_assert(eq(u64, version, want_version));
}

static err_t get_err(cluster_secrets_t *secrets, const char *name)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    uint64_t version = 0;
    return cluster_secret_get(secrets, name, &text, &version);
}

/* Whether the first of the row's bytes stand in it somewhere: in no form. */
static bool lies_open(const postgres_t *server)
{
    pg_t *pg PG_SCOPED = NULL;
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_open(&(pg_options_t){.address = server->address}, &pg));
    check_ok(pg_run(pg,
                    &(pg_statement_t){.sql = "SELECT 1 FROM cluster_secrets WHERE position("
                                             "'secret'::bytea IN sealed) > 0"},
                    &result));
    return PQntuples(result) > 0;
}

static void change_row(const postgres_t *server, const char *sql)
{
    pg_t *pg PG_SCOPED = NULL;
    check_ok(pg_open(&(pg_options_t){.address = server->address}, &pg));
    check_ok(pg_run_script(pg, sql));
}

Test(cluster_secrets, all_of_it)
{
    postgres_t server POSTGRES_SCOPED;
    postgres_start(&server);
    cluster_secrets_t *ours CLUSTER_SECRETS_SCOPED = secrets_of(&server, 0, 1);

    /* Compare and set. */
    check_err(get_err(ours, "keyring"), ERR_NOT_FOUND);
    check_err(cluster_secret_put(ours, "keyring", STR("secret"), 1), ERR_CONFLICT);
    check_ok(cluster_secret_put(ours, "keyring", STR("secret"), 0));
    check_err(cluster_secret_put(ours, "keyring", STR("other"), 0), ERR_CONFLICT);
    check_secret(ours, STR("secret"), 1);
    check_ok(cluster_secret_put(ours, "keyring", STR("secret 2"), 1));
    check_err(cluster_secret_put(ours, "keyring", STR("other"), 1), ERR_CONFLICT);
    check_secret(ours, STR("secret 2"), 2);
    cr_assert_not(lies_open(&server));
    static char large[CLUSTER_SECRET_SIZE_MAX + 1];
    check_err(cluster_secret_put(ours, "keyring", str_of(large, sizeof large), 2), ERR_LIMIT);
    check_ok(cluster_secret_put(ours, "large", str_of(large, sizeof large - 1), 0));

    /* Another cluster key opens nothing; as the second one of two it does, and the first takes its
     * place. */
    cluster_secrets_t *theirs CLUSTER_SECRETS_SCOPED = secrets_of(&server, 2, 1);
    check_err(get_err(theirs, "keyring"), ERR_FORBIDDEN);
    change_row(&server, "UPDATE cluster_secrets SET name = 'moved' WHERE name = 'keyring'");
    check_err(get_err(ours, "moved"), ERR_FORBIDDEN);
    change_row(&server, "UPDATE cluster_secrets SET name = 'keyring' WHERE name = 'moved'");

    static const uint8_t both[2][AEAD_KEY_SIZE] = {{2}, {1}};
    cluster_secrets_t *next CLUSTER_SECRETS_SCOPED = NULL;
    check_ok(cluster_secrets_open(server.address, both, 2, &next));
    check_secret(next, STR("secret 2"), 3);
    check_secret(next, STR("secret 2"), 3);
    check_err(get_err(ours, "keyring"), ERR_FORBIDDEN);
    cluster_secrets_t *alone CLUSTER_SECRETS_SCOPED = secrets_of(&server, 1, 1);
    check_secret(alone, STR("secret 2"), 3);

    change_row(&server, "UPDATE cluster_secrets SET sealed = '' WHERE name = 'keyring'");
    check_err(get_err(alone, "keyring"), ERR_FORBIDDEN);
    postgres_do(&server, "stop");
    check_err(get_err(alone, "keyring"), ERR_UNAVAILABLE);
}
