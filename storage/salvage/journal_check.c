#include "storage/salvage/journal_check.h"

#include "runtime/base/crc32c.h"
#include "storage/journal/journal_heads.h"
#include "storage/journal/journal_lmdb_read.h"
#include "storage/kv.h"
#include "storage/kv_walk.h"

enum { SNAPSHOT_HEAD = 12, ENTRY_SIZE = 16 };

typedef struct reading {
    journal_found_t *found;
    heads_t *heads;
    uint64_t through; /* heads of records up to here; the rest is only looked at */
} reading_t;

static void reading_end(reading_t *self)
{
    heads_free(self->heads);
}

static err_t count_record(void *context, const journal_record_t *record)
{
    reading_t *self = context;
    head_entry_t *entry = heads_entry(self->heads, record->stream);
    stream_head_t next = {.version = record->version, .position = record->position};
    if (record->position > self->through)
        return ERR_OK;
    if (record->version != (entry == NULL ? 0 : entry->durable.version) + 1) {
        self->found->what = "a stream's versions have a gap";
        return ERR_CORRUPT;
    }
    self->found->position = record->position;
    if (entry != NULL)
        entry->durable = next;
    else if (heads_add(self->heads, record->stream, next) == NULL)
        return ERR_NO_MEMORY;
    return ERR_OK;
}

/* The folder above the environment's. */
static err_t open_log(const journal_check_t *check, journal_lmdb_read_t **out_journal)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_append(&path,
               str_slice(str_from(check->path), 0, str_find_last(str_from(check->path), '/')));
    return journal_lmdb_read_open(buf_terminated(&path), check->map_size, out_journal);
}

static err_t read_log(const journal_check_t *check, reading_t *reading)
{
    journal_lmdb_read_t *journal JOURNAL_LMDB_READ_SCOPED = NULL;
    TRY(heads_new(&reading->heads));
    TRY(open_log(check, &journal));
    journal_t *feed = journal_lmdb_read_journal(journal);
    return feed->table->feed(feed, 0, SIZE_MAX, count_record, reading);
}

err_t journal_check_log(void *context, void *room)
{
    const journal_check_t *check = context;
    journal_found_t *found = room;
    kv_walk_t walk;
    reading_t reading SCOPED(reading_end) = {.found = found, .through = UINT64_MAX};
    found->noun = "records";
    found->what = "a record does not have its checksum, or is missing";
    err_t err = read_log(check, &reading);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
    found->count = found->position; /* positions are dense */
    found->what = "its list of free pages can't be read";
    return kv_walk(check->path, check->map_size, &walk);
}

/* ---- the index ---- */

static err_t check_entry(heads_t *heads, const kv_cursor_t *cursor)
{
    stream_head_t head;
    if (cursor->value.size != ENTRY_SIZE || !heads_find(heads, cursor->key, &head) ||
        kv_u64_read(cursor->value.data) != head.version ||
        kv_u64_read(cursor->value.data + 8) != head.position)
        return ERR_CORRUPT;
    return ERR_OK;
}

static err_t check_entries(kv_t *kv, heads_t *heads, journal_found_t *found)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    TRY(kv_read(kv, &tx));
    TRY(kv_cursor_open(&tx, 0, &cursor));
    err_t err = kv_first(&cursor);
    for (; err == ERR_OK; err = kv_next(&cursor), found->count++)
        TRY(check_entry(heads, &cursor));
    if (err != ERR_NOT_FOUND)
        return err;
    return found->count == heads_count(heads) ? ERR_OK : ERR_CORRUPT;
}

static err_t read_through(kv_t *kv, uint64_t *out_through)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t stored;
    TRY(kv_read(kv, &tx));
    err_t err = kv_get(&tx, 1, STR("through"), &stored);
    if (err == ERR_OK && stored.size != 8)
        return ERR_CORRUPT;
    *out_through = err == ERR_OK ? kv_u64_read(stored.data) : 0;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

err_t journal_check_index(void *context, void *room)
{
    static const char *const tables[] = {"streams", "meta"};
    const journal_check_t *check = context;
    journal_found_t *found = room;
    kv_t *kv KV_SCOPED = NULL;
    kv_options_t options = {.path = check->path,
                            .tables = tables,
                            .table_count = COUNT_OF(tables),
                            .map_size = check->map_size,
                            .is_lazy = true,
                            .is_read_only = true};
    kv_walk_t walk;
    reading_t reading SCOPED(reading_end) = {.found = found};
    found->noun = "streams";
    TRY(kv_walk(check->path, check->map_size, &walk));
    found->what = "an entry is not what the journal says";
    TRY(kv_open(&options, &kv));
    TRY(read_through(kv, &reading.through));
    TRY(read_log(check, &reading));
    return check_entries(kv, reading.heads, found);
}

/* ---- snapshots ---- */

static err_t check_snapshot(str_t value)
{
    uint32_t crc;
    if (value.size < SNAPSHOT_HEAD)
        return ERR_CORRUPT;
    memcpy(&crc, value.data, sizeof crc);
    return crc == crc32c(0, str_slice(value, sizeof crc, value.size)) ? ERR_OK : ERR_CORRUPT;
}

err_t journal_check_snapshots(void *context, void *room)
{
    static const char *const tables[] = {"state"};
    const journal_check_t *check = context;
    journal_found_t *found = room;
    kv_t *kv KV_SCOPED = NULL;
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    kv_options_t options = {.path = check->path,
                            .tables = tables,
                            .table_count = COUNT_OF(tables),
                            .map_size = check->map_size,
                            .is_lazy = true,
                            .is_read_only = true};
    kv_walk_t walk;
    found->noun = "snapshots";
    TRY(kv_walk(check->path, check->map_size, &walk));
    found->what = "a snapshot does not have its checksum (it counts as none)";
    TRY(kv_open(&options, &kv));
    TRY(kv_read(kv, &tx));
    TRY(kv_cursor_open(&tx, 0, &cursor));
    err_t err = kv_first(&cursor);
    for (; err == ERR_OK; err = kv_next(&cursor), found->count++)
        TRY(check_snapshot(cursor.value));
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- the head ---- */

err_t journal_check_head(void *context, void *room)
{
    journal_found_t *found = room;
    journal_lmdb_read_t *journal JOURNAL_LMDB_READ_SCOPED = NULL;
    TRY(open_log(context, &journal));
    journal_t *feed = journal_lmdb_read_journal(journal);
    found->position = feed->table->head(feed);
    return ERR_OK;
}
