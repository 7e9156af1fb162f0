#pragma once
/* pg.h -- one connection to PostgreSQL: statements with binary parameters, in a pipeline where they
 * belong together.
 *
 * Every statement is unnamed and every setting is the transaction's, so that a connection may be
 * pgbouncer's in transaction mode. Nothing here waits longer than the connection's time-out.
 *
 * Ownership  Parameters are borrowed until the call returns; results belong to the caller.
 * Threads    One at a time for each connection.
 * Errors     By SQLSTATE class (PostgreSQL manual, appendix A): UNAVAILABLE the server is away,
 * starts or stops (08, 57P); TIMEOUT no answer in time, or the connection was lost while one was
 * due: nobody knows what happened; FULL (53100); NO_MEMORY (53200); BUSY (53300, 40001, 40P01,
 * 55P03); FORBIDDEN (42501, 28); CONFLICT (23); INVALID (22);
 * STALE (MS001: storage/migrations/0006_append.sql); INTERNAL else. */

#include "runtime/base/buf.h"
#include "runtime/base/log.h"

#include <libpq-fe.h>
#include <stdatomic.h>

enum { PG_PARAMETERS_MAX = 72 }; /* a file's tags, a column each */

/* Object identifiers of the types used (PostgreSQL, pg_type.dat). */
typedef enum pg_type {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_FLOAT8 = 701,
    PG_BOOL_ARRAY = 1000,
    PG_BYTEA_ARRAY = 1001,
    PG_INT4_ARRAY = 1007,
    PG_TEXT_ARRAY = 1009,
    PG_INT8_ARRAY = 1016,
    PG_FLOAT8_ARRAY = 1022
} pg_type_t;

typedef struct pg_parameter {
    pg_type_t type;
    str_t bytes; /* as the wire has it: see pg_i64 and pg_array.h; text as it is */
} pg_parameter_t;

typedef struct pg_statement {
    const char *sql;
    pg_parameter_t parameters[PG_PARAMETERS_MAX];
    size_t parameter_count;
} pg_statement_t;

typedef struct pg pg_t;

/* Shared by connections that one stop ends: past its time nobody waits for a server any more, and
 * what was under way ends as if its answer had not come in time. Outlives them. Any thread. */
typedef struct pg_patience {
    _Atomic uint64_t until_ms; /* 0: for as long as each statement may take */
} pg_patience_t;
void pg_patience_end(pg_patience_t *self, uint64_t within_ms);

typedef struct pg_options {
    const char *address; /* a connection string or postgres:// URI */
    const char *application;
    uint64_t timeout_ms; /* 0: 5000 */
    const ms_log_t *log;
    const pg_patience_t *patience; /* NULL: without end */
} pg_options_t;

/* To the first of the address's hosts that takes it (target_session_attrs is minded); each gets its
 * share of the time. */
err_t pg_open(const pg_options_t *options, pg_t **out_connection);
void pg_close(pg_t *self);
void pg_set_patience(pg_t *self, const pg_patience_t *patience);
void pg_scope_end(pg_t **self);
#define PG_SCOPED SCOPED(pg_scope_end)
/* Broken: close it. */
bool pg_is_usable(const pg_t *self);
/* Also looks whether the server has said goodbye meanwhile; never waits. */
bool pg_is_alive(pg_t *self);
/* Whether it leads to the server itself, and not to a pooler: those make up the number of the
 * process that serves them. */
bool pg_is_direct(pg_t *self);
/* For what only libpq has, between two statements. */
PGconn *pg_native(const pg_t *self);

/* Runs it; *out_result (may be NULL) has binary columns. */
err_t pg_run(pg_t *self, const pg_statement_t *statement, PGresult **out_result);
/* Runs several statements without parameters, of a file. */
err_t pg_run_script(pg_t *self, const char *sql);
/* BEGIN, the statements, COMMIT in one round trip. The results of those that have a place in
 * out_results (NULL: none wanted). An error undoes all of it; TIMEOUT: nobody knows. */
err_t pg_transaction(pg_t *self, const pg_statement_t *statements, size_t count,
                     PGresult **out_results);

/* The same in two halves, and up to PG_UNDER_WAY_MAX transactions under way: the server works them
 * off in the order in which they were sent, each ends for itself, and they are taken in that order.
 * Nothing else may be run meanwhile. After an error of the first half there is no second.
 * (What lies between two syncs of a pipeline is one transaction: no BEGIN, no SET LOCAL in it.) */
enum { PG_UNDER_WAY_MAX = 4 };
err_t pg_transaction_send(pg_t *self, const pg_statement_t *statements, size_t count);
/* Of `count` statements; *out_first (may be NULL) is the result of the first. */
err_t pg_transaction_take(pg_t *self, size_t count, PGresult **out_first);

void pg_result_scope_end(PGresult **result);
#define PG_RESULT_SCOPED SCOPED(pg_result_scope_end)

/* Big-endian into 8 or 4 bytes of the caller's; the parameter borrows them. */
pg_parameter_t pg_i64(char bytes[8], int64_t value);
pg_parameter_t pg_i32(char bytes[4], int32_t value);
pg_parameter_t pg_text(str_t text);
pg_parameter_t pg_bytes(str_t bytes);

/* A binary column; 0 or empty where it is NULL or of another size. */
int64_t pg_get_i64(const PGresult *result, int row, int column);
int32_t pg_get_i32(const PGresult *result, int row, int column);
str_t pg_get_str(const PGresult *result, int row, int column);
