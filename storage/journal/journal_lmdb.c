#include "storage/journal/journal_lmdb_parts.h"

#include "runtime/base/crc32c.h"
#include "runtime/base/memory.h"
#include "storage/file.h"
#include "storage/kv_boot.h"

static journal_lmdb_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, journal_lmdb_t, journal);
}

/* ---- appending ---- */

static void append(journal_t *journal, const journal_append_t *append_)
{
    journal_lmdb_t *self = self_of(journal);
    err_t err = journal_queue_append(self->queue, append_);
    if (err == ERR_OK)
        return;
    atomic_fetch_add(&self->refused, 1);
    append_->done(append_->done_context, err, 0, 0);
}

static void snapshot_put(journal_t *journal, str_t stream, uint64_t version, str_t state)
{
    /* Without room it is left out: the next one will do. */
    IGNORE_ERR(journal_queue_snapshot(self_of(journal)->queue, stream, version, 1, state));
}

/* ---- reading ---- */

err_t journal_find_head(journal_lmdb_t *self, str_t stream, stream_head_t *out_head)
{
    if (heads_find(self->heads, stream, out_head))
        return out_head->version == 0 ? ERR_NOT_FOUND : ERR_OK;
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t value;
    TRY(kv_read(self->streams_kv, &tx));
    TRY(kv_get(&tx, TABLE_STREAMS, stream, &value));
    if (value.size != 16)
        return ERR_CORRUPT;
    *out_head = (stream_head_t){.version = kv_u64_read(value.data),
                                .position = kv_u64_read(value.data + 8)};
    return ERR_OK;
}

static err_t get_record(const kv_tx_t *tx, uint64_t position, stored_record_t *out_stored)
{
    char key[8];
    str_t value;
    kv_u64_write(key, position);
    err_t err = kv_get(tx, TABLE_LOG, str_of(key, sizeof key), &value);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_CORRUPT : err; /* something pointed to it */
    return journal_record_read(position, value, out_stored);
}

/* Positions of the stream's records after `after_version`, newest first. */
static err_t walk_back(const kv_tx_t *tx, str_t stream, stream_head_t head, uint64_t after_version,
                       buf_t *out_positions)
{
    for (uint64_t version = head.version, position = head.position; version > after_version;
         version--) {
        stored_record_t stored;
        TRY(get_record(tx, position, &stored));
        if (stored.record.version != version || !str_equal(stored.record.stream, stream) ||
            stored.previous >= position)
            return ERR_CORRUPT;
        buf_append_bytes(out_positions, &position, sizeof position);
        position = stored.previous;
    }
    return buf_status(out_positions);
}

static err_t read_records(journal_lmdb_t *self, str_t stream, uint64_t after_version,
                          journal_visit_fn visit, void *context)
{
    stream_head_t head;
    buf_t positions BUF_SCOPED = BUF_INIT;
    kv_tx_t tx KV_TX_SCOPED = {0};
    if (self->log_kv == NULL)
        return ERR_UNAVAILABLE;
    err_t err = journal_find_head(self, stream, &head);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    TRY(kv_read(self->log_kv, &tx));
    TRY(walk_back(&tx, stream, head, after_version, &positions));
    for (size_t at = positions.size; at > 0; at -= sizeof(uint64_t)) {
        uint64_t position;
        stored_record_t stored;
        memcpy(&position, positions.data + at - sizeof position, sizeof position);
        TRY(get_record(&tx, position, &stored));
        TRY(visit(context, &stored.record));
    }
    return ERR_OK;
}

static err_t read_stream(journal_t *journal, str_t stream, uint64_t after_version,
                         journal_visit_fn visit, void *context)
{
    journal_lmdb_t *self = self_of(journal);
    if (stream.size == 0 || stream.size > JOURNAL_STREAM_SIZE_MAX)
        return ERR_INVALID;
    pthread_rwlock_rdlock(&self->environments);
    err_t err = read_records(self, stream, after_version, visit, context);
    pthread_rwlock_unlock(&self->environments);
    return err;
}

