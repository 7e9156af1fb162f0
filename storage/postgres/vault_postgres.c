#include "storage/postgres/vault_postgres.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "storage/postgres/pg.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <unistd.h>

enum { NAME_SIZE = 16, SETTLE_TRIES = 8, SETTLE_PAUSE_US = 250000 };
#define SETTLE_LOCK_MS "500" /* for the table, before it is tried again */

typedef struct vault_postgres {
    vault_store_t store;
    char *address, *direct;
    uint64_t timeout_ms;
    const ms_log_t *log;
    char name[2 * NAME_SIZE + 1]; /* among the readers */
    pg_patience_t patience;
    pthread_mutex_t lock; /* of what follows */
    pg_t *pg;             /* NULL: none */
    uint64_t away_until_ms;
    bool has_met;
    bool is_following;
    uint64_t reached; /* of the changes, by who follows */
} vault_postgres_t;

static vault_postgres_t *postgres_of(vault_store_t *store)
{
    return CONTAINER_OF(store, vault_postgres_t, store);
}

static void unlock_scope_end(vault_postgres_t **self)
{
    pthread_mutex_unlock(&(*self)->lock);
}

static vault_postgres_t *locked(vault_postgres_t *self)
{
    pthread_mutex_lock(&self->lock);
    return self;
}
#define LOCK_SCOPED UNUSED SCOPED(unlock_scope_end)

/* ---- the connection, with the lock held ---- */

static err_t connect_to(const vault_postgres_t *self, const char *address, pg_t **out_pg)
{
    return pg_open(&(pg_options_t){.address = address,
                                   .application = "musicstream keys",
                                   .timeout_ms = self->timeout_ms,
                                   .patience = &self->patience},
                   out_pg);
}

static err_t connected(vault_postgres_t *self)
{
    const ms_clock_t clock = clock_system();
    if (self->pg != NULL && pg_is_usable(self->pg))
        return ERR_OK;
    pg_close(STEAL(self->pg));
    if (clock_mono_ms(&clock) < self->away_until_ms)
        return ERR_UNAVAILABLE;
    err_t err = connect_to(self, self->address, &self->pg);
    if (err != ERR_OK)
        self->away_until_ms = clock_mono_ms(&clock) + VAULT_POSTGRES_AWAY_MS;
    return err;
}

/* A server that went away between two statements is asked once more: what only reads may be, and
 * what was not sent. */
static err_t ask(vault_postgres_t *self, const pg_statement_t *statement, PGresult **out_result)
{
    err_t err = ERR_UNAVAILABLE;
    for (int i = 0; i < 2; i++) {
        TRY(connected(self));
        err = pg_run(self->pg, statement, out_result);
        if (err == ERR_OK || pg_is_usable(self->pg))
            return err;
    }
    return err == ERR_TIMEOUT ? ERR_UNAVAILABLE : err; /* it only reads: nothing is unknown */
}

/* ---- one record ---- */

static err_t get(vault_store_t *store, str_t subject, buf_t *out)
{
    vault_postgres_t *self LOCK_SCOPED = locked(postgres_of(store));
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = "SELECT record FROM subject_keys WHERE subject = $1",
                                .parameters = {pg_text(subject)},
                                .parameter_count = 1};
    TRY(ask(self, &statement, &result));
    if (PQntuples(result) == 0)
        return ERR_NOT_FOUND;
    buf_append(out, pg_get_str(result, 0, 0));
    return buf_status(out);
}

#define COUNT_CHANGE "UPDATE subject_key_changes SET number = number + 1"
#define CHANGE_NUMBER "(SELECT number FROM subject_key_changes)"

#define SAME_MASTER                                                                                \
    "NOT EXISTS (SELECT FROM subject_keys WHERE subject IN (" VAULT_MASTER_RECORDS                 \
    ") AND changed > $3)"

/* One transaction. The first statement waits until the change before is committed; the second one
 * sees what that left. CONFLICT: nothing was to be changed. */
