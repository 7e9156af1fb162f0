#include "tests/support/postgres/relation_read.h"

err_t relation_read_as(pg_t *connection, str_t user_id, const pg_statement_t *statement,
                       PGresult **out_result)
{
    PGresult *results[2];
    pg_statement_t statements[2] = {
        {.sql = "SELECT set_config('role', 'ms_read', true), set_config('ms.uid', $1, true)",
         .parameters = {pg_text(user_id)},
         .parameter_count = 1},
        *statement};
    TRY(pg_transaction(connection, statements, COUNT_OF(statements), results));
    PQclear(results[0]);
    *out_result = results[1];
    return ERR_OK;
}
