#include "storage/postgres/pg.h"

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "storage/postgres/pg_hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>

enum { TIMEOUT_DEFAULT_MS = 5000, PATIENCE_LOOK_MS = 50 };

struct pg {
    PGconn *connection;
    uint64_t timeout_ms;
    const ms_log_t *log;
    const pg_patience_t *patience;
    uint32_t under_way; /* transactions sent whose answers are due */
    bool is_broken;     /* an answer did not come: what it would say nobody knows */
};

/* ---- errors ---- */

static err_t class_of(const char *state)
{
    static const struct {
        const char *prefix;
        err_t err;
    } classes[] = {
        {"08", ERR_UNAVAILABLE},    {"57P", ERR_UNAVAILABLE}, {"53100", ERR_FULL},
        {"53200", ERR_NO_MEMORY},   {"53", ERR_BUSY},         {"40001", ERR_BUSY},
        {"40P01", ERR_BUSY},        {"55P03", ERR_BUSY},      {"57014", ERR_TIMEOUT},
        {"42501", ERR_FORBIDDEN},   {"28", ERR_FORBIDDEN},    {"23", ERR_CONFLICT},
        {"25006", ERR_UNAVAILABLE}, {"22", ERR_INVALID},      {"XX001", ERR_CORRUPT},
        {"XX002", ERR_CORRUPT},     {"MS001", ERR_STALE},
    };
    for (size_t i = 0; state != NULL && i < COUNT_OF(classes); i++) {
        if (str_starts_with(str_from(state), str_from(classes[i].prefix)))
            return classes[i].err;
    }
    return ERR_INTERNAL;
}

/* The server's first line may quote what was stored: only its class and place are said. */
static void report(const pg_t *self, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    if (self->log != NULL)
        log_warning(self->log, "postgres", "a statement failed: SQLSTATE %s%s%s%s%s",
                    state == NULL ? "none" : state, table == NULL ? "" : " at ",
                    table == NULL ? "" : table, constraint == NULL ? "" : ", ",
                    constraint == NULL ? "" : constraint);
}

