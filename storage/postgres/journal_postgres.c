#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/memory.h"

enum { ORDINAL_BITS = 18, XID_BITS = 38 };

static journal_postgres_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, journal_postgres_t, journal);
}

/* ---- positions ---- */

uint64_t journal_postgres_position(int64_t timeline, int64_t xid, int64_t ordinal)
{
    return (uint64_t)timeline << (XID_BITS + ORDINAL_BITS) | (uint64_t)xid << ORDINAL_BITS |
           (uint64_t)ordinal;
}

static void raise_to(_Atomic uint64_t *at, uint64_t position)
{
    uint64_t before = atomic_load(at);
    while (position > before && !atomic_compare_exchange_weak(at, &before, position))
        ;
}

void journal_postgres_place(journal_postgres_place_t *room, uint64_t position,
                            pg_parameter_t parameters[3])
{
    uint64_t xid = position >> ORDINAL_BITS & ((UINT64_C(1) << XID_BITS) - 1);
    parameters[0] = pg_i32(room->timeline, (int32_t)(position >> (XID_BITS + ORDINAL_BITS)));
    parameters[1] = pg_i64(room->xid, (int64_t)xid);
    parameters[2] = pg_i32(room->ordinal, (int32_t)(position & ((1U << ORDINAL_BITS) - 1)));
}

void journal_postgres_saw(journal_postgres_t *self, uint64_t position)
{
    raise_to(&self->head, position);
}

void journal_postgres_wrote(journal_postgres_t *self, uint64_t position)
{
    raise_to(&self->written, position);
    raise_to(&self->head, position);
    journal_postgres_remember(self, position);
}

/* ---- appending ---- */

static void append(journal_t *journal, const journal_append_t *append_)
{
    journal_postgres_t *self = self_of(journal);
    err_t err = self->is_read_only ? ERR_UNAVAILABLE : journal_postgres_may_append(self, append_);
    if (err == ERR_OK)
        err = journal_queue_append(self->queue, append_);
    if (err == ERR_OK)
        return;
    atomic_fetch_add(&self->refused, 1);
    append_->done(append_->done_context, err, 0, 0);
}

static void snapshot_put(journal_t *journal, str_t stream, uint64_t version, str_t state)
{
    if (self_of(journal)->is_read_only)
        return;
    /* Without room it is left out: the next one will do. */
    uint64_t epoch = journal_postgres_epoch(journal, stream);
    IGNORE_ERR(journal_queue_snapshot(self_of(journal)->queue, stream, version, epoch, state));
}

/* ---- connections to read with ---- */

err_t journal_postgres_connect(const journal_postgres_t *self, pg_t **out_connection)
{
    pg_t *connection PG_SCOPED = NULL;
    TRY(pg_open(&(pg_options_t){.address = self->address,
                                .application = "musicstream",
                                .timeout_ms = self->timeout_ms,
                                .log = self->log,
                                .patience = &self->patience},
                &connection));
    TRY(journal_postgres_check_server(self, connection));
    *out_connection = STEAL(connection);
    return ERR_OK;
}

static err_t connect_reader(void *context, pg_t **out_connection)
{
    return journal_postgres_connect(context, out_connection);
}

/* ---- reading ---- */

journal_record_t journal_postgres_record_at(const PGresult *result, int row)
{
    return (journal_record_t){.stream = pg_get_str(result, row, 0),
                              .version = (uint64_t)pg_get_i64(result, row, 1),
                              .position = journal_postgres_position(pg_get_i32(result, row, 2),
                                                                    pg_get_i64(result, row, 3),
                                                                    pg_get_i32(result, row, 4)),
                              .wall_ms = pg_get_i64(result, row, 5),
                              .event = {pg_get_str(result, row, 6), pg_get_str(result, row, 7)},
                              .command_id = pg_get_str(result, row, 8),
                              .result = pg_get_str(result, row, 9)};
}

