#include "storage/search/index/build_parts.h"
#include "storage/search/index/checked.h"

/* ---- a column of keys that ascend, then their numbers ---- */

static void write_chunk(const rank_t *items, size_t count, char *room)
{
    char *numbers = room + count * sizeof items->key;
    for (size_t i = 0; i < count; i++) {
        memcpy(room + i * sizeof items->key, &items[i].key, sizeof items->key);
        memcpy(numbers + i * sizeof items->index, &items[i].index, sizeof items->index);
    }
}

static err_t put_chunk(build_t *self, kv_table_t table, str_t key, const rank_t *items,
                       size_t count)
{
    char *room;
    size_t size = count * (sizeof items->key + sizeof items->index);
    TRY(build_append_checked(self, table, key, size, &room));
    write_chunk(items, count, room);
    checked_seal(key, room, size);
    return ERR_OK;
}

err_t build_read_column(build_t *self, tape_t *tape)
{
    enum { ROOM = 64 << 10 };
    tape_reader_t reader SCOPED(tape_reader_deinit) = {
        .tape = tape, .end = tape->size, .room = ROOM};
    buf_reset(&self->ranks);
    while (!tape_is_at_end(&reader)) {
        str_t item;
        TRY(tape_read(&reader, sizeof(rank_t), &item));
        buf_append(&self->ranks, item);
        TRY(buf_status(&self->ranks));
    }
    tape_close(tape);
    ranks_sort(build_ranks(self), build_count(self));
    return ERR_OK;
}

/* ---- ids ---- */

static err_t write_ids(build_t *self, search_kind_t kind, const rank_t *items, size_t count)
{
    char room[ID_KEY_SIZE];
    return put_chunk(self, TABLE_IDS, index_id_key(room, kind, items[0].key), items, count);
}

err_t build_write_ids(build_t *self)
{
    rank_t *items = build_ranks(self);
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        size_t count = self->base.counts[kind];
        ranks_sort(items, count);
        for (size_t i = 1; i < count; i++)
            if (items[i - 1].key == items[i].key)
                return ERR_INVALID; /* a document that came twice */
        for (size_t at = 0; at < count; at += IDS_CHUNK)
            TRY(write_ids(self, (search_kind_t)kind, items + at,
                          MIN(count - at, (size_t)IDS_CHUNK)));
        items += count;
    }
    return ERR_OK;
}

/* ---- titles ---- */

static err_t write_titles(build_t *self, const rank_t *items, size_t count)
{
    char room[TITLE_KEY_SIZE];
    str_t key = index_title_key(room, items[0].key, items[0].index);
    return put_chunk(self, TABLE_TITLES, key, items, count);
}

err_t build_write_titles(build_t *self)
{
    TRY(build_read_column(self, &self->titles));
    const rank_t *items = build_ranks(self);
    size_t count = build_count(self);
    for (size_t i = 0; i < count; i++)
        self->base.terms += i == 0 || items[i].key != items[i - 1].key ? 1 : 0;
    for (size_t at = 0; at < count; at += IDS_CHUNK)
        TRY(write_titles(self, items + at, MIN(count - at, (size_t)IDS_CHUNK)));
    return ERR_OK;
}
