/* journal.postgres.append: events acknowledged by the journal in PostgreSQL, 512 in flight over 512
 * streams; journal.postgres.append_projected: the same with a row of `plays` for each event;
 * bare: pipelined prepared inserts of the same bytes, 256 a transaction. All alternate in one run.
 * projection.rebuild: the table of plays made anew from the journal; bare: the same rows from one
 * table into another within the server. The server is one of its own, with fsync. */

#include "actors/protocol/user.h"
#include "actors/social/user_relations.h"
#include "bench/bench.h"
#include "bench/bench_server.h"
#include "runtime/base/assert.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/relations/relation_build.h"

#include <pthread.h>
#include <string.h>

enum { IN_FLIGHT = 512, EVENTS = 40960, BARE_BATCH = 256, REBUILDS = 3 };

/* ---- ours ---- */

typedef struct run {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    uint32_t in_flight, refused;
    bool is_waiting;
} run_t;

static void land(void *context, err_t err, uint64_t version, uint64_t position)
{
    run_t *run = context;
    (void)version, (void)position;
    pthread_mutex_lock(&run->lock);
    run->in_flight--;
    run->refused += err == ERR_OK ? 0 : 1;
    bool is_wake = run->is_waiting && run->in_flight <= IN_FLIGHT / 2;
    if (is_wake)
        run->is_waiting = false;
    pthread_mutex_unlock(&run->lock);
    if (is_wake)
        pthread_cond_signal(&run->landed);
}

static void wait_below(run_t *run, uint32_t most)
{
    pthread_mutex_lock(&run->lock);
    while (run->in_flight >= most) {
        run->is_waiting = true;
        pthread_cond_wait(&run->landed, &run->lock);
    }
    pthread_mutex_unlock(&run->lock);
}

static void append(journal_t *journal, run_t *run, uint32_t stream, uint64_t version)
{
    char name[64];
    int size = snprintf(name, sizeof name, "user/%020u", stream);
    buf_t payload BUF_SCOPED = BUF_INIT;
    user_played_t played = {version + 1, 1 + version % 1000, 1700000000000 + (int64_t)version};
    schema_encode(&user_played_schema, &played, &payload);
    journal_event_t event = {STR("user_played"), buf_str(&payload)};
    pthread_mutex_lock(&run->lock);
    run->in_flight++;
    pthread_mutex_unlock(&run->lock);
    journal->table->append(journal, &(journal_append_t){.stream = str_of(name, (size_t)size),
                                                        .expected_version = version,
                                                        .epoch = 1,
                                                        .wall_ms = 1700000000000,
                                                        .events = &event,
                                                        .event_count = 1,
                                                        .command_id = STR("0123456789abcdef"),
                                                        .result = STR("{answer}"),
                                                        .done = land,
                                                        .done_context = run});
}

static double run_journal(const server_t *server, relation_list_t relations, uint64_t *versions)
{
    run_t run = {.lock = PTHREAD_MUTEX_INITIALIZER, .landed = PTHREAD_COND_INITIALIZER};
    journal_postgres_t *journal = NULL;
    ASSERT(journal_postgres_open(
               &(journal_postgres_options_t){.address = server->address, .relations = relations},
               &journal) == ERR_OK);
    double begin = bench_seconds();
    for (uint32_t i = 0; i < EVENTS; i++) {
        wait_below(&run, IN_FLIGHT);
        append(journal_postgres_journal(journal), &run, i % IN_FLIGHT, versions[i % IN_FLIGHT]++);
    }
    wait_below(&run, 1);
    double seconds = bench_seconds() - begin;
    ASSERT(run.refused == 0);
    journal_postgres_close(journal);
    return EVENTS / seconds;
}

/* ---- bare ---- */

static PGconn *connect_bare(const server_t *server)
{
    PGconn *connection = PQconnectdb(server->address);
    ASSERT(PQstatus(connection) == CONNECTION_OK);
    PQclear(
        PQexec(connection,
               "CREATE TABLE bare (stream text COLLATE \"C\", version bigint, name text,"
               " payload bytea, command_id text, result bytea, PRIMARY KEY (stream, version))"));
    PQclear(
        PQprepare(connection, "put", "INSERT INTO bare VALUES ($1, $2, $3, $4, $5, $6)", 6, NULL));
    return connection;
}

static void put_bare(PGconn *connection, uint32_t stream, uint64_t version)
{
    static const char payload[20] = "{user played}";
    char name[64], number[8];
    int size = snprintf(name, sizeof name, "user/%020u", stream);
    pg_parameter_t version_ = pg_i64(number, (int64_t)version);
    const char *values[] = {name,    version_.bytes.data, "user_played",
                            payload, "0123456789abcdef",  "{answer}"};
    const int sizes[] = {size, 8, 11, sizeof payload, 16, 8}, formats[] = {1, 1, 1, 1, 1, 1};
    ASSERT(PQsendQueryPrepared(connection, "put", 6, values, sizes, formats, 1) == 1);
}

