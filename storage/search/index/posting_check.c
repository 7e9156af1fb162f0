#include "storage/bytes_at.h"
#include "storage/search/index/posting.h"
#include "storage/search/index/posting_form.h"

enum { COOKIE_NO_RUNS = 12346, COOKIE = 12347, CONTAINERS_MAX = 65536, NO_OFFSETS_BELOW = 4 };

bool posting_form_read(str_t all, posting_form_t *out)
{
    posting_form_t form = {.all = all};
    if (all.size < 8)
        return false;
    uint32_t cookie = u32_at(all, 0);
    form.has_runs = (cookie & 0xffff) == COOKIE;
    if (!form.has_runs && cookie != COOKIE_NO_RUNS)
        return false;
    form.count = form.has_runs ? (cookie >> 16) + 1 : u32_at(all, 4);
    if (form.count == 0 || form.count > CONTAINERS_MAX)
        return false;
    form.flags_at = 4;
    form.keys_at = form.has_runs ? 4 + (form.count + 7) / 8 : 8;
    form.has_offsets = !form.has_runs || form.count >= NO_OFFSETS_BELOW;
    form.offsets_at = form.keys_at + 4 * form.count;
    form.end = form.offsets_at + (form.has_offsets ? 4 * form.count : 0);
    *out = form;
    return form.end <= all.size;
}

bool posting_form_is_run(const posting_form_t *form, size_t i)
{
    return form->has_runs &&
           ((unsigned char)form->all.data[form->flags_at + i / 8] >> (i % 8) & 1) != 0;
}

static bool is_ascending(str_t all, size_t at, size_t count)
{
    bool is_wrong = false; /* without a branch, so that it is done several at a time */
    for (size_t i = 1; i < count; i++)
        is_wrong |= u16_at(all, at + 2 * i - 2) >= u16_at(all, at + 2 * i);
    return !is_wrong;
}

static size_t count_bits(str_t all, size_t at)
{
    uint64_t count = 0;
    for (size_t i = 0; i < POSTING_BITSET_SIZE; i += 8)
        count += posting_bits_of(u64_at(all, at + i));
    return count;
}

/* Runs of (first, how many more): ascending, never touching, of `cardinality` numbers. */
static bool check_runs(str_t all, size_t *at, size_t cardinality)
{
    if (all.size - *at < 2)
        return false;
    size_t runs = u16_at(all, *at), seen = 0, free_from = 0;
    *at += 2;
    if ((all.size - *at) / 4 < runs)
        return false;
    for (size_t i = 0; i < runs; i++, *at += 4) {
        size_t first = u16_at(all, *at), more = u16_at(all, *at + 2);
        if (first < free_from || first + more > 0xffff)
            return false;
        free_from = first + more + 2;
        seen += more + 1;
    }
    return seen == cardinality;
}

static bool check_container(const posting_form_t *form, size_t i, size_t *at, size_t cardinality)
{
    str_t all = form->all;
    if (form->has_offsets && u32_at(all, form->offsets_at + 4 * i) != *at)
        return false;
    if (posting_form_is_run(form, i))
        return check_runs(all, at, cardinality);
    size_t start = *at,
           size = cardinality > POSTING_ARRAY_MAX ? POSTING_BITSET_SIZE : 2 * cardinality;
    if (all.size - start < size)
        return false;
    *at += size;
    return cardinality > POSTING_ARRAY_MAX ? count_bits(all, start) == cardinality
                                           : is_ascending(all, start, cardinality);
}

bool posting_is_bitmap(str_t portable, uint64_t count)
{
    posting_form_t form;
    uint64_t seen = 0;
    if (!posting_form_read(portable, &form))
        return false;
    size_t at = form.end;
    for (size_t i = 0; i < form.count; i++) {
        size_t key_at = form.keys_at + 4 * i, cardinality = u16_at(portable, key_at + 2) + 1u;
        if (i > 0 && u16_at(portable, key_at - 4) >= u16_at(portable, key_at))
            return false;
        if (!check_container(&form, i, &at, cardinality))
            return false;
        seen += cardinality;
    }
    return at == portable.size && seen == count;
}
