#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/memory.h"
#include "storage/postgres/pg_array.h"

/* ---- the statement ----
 *
 * `moved` and `begun` are the compare-and-set; `passed` is what both let through; the events of all
 * else are left out by the join. The timeline is the one that is being written now, also after a
 * fail-over under an open connection.
 *
 * What was not let through is left in ms.refused, for the transaction: the statements of the
 * relations, which come in the same round trip, leave its events out (ms_refused()). */

static const char append_sql[] =
    "WITH batch AS ("
    "  SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],"
    "      $14::int[])"
    "    WITH ORDINALITY AS b(stream, partition, expected, added, epoch, waiting, place)"
    "), allowed AS ("
    "  SELECT b.* FROM batch b WHERE epoch ="
    "    (SELECT p.epoch FROM partitions p WHERE p.id = b.partition AND p.owner = $6)"
    "), moved AS ("
    "  UPDATE streams s SET version = a.expected + a.added,"
    "      is_waiting = CASE a.waiting WHEN 0 THEN s.is_waiting ELSE a.waiting = 1 END"
    "    FROM allowed a"
    "    WHERE s.stream = a.stream AND a.expected > 0 AND s.version = a.expected"
    "    RETURNING a.place, s.stream"
    "), begun AS ("
    "  INSERT INTO streams (stream, partition, version, is_waiting)"
    "    SELECT stream, partition, added, waiting = 1 FROM allowed WHERE expected = 0"
    "    ON CONFLICT (stream) DO NOTHING RETURNING stream"
    "), passed AS ("
    "  SELECT place, stream FROM moved"
    "  UNION ALL SELECT a.place, a.stream FROM begun JOIN allowed a USING (stream)"
    "), now_writing AS ("
    "  SELECT pg_current_xact_id() AS xid,"
    "    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline"
    "), written AS ("
    "  INSERT INTO events (stream, version, timeline, xid, ordinal, wall_ms, name, payload,"
    "      command_id, result)"
    "    SELECT p.stream, e.version, w.timeline, w.xid, (e.ordinal - 1)::int, e.wall_ms, e.name,"
    "        e.payload, e.command_id, e.result"
    "      FROM unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::bytea[],"
    "          $12::text[], $13::bytea[]) WITH ORDINALITY"
    "          AS e(place, version, wall_ms, name, payload, command_id, result, ordinal)"
    "      JOIN passed p ON p.place = e.place CROSS JOIN now_writing w"
    "), refused AS ("
    "  SELECT set_config('ms.refused', coalesce(array_agg(b.place), '{}')::text, true) AS told"
    "    FROM batch b WHERE NOT EXISTS (SELECT FROM passed p WHERE p.place = b.place)"
    ") SELECT p.place, w.timeline, w.xid::text::bigint, r.told"
    "  FROM refused r CROSS JOIN now_writing w LEFT JOIN passed p ON true";

enum { STREAM_COLUMNS = 5, EVENT_COLUMNS = 7 };

typedef struct arrays {
    pg_array_t streams[STREAM_COLUMNS]; /* stream, partition, expected, added, epoch */
    pg_array_t events[EVENT_COLUMNS]; /* place, version, wall_ms, name, payload, command, result */
    pg_array_t waiting;               /* of a stream: a journal_waiting_t */
} arrays_t;

static void arrays_init(arrays_t *self)
{
    static const pg_type_t streams[STREAM_COLUMNS] = {PG_TEXT, PG_INT4, PG_INT8, PG_INT8, PG_INT8};
    static const pg_type_t events[EVENT_COLUMNS] = {PG_INT8,  PG_INT8, PG_INT8, PG_TEXT,
                                                    PG_BYTEA, PG_TEXT, PG_BYTEA};
    for (size_t i = 0; i < STREAM_COLUMNS; i++)
        self->streams[i] = pg_array_of(streams[i]);
    for (size_t i = 0; i < EVENT_COLUMNS; i++)
        self->events[i] = pg_array_of(events[i]);
    self->waiting = pg_array_of(PG_INT4);
}

static void arrays_deinit(arrays_t *self)
{
    for (size_t i = 0; i < STREAM_COLUMNS; i++)
        pg_array_deinit(&self->streams[i]);
    for (size_t i = 0; i < EVENT_COLUMNS; i++)
        pg_array_deinit(&self->events[i]);
    pg_array_deinit(&self->waiting);
}

static void add_stream(arrays_t *self, const journal_append_t *first, uint64_t added)
{
    pg_array_add_str(&self->streams[0], first->stream);
    pg_array_add_i32(&self->streams[1], (int32_t)journal_postgres_partition(first->stream));
    pg_array_add_i64(&self->streams[2], (int64_t)first->expected_version);
    pg_array_add_i64(&self->streams[3], (int64_t)added);
    pg_array_add_i64(&self->streams[4], (int64_t)first->epoch);
}