static err_t read_page(journal_postgres_t *self, str_t stream, uint64_t *after_version,
                       journal_visit_fn visit, void *context, int *out_count)
{
    char after[8], limit[8];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = "SELECT " JOURNAL_POSTGRES_COLUMNS
               " FROM events WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3",
        .parameters = {pg_text(stream), pg_i64(after, (int64_t)*after_version),
                       pg_i64(limit, JOURNAL_POSTGRES_PAGE)},
        .parameter_count = 3};
    TRY(pg_pool_query(self->readers, &statement, &result));
    for (int row = 0; row < PQntuples(result); row++) {
        journal_record_t record = journal_postgres_record_at(result, row);
        if (record.version != *after_version + 1)
            return ERR_CORRUPT; /* versions count without a gap */
        *after_version = record.version;
        TRY(visit(context, &record));
    }
    *out_count = PQntuples(result);
    return ERR_OK;
}

static err_t read_stream(journal_t *journal, str_t stream, uint64_t after_version,
                         journal_visit_fn visit, void *context)
{
    if (stream.size == 0 || stream.size > JOURNAL_STREAM_SIZE_MAX)
        return ERR_INVALID;
    if (!journal_postgres_is_up(self_of(journal)))
        return ERR_UNAVAILABLE; /* what was under way may still land */
    int count = JOURNAL_POSTGRES_PAGE;
    while (count == JOURNAL_POSTGRES_PAGE)
        TRY(read_page(self_of(journal), stream, &after_version, visit, context, &count));
    return ERR_OK;
}

static err_t snapshot_get(journal_t *journal, str_t stream, uint64_t *out_version, buf_t *out)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    if (stream.size == 0 || stream.size > JOURNAL_STREAM_SIZE_MAX)
        return ERR_INVALID;
    pg_statement_t statement = {.sql = "SELECT version, state FROM snapshots WHERE stream = $1",
                                .parameters = {pg_text(stream)},
                                .parameter_count = 1};
    err_t err = pg_pool_query(self_of(journal)->readers, &statement, &result);
    if (err == ERR_CORRUPT) {
        log_warning(self_of(journal)->log, "journal",
                    "a snapshot (%.*s) is damaged: its events are read instead",
                    STR_ARG(str_slice(stream, 0, str_find(stream, '/'))));
        return ERR_NOT_FOUND;
    }
    TRY(err);
    if (PQntuples(result) == 0)
        return ERR_NOT_FOUND;
    size_t before = out->size;
    buf_append(out, pg_get_str(result, 0, 1));
    if (buf_status(out) != ERR_OK) {
        out->size = before;
        return buf_status(out);
    }
    *out_version = (uint64_t)pg_get_i64(result, 0, 0);
    return ERR_OK;
}

static err_t list_waiting(journal_t *journal, str_t after, size_t count_max,
                          journal_stream_fn visit, void *context)
{
    char limit[8];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = "SELECT stream FROM streams WHERE is_waiting AND stream > $1"
               " ORDER BY stream LIMIT $2",
        .parameters = {pg_text(after), pg_i64(limit, (int64_t)MIN(count_max, (size_t)INT32_MAX))},
        .parameter_count = 2};
    TRY(pg_pool_query(self_of(journal)->readers, &statement, &result));
    for (int row = 0; row < PQntuples(result); row++)
        TRY(visit(context, pg_get_str(result, row, 0)));
    return ERR_OK;
}

static uint64_t head_position(journal_t *journal)
{
    return atomic_load_explicit(&self_of(journal)->head, memory_order_acquire);
}

static uint64_t history(journal_t *journal)
{
    return atomic_load(&self_of(journal)->history);
}

static err_t count(journal_t *journal, uint64_t position, uint64_t *out_count)
{
    journal_postgres_place_t place;
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql =
                                    "SELECT count(*) FROM events"
                                    " WHERE (timeline, xid, ordinal) <= ($1, $2::text::xid8, $3)",
                                .parameter_count = 3};
    journal_postgres_place(&place, position, statement.parameters);
    TRY(pg_pool_query(self_of(journal)->readers, &statement, &result));
    *out_count = (uint64_t)pg_get_i64(result, 0, 0);
    return ERR_OK;
}

