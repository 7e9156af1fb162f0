#include "storage/search/index/added.h"

#include "runtime/base/memory.h"
#include "storage/bytes_at.h"
#include "storage/search/index/bitset.h"
#include "storage/search/index/checked.h"
#include "storage/search/index/index_parts.h"

enum {
    SEGMENT_MIN = 4, /* blocks: below that they are walked in no time */
    WORK_BLOCK = 24, /* finding a block and looking at its checksum */
    WORK_TURNED = 8, /* bits turned, a unit */
    WORK_BYTES = 64, /* of a bitset, for one unit of work */
    DELTA_CHUNK = 128,
    DELTA_SHIFT = 7,
};

/* A number of the delta that is nobody's: before every moment. */
#define NO_MOMENT 0ull

/* ---- how the base's lie ---- */

uint32_t added_mark_step(uint32_t count)
{
    uint32_t blocks = count / ((ADDED_MARKS + 1) * ADDED_BLOCK) + 1;
    return MAX(blocks, (uint32_t)SEGMENT_MIN) * ADDED_BLOCK;
}

size_t added_mark_words(uint32_t count)
{
    return (size_t)count / 64 + 1;
}

size_t added_moment_size(uint64_t first, uint64_t last)
{
    return last - first > UINT32_MAX ? sizeof(uint64_t) : sizeof(uint32_t);
}

/* ---- a block ---- */

typedef struct base {
    const kv_tx_t *tx;
    uint32_t count;
    uint64_t *work;
} base_t;

typedef struct block {
    uint32_t count;
    uint64_t first;
    size_t moment_size;
    str_t moments, numbers;
} block_t;

static err_t block_read(const base_t *self, uint32_t index, block_t *out)
{
    char room[NUMBER_KEY_SIZE];
    str_t bytes;
    uint32_t count = MIN((uint32_t)ADDED_BLOCK, self->count - index * ADDED_BLOCK);
    *self->work += WORK_BLOCK;
    TRY(checked_get_known(self->tx, TABLE_ADDED, index_number_key(room, index), &bytes));
    size_t size = bytes.size - MIN(bytes.size, (size_t)ADDED_HEAD), each = size / count;
    size_t moment_size = each - MIN(each, sizeof(uint32_t));
    if (size != each * count ||
        (moment_size != sizeof(uint32_t) && moment_size != sizeof(uint64_t)))
        return ERR_CORRUPT;
    size_t numbers_at = ADDED_HEAD + count * moment_size;
    *out = (block_t){count, u64_at(bytes, 0), moment_size, str_slice(bytes, ADDED_HEAD, numbers_at),
                     str_slice(bytes, numbers_at, bytes.size)};
    return ERR_OK;
}

static uint64_t moment_at(const block_t *block, uint32_t i)
{
    size_t at = i * block->moment_size;
    return block->first + (block->moment_size == sizeof(uint32_t) ? u32_at(block->moments, at)
                                                                  : u64_at(block->moments, at));
}

/* How many of it are before the moment. */
static uint32_t count_before(const block_t *block, uint64_t moment)
{
    uint32_t low = 0, high = block->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (moment_at(block, middle) < moment)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many of all are. */
static err_t find_place(const base_t *self, uint64_t moment, uint32_t *out_place)
{
    uint32_t low = 0, high = (self->count + ADDED_BLOCK - 1) / ADDED_BLOCK;
    block_t block;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        TRY(block_read(self, middle, &block));
        if (block.first < moment)
            low = middle + 1;
        else
            high = middle;
    }
    *out_place = 0;
    if (low == 0)
        return ERR_OK;
    TRY(block_read(self, low - 1, &block));
    *out_place = (low - 1) * ADDED_BLOCK + count_before(&block, moment);
    return ERR_OK;
}

/* ---- from a mark to the place ---- */

static void set_all(uint64_t *bits, uint32_t count)
{
    memset(bits, 0xff, count / 64 * sizeof *bits);
    bits[count / 64] = (1ull << count % 64) - 1;
}

/* The bits of who comes from the mark's place on; `bits` are 0 before. */
static err_t read_mark(const base_t *self, uint32_t mark, uint64_t *bits)
{
    char room[NUMBER_KEY_SIZE];
    str_t bytes;
    size_t size = added_mark_words(self->count) * sizeof *bits;
    *self->work += 1 + size / WORK_BYTES;
    if (mark == 0) {
        set_all(bits, self->count);
        return ERR_OK;
    }
    if (mark * (uint64_t)added_mark_step(self->count) >= self->count)
        return ERR_OK;
    TRY(checked_get_known(self->tx, TABLE_ADDED_MARKS, index_number_key(room, mark), &bytes));
    if (bytes.size != size)
        return ERR_CORRUPT;
    memcpy(bits, bytes.data, size);
    return ERR_OK;
}