static err_t status_of(const pg_t *self, const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_PIPELINE_SYNC:
        return ERR_OK;
    case PGRES_PIPELINE_ABORTED:
        return ERR_CANCELLED; /* one before it failed */
    case PGRES_FATAL_ERROR:
    case PGRES_NONFATAL_ERROR:
    case PGRES_BAD_RESPONSE:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
    case PGRES_SINGLE_TUPLE:
        break;
    }
    if (PQstatus(self->connection) == CONNECTION_BAD)
        return ERR_TIMEOUT;
    report(self, result);
    return class_of(PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

/* ---- waiting ---- */

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

void pg_patience_end(pg_patience_t *self, uint64_t within_ms)
{
    atomic_store(&self->until_ms, now_ms() + within_ms);
}

void pg_set_patience(pg_t *self, const pg_patience_t *patience)
{
    self->patience = patience;
}

static bool is_patience_over(const pg_t *self, uint64_t now)
{
    uint64_t until = self->patience == NULL ? 0 : atomic_load(&self->patience->until_ms);
    return until != 0 && now >= until;
}

static err_t wait_for(const pg_t *self, short events, uint64_t deadline_ms)
{
    struct pollfd pollfd = {.fd = PQsocket(self->connection), .events = events};
    uint64_t step = self->patience == NULL ? 60000 : PATIENCE_LOOK_MS;
    for (;;) {
        uint64_t now = now_ms();
        if (now >= deadline_ms || is_patience_over(self, now))
            return ERR_TIMEOUT;
        int rc = poll(&pollfd, 1, (int)MIN(deadline_ms - now, step));
        if (rc > 0)
            return ERR_OK;
        if (rc < 0 && errno != EINTR)
            return ERR_IO;
    }
}

static err_t flush(pg_t *self, uint64_t deadline_ms)
{
    int rc;
    while ((rc = PQflush(self->connection)) == 1) {
        TRY(wait_for(self, POLLIN | POLLOUT, deadline_ms));
        if (PQconsumeInput(self->connection) == 0)
            return ERR_TIMEOUT;
    }
    return rc == 0 ? ERR_OK : ERR_TIMEOUT;
}

/* The next result; NULL ends those of one statement. */
static err_t next_result(pg_t *self, uint64_t deadline_ms, PGresult **out_result)
{
    while (PQisBusy(self->connection) != 0) {
        TRY(wait_for(self, POLLIN, deadline_ms));
        if (PQconsumeInput(self->connection) == 0)
            return ERR_TIMEOUT;
    }
    *out_result = PQgetResult(self->connection);
    return ERR_OK;
}

/* ---- opening ---- */

static err_t connect_within(pg_t *self, uint64_t deadline_ms)
{
    for (;;) {
        switch (PQconnectPoll(self->connection)) {
        case PGRES_POLLING_OK:
            return PQsetnonblocking(self->connection, 1) == 0 ? ERR_OK : ERR_UNAVAILABLE;
        case PGRES_POLLING_READING:
            TRY(wait_for(self, POLLIN, deadline_ms));
            break;
        case PGRES_POLLING_WRITING:
            TRY(wait_for(self, POLLOUT, deadline_ms));
            break;
        case PGRES_POLLING_FAILED:
        case PGRES_POLLING_ACTIVE:
            return ERR_UNAVAILABLE;
        }
    }
}

/* libpq's sentence names host, port and user, never the password. */
static void report_connect(const pg_t *self)
{
    str_t rest = str_from(PQerrorMessage(self->connection)), line;
    if (self->log != NULL && str_next(&rest, '\n', &line))
        log_warning(self->log, "postgres", "%.*s", STR_ARG(line));
}

/* What the server says beside its answers: that it is shut down, that a page fails its checksum. */
static void on_notice(void *context, const PGresult *result)
{
    const pg_t *self = context;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (self->log != NULL && severity != NULL && text != NULL && strcmp(severity, "WARNING") == 0)
        log_warning(self->log, "postgres", "the server says: %s", text);
}

static err_t open_at(pg_t *self, const pg_options_t *options, const pg_host_t *at,
                     uint64_t deadline_ms)
{
    /* What stands behind dbname replaces what that says. NULL: it says it. */
    const char *names[] = {
        "dbname", "application_name", "client_encoding", "host", "hostaddr", "port", NULL};
    const char *values[] = {
        options->address, options->application, "UTF8", at->host, at->hostaddr, at->port, NULL};
    PQfinish(self->connection);
    self->connection = PQconnectStartParams(names, values, 1);
    if (self->connection == NULL)
        return ERR_NO_MEMORY;
    PQsetNoticeReceiver(self->connection, on_notice, self);
    err_t err = PQstatus(self->connection) == CONNECTION_BAD ? ERR_UNAVAILABLE
                                                             : connect_within(self, deadline_ms);
    if (err == ERR_OK)
        return ERR_OK;
    report_connect(self);
    return err == ERR_TIMEOUT ? ERR_UNAVAILABLE : err;
}

err_t pg_open(const pg_options_t *options, pg_t **out_connection)
{
    pg_hosts_t hosts PG_HOSTS_SCOPED = {0};
    pg_t *self PG_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    TRY(pg_hosts_read(&hosts, options->address));
    self->timeout_ms = options->timeout_ms == 0 ? TIMEOUT_DEFAULT_MS : options->timeout_ms;
    self->log = options->log;
    self->patience = options->patience;
    err_t err = ERR_UNAVAILABLE;
    for (size_t i = 0; i < hosts.count && err == ERR_UNAVAILABLE; i++)
        err = open_at(self, options, &hosts.items[i], now_ms() + self->timeout_ms / hosts.count);
    TRY(err);
    *out_connection = STEAL(self);
    return ERR_OK;
}

void pg_close(pg_t *self)
{
    if (self == NULL)
        return;
    PQfinish(self->connection);
    memory_free(self);
}

void pg_scope_end(pg_t **self)
{
    pg_close(*self);
}

bool pg_is_usable(const pg_t *self)
{
    return !self->is_broken && PQstatus(self->connection) == CONNECTION_OK;
}

bool pg_is_alive(pg_t *self)
{
    bool is_there = pg_is_usable(self);
    for (int i = 0; i < 2 && is_there; i++) /* what it said at last is read before the end of it */
        is_there = PQconsumeInput(self->connection) == 1 && pg_is_usable(self);
    return is_there;
}

bool pg_is_direct(pg_t *self)
{
    static const pg_statement_t statement = {.sql = "SELECT pg_backend_pid()"};
    PGresult *result PG_RESULT_SCOPED = NULL;
    return pg_run(self, &statement, &result) == ERR_OK &&
           pg_get_i32(result, 0, 0) == PQbackendPID(self->connection);
}

PGconn *pg_native(const pg_t *self)
{
    return self->connection;
}

void pg_result_scope_end(PGresult **result)
{
    PQclear(*result);
}

/* ---- statements ---- */

static err_t send_one(pg_t *self, const pg_statement_t *statement)
{
    Oid types[PG_PARAMETERS_MAX];
    const char *values[PG_PARAMETERS_MAX];
    int sizes[PG_PARAMETERS_MAX], formats[PG_PARAMETERS_MAX];
    for (size_t i = 0; i < statement->parameter_count; i++) {
        const pg_parameter_t *parameter = &statement->parameters[i];
        types[i] = (Oid)parameter->type;
        values[i] = parameter->bytes.data == NULL ? "" : parameter->bytes.data;
        sizes[i] = (int)parameter->bytes.size;
        formats[i] = 1;
    }
    int rc = PQsendQueryParams(self->connection, statement->sql, (int)statement->parameter_count,
                               types, values, sizes, formats, 1);
    return rc == 1 ? ERR_OK : ERR_UNAVAILABLE;
}

/* Reads the results of one statement, keeps the last. */
static err_t take(pg_t *self, uint64_t deadline_ms, PGresult **out_result)
{
    PGresult *kept PG_RESULT_SCOPED = NULL;
    err_t err = ERR_OK;
    for (;;) {
        PGresult *result = NULL;
        TRY(next_result(self, deadline_ms, &result));
        if (result == NULL)
            break;
        if (err == ERR_OK)
            err = status_of(self, result);
        PQclear(kept);
        kept = result;
    }
    if (err == ERR_OK && out_result != NULL)
        *out_result = STEAL(kept);
    return err;
}

/* Whatever went wrong on the way to the server or back leaves a connection that nobody may trust.
 */
static err_t settle(pg_t *self, err_t err)
{
    if (err == ERR_TIMEOUT || PQstatus(self->connection) == CONNECTION_BAD)
        self->is_broken = true;
    return err;
}

static err_t run(pg_t *self, const pg_statement_t *statement, PGresult **out_result)
{
    uint64_t deadline_ms = now_ms() + self->timeout_ms;
    TRY(send_one(self, statement));
    TRY(flush(self, deadline_ms));
    return take(self, deadline_ms, out_result);
}

err_t pg_run(pg_t *self, const pg_statement_t *statement, PGresult **out_result)
{
    return settle(self, run(self, statement, out_result));
}

err_t pg_run_script(pg_t *self, const char *sql)
{
    uint64_t deadline_ms = now_ms() + 60 * self->timeout_ms; /* a migration moves data */
    if (PQsendQuery(self->connection, sql) != 1)
        return settle(self, ERR_UNAVAILABLE);
    err_t err = flush(self, deadline_ms);
    return settle(self, err == ERR_OK ? take(self, deadline_ms, NULL) : err);
}

/* ---- transactions ---- */

/* Which results are wanted of those that come. */
typedef struct wanted {
    size_t first, count, all;
    PGresult **results;
} wanted_t;

/* The first error of all is the transaction's; what follows it was aborted. */
static err_t take_all(pg_t *self, const wanted_t *wanted)
{
    err_t first = ERR_OK;
    uint64_t deadline_ms = now_ms() + self->timeout_ms;
    for (size_t i = 0; i < wanted->all; i++) {
        bool is_wanted = i - wanted->first < wanted->count; /* wraps before the first */
        err_t err = take(self, deadline_ms, is_wanted ? &wanted->results[i - wanted->first] : NULL);
        if (err == ERR_TIMEOUT)
            return err;
        if (first == ERR_OK)
            first = err;
    }
    PGresult *sync PG_RESULT_SCOPED = NULL;
    TRY(next_result(self, deadline_ms, &sync));
    return sync != NULL && PQresultStatus(sync) == PGRES_PIPELINE_SYNC ? first : ERR_TIMEOUT;
}

static void drop_results(const wanted_t *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        PQclear(wanted->results[i]);
        wanted->results[i] = NULL;
    }
}

