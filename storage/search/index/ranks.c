#include "storage/search/index/ranks.h"

#include "runtime/base/attributes.h"

enum { KIND_SHIFT = 62, RADIX = 256, KEY_DIGITS = 8, DIGITS = 12, INSERTION_MAX = 24 };

uint64_t rank_key(search_kind_t kind, uint64_t plays)
{
    const uint64_t most = ((uint64_t)1 << KIND_SHIFT) - 1;
    return (uint64_t)kind << KIND_SHIFT | (most - MIN(plays, most));
}

search_kind_t rank_kind(uint64_t key)
{
    return (search_kind_t)(key >> KIND_SHIFT);
}

static bool is_before(const rank_t *a, const rank_t *b)
{
    return a->key != b->key ? a->key < b->key : a->index < b->index;
}

static void insertion_sort(rank_t *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        rank_t item = items[i];
        size_t at = i;
        for (; at > 0 && is_before(&item, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

static size_t digit_of(const rank_t *item, unsigned depth)
{
    return depth < KEY_DIGITS ? item->key >> (8 * (KEY_DIGITS - 1 - depth)) & 0xff
                              : item->index >> (8 * (DIGITS - 1 - depth)) & 0xff;
}

/* The American flag sort (McIlroy, Bostic, McIlroy: Engineering Radix Sort, 1993). */
static void sort_from(rank_t *items, size_t count, unsigned depth)
{
    size_t ends[RADIX] = {0}, at[RADIX];
    if (count <= INSERTION_MAX) {
        insertion_sort(items, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ends[digit_of(&items[i], depth)]++;
    for (size_t digit = 0, sum = 0; digit < RADIX; digit++) {
        at[digit] = sum;
        ends[digit] = sum += ends[digit];
    }
    for (size_t digit = 0; digit < RADIX; digit++)
        while (at[digit] < ends[digit]) {
            rank_t item = items[at[digit]];
            for (size_t to = digit_of(&item, depth); to != digit; to = digit_of(&item, depth)) {
                rank_t other = items[at[to]];
                items[at[to]++] = item;
                item = other;
            }
            items[at[digit]++] = item;
        }
    for (size_t digit = 0, start = 0; digit < RADIX && depth + 1 < DIGITS; digit++) {
        sort_from(items + start, ends[digit] - start, depth + 1);
        start = ends[digit];
    }
}

void ranks_sort(rank_t *items, size_t count)
{
    sort_from(items, count, 0);
}

void ranks_by_index(rank_t *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        while (items[i].index != i) {
            size_t to = items[i].index;
            rank_t other = items[to];
            items[to] = items[i];
            items[i] = other;
        }
}