/* waiting: what the newest event says that says something. */
static err_t add_events(arrays_t *self, relation_batch_t *relations, const journal_append_t *append,
                        journal_waiting_t *waiting)
{
    for (size_t i = 0; i < append->event_count; i++) {
        journal_waiting_t now = journal_waiting_after(append->events[i].name);
        if (now != JOURNAL_WAITING_AS_BEFORE)
            *waiting = now;
        bool is_last = i + 1 == append->event_count;
        pg_array_add_i64(&self->events[0], (int64_t)self->streams[0].count);
        pg_array_add_i64(&self->events[1], (int64_t)(append->expected_version + i + 1));
        pg_array_add_i64(&self->events[2], append->wall_ms);
        pg_array_add_str(&self->events[3], append->events[i].name);
        pg_array_add_str(&self->events[4], append->events[i].payload);
        pg_array_add_str(&self->events[5], append->command_id);
        pg_array_add_str(&self->events[6], is_last ? append->result : (str_t){NULL, 0});
        TRY(relation_batch_add(relations, append->expected_version + i + 1, &append->events[i],
                               append->wall_ms));
    }
    return ERR_OK;
}

static bool is_same_stream(const journal_job_t *a, const journal_job_t *b)
{
    return str_equal(a->append.stream, b->append.stream);
}

/* The end of the run of one stream's jobs that begins at `begin`. */
static size_t run_end(const journal_round_t *round, size_t begin)
{
    size_t end = begin + 1;
    while (end < round->count && is_same_stream(round->jobs[begin], round->jobs[end]))
        end++;
    return end;
}

static err_t fill(arrays_t *self, relation_batch_t *relations, const journal_round_t *round)
{
    relation_batch_reset(relations);
    for (size_t begin = 0, end; begin < round->count; begin = end) {
        end = run_end(round, begin);
        const journal_append_t *first = &round->jobs[begin]->append;
        const journal_append_t *last = &round->jobs[end - 1]->append;
        add_stream(self, first,
                   last->expected_version + last->event_count - first->expected_version);
        relation_batch_stream(relations, first->stream, (int64_t)self->streams[0].count);
        journal_waiting_t waiting = JOURNAL_WAITING_AS_BEFORE;
        for (size_t i = begin; i < end; i++)
            TRY(add_events(self, relations, &round->jobs[i]->append, &waiting));
        pg_array_add_i32(&self->waiting, (int32_t)waiting);
    }
    return ERR_OK;
}

/* ---- what came back ---- */

/* The place-th run of the round passed: its jobs are durable. */
static void mark_written(const journal_round_t *round, int64_t place, int64_t timeline, int64_t xid)
{
    int64_t ordinal = 0, at = 0;
    for (size_t begin = 0, end; begin < round->count; begin = end) {
        end = run_end(round, begin);
        at++;
        for (size_t i = begin; i < end; i++) {
            journal_job_t *job = round->jobs[i];
            ordinal += (int64_t)job->append.event_count;
            if (at != place)
                continue;
            job->is_written = true;
            job->version = job->append.expected_version + job->append.event_count;
            job->position = journal_postgres_position(timeline, xid, ordinal - 1);
        }
        if (at == place)
            return;
    }
}

static void read_outcome(journal_postgres_t *self, const journal_round_t *round,
                         const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        if (PQgetisnull(result, row, 0) == 0) /* NULL: the only row, and nothing passed */
            mark_written(round, pg_get_i64(result, row, 0), pg_get_i32(result, row, 1),
                         pg_get_i64(result, row, 2));
    }
    for (size_t i = 0; i < round->count; i++) {
        journal_job_t *job = round->jobs[i];
        if (job->is_written)
            journal_postgres_wrote(self, job->position);
        else
            job->err = ERR_CONFLICT;
    }
}

/* ---- writing ---- */

enum { LOCK_AT, APPEND_AT, OWN_STATEMENTS };

/* Who takes this node's partitions over waits for what it is still writing; so does who puts a
 * projection in another's place (relation_build.h). */
static const char lock_sql[] =
    "SELECT pg_advisory_xact_lock_shared($1), pg_advisory_xact_lock_shared($2)";

typedef struct numbers {
    char node[8], lock[8], gate[8];
} numbers_t;

static err_t own_statements(const journal_postgres_t *self, arrays_t *arrays, numbers_t *numbers,
                            pg_statement_t *statements)
{
    statements[LOCK_AT] = (pg_statement_t){
        .sql = lock_sql,
        .parameters = {pg_i64(numbers->lock, (int64_t)self->node),
                       pg_i64(numbers->gate, RELATION_GATE)},
        .parameter_count = 2,
    };
    statements[APPEND_AT] =
        (pg_statement_t){.sql = append_sql, .parameter_count = STREAM_COLUMNS + EVENT_COLUMNS + 2};
    pg_parameter_t *parameters = statements[APPEND_AT].parameters;
    for (size_t i = 0; i < STREAM_COLUMNS; i++)
        TRY(pg_array_end(&arrays->streams[i], &parameters[i]));
    parameters[STREAM_COLUMNS] = pg_i64(numbers->node, (int64_t)self->node);
    for (size_t i = 0; i < EVENT_COLUMNS; i++)
        TRY(pg_array_end(&arrays->events[i], &parameters[STREAM_COLUMNS + 1 + i]));
    return pg_array_end(&arrays->waiting, &parameters[STREAM_COLUMNS + 1 + EVENT_COLUMNS]);
}