static err_t begin_sending(pg_t *self)
{
    ASSERT(self->under_way < PG_UNDER_WAY_MAX);
    if (self->under_way == 0 && PQenterPipelineMode(self->connection) != 1)
        return settle(self, ERR_UNAVAILABLE);
    return ERR_OK;
}

/* Whatever went wrong: part of it may be there. */
static err_t end_sending(pg_t *self, err_t err)
{
    if (err == ERR_OK && PQpipelineSync(self->connection) != 1)
        err = ERR_UNAVAILABLE;
    if (err == ERR_OK)
        err = flush(self, now_ms() + self->timeout_ms);
    if (err == ERR_OK)
        self->under_way++;
    return settle(self, err == ERR_OK ? ERR_OK : ERR_TIMEOUT);
}

static err_t send_each(pg_t *self, const pg_statement_t *statements, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(send_one(self, &statements[i]));
    return ERR_OK;
}

static err_t take_one(pg_t *self, const wanted_t *wanted)
{
    ASSERT(self->under_way > 0);
    for (size_t i = 0; i < wanted->count; i++)
        wanted->results[i] = NULL;
    err_t err = take_all(self, wanted);
    if (err != ERR_OK)
        drop_results(wanted);
    self->under_way--;
    if (settle(self, err) != ERR_TIMEOUT && self->under_way == 0 &&
        PQexitPipelineMode(self->connection) != 1)
        self->is_broken = true;
    return err;
}

