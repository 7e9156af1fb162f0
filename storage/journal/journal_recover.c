#include "storage/journal/journal_lmdb_parts.h"

#include "runtime/base/memory.h"

static const char *const log_tables[JOURNAL_TABLE_COUNT] = {"log", "meta"};
static const char *const streams_tables[STREAMS_TABLE_COUNT] = {"streams", "meta", "waiting"};
static const char *const state_tables[STATE_TABLE_COUNT] = {"state"};

static err_t open_one(const journal_lmdb_t *self, const char *name, kv_options_t options,
                      kv_t **out_kv)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/%s", self->path, name);
    options.path = buf_terminated(&path);
    options.map_size = self->map_size;
    options.boot_id = self->boot_id;
    TRY(buf_status(&path));
    return kv_open(&options, out_kv);
}

/* A new journal gets its format number; one of a later format is not touched. */
static err_t check_format(kv_t *kv)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t stored;
    char format[8];
    TRY(kv_read(kv, &tx));
    err_t err = kv_get(&tx, TABLE_META, STR("format"), &stored);
    if (err == ERR_OK)
        return stored.size != sizeof format                ? ERR_CORRUPT
               : kv_u64_read(stored.data) > JOURNAL_FORMAT ? ERR_NEWER
                                                           : ERR_OK;
    kv_end(&tx);
    if (err != ERR_NOT_FOUND)
        return err;
    TRY(kv_write(kv, &tx));
    kv_u64_write(format, JOURNAL_FORMAT);
    TRY(kv_put(&tx, TABLE_META, STR("format"), str_of(format, sizeof format)));
    return kv_commit(&tx);
}

static err_t read_head(kv_t *kv, uint64_t *out_head)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    TRY(kv_read(kv, &tx));
    TRY(kv_cursor_open(&tx, TABLE_LOG, &cursor));
    err_t err = kv_last(&cursor);
    if (err == ERR_OK && cursor.key.size != 8)
        return ERR_CORRUPT;
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_head = err == ERR_OK ? kv_u64_read(cursor.key.data) : 0;
    return ERR_OK;
}

static err_t read_through(kv_t *kv, uint64_t *out_through)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t stored;
    TRY(kv_read(kv, &tx));
    err_t err = kv_get(&tx, TABLE_STREAMS_META, STR("through"), &stored);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_through = err == ERR_OK && stored.size == 8 ? kv_u64_read(stored.data) : 0;
    return ERR_OK;
}

static err_t clear_one(kv_t *kv, kv_table_t table_count)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(kv_write(kv, &tx));
    for (kv_table_t table = 0; table < table_count; table++)
        TRY(kv_clear(&tx, table));
    return kv_commit(&tx);
}

/* A record against what is known of its stream: versions count by one, and each record points to
 * the one before. */
static err_t take_record(journal_lmdb_t *self, const stored_record_t *stored)
{
    const journal_record_t *record = &stored->record;
    stream_head_t head = {0};
    head_entry_t *entry = heads_entry(self->heads, record->stream);
    if (entry != NULL) {
        head = entry->durable;
    } else {
        err_t err = journal_find_head(self, record->stream, &head);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        entry = heads_add(self->heads, record->stream, head);
        if (entry == NULL)
            return ERR_NO_MEMORY;
    }
    if (record->version != head.version + 1 || stored->previous != head.position)
        return ERR_CORRUPT;
    journal_waiting_t waiting = journal_waiting_after(record->event.name);
    if (waiting == JOURNAL_WAITING_AS_BEFORE)
        waiting = head.waiting;
    heads_touch(self->heads, entry, (stream_head_t){record->version, record->position, waiting});
    heads_keep(self->heads);
    return ERR_OK;
}

/* Up to JOURNAL_INDEX_BEHIND records after *position into the heads. */
static err_t catch_up_some(journal_lmdb_t *self, uint64_t *position, bool *out_is_end)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char key[8];
    TRY(kv_read(self->log_kv, &tx));
    TRY(kv_cursor_open(&tx, TABLE_LOG, &cursor));
    kv_u64_write(key, *position + 1);
    err_t err = kv_seek(&cursor, str_of(key, sizeof key));
    for (uint32_t i = 0; err == ERR_OK && i < JOURNAL_INDEX_BEHIND; i++, err = kv_next(&cursor)) {
        stored_record_t stored;
        /* Positions are dense here: a gap is a lost record. */
        if (cursor.key.size != 8 || kv_u64_read(cursor.key.data) != *position + 1)
            return ERR_CORRUPT;
        TRY(journal_record_read(*position + 1, cursor.value, &stored));
        TRY(take_record(self, &stored));
        ++*position;
    }
    *out_is_end = err == ERR_NOT_FOUND;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t catch_up(journal_lmdb_t *self, uint64_t head)
{
    uint64_t position = 0;
    bool is_end = false;
    TRY(read_through(self->streams_kv, &position));
    if (position > head) { /* an older journal was put here: nothing derived from it holds */
        TRY(clear_one(self->streams_kv, STREAMS_TABLE_COUNT));
        TRY(clear_one(self->state_kv, STATE_TABLE_COUNT));
        position = 0;
    }
    atomic_store(&self->indexed_through, position);
    heads_clear(self->heads);
    while (!is_end) {
        TRY(catch_up_some(self, &position, &is_end));
        if (!is_end)
            TRY(journal_write_index(self, position));
    }
    return position == head ? ERR_OK : ERR_CORRUPT;
}

