/* journal_postgres_feed.c -- the feed, from a replica as far as one has it, else from the server
 * that is written to.
 *
 * What a replica shows is capped by what that server shows: a standby sees a commit as soon as it
 * has its record, which may be before the server tells anybody that it is durable. And it has to
 * have an event of the same timeline: one that was left behind by a fail-over may show what is
 * lost. Below the oldest transaction that runs there nothing comes any more, on a standby as on its
 * primary: it knows of every number up to the newest it has seen, and counts one as running until
 * its commit or abort came (PostgreSQL source, procarray.c, KnownAssignedXids).
 *
 * Who is level with the replica but not with the server waits: the hooks are called again soon.
 * Only when that lasts, or there is no replica, is the server asked. Streams and snapshots never
 * come from here: what a read finds is final. */

#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"

struct journal_postgres_replica {
    const journal_postgres_t *journal;
    char *address;
    pg_pool_t *pool;
    _Atomic uint64_t timeline; /* that the pool's connections were checked for */
    _Atomic uint64_t retry_at_ms, behind_since_ms; /* 0: it is not */
    _Atomic uint64_t position, pages, missed;
};

typedef struct feeding {
    journal_postgres_t *journal;
    uint64_t after, up_to;
    size_t left;
    journal_visit_fn visit;
    void *context;
    bool is_at_end;
} feeding_t;

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

/* ---- a page ---- */

#define FEED                                                                                       \
    "SELECT " JOURNAL_POSTGRES_COLUMNS " FROM events AS e"                                         \
    " WHERE (timeline, xid, ordinal) > ($1, $2::text::xid8, $3)"                                   \
    " AND xid < pg_snapshot_xmin(pg_current_snapshot())"
#define IN_ORDER " ORDER BY e.timeline, e.xid, e.ordinal LIMIT $4"
static const char feed_sql[] = FEED IN_ORDER,
                  capped_sql[] =
                      FEED " AND (timeline, xid, ordinal) <= ($5, $6::text::xid8, $7)" IN_ORDER;

static err_t fetch(const feeding_t *self, pg_pool_t *pool, bool is_capped, PGresult **out_result)
{
    journal_postgres_place_t after, up_to;
    char limit[8];
    pg_statement_t statement = {.sql = is_capped ? capped_sql : feed_sql,
                                .parameter_count = is_capped ? 7 : 4};
    journal_postgres_place(&after, self->after, statement.parameters);
    statement.parameters[3] =
        pg_i64(limit, (int64_t)MIN(self->left, (size_t)JOURNAL_POSTGRES_PAGE));
    journal_postgres_place(&up_to, self->up_to, statement.parameters + 4);
    return pg_pool_query(pool, &statement, out_result);
}

static err_t visit_all(feeding_t *self, const PGresult *result)
{
    int count = PQntuples(result);
    for (int row = 0; row < count; row++) {
        journal_record_t record = journal_postgres_record_at(result, row);
        self->after = record.position;
        journal_postgres_saw(self->journal, record.position);
        TRY(self->visit(self->context, &record));
    }
    self->left -= (size_t)count;
    self->is_at_end = self->left == 0 || count < JOURNAL_POSTGRES_PAGE;
    return ERR_OK;
}

static err_t from_server(feeding_t *self)
{
    while (!self->is_at_end) {
        PGresult *result PG_RESULT_SCOPED = NULL;
        TRY(fetch(self, self->journal->readers, false, &result));
        TRY(visit_all(self, result));
    }
    return ERR_OK;
}

/* ---- the replica ---- */

/* UNAVAILABLE: it has nothing of this timeline (yet, or ever). */
static err_t check_timeline(pg_t *connection, uint64_t timeline)
{
    char number[4];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = "SELECT FROM events WHERE timeline = $1 LIMIT 1",
                                .parameters = {pg_i32(number, (int32_t)timeline)},
                                .parameter_count = 1};
    TRY(pg_run(connection, &statement, &result));
    return PQntuples(result) == 0 ? ERR_UNAVAILABLE : ERR_OK;
}

static err_t connect(void *context, pg_t **out_connection)
{
    journal_postgres_replica_t *self = context;
    pg_t *connection PG_SCOPED = NULL;
    bool is_first = atomic_load(&self->retry_at_ms) == 0;
    TRY(pg_open(&(pg_options_t){.address = self->address,
                                .application = "musicstream follows",
                                .timeout_ms = self->journal->timeout_ms,
                                .log = is_first ? self->journal->log : NULL,
                                .patience = &self->journal->patience},
                &connection));
    TRY(check_timeline(connection, atomic_load(&self->timeline)));
    *out_connection = STEAL(connection);
    return ERR_OK;
}

/* How far the server is: what the replica may show. While it can't be asked, what it last said. */
static void ask_server(feeding_t *self)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = journal_postgres_look_sql};
    if (pg_pool_query(self->journal->readers, &statement, &result) == ERR_OK)
        (void)journal_postgres_looked(self->journal, result);
    self->up_to = atomic_load(&self->journal->readable);
}