static bool is_away(journal_t *journal)
{
    return !journal_postgres_is_up(self_of(journal));
}

static const journal_table_t table = {.append = append,
                                      .read = read_stream,
                                      .snapshot_put = snapshot_put,
                                      .snapshot_get = snapshot_get,
                                      .feed = journal_postgres_feed,
                                      .head = head_position,
                                      .is_away = is_away,
                                      .epoch = journal_postgres_epoch,
                                      .waiting = list_waiting,
                                      .history = history,
                                      .count = count};

/* ---- looking ---- */

#define NEWEST(where) /* of the events that fulfil it */                                           \
    "(SELECT timeline, xid, ordinal FROM events e" where                                           \
    " ORDER BY e.timeline DESC, e.xid DESC, e.ordinal DESC LIMIT 1)"
#define XMIN "pg_snapshot_xmin(pg_current_snapshot())"

const char journal_postgres_look_sql[] =
    "SELECT timeline, xid::text::bigint, ordinal, (xid < " XMIN ")::int"
    "  FROM (" NEWEST("") " UNION ALL " NEWEST(" WHERE xid < " XMIN) ") AS newest";

bool journal_postgres_looked(journal_postgres_t *self, const PGresult *result)
{
    uint64_t there = 0, readable = 0;
    for (int row = 0; row < PQntuples(result); row++) {
        uint64_t position = journal_postgres_position(
            pg_get_i32(result, row, 0), pg_get_i64(result, row, 1), pg_get_i32(result, row, 2));
        there = MAX(there, position);
        if (pg_get_i32(result, row, 3) != 0)
            readable = MAX(readable, position);
    }
    raise_to(&self->readable, readable);
    raise_to(&self->head, readable);
    return readable >= there;
}

/* ---- opening and closing ---- */

err_t journal_postgres_look(journal_postgres_t *self, pg_t *connection)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = journal_postgres_look_sql};
    TRY(pg_run(connection, &statement, &result));
    if (!journal_postgres_looked(self, result))
        journal_postgres_follow_short(self->follow);
    return ERR_OK;
}

err_t journal_postgres_open(const journal_postgres_options_t *options,
                            journal_postgres_t **out_journal)
{
    journal_postgres_t *self JOURNAL_POSTGRES_SCOPED = memory_new(sizeof *self);
    if (self == NULL) {
        node_lock_free(options->lock);
        return ERR_NO_MEMORY;
    }
    self->journal.table = &table;
    self->lock = options->lock;
    if (self->lock != NULL)
        node_lock_set_patience(self->lock, &self->patience);
    self->node = options->node;
    self->timeout_ms = options->timeout_ms == 0 ? 5000 : options->timeout_ms;
    self->second_min = options->second_min == 0 ? JOURNAL_POSTGRES_SECOND_MIN : options->second_min;
    self->is_read_only = options->is_read_only;
    self->epochs = options->epochs;
    self->random = options->random.fill == NULL ? random_system() : options->random;
    self->log = options->log;
    journal_hooks_init(&self->hooks);
    journal_held_init(&self->held);
    self->address = str_dup_terminated(str_from(options->address));
    if (self->address == NULL)
        return ERR_NO_MEMORY;
    if (options->node == PARTITION_OWNER_ALONE && !self->is_read_only) {
        self->epochs = self->alone = partition_epochs_new();
        if (self->alone == NULL)
            return ERR_NO_MEMORY;
    }
    TRY(journal_queue_new(&self->queue));
    TRY(pg_pool_new(&(pg_pool_options_t){.connect = connect_reader,
                                         .context = self,
                                         .timeout_ms = self->timeout_ms},
                    &self->readers));
    if (options->replica != NULL && options->replica[0] != '\0')
        TRY(journal_postgres_replica_new(self, options->replica, &self->replica));
    TRY(relation_batch_new(options->relations, options->opener, &self->relations));
    TRY(journal_postgres_connect(self, &self->writer));
    if (!self->is_read_only)
        TRY(journal_postgres_take_over(self)); /* of the process before this one */
    if (!self->is_read_only)
        TRY(journal_postgres_own_all(self));
    TRY(journal_postgres_recognize(self, self->writer));
    TRY(journal_postgres_look(self, self->writer));
    atomic_store(&self->is_up, true);
    if (!self->is_read_only) {
        TRY(journal_postgres_follow_start(self, options, &self->follow));
        TRY(journal_postgres_commit_start(self));
    }
    *out_journal = STEAL(self);
    return ERR_OK;
}

