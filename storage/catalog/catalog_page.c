#include "storage/catalog/catalog_parts.h"

static bool is_of_something(catalog_list_t list)
{
    return list == CATALOG_TRACKS_OF_ALBUM || list == CATALOG_TRACKS_OF_ARTIST ||
           list == CATALOG_TRACKS_OF_GENRE || list == CATALOG_ALBUMS_OF_ARTIST ||
           list == CATALOG_ALBUMS_OF_GENRE;
}

/* What all keys of the list begin with. */
static str_t prefix_of(const catalog_page_options_t *options, char room[8])
{
    bool is_root = options->list == CATALOG_TRACKS_BY_PATH && options->root.size > 0;
    if (!is_root && !is_of_something(options->list))
        return (str_t){NULL, 0};
    kv_u64_write(room, is_root ? catalog_root_hash(options->root) : options->of);
    return str_of(room, 8);
}

static err_t to_last_of(kv_cursor_t *cursor, str_t prefix)
{
    char past[8];
    if (prefix.size == 0 || kv_u64_read(prefix.data) == UINT64_MAX)
        return kv_last(cursor);
    kv_u64_write(past, kv_u64_read(prefix.data) + 1);
    err_t err = kv_seek(cursor, str_of(past, sizeof past));
    return err == ERR_NOT_FOUND ? kv_last(cursor) : err == ERR_OK ? kv_previous(cursor) : err;
}

/* An index key is never empty, but LMDB refuses to seek an empty one. */
static err_t to_start(kv_cursor_t *cursor, str_t prefix, const catalog_page_options_t *options)
{
    str_t after = options->after;
    if (options->is_backward) {
        if (after.size == 0)
            return to_last_of(cursor, prefix);
        err_t err = kv_seek(cursor, after);
        return err == ERR_NOT_FOUND ? kv_last(cursor) : err == ERR_OK ? kv_previous(cursor) : err;
    }
    if (after.size == 0)
        return prefix.size == 0 ? kv_first(cursor) : kv_seek(cursor, prefix);
    err_t err = kv_seek(cursor, after);
    /* The entry itself may be gone by now; then it stands on the next one already. */
    return err == ERR_OK && str_equal(cursor->key, after) ? kv_next(cursor) : err;
}

err_t catalog_page(catalog_read_t *read, const catalog_page_options_t *options,
                   catalog_page_t *out_page)
{
    char room[8];
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    if ((unsigned)options->list >= CATALOG_LIST_COUNT)
        return ERR_INVALID;
    str_t prefix = prefix_of(options, room);
    if (options->after.size > KV_KEY_SIZE_MAX ||
        (options->after.size > 0 && !str_starts_with(options->after, prefix)))
        return ERR_INVALID;
    size_t limit = options->limit == 0 || options->limit > CATALOG_PAGE_MAX
                       ? (size_t)CATALOG_PAGE_MAX
                       : options->limit;
    catalog_item_t *items = arena_new_array(read->arena, limit, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    size_t count = 0;
    bool has_more = false;
    TRY(kv_cursor_open(&read->tx, (kv_table_t)options->list, &cursor));
    err_t err = to_start(&cursor, prefix, options);
    while (err == ERR_OK && str_starts_with(cursor.key, prefix)) {
        if (cursor.key.size < 8)
            return ERR_CORRUPT;
        if (count == limit) {
            has_more = true;
            break;
        }
        items[count++] =
            (catalog_item_t){kv_u64_read(cursor.key.data + cursor.key.size - 8), cursor.key};
        err = options->is_backward ? kv_previous(&cursor) : kv_next(&cursor);
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_page = (catalog_page_t){items, count, has_more};
    return ERR_OK;
}
