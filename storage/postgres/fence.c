#include "storage/postgres/fence.h"

#include "runtime/base/assert.h"
#include "storage/postgres/pg_array.h"

enum { OWN_STATEMENTS = 2 };

static const char lock_sql[] = "SELECT pg_advisory_xact_lock(node) FROM unnest($1) AS node";

/* Those who append. Who has it alone, to take something over, needs no client to end. The key of an
 * advisory lock is as pg_locks has it. */
static const char end_holders_sql[] =
    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l"
    "  JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()"
    "  JOIN unnest($1) AS node"
    "    ON l.classid::bigint = node >> 32 AND l.objid::bigint = node & 4294967295"
    "  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.pid <> "
    "pg_backend_pid()";

typedef struct work {
    pg_parameter_t nodes;
    const pg_statement_t *statements;
    size_t count;
    PGresult **out_results;
} work_t;

static err_t try(pg_t *pg, const work_t *work, uint64_t wait_ms)
{
    char limit[64];
    size_t count = OWN_STATEMENTS + work->count;
    PGresult *results[OWN_STATEMENTS + FENCE_STATEMENTS_MAX] = {0};
    pg_statement_t all[OWN_STATEMENTS + FENCE_STATEMENTS_MAX] = {
        {.sql = limit}, {.sql = lock_sql, .parameters = {work->nodes}, .parameter_count = 1}};
    snprintf(limit, sizeof limit, "SET LOCAL lock_timeout = %llu", (unsigned long long)wait_ms);
    memcpy(&all[OWN_STATEMENTS], work->statements, work->count * sizeof *work->statements);
    TRY(pg_transaction(pg, all, count, results));
    for (size_t i = 0; i < count; i++) {
        if (i >= OWN_STATEMENTS && work->out_results != NULL)
            work->out_results[i - OWN_STATEMENTS] = results[i];
        else
            PQclear(results[i]);
    }
    return ERR_OK;
}

err_t fence_transaction(pg_t *pg, const fence_t *fence, const pg_statement_t *statements,
                        size_t count, PGresult **out_results)
{
    work_t work = {.statements = statements, .count = count, .out_results = out_results};
    pg_array_t nodes PG_ARRAY_SCOPED = pg_array_of(PG_INT8);
    ASSERT(count <= FENCE_STATEMENTS_MAX);
    for (size_t i = 0; i < fence->count; i++)
        pg_array_add_i64(&nodes, (int64_t)fence->nodes[i]);
    TRY(pg_array_end(&nodes, &work.nodes));
    err_t err = try(pg, &work, fence->hold_ms);
    if (err != ERR_BUSY)
        return err;
    log_warning(fence->log, "journal",
                "an append of a connection that is lost, or of another node, is still under way: "
                "ended");
    pg_statement_t end_holders = {
        .sql = end_holders_sql, .parameters = {work.nodes}, .parameter_count = 1};
    TRY(pg_run(pg, &end_holders, NULL));
    return try(pg, &work, fence->hold_ms * FENCE_LAST_WAITS);
}
