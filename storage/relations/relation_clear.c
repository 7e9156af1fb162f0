#include "storage/relations/relation_clear.h"

#include "storage/postgres/pg.h"

/* FORBIDDEN: PostgreSQL would only warn, and do nothing. */
static err_t statement_of(pg_t *pg, buf_t *out)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run(pg,
               &(pg_statement_t){.sql = "SELECT 'VACUUM ' || string_agg(format('%I', tablename), "
                                        "', ') FROM pg_policies WHERE schemaname = 'public' AND "
                                        "policyname = 'own_rows' AND "
                                        "pg_has_role(current_user, 'ms_migrate', 'USAGE')"},
               &result));
    if (PQntuples(result) != 1 || PQgetisnull(result, 0, 0) != 0)
        return ERR_FORBIDDEN;
    buf_append(out, pg_get_str(result, 0, 0));
    (void)buf_terminated(out);
    return buf_status(out);
}

err_t relation_clear_rows(const char *address, const ms_log_t *log)
{
    pg_t *pg PG_SCOPED = NULL;
    buf_t sql BUF_SCOPED = BUF_INIT;
    TRY(pg_open(&(pg_options_t){.address = address, .application = "musicstream", .log = log},
                &pg));
    TRY(statement_of(pg, &sql));
    return pg_run_script(pg, buf_terminated(&sql));
}