static err_t change(vault_postgres_t *self, const pg_statement_t *what)
{
    const pg_statement_t statements[] = {{.sql = COUNT_CHANGE}, *what};
    PGresult *results[COUNT_OF(statements)];
    TRY(connected(self));
    TRY(pg_transaction(self->pg, statements, COUNT_OF(statements), results));
    bool is_changed = PQntuples(results[1]) == 1;
    PQclear(results[0]);
    PQclear(results[1]);
    return is_changed ? ERR_OK : ERR_CONFLICT;
}

static err_t put(vault_store_t *store, str_t subject, str_t expected, str_t record)
{
    vault_postgres_t *self LOCK_SCOPED = locked(postgres_of(store));
    char reached[8];
    pg_parameter_t known = pg_i64(reached, self->is_following ? (int64_t)self->reached : INT64_MAX);
    pg_statement_t insert = {.sql = "INSERT INTO subject_keys (subject, record, changed)"
                                    " SELECT $1, $2, " CHANGE_NUMBER " WHERE " SAME_MASTER
                                    " ON CONFLICT (subject) DO NOTHING RETURNING 1",
                             .parameters = {pg_text(subject), pg_bytes(record), known},
                             .parameter_count = 3};
    pg_statement_t replace = {
        .sql = "UPDATE subject_keys SET record = $2, changed = " CHANGE_NUMBER
               " WHERE subject = $1 AND record = $4 AND " SAME_MASTER " RETURNING 1",
        .parameters = {pg_text(subject), pg_bytes(record), known, pg_bytes(expected)},
        .parameter_count = 4};
    return change(self, str_is_empty(expected) ? &insert : &replace);
}

static err_t remove_record(vault_store_t *store, str_t subject)
{
    vault_postgres_t *self LOCK_SCOPED = locked(postgres_of(store));
    pg_statement_t statement = {.sql = "DELETE FROM subject_keys WHERE subject = $1 RETURNING 1",
                                .parameters = {pg_text(subject)},
                                .parameter_count = 1};
    err_t err = change(self, &statement);
    return err == ERR_CONFLICT ? ERR_NOT_FOUND : err;
}

/* ---- many ---- */

static err_t read_page(vault_postgres_t *self, const pg_statement_t *statement,
                       PGresult **out_result)
{
    vault_postgres_t *lock LOCK_SCOPED = locked(self);
    return ask(self, statement, out_result);
}

static err_t each(vault_store_t *store, vault_visit_fn visit, void *context)
{
    buf_t after BUF_SCOPED = BUF_INIT;
    for (int count = VAULT_POSTGRES_PAGE; count == VAULT_POSTGRES_PAGE;) {
        PGresult *result PG_RESULT_SCOPED = NULL;
        char limit[8];
        pg_statement_t statement = {
            .sql = "SELECT subject FROM subject_keys WHERE subject > $1"
                   " ORDER BY subject LIMIT $2",
            .parameters = {pg_text(buf_str(&after)), pg_i64(limit, VAULT_POSTGRES_PAGE)},
            .parameter_count = 2};
        TRY(read_page(postgres_of(store), &statement, &result));
        count = PQntuples(result);
        for (int row = 0; row < count; row++)
            TRY(visit(context, pg_get_str(result, row, 0)));
        if (count > 0) {
            buf_reset(&after);
            buf_append(&after, pg_get_str(result, count - 1, 0));
            TRY(buf_status(&after));
        }
    }
    return ERR_OK;
}

/* ---- the other nodes ---- */

static err_t newest_change(vault_postgres_t *self, uint64_t *out_number)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(read_page(self, &(pg_statement_t){.sql = "SELECT number FROM subject_key_changes"},
                  &result));
    if (PQntuples(result) != 1)
        return ERR_CORRUPT;
    *out_number = (uint64_t)pg_get_i64(result, 0, 0);
    return ERR_OK;
}

static void follow(vault_postgres_t *self, uint64_t reached)
{
    vault_postgres_t *lock LOCK_SCOPED = locked(self);
    self->is_following = true;
    self->reached = reached;
}

