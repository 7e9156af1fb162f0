#include "storage/search/index/counting.h"

#include "runtime/base/memory.h"
#include "storage/bytes_at.h"
#include "storage/search/index/posting.h"
#include "storage/search/index/posting_form.h"

enum {
    KEY_SIZE = 65536,
    FEW = 64,    /* so many are looked up one by one */
    PIECE = 256, /* numbers of a set at a time */
    WORDS = KEY_SIZE / 64,
    WORK_BYTES = 64, /* of a container, for one unit of work */
};

/* The numbers of one key. */
typedef struct part {
    uint32_t count;
    uint16_t few[FEW];
    uint64_t *bits; /* NULL: the few */
} part_t;

struct counting {
    uint32_t part_count;
    part_t parts[];
};

static err_t spread(part_t *part)
{
    part->bits = memory_new_array(WORDS, sizeof *part->bits);
    if (part->bits == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < FEW; i++)
        part->bits[part->few[i] / 64] |= 1ull << part->few[i] % 64;
    return ERR_OK;
}

static err_t add(counting_t *self, uint32_t number)
{
    part_t *part = &self->parts[number / KEY_SIZE];
    uint16_t low = (uint16_t)(number % KEY_SIZE);
    if (part->count == FEW && part->bits == NULL)
        TRY(spread(part));
    if (part->bits == NULL)
        part->few[part->count] = low;
    else
        part->bits[low / 64] |= 1ull << low % 64;
    part->count++;
    return ERR_OK;
}

err_t counting_new(const roaring_bitmap_t *documents, uint32_t end, counting_t **out_counting)
{
    uint32_t part_count = end / KEY_SIZE + 1, numbers[PIECE], count;
    counting_t *self COUNTING_SCOPED =
        memory_new(sizeof *self + part_count * sizeof self->parts[0]);
    roaring_uint32_iterator_t at;
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->part_count = part_count;
    roaring_init_iterator(documents, &at);
    while ((count = roaring_read_uint32_iterator(&at, numbers, PIECE)) > 0)
        for (uint32_t i = 0; i < count && numbers[i] < end; i++)
            TRY(add(self, numbers[i]));
    *out_counting = STEAL(self);
    return ERR_OK;
}

void counting_free(counting_t *self)
{
    for (uint32_t i = 0; self != NULL && i < self->part_count; i++)
        memory_free(self->parts[i].bits);
    memory_free(self);
}

void counting_scope_end(counting_t **self)
{
    counting_free(*self);
}

/* ---- one container ---- */

static uint64_t has_bit(const part_t *part, uint32_t low)
{
    return part->bits[low / 64] >> low % 64 & 1;
}

/* Whether an array has a number: the bytes may be in any order, then it is found or not. */
static bool is_in_array(str_t array, uint16_t low)
{
    size_t from = 0, to = array.size / 2;
    while (from < to) {
        size_t middle = (from + to) / 2;
        uint16_t value = u16_at(array, 2 * middle);
        if (value == low)
            return true;
        if (value < low)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

static uint64_t count_array(const part_t *part, str_t array)
{
    uint64_t count = 0;
    if (part->bits != NULL)
        for (size_t at = 0; at < array.size; at += 2)
            count += has_bit(part, u16_at(array, at));
    else
        for (size_t i = 0; i < part->count; i++)
            count += is_in_array(array, part->few[i]) ? 1 : 0;
    return count;
}

static uint64_t count_bitset(const part_t *part, str_t bitset)
{
    uint64_t count = 0;
    if (part->bits != NULL)
        for (size_t i = 0; i < WORDS; i++)
            count += posting_bits_of(part->bits[i] & u64_at(bitset, 8 * i));
    else
        for (size_t i = 0; i < part->count; i++)
            count += u64_at(bitset, (size_t)part->few[i] / 64 * 8) >> part->few[i] % 64 & 1;
    return count;
}

static uint64_t count_runs(const part_t *part, str_t runs)
{
    uint64_t count = 0;
    for (size_t at = 0; at < runs.size; at += 4) {
        uint32_t first = u16_at(runs, at);
        uint32_t last = MIN(first + u16_at(runs, at + 2), KEY_SIZE - 1u);
        if (part->bits != NULL)
            for (uint32_t low = first; low <= last; low++)
                count += has_bit(part, low);
        else
            for (size_t i = 0; i < part->count; i++)
                count += part->few[i] >= first && part->few[i] <= last ? 1 : 0;
    }
    return count;
}

/* ---- a posting ---- */

/* The numbers of a container at *at, which goes behind it. */
static bool take(const posting_form_t *form, size_t i, size_t *at, str_t *out_bytes)
{
    size_t size, left = form->all.size - *at;
    size_t cardinality = u16_at(form->all, form->keys_at + 4 * i + 2) + 1u;
    if (posting_form_is_run(form, i)) {
        if (left < 2)
            return false;
        size = 4 * (size_t)u16_at(form->all, *at);
        *at += 2;
        left -= 2;
    } else {
        size = cardinality > POSTING_ARRAY_MAX ? (size_t)POSTING_BITSET_SIZE : 2 * cardinality;
    }
    if (left < size)
        return false;
    *out_bytes = str_of(form->all.data + *at, size);
    *at += size;
    return true;
}

static uint64_t count_container(const part_t *part, const posting_form_t *form, size_t i,
                                str_t bytes)
{
    if (posting_form_is_run(form, i))
        return count_runs(part, bytes);
    bool is_bitset = u16_at(form->all, form->keys_at + 4 * i + 2) + 1u > POSTING_ARRAY_MAX;
    return is_bitset ? count_bitset(part, bytes) : count_array(part, bytes);
}

static err_t count_bitmap(const counting_t *self, str_t portable, uint64_t *work,
                          uint64_t *out_count)
{
    posting_form_t form;
    uint64_t count = 0;
    if (!posting_form_read(portable, &form))
        return ERR_CORRUPT;
    size_t at = form.end;
    for (size_t i = 0; i < form.count; i++) {
        uint32_t key = u16_at(portable, form.keys_at + 4 * i);
        str_t bytes;
        if (!take(&form, i, &at, &bytes))
            return ERR_CORRUPT;
        if (key >= self->part_count || self->parts[key].count == 0)
            continue;
        const part_t *part = &self->parts[key];
        *work += 1 + (part->bits != NULL ? bytes.size / WORK_BYTES : part->count / 2);
        count += count_container(part, &form, i, bytes);
    }
    *out_count = count;
    return ERR_OK;
}

static bool has(const counting_t *self, uint32_t number)
{
    if (number / KEY_SIZE >= self->part_count)
        return false;
    const part_t *part = &self->parts[number / KEY_SIZE];
    if (part->bits != NULL)
        return has_bit(part, number % KEY_SIZE) != 0;
    for (size_t i = 0; i < part->count; i++)
        if (part->few[i] == number % KEY_SIZE)
            return true;
    return false;
}

err_t counting_in(const counting_t *self, str_t posting, uint64_t *work, uint64_t *out_count)
{
    str_t portable;
    uint32_t ids[POSTING_IDS_MAX];
    size_t id_count;
    TRY(posting_parts(posting, &portable, ids, &id_count));
    if (portable.size > 0)
        return count_bitmap(self, portable, work, out_count);
    uint64_t count = 0;
    for (size_t i = 0; i < id_count; i++)
        count += has(self, ids[i]) ? 1 : 0;
    *work += 1;
    *out_count = count;
    return ERR_OK;
}
