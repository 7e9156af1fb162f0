#include "storage/search/index/delta_facets.h"

#include "runtime/base/memory.h"
#include "runtime/base/xxh64.h"
#include "storage/bytes_at.h"
#include "storage/search/index/checked.h"
#include "storage/search/index/index_parts.h"
#include "storage/search/index/terms.h"

/* 32 documents to a key, each the low byte of its number, how many values, their hashes. */
enum {
    CHUNK_SHIFT = 5,
    RECORD_HEAD = 2,
    VALUES_MAX = UINT8_MAX, /* a byte says how many; further ones are left out */
    TALLY_MIN = 256,
    WORK_CHUNK = 24,
};

typedef struct record {
    uint8_t low;
    size_t count;
    str_t hashes;
} record_t;

/* False at the end, and where the rest is none: *rest is then not empty. */
static bool next_record(str_t *rest, record_t *out)
{
    if (rest->size < RECORD_HEAD)
        return false;
    size_t count = (unsigned char)rest->data[1], end = RECORD_HEAD + count * sizeof(uint64_t);
    if (rest->size < end)
        return false;
    *out = (record_t){(uint8_t)rest->data[0], count, str_slice(*rest, RECORD_HEAD, end)};
    *rest = str_slice(*rest, end, rest->size);
    return true;
}

static bool is_counted(search_space_t space)
{
    return space == SEARCH_SPACE_GENRE || space == SEARCH_SPACE_MOOD ||
           space == SEARCH_SPACE_DECADE || space == SEARCH_SPACE_LANGUAGE ||
           space == SEARCH_SPACE_FORMAT;
}

/* ---- writing ---- */

/* The records of a number's chunk, but its own. */
static err_t append_others(const kv_tx_t *tx, str_t key, uint32_t number, buf_t *out)
{
    str_t rest;
    record_t record;
    err_t err = checked_get(tx, TABLE_DELTA_FACETS, key, &rest);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    for (const char *start = rest.data; next_record(&rest, &record); start = rest.data)
        if (record.low != (uint8_t)number)
            buf_append_bytes(out, start, (size_t)(rest.data - start));
    return rest.size == 0 ? buf_status(out) : ERR_CORRUPT;
}

static bool has_hash(const uint64_t *hashes, size_t count, uint64_t hash)
{
    for (size_t i = 0; i < count; i++)
        if (hashes[i] == hash)
            return true;
    return false;
}

static size_t hashes_of(str_t facets, uint64_t hashes[VALUES_MAX])
{
    size_t count = 0;
    folded_facet_t facet;
    while (count < VALUES_MAX && folded_next_facet(&facets, &facet)) {
        char term[TERM_SIZE_MAX] = {(char)facet.space};
        memcpy(term + 1, facet.folded.data, facet.folded.size);
        uint64_t hash = xxh64(str_of(term, 1 + facet.folded.size), 0);
        if (is_counted(facet.space) && !has_hash(hashes, count, hash))
            hashes[count++] = hash;
    }
    return count;
}

err_t delta_facets_put(const kv_tx_t *tx, uint32_t number, const folded_t *folded)
{
    char room[NUMBER_KEY_SIZE];
    uint64_t hashes[VALUES_MAX];
    buf_t value BUF_SCOPED = BUF_INIT;
    str_t key = index_number_key(room, number >> CHUNK_SHIFT);
    size_t count = hashes_of(folded->facets, hashes);
    TRY(append_others(tx, key, number, &value));
    buf_append_char(&value, (char)(uint8_t)number);
    buf_append_char(&value, (char)(uint8_t)count);
    buf_append_bytes(&value, hashes, count * sizeof *hashes);
    TRY(buf_status(&value));
    return checked_put(tx, TABLE_DELTA_FACETS, key, buf_str(&value));
}