static err_t write_round(journal_postgres_t *self, const journal_round_t *round, arrays_t *arrays)
{
    numbers_t numbers;
    pg_statement_t *statements;
    size_t count;
    TRY(relation_batch_statements(self->relations, OWN_STATEMENTS, &statements, &count));
    TRY(own_statements(self, arrays, &numbers, statements));
    PGresult **results MEMORY_SCOPED = memory_new_array(count, sizeof(PGresult *));
    if (results == NULL)
        return ERR_NO_MEMORY;
    err_t err = pg_transaction(self->writer, statements, count, results);
    if (err == ERR_OK) {
        read_outcome(self, round, results[APPEND_AT]);
        atomic_fetch_add(&self->transactions, 1);
    }
    for (size_t i = 0; i < count; i++)
        PQclear(results[i]);
    return err;
}

err_t journal_postgres_write(journal_postgres_t *self, const journal_round_t *round)
{
    arrays_t arrays;
    arrays_init(&arrays);
    err_t err = fill(&arrays, self->relations, round);
    if (err == ERR_OK)
        err = write_round(self, round, &arrays);
    arrays_deinit(&arrays);
    return err;
}

/* ---- what may still be under way ---- */

/* The key of an advisory lock, as pg_locks has it. */
static const char end_holders_sql[] =
    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l"
    "  JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()"
    "  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.pid <> pg_backend_pid()"
    "    AND l.classid::bigint = $1 >> 32 AND l.objid::bigint = $1 & 4294967295";

err_t journal_postgres_await_own(journal_postgres_t *self)
{
    char lock[8], limit[64];
    snprintf(limit, sizeof limit, "SET LOCAL lock_timeout = %llu",
             (unsigned long long)MIN(self->timeout_ms / 2, (uint64_t)JOURNAL_POSTGRES_HOLD_MAX_MS));
    pg_parameter_t key = pg_i64(lock, (int64_t)self->node);
    pg_statement_t statements[2] = {
        {.sql = limit},
        {.sql = "SELECT pg_advisory_xact_lock($1)", .parameters = {key}, .parameter_count = 1}};
    pg_statement_t end_holders = {
        .sql = end_holders_sql, .parameters = {key}, .parameter_count = 1};
    err_t err = pg_transaction(self->writer, statements, COUNT_OF(statements), NULL);
    if (err != ERR_BUSY)
        return err;
    log_warning(self->log, "journal", "an append of a lost connection is still under way: ended");
    TRY(pg_run(self->writer, &end_holders, NULL));
    return pg_transaction(self->writer, statements, COUNT_OF(statements), NULL);
}

/* ---- snapshots ---- */

/* Only of what is durable, and never an older one over a newer. */
static const char snapshot_sql[] =
    "INSERT INTO snapshots (stream, version, state)"
    " SELECT DISTINCT ON (n.stream) n.stream, n.version, n.state"
    "   FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS n(stream, version, state)"
    "   JOIN streams s ON s.stream = n.stream AND s.version >= n.version"
    "   ORDER BY n.stream, n.version DESC"
    " ON CONFLICT (stream) DO UPDATE SET version = excluded.version, state = excluded.state"
    "   WHERE snapshots.version < excluded.version";

err_t journal_postgres_write_snapshots(journal_postgres_t *self, const journal_job_t *jobs)
{
    pg_array_t streams PG_ARRAY_SCOPED = pg_array_of(PG_TEXT);
    pg_array_t versions PG_ARRAY_SCOPED = pg_array_of(PG_INT8);
    pg_array_t states PG_ARRAY_SCOPED = pg_array_of(PG_BYTEA);
    for (const journal_job_t *job = jobs; job != NULL; job = job->next) {
        if (job->kind != JOB_SNAPSHOT)
            continue;
        pg_array_add_str(&streams, job->append.stream);
        pg_array_add_i64(&versions, (int64_t)job->append.expected_version);
        pg_array_add_str(&states, job->append.result);
    }
    if (streams.count == 0)
        return ERR_OK;
    pg_statement_t statement = {.sql = snapshot_sql, .parameter_count = 3};
    TRY(pg_array_end(&streams, &statement.parameters[0]));
    TRY(pg_array_end(&versions, &statement.parameters[1]));
    TRY(pg_array_end(&states, &statement.parameters[2]));
    return pg_run(self->writer, &statement, NULL);
}
