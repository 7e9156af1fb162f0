#include "storage/postgres/migrate.h"

#include "migrations.h"
#include "storage/postgres/pg.h"

#include <openssl/sha.h>

/* "musicstr" as a number: nobody else's lock. */
#define MIGRATE_LOCK "7887327117690926194"

enum { DIGEST_SIZE = 2 * SHA256_DIGEST_LENGTH };

static const char table_sql[] = "CREATE TABLE IF NOT EXISTS migrations ("
                                " number integer PRIMARY KEY, name text NOT NULL,"
                                " sha256 text NOT NULL,"
                                " applied_at timestamptz NOT NULL DEFAULT now())";

static void digest_of(const migration_t *migration, char out[DIGEST_SIZE + 1])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)migration->sql, migration->size, digest);
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* What is there must be what we have, from the first on. */
static err_t check_applied(pg_t *pg, const ms_log_t *log, int *out_count)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run(pg,
               &(pg_statement_t){.sql = "SELECT number, sha256 FROM migrations ORDER BY number"},
               &result));
    int count = PQntuples(result);
    if (count > (int)COUNT_OF(migrations)) {
        log_error(log, "migrate",
                  "the database is of a newer version: it has %d migrations, we %zu", count,
                  COUNT_OF(migrations));
        return ERR_NEWER;
    }
    for (int row = 0; row < count; row++) {
        char digest[DIGEST_SIZE + 1];
        digest_of(&migrations[row], digest);
        if (pg_get_i32(result, row, 0) == row + 1 &&
            str_equal(pg_get_str(result, row, 1), str_from(digest)))
            continue;
        log_error(log, "migrate", "%s was applied with other contents: restore its file",
                  migrations[row].name);
        return ERR_CONFLICT;
    }
    *out_count = count;
    return ERR_OK;
}

/* Also for a login that may only read the list. */
static err_t count_done(pg_t *pg, const ms_log_t *log, int *out_count)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run(pg, &(pg_statement_t){.sql = "SELECT WHERE to_regclass('migrations') IS NOT NULL"},
               &result));
    return PQntuples(result) == 1 ? check_applied(pg, log, out_count) : ERR_OK;
}

static err_t apply(pg_t *pg, int index, const ms_log_t *log)
{
    const migration_t *migration = &migrations[index];
    char digest[DIGEST_SIZE + 1];
    buf_t script BUF_SCOPED = BUF_INIT;
    digest_of(migration, digest);
    buf_append(&script, STR("BEGIN;\n"));
    buf_append(&script, str_of(migration->sql, migration->size));
    buf_printf(&script,
               "\nINSERT INTO migrations (number, name, sha256) VALUES (%d, '%s', '%s');\n",
               index + 1, migration->name, digest);
    buf_append(&script, STR("COMMIT;"));
    TRY(buf_status(&script));
    log_info(log, "migrate", "applying %s", migration->name);
    err_t err = pg_run_script(pg, buf_terminated(&script));
    if (err != ERR_OK)
        log_error(log, "migrate", "%s failed (%s): nothing of it was kept", migration->name,
                  err_text(err));
    return err;
}

/* LMDB's records carry checksums, a row here only what its server's pages do. */
static err_t look_for_checksums(pg_t *pg, const ms_log_t *log)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run(pg, &(pg_statement_t){.sql = "SHOW data_checksums"}, &result));
    if (PQntuples(result) == 1 && str_equal(pg_get_str(result, 0, 0), STR("off")))
        log_warning(log, "postgres",
                    "the server checks none of its pages (data_checksums is off): damage would be "
                    "read as data; switch it on with pg_checksums --enable");
    return ERR_OK;
}

err_t migrate(const char *address, const ms_log_t *log)
{
    pg_t *pg PG_SCOPED = NULL;
    int count = 0;
    TRY(pg_open(&(pg_options_t){.address = address, .application = "musicstream", .log = log},
                &pg));
    TRY(look_for_checksums(pg, log));
    TRY(count_done(pg, log, &count));
    if (count == (int)COUNT_OF(migrations))
        return ERR_OK;
    /* Held by the session: given back with it, also when this process is killed. */
    TRY(pg_run_script(pg, "SELECT pg_advisory_lock(" MIGRATE_LOCK ")"));
    TRY(pg_run_script(pg, table_sql));
    TRY(check_applied(pg, log, &count));
    for (int i = count; i < (int)COUNT_OF(migrations); i++)
        TRY(apply(pg, i, log));
    return ERR_OK;
}