static err_t read_feed(journal_lmdb_t *self, uint64_t after_position, size_t count_max,
                       journal_visit_fn visit, void *context)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char key[8];
    /* Not past what was answered: a commit that failed half-way is not for followers. */
    uint64_t head = atomic_load_explicit(&self->head, memory_order_acquire);
    if (self->log_kv == NULL)
        return ERR_UNAVAILABLE;
    if (after_position >= head)
        return ERR_OK;
    TRY(kv_read(self->log_kv, &tx));
    TRY(kv_cursor_open(&tx, TABLE_LOG, &cursor));
    kv_u64_write(key, after_position + 1);
    err_t err = kv_seek(&cursor, str_of(key, sizeof key));
    for (size_t i = 0; err == ERR_OK && i < count_max && after_position < head; i++) {
        stored_record_t stored;
        if (cursor.key.size != 8 || kv_u64_read(cursor.key.data) != after_position + 1)
            return ERR_CORRUPT; /* the feed skips nothing */
        TRY(journal_record_read(++after_position, cursor.value, &stored));
        TRY(visit(context, &stored.record));
        err = kv_next(&cursor);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t feed(journal_t *journal, uint64_t after_position, size_t count_max,
                  journal_visit_fn visit, void *context)
{
    journal_lmdb_t *self = self_of(journal);
    pthread_rwlock_rdlock(&self->environments);
    err_t err = read_feed(self, after_position, count_max, visit, context);
    pthread_rwlock_unlock(&self->environments);
    return err;
}

static uint64_t head_position(journal_t *journal)
{
    return atomic_load_explicit(&self_of(journal)->head, memory_order_acquire);
}

static bool is_away(journal_t *journal)
{
    return atomic_load(&self_of(journal)->is_failed);
}

static err_t read_snapshot(journal_lmdb_t *self, str_t stream, uint64_t *out_version, buf_t *out)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    stream_head_t head;
    str_t value;
    uint32_t crc;
    TRY(journal_find_head(self, stream, &head));
    TRY(kv_read(self->state_kv, &tx));
    TRY(kv_get(&tx, TABLE_STATE, stream, &value));
    if (value.size < 12)
        return ERR_NOT_FOUND;
    memcpy(&crc, value.data, sizeof crc);
    uint64_t version = kv_u64_read(value.data + 4);
    /* One that is damaged, or of a future that this journal does not have, is as none. */
    if (crc != crc32c(0, str_slice(value, 4, value.size)) || version > head.version)
        return ERR_NOT_FOUND;
    size_t before = out->size;
    buf_append(out, str_slice(value, 12, value.size));
    if (buf_status(out) != ERR_OK) {
        out->size = before;
        return buf_status(out);
    }
    *out_version = version;
    return ERR_OK;
}

static err_t snapshot_get(journal_t *journal, str_t stream, uint64_t *out_version, buf_t *out)
{
    journal_lmdb_t *self = self_of(journal);
    if (stream.size == 0 || stream.size > JOURNAL_STREAM_SIZE_MAX)
        return ERR_INVALID;
    pthread_rwlock_rdlock(&self->environments);
    err_t err = read_snapshot(self, stream, out_version, out);
    pthread_rwlock_unlock(&self->environments);
    return err;
}

/* Nothing is there, or a snapshot with nothing behind it, and it is short. */
static bool is_at_hand_now(journal_lmdb_t *self, str_t stream)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    stream_head_t head;
    str_t value;
    err_t err = journal_find_head(self, stream, &head);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND;
    return kv_read(self->state_kv, &tx) == ERR_OK &&
           kv_get(&tx, TABLE_STATE, stream, &value) == ERR_OK && value.size >= 12 &&
           value.size <= JOURNAL_LMDB_AT_HAND_MAX && kv_u64_read(value.data + 4) == head.version;
}

