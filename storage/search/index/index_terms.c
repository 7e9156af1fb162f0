#include "storage/search/index/index_terms.h"

#include "runtime/base/memory.h"
#include "storage/bytes_at.h"
#include "storage/search/index/checked.h"
#include "storage/search/index/index_parts.h"
#include "storage/search/index/posting.h"
#include "storage/search/index/terms.h"

enum { CHUNK_KEY = 4, CHUNK_MAX = 256, GONE_KEY = 2 };

/* ---- a term's chunks ---- */

typedef struct chunk_key {
    char bytes[TERM_SIZE_MAX + CHUNK_KEY];
    size_t size;
} chunk_key_t;

/* The term, 0 (folded text has none; the size tells a root's name apart that has), number >> 8. */
static void chunk_key(chunk_key_t *key, str_t term, uint32_t number)
{
    size_t size = MIN(term.size, (size_t)TERM_SIZE_MAX);
    memcpy(key->bytes, term.data, size);
    key->bytes[size] = 0;
    key->bytes[size + 1] = (char)(number >> 24);
    key->bytes[size + 2] = (char)(number >> 16);
    key->bytes[size + 3] = (char)(number >> 8);
    key->size = size + CHUNK_KEY;
}

static str_t key_str(const chunk_key_t *key)
{
    return str_of(key->bytes, key->size);
}

static uint32_t chunk_first(str_t key)
{
    const unsigned char *end = (const unsigned char *)key.data + key.size;
    return (uint32_t)end[-3] << 24 | (uint32_t)end[-2] << 16 | (uint32_t)end[-1] << 8;
}

/* The chunks of a term in order. */
typedef struct chunks {
    kv_cursor_t cursor;
    chunk_key_t start;
} chunks_t;

static err_t chunks_settle(chunks_t *self, err_t err)
{
    str_t prefix = str_of(self->start.bytes, self->start.size - (CHUNK_KEY - 1));
    while (err == ERR_OK && str_starts_with(self->cursor.key, prefix) &&
           self->cursor.key.size != self->start.size)
        err = kv_next(&self->cursor);
    return err == ERR_OK && !str_starts_with(self->cursor.key, prefix) ? ERR_NOT_FOUND : err;
}

static err_t chunks_open(chunks_t *self, const kv_tx_t *tx, str_t term)
{
    chunk_key(&self->start, term, 0);
    TRY(kv_cursor_open(tx, TABLE_DELTA_TERMS, &self->cursor));
    return chunks_settle(self, kv_seek(&self->cursor, key_str(&self->start)));
}

static err_t chunks_next(chunks_t *self)
{
    return chunks_settle(self, kv_next(&self->cursor));
}

static void chunks_close(chunks_t *self)
{
    kv_cursor_close(&self->cursor);
}
#define CHUNKS_SCOPED SCOPED(chunks_close)

static err_t add_chunk(str_t key, str_t value, roaring_bitmap_t *bitmap)
{
    uint32_t numbers[CHUNK_MAX];
    str_t lows;
    TRY(checked_open(key, value, &lows));
    if (lows.size == 0 || lows.size > CHUNK_MAX)
        return ERR_CORRUPT;
    for (size_t i = 0; i < lows.size; i++) {
        numbers[i] = chunk_first(key) + (unsigned char)lows.data[i];
        if (i > 0 && numbers[i] <= numbers[i - 1])
            return ERR_CORRUPT;
    }
    if (numbers[0] < SEARCH_DELTA_FIRST)
        return ERR_CORRUPT;
    roaring_bitmap_add_many(bitmap, lows.size, numbers);
    return ERR_OK;
}