static err_t changes(vault_store_t *store, uint64_t *reached, vault_change_fn visit, void *context)
{
    vault_postgres_t *self = postgres_of(store);
    uint64_t newest = 0;
    TRY(newest_change(self, &newest));
    while (visit != NULL && *reached < newest) {
        PGresult *result PG_RESULT_SCOPED = NULL;
        char after[8], until[8], limit[8];
        pg_statement_t statement = {.sql = "SELECT subject, record, changed FROM subject_keys"
                                           " WHERE changed > $1 AND changed <= $2"
                                           " ORDER BY changed LIMIT $3",
                                    .parameters = {pg_i64(after, (int64_t)*reached),
                                                   pg_i64(until, (int64_t)newest),
                                                   pg_i64(limit, VAULT_POSTGRES_PAGE)},
                                    .parameter_count = 3};
        TRY(read_page(self, &statement, &result));
        for (int row = 0; row < PQntuples(result); row++) {
            TRY(visit(context, pg_get_str(result, row, 0), pg_get_str(result, row, 1)));
            *reached = (uint64_t)pg_get_i64(result, row, 2);
        }
        if (PQntuples(result) < VAULT_POSTGRES_PAGE)
            break;
    }
    *reached = MAX(*reached, newest);
    follow(self, *reached);
    return ERR_OK;
}

static err_t meet(vault_store_t *store, uint64_t reached, uint64_t *out_slowest)
{
    vault_postgres_t *self LOCK_SCOPED = locked(postgres_of(store));
    char number[8], seconds[8];
    pg_parameter_t name = pg_text(str_from(self->name));
    const pg_statement_t statements[] = {
        {.sql = "INSERT INTO subject_key_readers (reader, reached, seen_at) VALUES ($1, $2, now())"
                " ON CONFLICT (reader) DO UPDATE"
                " SET reached = excluded.reached, seen_at = excluded.seen_at",
         .parameters = {name, pg_i64(number, (int64_t)reached)},
         .parameter_count = 2},
        {.sql = "DELETE FROM subject_key_readers WHERE seen_at < now() - interval '1 day'"},
        {.sql = "SELECT min(reached) FROM subject_key_readers"
                " WHERE reader <> $1 AND seen_at > now() - make_interval(secs => $2)",
         .parameters = {name, pg_i64(seconds, VAULT_POSTGRES_LATELY_S)},
         .parameter_count = 2}};
    PGresult *results[COUNT_OF(statements)];
    TRY(connected(self));
    TRY(pg_transaction(self->pg, statements, COUNT_OF(statements), results));
    self->has_met = true;
    bool is_alone = PQgetisnull(results[2], 0, 0) != 0;
    uint64_t slowest = is_alone ? UINT64_MAX : (uint64_t)pg_get_i64(results[2], 0, 0);
    for (size_t i = 0; i < COUNT_OF(results); i++)
        PQclear(results[i]);
    *out_slowest = slowest;
    return ERR_OK;
}

/* ---- what was replaced ---- */

/* PostgreSQL only warns, and does nothing, where a login may not. */
static err_t check_right(pg_t *pg)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run(
        pg,
        &(pg_statement_t){.sql = "SELECT WHERE pg_has_role(current_user, 'ms_migrate', 'USAGE')"},
        &result));
    return PQntuples(result) == 1 ? ERR_OK : ERR_FORBIDDEN;
}

/* Whoever waits to have the table alone keeps everybody else from the keys: not for long. What is
 * set on a pooler's connection would be somebody else's. */
static err_t bound_waiting(pg_t *pg)
{
    return pg_is_direct(pg) ? pg_run_script(pg, "SET lock_timeout = " SETTLE_LOCK_MS) : ERR_OK;
}

/* The first writes the table's files anew, all but what some transaction may still look at; the
 * second, which is quick on them, counts that. BUSY: somebody reads the table. */
