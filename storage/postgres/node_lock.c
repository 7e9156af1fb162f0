#include "storage/postgres/node_lock.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"

#include <unistd.h>

/* "msnd" as a number: the first half of the key. Two halves, so that it is none of the one-number
 * locks that appends take. */
#define LOCK_CLASS "1836281444"

struct node_lock {
    char *address;
    uint64_t node, timeout_ms;
    const ms_log_t *log;
    const pg_patience_t *patience;
    pg_t *connection; /* NULL: lost */
    bool is_shared;
    bool is_pooled; /* nothing is locked */
    bool is_lost_told;
    uint64_t retry_at_ms; /* after an attempt that failed, which said why: */
    err_t why;
};

/* ---- the connection ---- */

/* What others see of it: who has the lock. */
static err_t connect(node_lock_t *self, pg_t **out_connection)
{
    static const char settings[] = "SET idle_session_timeout = 0; SET tcp_keepalives_idle = 10;"
                                   "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";
    char host[40], name[64];
    pg_t *connection PG_SCOPED = NULL;
    if (gethostname(host, sizeof host) != 0)
        host[0] = '\0';
    host[sizeof host - 1] = '\0';
    snprintf(name, sizeof name, "musicstream %d on %s", (int)getpid(), host);
    TRY(pg_open(&(pg_options_t){.address = self->address,
                                .application = name,
                                .timeout_ms = self->timeout_ms,
                                .log = self->log,
                                .patience = self->patience},
                &connection));
    self->is_pooled = !pg_is_direct(connection);
    if (!self->is_pooled)
        TRY(pg_run_script(connection, settings));
    *out_connection = STEAL(connection);
    return ERR_OK;
}

static err_t lock(const node_lock_t *self, pg_t *connection, uint64_t wait_ms)
{
    char node[4], limit[64];
    snprintf(limit, sizeof limit, "SET LOCAL lock_timeout = %llu",
             (unsigned long long)MAX(wait_ms, (uint64_t)1));
    pg_statement_t statements[] = {
        {.sql = limit},
        {.sql = self->is_shared ? "SELECT pg_advisory_lock_shared(" LOCK_CLASS ", $1)"
                                : "SELECT pg_advisory_lock(" LOCK_CLASS ", $1)",
         .parameters = {pg_i32(node, (int32_t)self->node)},
         .parameter_count = 1}};
    return pg_transaction(connection, statements, COUNT_OF(statements), NULL);
}

/* ---- who has it ---- */

static void describe(const node_lock_t *self, pg_t *connection, buf_t *out)
{
    char node[4];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = "SELECT a.application_name, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')"
               "  FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
               "  WHERE l.locktype = 'advisory' AND l.classid = " LOCK_CLASS " AND l.objid = $1"
               "    AND l.objsubid = 2 AND l.granted AND a.datname = current_database()",
        .parameters = {pg_i32(node, (int32_t)self->node)},
        .parameter_count = 1};
    if (out == NULL || pg_run(connection, &statement, &result) != ERR_OK ||
        PQntuples(result) == 0 || PQgetisnull(result, 0, 1) != 0)
        return;
    str_t who = pg_get_str(result, 0, 0), since = pg_get_str(result, 0, 1);
    buf_printf(out, "%.*s, since %.*s", STR_ARG(who), STR_ARG(since));
}

/* ---- taking and holding ---- */

static err_t take(node_lock_t *self, uint64_t wait_ms, buf_t *out_holder)
{
    pg_t *connection PG_SCOPED = NULL;
    TRY(connect(self, &connection));
    err_t err = self->is_pooled ? ERR_OK : lock(self, connection, wait_ms);
    if (err == ERR_BUSY) {
        describe(self, connection, out_holder);
        return ERR_CONFLICT;
    }
    TRY(err);
    self->connection = STEAL(connection);
    return ERR_OK;
}

err_t node_lock_take(const node_lock_options_t *options, buf_t *out_holder, node_lock_t **out_lock)
{
    node_lock_t *self NODE_LOCK_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->node = options->node;
    self->is_shared = options->is_shared;
    self->timeout_ms = options->timeout_ms;
    self->log = options->log;
    self->address = str_dup_terminated(str_from(options->address));
    if (self->address == NULL)
        return ERR_NO_MEMORY;
    TRY(take(self, NODE_LOCK_WAIT_MS, out_holder));
    if (self->is_pooled)
        log_warning(self->log, "postgres",
                    "a second node on this database would not be refused: --database leads to a "
                    "pooler, name the server itself with --database-direct");
    *out_lock = STEAL(self);
    return ERR_OK;
}

static void tell_lost(node_lock_t *self, const buf_t *holder)
{
    if (!self->is_lost_told)
        log_error(self->log, "postgres",
                  "another node has taken the database (%.*s): this one writes nothing while that "
                  "one runs; stop one of them",
                  STR_ARG(buf_str(holder)));
    self->is_lost_told = true;
}

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

static err_t take_again(node_lock_t *self)
{
    buf_t holder BUF_SCOPED = BUF_INIT;
    pg_close(self->connection);
    self->connection = NULL;
    err_t err = take(self, 0, &holder);
    if (err == ERR_CONFLICT)
        tell_lost(self, &holder);
    if (err == ERR_OK)
        self->is_lost_told = false;
    self->retry_at_ms = now_ms() + NODE_LOCK_RETRY_MS;
    self->why = err;
    return err;
}

err_t node_lock_hold(node_lock_t *self)
{
    bool is_held = self->connection != NULL && pg_is_alive(self->connection);
    if (is_held)
        return ERR_OK;
    bool is_early = self->why != ERR_OK && now_ms() < self->retry_at_ms;
    return is_early ? self->why : take_again(self);
}

err_t node_lock_ask(node_lock_t *self)
{
    static const pg_statement_t nothing = {.sql = ""};
    bool is_held = self->connection != NULL && pg_run(self->connection, &nothing, NULL) == ERR_OK;
    return is_held ? ERR_OK : take_again(self);
}

void node_lock_set_patience(node_lock_t *self, const pg_patience_t *patience)
{
    self->patience = patience;
    if (self->connection != NULL)
        pg_set_patience(self->connection, patience);
}

void node_lock_free(node_lock_t *self)
{
    if (self == NULL)
        return;
    pg_close(self->connection);
    memory_free(self->address);
    memory_free(self);
}

void node_lock_scope_end(node_lock_t **self)
{
    node_lock_free(*self);
}