err_t index_term_read(const kv_tx_t *tx, str_t term, roaring_bitmap_t *bitmap, uint64_t *work)
{
    chunks_t chunks CHUNKS_SCOPED = {0};
    err_t err = chunks_open(&chunks, tx, term);
    for (*work += 1; err == ERR_OK; err = chunks_next(&chunks)) {
        *work += 2;
        TRY(add_chunk(chunks.cursor.key, chunks.cursor.value, bitmap));
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

uint64_t index_term_count(const kv_tx_t *tx, str_t term, uint64_t *work)
{
    chunks_t chunks CHUNKS_SCOPED = {0};
    uint64_t count = 0;
    err_t err = chunks_open(&chunks, tx, term);
    for (*work += 1; err == ERR_OK; err = chunks_next(&chunks)) {
        *work += 1;
        count += chunks.cursor.value.size - MIN(chunks.cursor.value.size, (size_t)CHECKED_SIZE);
    }
    return count;
}

/* `lows` has room for the checksum. */
static err_t put_chunk(const kv_tx_t *tx, const chunk_key_t *key, char *lows, size_t size)
{
    checked_seal(key_str(key), lows, size);
    return kv_put(tx, TABLE_DELTA_TERMS, key_str(key), str_of(lows, size + CHECKED_SIZE));
}

/* Where the low byte is, or belongs. */
static size_t place_of(str_t lows, uint32_t number, bool *out_is_there)
{
    unsigned char low = (unsigned char)number;
    size_t at = lows.size;
    while (at > 0 && (unsigned char)lows.data[at - 1] >= low)
        at--;
    *out_is_there = at < lows.size && (unsigned char)lows.data[at] == low;
    return at;
}

err_t index_term_add(const kv_tx_t *tx, str_t term, uint32_t number, bool *out_is_changed)
{
    chunk_key_t key;
    char lows[CHUNK_MAX + CHECKED_SIZE];
    str_t old = {0};
    bool is_there;
    chunk_key(&key, term, number);
    err_t err = checked_get(tx, TABLE_DELTA_TERMS, key_str(&key), &old);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    size_t at = place_of(old, number, &is_there);
    *out_is_changed = !is_there;
    if (is_there)
        return ERR_OK;
    if (old.size >= CHUNK_MAX)
        return ERR_CORRUPT;
    if (at > 0)
        memcpy(lows, old.data, at);
    lows[at] = (char)number;
    if (at < old.size)
        memcpy(lows + at + 1, old.data + at, old.size - at);
    return put_chunk(tx, &key, lows, old.size + 1);
}

err_t index_term_remove(const kv_tx_t *tx, str_t term, uint32_t number, bool *out_is_changed)
{
    chunk_key_t key;
    char lows[CHUNK_MAX + CHECKED_SIZE];
    str_t old;
    bool is_there;
    *out_is_changed = false;
    chunk_key(&key, term, number);
    err_t err = checked_get(tx, TABLE_DELTA_TERMS, key_str(&key), &old);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    size_t at = place_of(old, number, &is_there);
    *out_is_changed = is_there;
    if (!is_there)
        return ERR_OK;
    if (old.size > CHUNK_MAX)
        return ERR_CORRUPT;
    if (old.size == 1)
        return kv_delete(tx, TABLE_DELTA_TERMS, key_str(&key));
    memcpy(lows, old.data, at);
    memcpy(lows + at, old.data + at + 1, old.size - at - 1);
    return put_chunk(tx, &key, lows, old.size - 1);
}

/* ---- what is gone ---- */

static void bitmap_scope_end(roaring_bitmap_t **bitmap)
{
    if (*bitmap != NULL)
        roaring_bitmap_free(*bitmap);
}
#define BITMAP_SCOPED SCOPED(bitmap_scope_end)

static str_t gone_key(char room[GONE_KEY], uint32_t number)
{
    room[0] = (char)(number >> 24);
    room[1] = (char)(number >> 16);
    return str_of(room, GONE_KEY);
}

err_t index_gone_read(const kv_tx_t *tx, roaring_bitmap_t **out_gone)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    roaring_bitmap_t *gone BITMAP_SCOPED = NULL;
    TRY(kv_cursor_open(tx, TABLE_GONE, &cursor));
    err_t err = kv_first(&cursor);
    for (; err == ERR_OK; err = kv_next(&cursor)) {
        if (gone == NULL && (gone = roaring_bitmap_create()) == NULL)
            return ERR_NO_MEMORY;
        TRY(posting_read_into(cursor.value, gone));
    }
    if (err != ERR_NOT_FOUND)
        return err;
    *out_gone = STEAL(gone);
    return ERR_OK;
}

static err_t gone_of(const kv_tx_t *tx, uint32_t number, roaring_bitmap_t **out_bitmap)
{
    char room[GONE_KEY];
    str_t value;
    err_t err = kv_get(tx, TABLE_GONE, gone_key(room, number), &value);
    if (err == ERR_OK)
        return posting_read(value, out_bitmap);
    if (err != ERR_NOT_FOUND)
        return err;
    *out_bitmap = roaring_bitmap_create();
    return *out_bitmap == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t index_gone_add(const kv_tx_t *tx, uint32_t number, bool *out_is_new)
{
    roaring_bitmap_t *gone BITMAP_SCOPED = NULL;
    buf_t value BUF_SCOPED = BUF_INIT;
    char room[GONE_KEY];
    TRY(gone_of(tx, number, &gone));
    *out_is_new = roaring_bitmap_add_checked(gone, number);
    if (!*out_is_new)
        return ERR_OK;
    TRY(posting_append(&value, gone));
    return kv_put(tx, TABLE_GONE, gone_key(room, number), buf_str(&value));
}