static bool is_at_hand(journal_t *journal, str_t stream)
{
    journal_lmdb_t *self = self_of(journal);
    if (stream.size == 0 || stream.size > JOURNAL_STREAM_SIZE_MAX ||
        pthread_rwlock_tryrdlock(&self->environments) != 0)
        return false;
    bool is_at_hand = is_at_hand_now(self, stream);
    pthread_rwlock_unlock(&self->environments);
    return is_at_hand;
}

static const journal_table_t table = {.append = append,
                                      .read = read_stream,
                                      .snapshot_put = snapshot_put,
                                      .snapshot_get = snapshot_get,
                                      .feed = feed,
                                      .head = head_position,
                                      .is_away = is_away,
                                      .waiting = journal_list_waiting,
                                      .is_at_hand = is_at_hand};

/* ---- opening and closing ---- */

static err_t prepare(journal_lmdb_t *self, const journal_lmdb_options_t *options)
{
    self->map_size = options->map_size;
    self->reopen_after_ms = options->reopen_after_ms == 0 ? 1000 : options->reopen_after_ms;
    self->index_behind =
        options->index_behind == 0 ? (uint32_t)JOURNAL_INDEX_BEHIND : options->index_behind;
    self->log = options->log;
    if (options->faults != NULL)
        self->faults = *options->faults;
    self->path = str_dup_terminated(str_from(options->path));
    if (self->path == NULL)
        return ERR_NO_MEMORY;
    TRY(kv_boot_id(options->boot_id, &self->boot_id));
    TRY(heads_new(&self->heads));
    TRY(journal_queue_new(&self->queue));
    return file_make_folders(self->path);
}

err_t journal_lmdb_open(const journal_lmdb_options_t *options, journal_lmdb_t **out_journal)
{
    journal_lmdb_t *self JOURNAL_LMDB_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal.table = &table;
    pthread_rwlock_init(&self->environments, NULL);
    journal_hooks_init(&self->hooks);
    TRY(prepare(self, options));
    TRY(journal_open_environments(self));
    TRY(journal_commit_start(self));
    *out_journal = STEAL(self);
    return ERR_OK;
}

void journal_lmdb_close(journal_lmdb_t *self)
{
    if (self == NULL)
        return;
    journal_commit_stop(self);
    journal_close_environments(self);
    journal_queue_free(self->queue);
    heads_free(self->heads);
    journal_hooks_deinit(&self->hooks);
    pthread_rwlock_destroy(&self->environments);
    memory_free(self->boot_id);
    memory_free(self->path);
    memory_free(self);
}

void journal_lmdb_scope_end(journal_lmdb_t **self)
{
    journal_lmdb_close(*self);
}

journal_t *journal_lmdb_journal(journal_lmdb_t *self)
{
    return &self->journal;
}

void journal_lmdb_stats(journal_lmdb_t *self, journal_lmdb_stats_t *out_stats)
{
    uint64_t head = atomic_load(&self->head);
    *out_stats = (journal_lmdb_stats_t){
        .head = head,
        .commits = atomic_load(&self->commits),
        .appends = atomic_load(&self->appends),
        .refused = atomic_load(&self->refused),
        .unknown = atomic_load(&self->unknown),
        .index_behind = head - atomic_load(&self->indexed_through),
        .queued_size = journal_queue_size(self->queue),
        .is_failed = atomic_load(&self->is_failed),
    };
}

static void close_store(journal_t *journal)
{
    journal_lmdb_close(self_of(journal));
}

static void store_stats(journal_t *journal, journal_store_stats_t *out_stats)
{
    journal_lmdb_stats_t stats;
    journal_lmdb_stats(self_of(journal), &stats);
    *out_stats = (journal_store_stats_t){.head = stats.head,
                                         .commits = stats.commits,
                                         .appends = stats.appends,
                                         .refused = stats.refused,
                                         .unknown = stats.unknown,
                                         .queued_size = stats.queued_size,
                                         .is_away = stats.is_failed};
}

journal_store_t journal_lmdb_store(journal_lmdb_t *self)
{
    static const journal_store_table_t store = {close_store, store_stats, NULL};
    return (journal_store_t){&store, &self->journal, &self->hooks};
}