err_t delta_facets_drop(const kv_tx_t *tx, uint32_t number)
{
    char room[NUMBER_KEY_SIZE];
    buf_t value BUF_SCOPED = BUF_INIT;
    str_t key = index_number_key(room, number >> CHUNK_SHIFT);
    TRY(append_others(tx, key, number, &value));
    if (value.size > 0)
        return checked_put(tx, TABLE_DELTA_FACETS, key, buf_str(&value));
    err_t err = kv_delete(tx, TABLE_DELTA_FACETS, key);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- counting ---- */

typedef struct slot {
    uint64_t hash, count; /* 0: free */
} slot_t;

struct tally {
    slot_t *slots;
    size_t size, used; /* size: a power of two, more than twice `used` */
};

static slot_t *slot_of(const tally_t *self, uint64_t hash)
{
    size_t at = hash & (self->size - 1);
    while (self->slots[at].count > 0 && self->slots[at].hash != hash)
        at = (at + 1) & (self->size - 1);
    return &self->slots[at];
}

static err_t grow(tally_t *self)
{
    tally_t more = {.size = MAX(self->size * 2, (size_t)TALLY_MIN), .used = self->used};
    more.slots = memory_new_array(more.size, sizeof *more.slots);
    if (more.slots == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->size; i++)
        if (self->slots[i].count > 0)
            *slot_of(&more, self->slots[i].hash) = self->slots[i];
    memory_free(self->slots);
    *self = more;
    return ERR_OK;
}

static err_t count_record(tally_t *self, const record_t *record)
{
    for (size_t i = 0; i < record->count; i++) {
        if (self->used * 2 >= self->size)
            TRY(grow(self));
        uint64_t hash = u64_at(record->hashes, i * sizeof hash);
        slot_t *slot = slot_of(self, hash);
        self->used += slot->count == 0 ? 1 : 0;
        slot->hash = hash;
        slot->count++;
    }
    return ERR_OK;
}

/* The documents of a chunk: a bit each. */
static err_t count_chunk(tally_t *self, const kv_tx_t *tx, uint32_t chunk, uint32_t wanted)
{
    char room[NUMBER_KEY_SIZE];
    str_t rest;
    record_t record;
    TRY(checked_get_known(tx, TABLE_DELTA_FACETS, index_number_key(room, chunk), &rest));
    while (next_record(&rest, &record))
        if ((wanted >> (record.low % 32) & 1) != 0)
            TRY(count_record(self, &record));
    return rest.size == 0 ? ERR_OK : ERR_CORRUPT;
}

static err_t count_all(tally_t *self, const kv_tx_t *tx, const roaring_bitmap_t *documents,
                       uint64_t *work)
{
    roaring_uint32_iterator_t at;
    roaring_init_iterator(documents, &at);
    (void)roaring_move_uint32_iterator_equalorlarger(&at, SEARCH_DELTA_FIRST);
    while (at.has_value) {
        uint32_t chunk = at.current_value >> CHUNK_SHIFT, wanted = 0;
        *work += WORK_CHUNK;
        for (; at.has_value && at.current_value >> CHUNK_SHIFT == chunk; *work += 1) {
            wanted |= 1u << at.current_value % 32;
            (void)roaring_advance_uint32_iterator(&at);
        }
        TRY(count_chunk(self, tx, chunk, wanted));
    }
    return ERR_OK;
}

err_t tally_new(const kv_tx_t *tx, const roaring_bitmap_t *documents, uint64_t *work,
                tally_t **out_tally)
{
    tally_t *self TALLY_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    TRY(grow(self));
    TRY(count_all(self, tx, documents, work));
    *out_tally = STEAL(self);
    return ERR_OK;
}

uint64_t tally_of(const tally_t *self, str_t term)
{
    return slot_of(self, xxh64(term, 0))->count;
}

void tally_free(tally_t *self)
{
    if (self != NULL)
        memory_free(self->slots);
    memory_free(self);
}

void tally_scope_end(tally_t **self)
{
    tally_free(*self);
}

/* ---- names, and how many have them ---- */

err_t delta_name_read(str_t key, str_t bytes, delta_name_t *out_name)
{
    str_t value;
    TRY(checked_open(key, bytes, &value));
    if (value.size < sizeof out_name->count)
        return ERR_CORRUPT;
    out_name->count = u32_at(value, 0);
    out_name->name = str_slice(value, sizeof out_name->count, value.size);
    return ERR_OK;
}

static err_t name_get(const kv_tx_t *tx, str_t term, delta_name_t *out_name)
{
    str_t bytes;
    TRY(kv_get(tx, TABLE_DELTA_NAMES, term, &bytes));
    return delta_name_read(term, bytes, out_name);
}

static err_t name_put(const kv_tx_t *tx, str_t term, const delta_name_t *name)
{
    buf_t value BUF_SCOPED = BUF_INIT;
    buf_append_bytes(&value, &name->count, sizeof name->count);
    buf_append(&value, name->name);
    TRY(buf_status(&value));
    return checked_put(tx, TABLE_DELTA_NAMES, term, buf_str(&value));
}

err_t delta_name_count(const kv_tx_t *tx, str_t term, bool is_added)
{
    delta_name_t name = {0};
    err_t err = name_get(tx, term, &name);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    name.count = is_added ? name.count + 1 : name.count - MIN(name.count, 1u);
    if (name.count > 0)
        return name_put(tx, term, &name);
    return err == ERR_OK ? kv_delete(tx, TABLE_DELTA_NAMES, term) : ERR_OK;
}

err_t delta_name_call(const kv_tx_t *tx, str_t term, str_t name)
{
    delta_name_t known;
    TRY(name_get(tx, term, &known));
    if (known.name.size > 0)
        return ERR_OK;
    return name_put(tx, term, &(delta_name_t){known.count, name});
}

err_t delta_name_frequency(const kv_tx_t *tx, str_t term, uint64_t *out_count)
{
    delta_name_t name = {0};
    err_t err = name_get(tx, term, &name);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_count = name.count;
    return ERR_OK;
}