static void end_batch(PGconn *connection, uint32_t statements)
{
    ASSERT(PQpipelineSync(connection) == 1);
    for (uint32_t i = 0; i < statements; i++) {
        PGresult *result = PQgetResult(connection);
        ASSERT(PQresultStatus(result) == PGRES_COMMAND_OK);
        PQclear(result);
        ASSERT(PQgetResult(connection) == NULL);
    }
    PGresult *sync = PQgetResult(connection);
    ASSERT(PQresultStatus(sync) == PGRES_PIPELINE_SYNC);
    PQclear(sync);
}

/* What is sent between two syncs is one transaction. */
static double run_bare(PGconn *connection, uint64_t *version)
{
    double begin = bench_seconds();
    ASSERT(PQenterPipelineMode(connection) == 1);
    for (uint32_t i = 0; i < EVENTS; i += BARE_BATCH) {
        for (uint32_t k = 0; k < BARE_BATCH; k++)
            put_bare(connection, (i + k) % IN_FLIGHT, *version + (i + k) / IN_FLIGHT);
        end_batch(connection, BARE_BATCH);
    }
    ASSERT(PQexitPipelineMode(connection) == 1);
    *version += EVENTS / IN_FLIGHT;
    return EVENTS / (bench_seconds() - begin);
}

/* ---- rebuilding ---- */

static double run_rebuild(const server_t *server)
{
    relation_build_report_t report;
    relation_build_options_t options = {.address = server->address, .relation = &PLAYS_RELATION};
    double begin = bench_seconds();
    ASSERT(relation_build(&options, &report) == ERR_OK && report.parked == 0);
    return (double)report.events / (bench_seconds() - begin);
}

static double run_copy(PGconn *connection)
{
    PQclear(PQexec(connection, "SET client_min_messages = warning; DROP TABLE IF EXISTS "
                               "bare_plays; CREATE TABLE bare_plays (LIKE plays INCLUDING ALL)"));
    double begin = bench_seconds();
    PGresult *result = PQexec(connection, "INSERT INTO bare_plays SELECT * FROM plays");
    ASSERT(PQresultStatus(result) == PGRES_COMMAND_OK);
    double rows = strtod(PQcmdTuples(result), NULL);
    PQclear(result);
    return rows / (bench_seconds() - begin);
}

static void bench_append(const server_t *server, PGconn *bare)
{
    static const relation_t *const plays[] = {&PLAYS_RELATION};
    static uint64_t versions[IN_FLIGHT];
    double plain[BENCH_PAIRS], projected[BENCH_PAIRS], bares[BENCH_PAIRS],
        plain_ratios[BENCH_PAIRS], projected_ratios[BENCH_PAIRS];
    uint64_t version = 0;
    for (size_t i = 0; i < BENCH_PAIRS; i++) {
        plain[i] = run_journal(server, (relation_list_t){0}, versions);
        bares[i] = run_bare(bare, &version);
        projected[i] = run_journal(server, (relation_list_t){plays, 1}, versions);
        plain_ratios[i] = plain[i] / bares[i];
        projected_ratios[i] = projected[i] / bares[i];
    }
    bench_print("journal.postgres.append", bench_median(plain, BENCH_PAIRS), "events/s");
    bench_print("journal.postgres.append.vs.bare", bench_median(plain_ratios, BENCH_PAIRS), "x");
    bench_print("journal.postgres.append_projected", bench_median(projected, BENCH_PAIRS),
                "events/s");
    bench_print("journal.postgres.append_projected.vs.bare",
                bench_median(projected_ratios, BENCH_PAIRS), "x");
    bench_print("journal.postgres.bare", bench_median(bares, BENCH_PAIRS), "events/s");
}

static void bench_rebuild(const server_t *server, PGconn *bare)
{
    double rebuilds[REBUILDS], ratios[REBUILDS];
    for (size_t i = 0; i < REBUILDS; i++) {
        rebuilds[i] = run_rebuild(server);
        ratios[i] = rebuilds[i] / run_copy(bare);
    }
    bench_print("projection.rebuild", bench_median(rebuilds, REBUILDS), "events/s");
    bench_print("projection.rebuild.vs.bare", bench_median(ratios, REBUILDS), "x");
}

int main(void)
{
    server_t server = {0};
    server_start(&server);
    PGconn *bare = connect_bare(&server);
    bench_append(&server, bare);
    bench_rebuild(&server, bare);
    PQfinish(bare);
    server_stop(&server);
    return 0;
}
