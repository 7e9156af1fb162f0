#include "storage/search/index/build_parts.h"

/* ---- a column of keys that ascend, then their numbers ---- */

static void write_chunk(const rank_t *items, size_t count, char *room)
{
    char *numbers = room + count * sizeof items->key;
    for (size_t i = 0; i < count; i++) {
        memcpy(room + i * sizeof items->key, &items[i].key, sizeof items->key);
        memcpy(numbers + i * sizeof items->index, &items[i].index, sizeof items->index);
    }
}

static size_t chunk_size(size_t count)
{
    return count * (sizeof(uint64_t) + sizeof(uint32_t));
}

/* ---- ids ---- */

static err_t write_ids(build_t *self, search_kind_t kind, const rank_t *items, size_t count)
{
    char key[ID_KEY_SIZE], *room;
    TRY(build_append(self, TABLE_IDS, index_id_key(key, kind, items[0].key), chunk_size(count),
                     &room));
    write_chunk(items, count, room);
    return ERR_OK;
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

/* Into the memory of the ranks, which are no longer needed: there are no more titles than those. */
static err_t read_titles(build_t *self)
{
    enum { ROOM = 64 << 10 };
    tape_reader_t reader SCOPED(tape_reader_deinit) = {
        .tape = &self->titles, .end = self->titles.size, .room = ROOM};
    buf_reset(&self->ranks);
    while (!tape_is_at_end(&reader)) {
        str_t item;
        TRY(tape_read(&reader, sizeof(rank_t), &item));
        buf_append(&self->ranks, item);
        TRY(buf_status(&self->ranks));
    }
    tape_close(&self->titles);
    return ERR_OK;
}

static err_t write_titles(build_t *self, const rank_t *items, size_t count)
{
    char key[TITLE_KEY_SIZE], *room;
    TRY(build_append(self, TABLE_TITLES, index_title_key(key, items[0].key, items[0].index),
                     chunk_size(count), &room));
    write_chunk(items, count, room);
    return ERR_OK;
}

err_t build_write_titles(build_t *self)
{
    TRY(read_titles(self));
    rank_t *items = build_ranks(self);
    size_t count = build_count(self);
    ranks_sort(items, count);
    for (size_t i = 0; i < count; i++)
        self->base.terms += i == 0 || items[i].key != items[i - 1].key ? 1 : 0;
    for (size_t at = 0; at < count; at += IDS_CHUNK)
        TRY(write_titles(self, items + at, MIN(count - at, (size_t)IDS_CHUNK)));
    buf_deinit(&self->ranks);
    return ERR_OK;
}
