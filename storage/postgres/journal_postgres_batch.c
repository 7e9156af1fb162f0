#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/memory.h"
#include "runtime/base/partition.h"
#include "storage/postgres/fence.h"
#include "storage/postgres/pg_array.h"

/* ---- the statement ----
 *
 * All of an append is one function of the server (storage/migrations/0011_members.sql). The
 * statements of the relations come in the same round trip and transaction; what was not let through
 * is left in a setting for them, so that they leave it out (ms_refused()). */

static const char append_sql[] = "SELECT timeline, xid, refused, there FROM ms_append($1, $2, $3, "
                                 "$4, $5, $6, $7, $8, $9, $10, $11,"
                                 " $12, $13, $14, $15, $16, $17)";

enum { NUMBERS = 3, STREAM_COLUMNS = 6, EVENT_COLUMNS = 8 };
enum { NOT_OURS = -1 }; /* in `there` */

typedef struct arrays {
    pg_array_t streams[STREAM_COLUMNS]; /* stream, partition, expected, added, epoch, waiting */
    /* stream, place, version, wall_ms, name, payload, command, result */
    pg_array_t events[EVENT_COLUMNS];
} arrays_t;

static void arrays_init(arrays_t *self)
{
    static const pg_type_t streams[STREAM_COLUMNS] = {PG_TEXT, PG_INT4, PG_INT8,
                                                      PG_INT8, PG_INT8, PG_INT4};
    static const pg_type_t events[EVENT_COLUMNS] = {PG_TEXT, PG_INT8,  PG_INT8, PG_INT8,
                                                    PG_TEXT, PG_BYTEA, PG_TEXT, PG_BYTEA};
    for (size_t i = 0; i < STREAM_COLUMNS; i++)
        self->streams[i] = pg_array_of(streams[i]);
    for (size_t i = 0; i < EVENT_COLUMNS; i++)
        self->events[i] = pg_array_of(events[i]);
}

static void arrays_deinit(arrays_t *self)
{
    for (size_t i = 0; i < STREAM_COLUMNS; i++)
        pg_array_deinit(&self->streams[i]);
    for (size_t i = 0; i < EVENT_COLUMNS; i++)
        pg_array_deinit(&self->events[i]);
}

static void add_stream(arrays_t *self, const journal_append_t *first, uint64_t added)
{
    pg_array_add_str(&self->streams[0], first->stream);
    pg_array_add_i32(&self->streams[1], (int32_t)partition_of(first->stream));
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
        pg_array_add_str(&self->events[0], append->stream);
        pg_array_add_i64(&self->events[1], (int64_t)self->streams[0].count);
        pg_array_add_i64(&self->events[2], (int64_t)(append->expected_version + i + 1));
        pg_array_add_i64(&self->events[3], append->wall_ms);
        pg_array_add_str(&self->events[4], append->events[i].name);
        pg_array_add_str(&self->events[5], append->events[i].payload);
        pg_array_add_str(&self->events[6], append->command_id);
        pg_array_add_str(&self->events[7], is_last ? append->result : (str_t){NULL, 0});
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
    while (end < round->count && is_same_stream(round->appends[begin], round->appends[end]))
        end++;
    return end;
}

static err_t fill(arrays_t *self, relation_batch_t *relations, const journal_round_t *round)
{
    relation_batch_reset(relations);
    for (size_t begin = 0, end; begin < round->count; begin = end) {
        end = run_end(round, begin);
        const journal_append_t *first = &round->appends[begin]->append;
        const journal_append_t *last = &round->appends[end - 1]->append;
        add_stream(self, first,
                   last->expected_version + last->event_count - first->expected_version);
        relation_batch_stream(relations, first->stream, (int64_t)self->streams[0].count);
        journal_waiting_t waiting = JOURNAL_WAITING_AS_BEFORE;
        for (size_t i = begin; i < end; i++)
            TRY(add_events(self, relations, &round->appends[i]->append, &waiting));
        pg_array_add_i32(&self->streams[5], (int32_t)waiting);
    }
    return ERR_OK;
}

/* ---- what came back ---- */

/* Its appends were judged together, by what the first of them expects. What came in between may
 * have been refused alone, had it come alone: from the one on that expects what is there they are
 * judged again. */
static void refuse_run(journal_round_t *round, size_t begin, size_t end, uint64_t there)
{
    bool is_again = false;
    for (size_t i = begin; i < end; i++) {
        journal_job_t *job = round->appends[i];
        is_again |= i > begin && job->append.expected_version == there;
        job->err = is_again ? ERR_STALE : ERR_CONFLICT;
    }
    round->has_again |= is_again;
}

