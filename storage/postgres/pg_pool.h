#pragma once
/* pg_pool.h -- a few connections to read with, opened when they are first needed.
 *
 * Who finds all of them taken waits for one, at most as long as a statement may take and a second.
 * One that turned out broken is opened anew; after a connect that failed none is tried for
 * PG_POOL_RETRY_MS.
 *
 * Threads  Any; new and free one. Errors  As pg.h, but never TIMEOUT: nothing is unknown about a
 * read, so it is UNAVAILABLE. BUSY: no connection came free in time. */

#include "storage/postgres/pg.h"

enum { PG_POOL_CONNECTIONS = 4, PG_POOL_RETRY_MS = 100 };

typedef struct pg_pool pg_pool_t;

typedef struct pg_pool_options {
    /* A connection that may be used; the pool closes it. */
    err_t (*connect)(void *context, pg_t **out_connection);
    void *context;
    uint64_t timeout_ms; /* of a statement on them */
} pg_pool_options_t;

err_t pg_pool_new(const pg_pool_options_t *options, pg_pool_t **out_pool);
void pg_pool_free(pg_pool_t *self); /* NULL is fine */
/* Connections made before are not used for what begins from now on. */
void pg_pool_renew(pg_pool_t *self);
/* A statement that only reads; once more on a new connection when an old one turned out dead. */
err_t pg_pool_query(pg_pool_t *self, const pg_statement_t *statement, PGresult **out_result);