static err_t rewrite(pg_t *pg, int64_t *out_dead)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run_script(pg, "VACUUM FULL subject_keys"));
    TRY(pg_run_script(pg, "VACUUM subject_keys"));
    TRY(pg_run(pg,
               &(pg_statement_t){.sql = "SELECT pg_stat_get_dead_tuples('subject_keys'::regclass)"},
               &result));
    *out_dead = pg_get_i64(result, 0, 0);
    return ERR_OK;
}

static err_t settle(vault_store_t *store)
{
    vault_postgres_t *self = postgres_of(store);
    pg_t *pg PG_SCOPED = NULL;
    int64_t dead = 1;
    TRY(connect_to(self, self->direct, &pg));
    TRY(bound_waiting(pg));
    err_t err = check_right(pg);
    for (int i = 0; (err == ERR_OK || err == ERR_BUSY) && dead > 0 && i < SETTLE_TRIES; i++) {
        if (i > 0)
            usleep(SETTLE_PAUSE_US);
        err = rewrite(pg, &dead);
    }
    if (err == ERR_FORBIDDEN && self->log != NULL)
        log_error(self->log, "keys",
                  "what erased keys leave in the table can't be cleared: name a login that is a "
                  "member of ms_migrate with --database-direct");
    bool is_busy = err == ERR_BUSY || (err == ERR_OK && dead > 0);
    if (is_busy && self->log != NULL)
        log_warning(self->log, "keys",
                    "a transaction that began before an erasure goes on in the database: until it "
                    "ends, what was erased is kept for it (pg_stat_activity, "
                    "pg_replication_slots, pg_prepared_xacts)");
    return is_busy ? ERR_BUSY : err;
}

/* ---- life ---- */

static void take_leave(vault_postgres_t *self)
{
    pg_statement_t statement = {.sql = "DELETE FROM subject_key_readers WHERE reader = $1",
                                .parameters = {pg_text(str_from(self->name))},
                                .parameter_count = 1};
    if (self->has_met && self->pg != NULL && pg_is_usable(self->pg))
        IGNORE_ERR(pg_run(self->pg, &statement, NULL)); /* else it is forgotten after a while */
}

static void close_postgres(vault_store_t *store)
{
    vault_postgres_t *self = postgres_of(store);
    take_leave(self);
    pg_close(self->pg);
    pthread_mutex_destroy(&self->lock);
    memory_free(self->address);
    memory_free(self->direct);
    memory_free(self);
}

static void hurry(vault_store_t *store, uint64_t within_ms)
{
    pg_patience_end(&postgres_of(store)->patience, within_ms);
}

static const vault_store_table_t postgres_table = {
    get, put, remove_record, each, close_postgres, changes, meet, settle, hurry};

static err_t start(vault_postgres_t *self, const vault_postgres_options_t *options)
{
    const ms_random_t random = random_system();
    uint8_t name[SHA256_DIGEST_LENGTH];
    buf_t text BUF_SCOPED = BUF_INIT;
    bool has_direct = options->direct != NULL && options->direct[0] != '\0';
    self->timeout_ms = options->timeout_ms;
    self->log = options->log;
    self->address = str_dup_terminated(str_from(options->address));
    self->direct = str_dup_terminated(str_from(has_direct ? options->direct : options->address));
    if (options->node == NULL)
        random_fill(&random, name, sizeof name);
    else
        SHA256((const uint8_t *)options->node, strlen(options->node), name);
    hex_append(&text, str_of(name, NAME_SIZE));
    if (self->address == NULL || self->direct == NULL || buf_status(&text) != ERR_OK)
        return ERR_NO_MEMORY;
    str_to_array(buf_str(&text), self->name, sizeof self->name);
    return connected(self);
}

err_t vault_postgres_open(const vault_postgres_options_t *options, vault_store_t **out_store)
{
    vault_postgres_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->store.table = &postgres_table;
    pthread_mutex_init(&self->lock, NULL);
    err_t err = start(self, options);
    if (err != ERR_OK) {
        close_postgres(&self->store);
        return err;
    }
    *out_store = &self->store;
    return ERR_OK;
}
