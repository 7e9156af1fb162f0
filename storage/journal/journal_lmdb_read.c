#include "storage/journal/journal_lmdb_read.h"

#include "runtime/base/memory.h"
#include "storage/journal/journal_feed.h"
#include "storage/journal/journal_lmdb_parts.h"

struct journal_lmdb_read {
    journal_t journal; /* first */
    kv_t *log;
};

static journal_lmdb_read_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, journal_lmdb_read_t, journal);
}

/* Positions are dense: what follows a record is the next number, or nothing. */
static err_t feed(journal_t *journal, uint64_t after_position, size_t count_max,
                  journal_visit_fn visit, void *context)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char key[8];
    TRY(kv_read(self_of(journal)->log, &tx));
    TRY(kv_cursor_open(&tx, TABLE_LOG, &cursor));
    kv_u64_write(key, after_position + 1);
    err_t err = kv_seek(&cursor, str_of(key, sizeof key));
    for (size_t i = 0; err == ERR_OK && i < count_max; i++, err = kv_next(&cursor)) {
        stored_record_t stored;
        uint64_t position = after_position + 1 + i;
        if (cursor.key.size != sizeof key || kv_u64_read(cursor.key.data) != position)
            return ERR_CORRUPT;
        TRY(journal_record_read(position, cursor.value, &stored));
        TRY(visit(context, &stored.record));
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static uint64_t head(journal_t *journal)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    if (kv_read(self_of(journal)->log, &tx) != ERR_OK ||
        kv_cursor_open(&tx, TABLE_LOG, &cursor) != ERR_OK || kv_last(&cursor) != ERR_OK ||
        cursor.key.size != 8)
        return 0;
    return kv_u64_read(cursor.key.data);
}

static const journal_table_t table = JOURNAL_FEED_TABLE(feed, head);

static err_t check_format(kv_t *log)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t format;
    TRY(kv_read(log, &tx));
    TRY(kv_get(&tx, TABLE_META, STR("format"), &format));
    if (format.size != 8)
        return ERR_CORRUPT;
    return kv_u64_read(format.data) > JOURNAL_FORMAT ? ERR_NEWER : ERR_OK;
}

err_t journal_lmdb_read_open(const char *path, size_t map_size, journal_lmdb_read_t **out_journal)
{
    static const char *const tables[JOURNAL_TABLE_COUNT] = {"log", "meta"};
    journal_lmdb_read_t *self JOURNAL_LMDB_READ_SCOPED = memory_new(sizeof *self);
    buf_t name BUF_SCOPED = BUF_INIT;
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal.table = &table;
    buf_printf(&name, "%s/journal", path);
    kv_options_t options = {.path = buf_terminated(&name),
                            .tables = tables,
                            .table_count = COUNT_OF(tables),
                            .map_size = map_size,
                            .is_read_only = true};
    TRY(buf_status(&name));
    TRY(kv_open(&options, &self->log));
    TRY(check_format(self->log));
    *out_journal = STEAL(self);
    return ERR_OK;
}

void journal_lmdb_read_close(journal_lmdb_read_t *self)
{
    if (self == NULL)
        return;
    kv_close(self->log);
    memory_free(self);
}

void journal_lmdb_read_scope_end(journal_lmdb_read_t **self)
{
    journal_lmdb_read_close(*self);
}

journal_t *journal_lmdb_read_journal(journal_lmdb_read_t *self)
{
    return &self->journal;
}
