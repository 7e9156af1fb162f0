/* journal_postgres_history.c -- which server this is.
 *
 * Each fail-over begins a new timeline. A server of an older one than we wrote to is the one that
 * was replaced, come back by itself: it is not used. One of a newer one may lack what was
 * acknowledged, unless commits waited for it (synchronous_standby_names). The commits of one
 * connection lie in the server's log in the order in which they were acknowledged, and what a
 * fail-over loses is the end of that log: so as long as the newest of them are there, all are. */

#include "storage/postgres/journal_postgres_parts.h"
#include "storage/postgres/pg_array.h"

/* 0: a standby. */
static err_t timeline_of(pg_t *connection, uint64_t *out_timeline)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = "SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE"
               " ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END"};
    TRY(pg_run(connection, &statement, &result));
    *out_timeline = (uint64_t)(uint32_t)pg_get_i32(result, 0, 0);
    return ERR_OK;
}

err_t journal_postgres_check_server(const journal_postgres_t *self, pg_t *connection)
{
    uint64_t timeline = 0, known = atomic_load(&self->timeline);
    if (self->is_read_only)
        return ERR_OK; /* any will do */
    TRY(timeline_of(connection, &timeline));
    if (timeline == 0)
        log_warning(self->log, "journal", "the server is a standby: nothing can be written there");
    else if (timeline < known)
        log_error(self->log, "journal",
                  "the server is of timeline %llu, and %llu was written to: it was replaced, and "
                  "is not used; end it",
                  (unsigned long long)timeline, (unsigned long long)known);
    return timeline == 0 || timeline < known ? ERR_UNAVAILABLE : ERR_OK;
}

/* ---- what was acknowledged ---- */

enum { ORDINAL_BITS_OF_POSITION = 18 };

void journal_postgres_remember(journal_postgres_t *self, uint64_t position)
{
    journal_postgres_recent_t *recent = &self->recent;
    uint64_t count = atomic_load_explicit(&recent->count, memory_order_relaxed);
    uint64_t last = count == 0 ? 0 : recent->positions[(count - 1) % JOURNAL_POSTGRES_RECENT];
    if (count > 0 && last >> ORDINAL_BITS_OF_POSITION == position >> ORDINAL_BITS_OF_POSITION)
        return; /* of the same transaction */
    count = atomic_fetch_add(&recent->count, 1);
    atomic_store(&recent->positions[count % JOURNAL_POSTGRES_RECENT], position);
}

/* A position is taken apart as journal_postgres.h says. */
static const char there_sql[] =
    "SELECT count(*) FROM unnest($1::bigint[]) AS p JOIN events e"
    "  ON e.timeline = (p >> 56 & 255)::int AND e.ordinal = (p & 262143)::int"
    "    AND e.xid = (p >> 18 & 274877906943)::text::xid8";

/* How many of the transactions that were acknowledged last are not there. */
static err_t count_lost(const journal_postgres_t *self, pg_t *connection, uint64_t *out_lost)
{
    const journal_postgres_recent_t *recent = &self->recent;
    uint64_t count = MIN(atomic_load(&recent->count), (uint64_t)JOURNAL_POSTGRES_RECENT);
    pg_array_t positions PG_ARRAY_SCOPED = pg_array_of(PG_INT8);
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = there_sql, .parameter_count = 1};
    for (uint64_t i = 0; i < count; i++)
        pg_array_add_i64(&positions, (int64_t)atomic_load(&recent->positions[i]));
    TRY(pg_array_end(&positions, &statement.parameters[0]));
    TRY(pg_run(connection, &statement, &result));
    *out_lost = count - (uint64_t)pg_get_i64(result, 0, 0);
    return ERR_OK;
}

static void tell_lost(const journal_postgres_t *self, uint64_t timeline, uint64_t lost)
{
    if (lost == 0)
        log_info(self->log, "journal",
                 "another server has taken over (timeline %llu), with all that was acknowledged",
                 (unsigned long long)timeline);
    else
        log_error(self->log, "journal",
                  "another server has taken over (timeline %llu), without the end of what was "
                  "acknowledged: %llu transactions or more are lost. Commits waited for no standby "
                  "(synchronous_standby_names); what is there now is read again",
                  (unsigned long long)timeline, (unsigned long long)lost);
}

/* What is known of the server before does not count any more. Nobody who reads comes back to that
 * once the new timeline is known and the connections are renewed, in this order; and who sees the
 * new history reads it. */
static void forget(journal_postgres_t *self, uint64_t timeline)
{
    atomic_store(&self->timeline, timeline);
    pg_pool_renew(self->readers);
    atomic_store(&self->head, 0);
    atomic_store(&self->readable, 0);
    atomic_store(&self->recent.count, 0);
    atomic_store(&self->history, timeline);
}

/* The server is asked first: a connection that is lost meanwhile leaves all as it was, and the next
 * one finds the same. */
static err_t take_over(journal_postgres_t *self, pg_t *connection, uint64_t timeline)
{
    uint64_t lost = 0;
    PGresult *look PG_RESULT_SCOPED = NULL;
    TRY(count_lost(self, connection, &lost));
    TRY(pg_run(connection, &(pg_statement_t){.sql = journal_postgres_look_sql}, &look));
    forget(self, timeline);
    if (!journal_postgres_looked(self, look))
        journal_postgres_follow_short(self->follow);
    if (lost > 0)
        atomic_fetch_add(&self->went_back, 1);
    tell_lost(self, timeline, lost);
    journal_hooks_call(&self->hooks, atomic_load(&self->head));
    return ERR_OK;
}

err_t journal_postgres_recognize(journal_postgres_t *self, pg_t *connection)
{
    uint64_t timeline = 0, known = atomic_load(&self->timeline);
    TRY(timeline_of(connection, &timeline));
    if (timeline < known)
        return ERR_UNAVAILABLE;
    if (known != 0 && timeline > known)
        return take_over(self, connection, timeline);
    atomic_store(&self->timeline, timeline);
    atomic_store(&self->history, timeline);
    return ERR_OK;
}