err_t pg_transaction_send(pg_t *self, const pg_statement_t *statements, size_t count)
{
    TRY(begin_sending(self));
    return end_sending(self, send_each(self, statements, count));
}

err_t pg_transaction_take(pg_t *self, size_t count, PGresult **out_first)
{
    return take_one(self, &(wanted_t){0, out_first == NULL ? 0 : 1, count, out_first});
}

/* Within a pipeline an error ends the implicit transaction, not the one that BEGIN opened. */
static void roll_back(pg_t *self)
{
    static const pg_statement_t rollback = {.sql = "ROLLBACK"};
    if (pg_is_usable(self) && PQtransactionStatus(self->connection) != PQTRANS_IDLE &&
        pg_run(self, &rollback, NULL) != ERR_OK)
        self->is_broken = true;
}

err_t pg_transaction(pg_t *self, const pg_statement_t *statements, size_t count,
                     PGresult **out_results)
{
    static const pg_statement_t begin = {.sql = "BEGIN"}, commit = {.sql = "COMMIT"};
    wanted_t wanted = {1, out_results == NULL ? 0 : count, count + 2, out_results};
    ASSERT(self->under_way == 0);
    for (size_t i = 0; i < wanted.count; i++)
        out_results[i] = NULL;
    TRY(begin_sending(self));
    err_t err = send_one(self, &begin);
    if (err == ERR_OK)
        err = send_each(self, statements, count);
    if (err == ERR_OK)
        err = send_one(self, &commit);
    TRY(end_sending(self, err));
    err = take_one(self, &wanted);
    if (err != ERR_OK)
        roll_back(self);
    return err;
}

/* ---- values ---- */

pg_parameter_t pg_i64(char bytes[8], int64_t value)
{
    uint64_t wire = __builtin_bswap64((uint64_t)value);
    memcpy(bytes, &wire, sizeof wire);
    return (pg_parameter_t){PG_INT8, str_of(bytes, 8)};
}

pg_parameter_t pg_i32(char bytes[4], int32_t value)
{
    uint32_t wire = htonl((uint32_t)value);
    memcpy(bytes, &wire, sizeof wire);
    return (pg_parameter_t){PG_INT4, str_of(bytes, 4)};
}

pg_parameter_t pg_text(str_t text)
{
    return (pg_parameter_t){PG_TEXT, text};
}

pg_parameter_t pg_bytes(str_t bytes)
{
    return (pg_parameter_t){PG_BYTEA, bytes};
}

int64_t pg_get_i64(const PGresult *result, int row, int column)
{
    uint64_t wire;
    if (PQgetlength(result, row, column) != sizeof wire)
        return 0;
    memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int64_t)__builtin_bswap64(wire);
}

int32_t pg_get_i32(const PGresult *result, int row, int column)
{
    uint32_t wire;
    if (PQgetlength(result, row, column) != sizeof wire)
        return 0;
    memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int32_t)ntohl(wire);
}

str_t pg_get_str(const PGresult *result, int row, int column)
{
    return str_of(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}
