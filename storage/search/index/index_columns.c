#include "storage/bytes_at.h"
#include "storage/search/index/checked.h"
#include "storage/search/index/index_parts.h"

#include "runtime/base/xxh64.h"

/* ---- keys ---- */

str_t index_number_key(char room[NUMBER_KEY_SIZE], uint32_t number)
{
    number = __builtin_bswap32(number);
    memcpy(room, &number, sizeof number);
    return str_of(room, NUMBER_KEY_SIZE);
}

str_t index_id_key(char room[ID_KEY_SIZE], search_kind_t kind, uint64_t id)
{
    room[0] = (char)kind;
    kv_u64_write(room + 1, id);
    return str_of(room, ID_KEY_SIZE);
}

/* ---- a document's number by its id ---- */

/* In a chunk of ids, ascending, and then their numbers. */
static err_t number_in(str_t chunk, uint64_t id, uint32_t *out_number)
{
    size_t count = chunk.size / (sizeof id + sizeof *out_number), low = 0, high = count;
    if (chunk.size != count * (sizeof id + sizeof *out_number))
        return ERR_CORRUPT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (u64_at(chunk, middle * sizeof id) < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || u64_at(chunk, low * sizeof id) != id)
        return ERR_NOT_FOUND;
    *out_number = u32_at(chunk, count * sizeof id + low * sizeof *out_number);
    return ERR_OK;
}

err_t index_base_number(const kv_tx_t *tx, search_kind_t kind, uint64_t id, uint32_t *out_number)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char room[ID_KEY_SIZE];
    str_t key = index_id_key(room, kind, id);
    TRY(kv_cursor_open(tx, TABLE_IDS, &cursor));
    /* The chunk that begins with it, or the last that begins before it. */
    err_t err = kv_seek(&cursor, key);
    if (err == ERR_NOT_FOUND)
        TRY(kv_last(&cursor));
    else if (err != ERR_OK)
        return err;
    else if (!str_equal(cursor.key, key))
        TRY(kv_previous(&cursor));
    if (cursor.key.size != ID_KEY_SIZE || cursor.key.data[0] != (char)kind)
        return ERR_NOT_FOUND;
    str_t chunk;
    TRY(checked_open(cursor.key, cursor.value, &chunk));
    return number_in(chunk, id, out_number);
}

/* ---- the numbers of a title ---- */

enum { TITLE_SIZE = sizeof(uint64_t) + sizeof(uint32_t) };

str_t index_title_key(char room[TITLE_KEY_SIZE], uint64_t hash, uint32_t number)
{
    kv_u64_write(room, hash);
    (void)index_number_key(room + sizeof hash, number);
    return str_of(room, TITLE_KEY_SIZE);
}

uint64_t index_title_hash(str_t title)
{
    return xxh64(title, 0);
}

/* Adds those of a chunk; false in *out_goes_on: the next chunk has none. */
static err_t add_titles(str_t chunk, uint64_t hash, uint32_t base_end, roaring_bitmap_t *bitmap,
                        uint64_t *count, bool *out_goes_on)
{
    size_t size = chunk.size / TITLE_SIZE, low = 0, high = size;
    if (chunk.size != size * TITLE_SIZE)
        return ERR_CORRUPT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (u64_at(chunk, middle * sizeof hash) < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < size && u64_at(chunk, low * sizeof hash) == hash; low++) {
        uint32_t number = u32_at(chunk, size * sizeof hash + low * sizeof number);
        if (number >= base_end)
            return ERR_CORRUPT;
        if (bitmap != NULL)
            roaring_bitmap_add(bitmap, number);
        *count += 1;
    }
    *out_goes_on = low == size;
    return ERR_OK;
}

err_t index_titles_read(const kv_tx_t *tx, str_t title, uint32_t base_end, roaring_bitmap_t *bitmap,
                        uint64_t *out_count)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char room[TITLE_KEY_SIZE];
    uint64_t hash = index_title_hash(title), count = 0;
    bool goes_on = true;
    TRY(kv_cursor_open(tx, TABLE_TITLES, &cursor));
    /* The chunk before the first that begins with it or past it may end with it. */
    err_t err = kv_seek(&cursor, index_title_key(room, hash, 0));
    err = err == ERR_NOT_FOUND ? kv_last(&cursor) : err == ERR_OK ? kv_previous(&cursor) : err;
    if (err == ERR_NOT_FOUND)
        err = kv_first(&cursor);
    for (; err == ERR_OK && goes_on; err = goes_on ? kv_next(&cursor) : ERR_OK) {
        str_t chunk;
        TRY(checked_open(cursor.key, cursor.value, &chunk));
        TRY(add_titles(chunk, hash, base_end, bitmap, &count, &goes_on));
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_count = count;
    return ERR_OK;
}
