#pragma once
/* relation_read.h -- tables as one listener's reader sees them (docs/operating.md, ms_read): their
 * own rows of what is theirs, all of the catalog.
 *
 * The role and the user are settings of the one transaction that reads: a connection that comes
 * back to a pool, pgbouncer's in transaction mode too, carries neither on, however the transaction
 * ended.
 *
 * Errors  As pg.h. */

#include "storage/postgres/pg.h"

/* An empty user id sees no row of anybody. */
err_t relation_read_as(pg_t *connection, str_t user_id, const pg_statement_t *statement,
                       PGresult **out_result);
