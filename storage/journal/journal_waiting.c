#include "storage/journal/journal_lmdb_parts.h"

#include "runtime/base/arena.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

/* Names of streams, in one buffer. */
typedef struct names {
    str_t after;
    arena_t arena;
    struct name {
        str_t stream;
        bool is_waiting;
    } * items;
    size_t count, capacity;
} names_t;

static void names_deinit(names_t *self)
{
    arena_deinit(&self->arena);
    memory_free(self->items);
}

static err_t add(void *context, str_t stream, bool is_waiting)
{
    names_t *self = context;
    if (str_compare(stream, self->after) <= 0)
        return ERR_OK;
    if (self->count == self->capacity) {
        size_t capacity = MAX((size_t)16, self->capacity * 2);
        struct name *items = memory_resize(self->items, capacity, sizeof *items);
        if (items == NULL)
            return ERR_NO_MEMORY;
        self->items = items;
        self->capacity = capacity;
    }
    const char *copy = arena_dup(&self->arena, stream.data, stream.size);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    self->items[self->count++] = (struct name){str_of(copy, stream.size), is_waiting};
    return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct name *)a)->stream, ((const struct name *)b)->stream);
}

static void sort(names_t *self)
{
    if (self->count > 1)
        qsort(self->items, self->count, sizeof *self->items, by_name);
}

static bool is_known(const names_t *self, str_t stream)
{
    struct name wanted = {.stream = stream};
    return self->count > 0 &&
           bsearch(&wanted, self->items, self->count, sizeof wanted, by_name) != NULL;
}

/* The first of the index of which the heads say nothing. */
static err_t read_index(journal_lmdb_t *self, const names_t *heads, size_t count_max,
                        names_t *indexed)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    TRY(kv_read(self->streams_kv, &tx));
    TRY(kv_cursor_open(&tx, TABLE_WAITING, &cursor));
    err_t err = str_is_empty(indexed->after) ? kv_first(&cursor) : kv_seek(&cursor, indexed->after);
    for (; err == ERR_OK && indexed->count < count_max; err = kv_next(&cursor)) {
        if (!is_known(heads, cursor.key))
            TRY(add(indexed, cursor.key, true));
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Heads first: who misses one there, because the index was just written, finds it in the index. */
static err_t gather(journal_lmdb_t *self, names_t *heads, names_t *all, size_t count_max)
{
    TRY(heads_each_waiting(self->heads, add, heads));
    sort(heads);
    TRY(read_index(self, heads, count_max, all));
    for (size_t i = 0; i < heads->count; i++)
        if (heads->items[i].is_waiting)
            TRY(add(all, heads->items[i].stream, true));
    sort(all);
    return ERR_OK;
}

err_t journal_list_waiting(journal_t *journal, str_t after, size_t count_max,
                           journal_stream_fn visit, void *context)
{
    journal_lmdb_t *self = CONTAINER_OF(journal, journal_lmdb_t, journal);
    names_t heads SCOPED(names_deinit) = {.after = after};
    names_t all SCOPED(names_deinit) = {.after = after};
    pthread_rwlock_rdlock(&self->environments);
    err_t err = gather(self, &heads, &all, count_max);
    pthread_rwlock_unlock(&self->environments);
    TRY(err);
    for (size_t i = 0; i < MIN(all.count, count_max); i++)
        TRY(visit(context, all.items[i].stream));
    return ERR_OK;
}

err_t journal_put_waiting(const kv_tx_t *tx, const head_entry_t *entry)
{
    str_t stream = str_of(entry->stream, entry->stream_size);
    if (entry->durable.waiting == JOURNAL_WAITING)
        return kv_put(tx, TABLE_WAITING, stream, (str_t){NULL, 0});
    if (entry->durable.waiting == JOURNAL_WAITING_AS_BEFORE)
        return ERR_OK;
    err_t err = kv_delete(tx, TABLE_WAITING, stream);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}