/* Its partition is another node's, or was given away and came back since it was decided. */
static void fence_run(journal_postgres_t *self, journal_round_t *round, size_t begin, size_t end)
{
    journal_postgres_fenced(self, &round->appends[begin]->append);
    for (size_t i = begin; i < end; i++)
        round->appends[i]->err = ERR_UNAVAILABLE;
}

static void judge_run(journal_postgres_t *self, journal_round_t *round, size_t begin, size_t end,
                      int64_t there)
{
    if (there == NOT_OURS)
        fence_run(self, round, begin, end);
    else
        refuse_run(round, begin, end, (uint64_t)there);
}

static void end_job(journal_job_t *job, uint64_t position)
{
    job->is_written = true;
    job->version = job->append.expected_version + job->append.event_count;
    job->position = position;
}

/* Places count the round's runs from 1, ordinals all its events from 0. */
static void read_outcome(journal_postgres_t *self, journal_round_t *round, const PGresult *result)
{
    int64_t timeline = pg_get_i32(result, 0, 0), xid = pg_get_i64(result, 0, 1);
    int64_t ordinal = -1, place = 0;
    uint64_t newest = 0;
    str_t refused = pg_get_str(result, 0, 2), there = pg_get_str(result, 0, 3);
    uint32_t refused_count = pg_array_count(refused), at = 0;
    for (size_t begin = 0, end; begin < round->count; begin = end) {
        end = run_end(round, begin);
        place++;
        bool is_refused = at < refused_count && pg_array_i64_at(refused, at) == place;
        if (is_refused)
            judge_run(self, round, begin, end, pg_array_i64_at(there, at++));
        for (size_t i = begin; i < end; i++) {
            ordinal += (int64_t)round->appends[i]->append.event_count;
            uint64_t position = journal_postgres_position(timeline, xid, ordinal);
            if (is_refused)
                continue;
            end_job(round->appends[i], position);
            newest = position;
        }
    }
    if (newest > 0)
        journal_postgres_wrote(self, newest);
}

/* ---- writing ---- */

typedef struct numbers {
    char node[8], writer[8], gate[8];
} numbers_t;

static err_t append_statement(const journal_postgres_t *self, arrays_t *arrays, numbers_t *numbers,
                              pg_statement_t *out_statement)
{
    *out_statement = (pg_statement_t){
        .sql = append_sql,
        .parameters = {pg_i64(numbers->node, (int64_t)self->node),
                       pg_i64(numbers->writer, self->writer_id),
                       pg_i64(numbers->gate, RELATION_GATE)},
        .parameter_count = NUMBERS + STREAM_COLUMNS + EVENT_COLUMNS,
    };
    pg_parameter_t *parameters = out_statement->parameters + NUMBERS;
    for (size_t i = 0; i < STREAM_COLUMNS; i++)
        TRY(pg_array_end(&arrays->streams[i], &parameters[i]));
    for (size_t i = 0; i < EVENT_COLUMNS; i++)
        TRY(pg_array_end(&arrays->events[i], &parameters[STREAM_COLUMNS + i]));
    return ERR_OK;
}

static err_t send_arrays(journal_postgres_t *self, journal_round_t *round, arrays_t *arrays)
{
    numbers_t numbers;
    pg_statement_t *statements;
    TRY(fill(arrays, self->relations, round));
    TRY(relation_batch_statements(self->relations, 1, &statements, &round->statement_count));
    TRY(append_statement(self, arrays, &numbers, &statements[0]));
    TRY(pg_transaction_send(self->writer, statements, round->statement_count));
    round->is_under_way = true;
    return ERR_OK;
}

err_t journal_postgres_send(journal_postgres_t *self, journal_round_t *round)
{
    arrays_t arrays;
    arrays_init(&arrays);
    err_t err = send_arrays(self, round, &arrays);
    arrays_deinit(&arrays);
    return err;
}

err_t journal_postgres_take(journal_postgres_t *self, journal_round_t *round)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    round->is_under_way = false;
    TRY(pg_transaction_take(self->writer, round->statement_count, &result));
    if (PQntuples(result) != 1)
        return ERR_TIMEOUT; /* durable, but who knows what */
    read_outcome(self, round, result);
    atomic_fetch_add(&self->transactions, 1);
    return ERR_OK;
}

/* ---- what may still be under way ---- */

/* What a lost connection, or one of a process before this one, has sent and the server has not
 * begun: it finds itself struck out. */