void journal_postgres_close(journal_postgres_t *self)
{
    if (self == NULL)
        return;
    journal_postgres_commit_stop(self);
    journal_postgres_leave(self);
    journal_postgres_follow_stop(self->follow);
    pg_close(self->writer);
    node_lock_free(self->lock); /* after all that is written */
    pg_pool_free(self->readers);
    journal_postgres_replica_free(self->replica);
    journal_hooks_deinit(&self->hooks);
    journal_queue_free(self->queue);
    relation_batch_free(self->relations);
    partition_epochs_free(self->alone);
    memory_free(self->address);
    memory_free(self);
}

void journal_postgres_scope_end(journal_postgres_t **self)
{
    journal_postgres_close(*self);
}

journal_t *journal_postgres_journal(journal_postgres_t *self)
{
    return &self->journal;
}

bool journal_postgres_is_up(const journal_postgres_t *self)
{
    return atomic_load(&self->is_up);
}

void journal_postgres_stats(const journal_postgres_t *self, journal_postgres_stats_t *out_stats)
{
    *out_stats = (journal_postgres_stats_t){.head = atomic_load(&self->head),
                                            .transactions = atomic_load(&self->transactions),
                                            .appends = atomic_load(&self->appends),
                                            .refused = atomic_load(&self->refused),
                                            .unknown = atomic_load(&self->unknown),
                                            .retried_batches = atomic_load(&self->retried_batches),
                                            .reconnects = atomic_load(&self->reconnects),
                                            .overlapped = atomic_load(&self->overlapped),
                                            .fenced = atomic_load(&self->fenced),
                                            .queued_size = journal_queue_size(self->queue),
                                            .went_back = atomic_load(&self->went_back)};
    journal_postgres_follow_stats(self->follow, out_stats);
    journal_postgres_replica_stats(self->replica, out_stats);
}

static void close_store(journal_t *journal)
{
    journal_postgres_close(self_of(journal));
}

static void hurry_store(journal_t *journal, uint64_t within_ms)
{
    pg_patience_end(&self_of(journal)->patience, within_ms);
}

static void store_stats(journal_t *journal, journal_store_stats_t *out_stats)
{
    journal_postgres_stats_t stats;
    journal_postgres_stats(self_of(journal), &stats);
    *out_stats = (journal_store_stats_t){.head = stats.head,
                                         .commits = stats.transactions,
                                         .appends = stats.appends,
                                         .refused = stats.refused,
                                         .unknown = stats.unknown,
                                         .queued_size = stats.queued_size,
                                         .stalled_ms = stats.stalled_ms,
                                         .went_back = stats.went_back,
                                         .fenced = stats.fenced,
                                         .replica_behind_ms = stats.replica_behind_ms,
                                         .replica_pages = stats.replica_pages,
                                         .replica_missed = stats.replica_missed,
                                         .is_away = !journal_postgres_is_up(self_of(journal))};
}

journal_store_t journal_postgres_store(journal_postgres_t *self)
{
    static const journal_store_table_t store = {close_store, store_stats, hurry_store};
    return (journal_store_t){&store, &self->journal, &self->hooks};
}