/* The newest records, also those that the index knows: what was written last is what tears. */
static err_t check_tail(kv_t *kv)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    TRY(kv_read(kv, &tx));
    TRY(kv_cursor_open(&tx, TABLE_LOG, &cursor));
    err_t err = kv_last(&cursor);
    for (int i = 0; err == ERR_OK && i < JOURNAL_TAIL_CHECKED; i++, err = kv_previous(&cursor)) {
        stored_record_t stored;
        TRY(journal_record_read(kv_u64_read(cursor.key.data), cursor.value, &stored));
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

err_t journal_open_environments(journal_lmdb_t *self)
{
    uint64_t head = 0;
    if (self->log_kv == NULL)
        TRY(open_one(self, "journal",
                     (kv_options_t){.tables = log_tables,
                                    .table_count = JOURNAL_TABLE_COUNT,
                                    .faults = &self->faults},
                     &self->log_kv));
    if (self->streams_kv == NULL)
        TRY(open_one(self, "streams",
                     (kv_options_t){.tables = streams_tables,
                                    .table_count = STREAMS_TABLE_COUNT,
                                    .is_lazy = true},
                     &self->streams_kv));
    if (self->state_kv == NULL)
        TRY(open_one(self, "state",
                     (kv_options_t){
                         .tables = state_tables, .table_count = STATE_TABLE_COUNT, .is_lazy = true},
                     &self->state_kv));
    TRY(check_format(self->log_kv));
    TRY(read_head(self->log_kv, &head));
    TRY(check_tail(self->log_kv));
    TRY(catch_up(self, head));
    atomic_store(&self->head, head);
    return ERR_OK;
}

void journal_close_environments(journal_lmdb_t *self)
{
    kv_close(STEAL(self->state_kv));
    kv_close(STEAL(self->streams_kv));
    kv_close(STEAL(self->log_kv));
}

/* All of them: what is derived may have failed beside the log, and LMDB ends an environment for
 * good whose head could not be written. */
err_t journal_lmdb_reopen(journal_lmdb_t *self)
{
    pthread_rwlock_wrlock(&self->environments);
    err_t err = ERR_OK;
    if (atomic_load(&self->is_failed) || self->is_lame) {
        journal_close_environments(self);
        err = journal_open_environments(self);
        if (err != ERR_OK)
            journal_close_environments(self); /* half checked is not checked */
        atomic_store(&self->is_failed, err != ERR_OK);
        self->is_lame = false;
    }
    pthread_rwlock_unlock(&self->environments);
    if (err == ERR_OK)
        log_info(self->log, "journal", "opened and checked again");
    else
        log_error(self->log, "journal", "still not usable: %s", err_text(err));
    return err;
}

err_t journal_lmdb_verify(journal_lmdb_t *self, uint64_t *out_position)
{
    uint64_t position = 0;
    for (bool is_end = false; !is_end;) {
        pthread_rwlock_rdlock(&self->environments);
        kv_tx_t tx KV_TX_SCOPED = {0};
        kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
        char key[8];
        err_t err = self->log_kv == NULL ? ERR_UNAVAILABLE : kv_read(self->log_kv, &tx);
        if (err == ERR_OK)
            err = kv_cursor_open(&tx, TABLE_LOG, &cursor);
        kv_u64_write(key, position + 1);
        if (err == ERR_OK)
            err = kv_seek(&cursor, str_of(key, sizeof key));
        /* In pieces, so that the scrub does not hold back freed pages. */
        for (uint32_t i = 0; err == ERR_OK && i < JOURNAL_INDEX_BEHIND; i++) {
            stored_record_t stored;
            bool is_next = cursor.key.size == 8 && kv_u64_read(cursor.key.data) == position + 1;
            err = is_next ? journal_record_read(position + 1, cursor.value, &stored) : ERR_CORRUPT;
            if (err == ERR_OK) {
                position++;
                err = kv_next(&cursor);
            }
        }
        is_end = err == ERR_NOT_FOUND;
        kv_cursor_close(&cursor);
        kv_end(&tx);
        pthread_rwlock_unlock(&self->environments);
        if (err == ERR_CORRUPT)
            *out_position = position + 1;
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_OK;
}