err_t journal_postgres_take_over(journal_postgres_t *self)
{
    char number[8], struck[8], id[8];
    int64_t writer_id = 1 + (int64_t)(random_u64(&self->random) >> 2);
    pg_parameter_t node = pg_i64(number, (int64_t)self->node);
    fence_t fence = {.nodes = &self->node,
                     .count = 1,
                     .hold_ms = MIN(self->timeout_ms / 2, (uint64_t)FENCE_HOLD_MAX_MS),
                     .log = self->log};
    pg_statement_t statements[] = {
        {.sql = "DELETE FROM writers WHERE node = $1 AND $2 IN (0, id)",
         .parameters = {node, pg_i64(struck, self->writer_id)},
         .parameter_count = 2},
        {.sql = "INSERT INTO writers (id, node) VALUES ($1, $2)",
         .parameters = {pg_i64(id, writer_id), node},
         .parameter_count = 2},
    };
    TRY(fence_transaction(self->writer, &fence, statements, COUNT_OF(statements), NULL));
    self->writer_id = writer_id;
    return ERR_OK;
}

/* So that the list stays as long as there are nodes; one that was killed is struck out by the next.
 */
void journal_postgres_leave(journal_postgres_t *self)
{
    char id[8];
    pg_statement_t statement = {.sql = "DELETE FROM writers WHERE id = $1",
                                .parameters = {pg_i64(id, self->writer_id)},
                                .parameter_count = 1};
    if (self->writer_id != 0 && self->writer != NULL && pg_is_usable(self->writer))
        IGNORE_ERR(pg_run(self->writer, &statement, NULL));
}

/* ---- snapshots ---- */

/* Only of what is durable, never an older one over a newer, and of a partition that is the node's
 * at that epoch still: a version that a fail-over has lost may be another one by now. */
static const char snapshot_sql[] =
    "INSERT INTO snapshots (stream, version, state)"
    " SELECT DISTINCT ON (n.stream) n.stream, n.version, n.state"
    "   FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::integer[], $5::bigint[])"
    "     AS n(stream, version, state, partition, epoch)"
    "   JOIN partitions p ON p.id = n.partition AND p.owner = $6 AND p.epoch = n.epoch"
    "   JOIN streams s ON s.stream = n.stream AND s.version >= n.version"
    "   ORDER BY n.stream, n.version DESC"
    " ON CONFLICT (stream) DO UPDATE SET version = excluded.version, state = excluded.state"
    "   WHERE snapshots.version < excluded.version";

err_t journal_postgres_send_snapshots(journal_postgres_t *self, const journal_job_t *jobs,
                                      bool *out_is_sent)
{
    pg_array_t streams PG_ARRAY_SCOPED = pg_array_of(PG_TEXT);
    pg_array_t versions PG_ARRAY_SCOPED = pg_array_of(PG_INT8);
    pg_array_t states PG_ARRAY_SCOPED = pg_array_of(PG_BYTEA);
    pg_array_t partitions PG_ARRAY_SCOPED = pg_array_of(PG_INT4);
    pg_array_t epochs PG_ARRAY_SCOPED = pg_array_of(PG_INT8);
    char node[8];
    for (const journal_job_t *job = jobs; job != NULL; job = job->next) {
        if (job->kind != JOB_SNAPSHOT)
            continue;
        pg_array_add_str(&streams, job->append.stream);
        pg_array_add_i64(&versions, (int64_t)job->append.expected_version);
        pg_array_add_str(&states, job->append.result);
        pg_array_add_i32(&partitions, (int32_t)partition_of(job->append.stream));
        pg_array_add_i64(&epochs, (int64_t)job->append.epoch);
    }
    if (streams.count == 0)
        return ERR_OK;
    pg_statement_t statement = {.sql = snapshot_sql, .parameter_count = 6};
    TRY(pg_array_end(&streams, &statement.parameters[0]));
    TRY(pg_array_end(&versions, &statement.parameters[1]));
    TRY(pg_array_end(&states, &statement.parameters[2]));
    TRY(pg_array_end(&partitions, &statement.parameters[3]));
    TRY(pg_array_end(&epochs, &statement.parameters[4]));
    statement.parameters[5] = pg_i64(node, (int64_t)self->node);
    TRY(pg_transaction_send(self->writer, &statement, 1));
    *out_is_sent = true;
    return ERR_OK;
}

err_t journal_postgres_take_snapshots(journal_postgres_t *self)
{
    return pg_transaction_take(self->writer, 1, NULL);
}