static bool may_use(journal_postgres_replica_t *self)
{
    uint64_t timeline = atomic_load(&self->journal->timeline);
    if (atomic_exchange(&self->timeline, timeline) != timeline)
        pg_pool_renew(self->pool); /* another server has taken over: does it follow that? */
    return now_ms() >= atomic_load(&self->retry_at_ms);
}

static void away(journal_postgres_replica_t *self, err_t err)
{
    if (atomic_exchange(&self->retry_at_ms, now_ms() + JOURNAL_POSTGRES_REPLICA_RETRY_MS) == 0)
        log_warning(self->journal->log, "journal",
                    "the replica can't be read (%s): the feed is read from the database",
                    err_text(err));
    atomic_fetch_add(&self->missed, 1);
}

static void back(journal_postgres_replica_t *self)
{
    if (atomic_exchange(&self->retry_at_ms, 0) != 0)
        log_info(self->journal->log, "journal", "the replica is read again");
    atomic_fetch_add(&self->pages, 1);
}

/* Whether the server should be asked for what is missing. */
static bool is_too_late(journal_postgres_replica_t *self, const feeding_t *feeding)
{
    uint64_t now = now_ms(), since = atomic_load(&self->behind_since_ms);
    if (feeding->left == 0 || feeding->after >= feeding->up_to) {
        if (feeding->after >= feeding->up_to)
            atomic_store(&self->behind_since_ms, 0);
        return false;
    }
    if (since == 0)
        atomic_store(&self->behind_since_ms, since = MAX(now, (uint64_t)1));
    bool is_late = self->journal->is_read_only || now - since >= JOURNAL_POSTGRES_REPLICA_WAIT_MS;
    if (is_late)
        atomic_fetch_add(&self->missed, 1);
    return is_late;
}

/* What the visitor returned ends it; what the replica did does not. *out_is_enough: nothing more
 * is to be read. */
static err_t from_replica(journal_postgres_replica_t *self, feeding_t *feeding, bool *out_is_enough)
{
    ask_server(feeding);
    while (!feeding->is_at_end && feeding->after < feeding->up_to) {
        PGresult *result PG_RESULT_SCOPED = NULL;
        err_t err = fetch(feeding, self->pool, true, &result);
        if (err != ERR_OK) {
            away(self, err);
            return ERR_OK;
        }
        back(self);
        err = visit_all(feeding, result);
        atomic_store(&self->position, feeding->after);
        TRY(err);
    }
    feeding->is_at_end = !is_too_late(self, feeding);
    *out_is_enough = feeding->is_at_end;
    return ERR_OK;
}

/* ---- the feed ---- */

err_t journal_postgres_feed(journal_t *journal, uint64_t after_position, size_t count_max,
                            journal_visit_fn visit, void *context)
{
    journal_postgres_t *self = CONTAINER_OF(journal, journal_postgres_t, journal);
    feeding_t feeding = {.journal = self,
                         .after = after_position,
                         .left = count_max,
                         .visit = visit,
                         .context = context,
                         .is_at_end = count_max == 0};
    uint64_t head = atomic_load(&self->head);
    bool is_enough = false;
    if (self->replica != NULL && may_use(self->replica))
        TRY(from_replica(self->replica, &feeding, &is_enough));
    if (!is_enough)
        TRY(from_server(&feeding));
    if (feeding.left > 0 && feeding.after < head)
        journal_postgres_follow_short(self->follow); /* something before it still goes on */
    return ERR_OK;
}

/* ---- life ---- */

err_t journal_postgres_replica_new(const journal_postgres_t *journal, const char *address,
                                   journal_postgres_replica_t **out_replica)
{
    journal_postgres_replica_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal = journal;
    self->address = str_dup_terminated(str_from(address));
    err_t err = self->address == NULL
                    ? ERR_NO_MEMORY
                    : pg_pool_new(&(pg_pool_options_t){.connect = connect,
                                                       .context = self,
                                                       .timeout_ms = journal->timeout_ms},
                                  &self->pool);
    if (err == ERR_OK)
        *out_replica = self;
    else
        journal_postgres_replica_free(self);
    return err;
}

void journal_postgres_replica_free(journal_postgres_replica_t *self)
{
    if (self == NULL)
        return;
    pg_pool_free(self->pool);
    memory_free(self->address);
    memory_free(self);
}

void journal_postgres_replica_stats(const journal_postgres_replica_t *self,
                                    journal_postgres_stats_t *out_stats)
{
    if (self == NULL)
        return;
    uint64_t since = atomic_load(&self->behind_since_ms);
    out_stats->replica_position = atomic_load(&self->position);
    out_stats->replica_behind_ms = since == 0 ? 0 : now_ms() - since;
    out_stats->replica_pages = atomic_load(&self->pages);
    out_stats->replica_missed = atomic_load(&self->missed);
}