/* Turns the bits of the documents at places [from, to). */
static err_t turn(const base_t *self, uint32_t from, uint32_t to, uint64_t *bits)
{
    for (uint32_t at = from; at < to;) {
        block_t block;
        TRY(block_read(self, at / ADDED_BLOCK, &block));
        uint32_t first = at % ADDED_BLOCK, end = MIN(block.count, first + (to - at));
        for (uint32_t i = first; i < end; i++) {
            uint32_t number = u32_at(block.numbers, i * sizeof number);
            if (number >= self->count)
                return ERR_CORRUPT;
            bits[number / 64] ^= 1ull << number % 64;
        }
        *self->work += (end - first) / WORK_TURNED;
        at += end - first;
    }
    return ERR_OK;
}

static err_t fill_bits(const base_t *self, int64_t ms, uint64_t *bits)
{
    uint32_t place, step = added_mark_step(self->count);
    TRY(find_place(self, added_moment(ms), &place));
    uint32_t mark = place / step + (place % step > step / 2 ? 1 : 0);
    uint32_t mark_place = (uint32_t)MIN(mark * (uint64_t)step, (uint64_t)self->count);
    TRY(read_mark(self, mark, bits));
    return turn(self, MIN(place, mark_place), MAX(place, mark_place), bits);
}

err_t added_base_since(const kv_tx_t *tx, uint32_t count, int64_t ms, uint64_t *work,
                       roaring_bitmap_t **out_bitmap)
{
    const base_t base = {tx, count, work};
    size_t words = added_mark_words(count);
    uint64_t *bits MEMORY_SCOPED = memory_new_array(words, sizeof *bits);
    if (bits == NULL)
        return ERR_NO_MEMORY;
    TRY(fill_bits(&base, ms, bits));
    *work += 2 * words * sizeof *bits / WORK_BYTES;
    return bitset_to_bitmap(bits, words, out_bitmap);
}

/* ---- the delta's ---- */

typedef struct moments {
    char key[NUMBER_KEY_SIZE];
    char bytes[DELTA_CHUNK * sizeof(uint64_t) + CHECKED_SIZE];
    size_t size;
} moments_t;

static str_t moments_key(moments_t *self, uint32_t number)
{
    return index_number_key(self->key, number >> DELTA_SHIFT);
}

static err_t moments_read(moments_t *self, const kv_tx_t *tx, uint32_t number)
{
    str_t bytes;
    err_t err = checked_get(tx, TABLE_DELTA_ADDED, moments_key(self, number), &bytes);
    self->size = 0;
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    if (bytes.size > DELTA_CHUNK * sizeof(uint64_t) || bytes.size % sizeof(uint64_t) != 0)
        return ERR_CORRUPT;
    memcpy(self->bytes, bytes.data, bytes.size);
    self->size = bytes.size;
    return ERR_OK;
}

static err_t put_moment(const kv_tx_t *tx, uint32_t number, uint64_t moment)
{
    moments_t moments;
    TRY(moments_read(&moments, tx, number));
    size_t at = number % DELTA_CHUNK * sizeof moment;
    if (at >= moments.size) { /* who is between is nobody, until it comes */
        memset(moments.bytes + moments.size, 0, at - moments.size);
        moments.size = at + sizeof moment;
    }
    memcpy(moments.bytes + at, &moment, sizeof moment);
    str_t key = moments_key(&moments, number);
    checked_seal(key, moments.bytes, moments.size);
    return kv_put(tx, TABLE_DELTA_ADDED, key, str_of(moments.bytes, moments.size + CHECKED_SIZE));
}

err_t added_delta_put(const kv_tx_t *tx, uint32_t number, int64_t ms)
{
    return put_moment(tx, number, MAX(added_moment(ms), NO_MOMENT + 1));
}

err_t added_delta_drop(const kv_tx_t *tx, uint32_t number)
{
    return put_moment(tx, number, NO_MOMENT);
}

static err_t add_chunk(str_t key, str_t bytes, uint64_t moment, roaring_bitmap_t *bitmap)
{
    uint32_t numbers[DELTA_CHUNK], count = 0;
    str_t moments;
    TRY(checked_open(key, bytes, &moments));
    if (key.size != NUMBER_KEY_SIZE || moments.size > sizeof numbers / sizeof *numbers * 8)
        return ERR_CORRUPT;
    uint32_t first = __builtin_bswap32(u32_at(key, 0)) << DELTA_SHIFT;
    for (uint32_t i = 0; i < moments.size / sizeof moment; i++) {
        numbers[count] = first + i;
        count += u64_at(moments, i * sizeof moment) >= moment ? 1 : 0;
    }
    roaring_bitmap_add_many(bitmap, count, numbers);
    return ERR_OK;
}

err_t added_delta_since(const kv_tx_t *tx, int64_t ms, uint64_t *work, roaring_bitmap_t *bitmap)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    uint64_t moment = MAX(added_moment(ms), NO_MOMENT + 1);
    TRY(kv_cursor_open(tx, TABLE_DELTA_ADDED, &cursor));
    err_t err = kv_first(&cursor);
    for (; err == ERR_OK; err = kv_next(&cursor)) {
        *work += WORK_BLOCK / 2;
        TRY(add_chunk(cursor.key, cursor.value, moment, bitmap));
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}
