#include "storage/search/names/name_split.h"

#include "storage/search/fold.h"

enum { TWO_SIZE_MIN = 4, MANY_SIZE_MIN = 7, WORK_LOOK = 20 };

static bool is_bound(str_t word, size_t at)
{
    return at == word.size || ((unsigned char)word.data[at] & 0xc0) != 0x80;
}

static uint32_t names_of(const name_index_base_t *base, uint32_t word)
{
    return base->starts[word + 1] - base->starts[word];
}

/* ---- in two ---- */

typedef struct halves {
    name_split_t split;
    uint32_t names; /* of the rarer half */
} halves_t;

static size_t find_halves(const name_index_base_t *base, str_t word, name_work_t *work,
                          halves_t *out, size_t max)
{
    size_t count = 0;
    uint32_t head, tail;
    for (size_t at = 1; at < word.size && !name_work_is_spent(work); at++) {
        work->spent += WORK_LOOK;
        if (!is_bound(word, at) ||
            !dictionary_has(&base->dictionary, str_slice(word, 0, at), &head) ||
            !dictionary_has(&base->dictionary, str_slice(word, at, word.size), &tail))
            continue;
        halves_t halves = {{{head, tail}, 2}, MIN(names_of(base, head), names_of(base, tail))};
        size_t place = MIN(count, max - 1);
        if (count == max && out[place].names >= halves.names)
            continue;
        for (; place > 0 && out[place - 1].names < halves.names; place--)
            out[place] = out[place - 1];
        out[place] = halves;
        count = MIN(count + 1, max);
    }
    return count;
}

/* ---- in more ---- */

typedef struct way {
    uint32_t parts, word; /* parts 0: there is no way to here; word: the last one */
    size_t before;        /* where that starts */
} way_t;

static void extend(const name_index_base_t *base, str_t word, name_work_t *work, way_t *ways,
                   size_t from)
{
    const dictionary_t *dictionary = &base->dictionary;
    for (size_t to = from + 1; to <= word.size && !name_work_is_spent(work); to++) {
        str_t part = str_slice(word, from, to);
        if (!is_bound(word, to))
            continue;
        work->spent += WORK_LOOK;
        uint32_t index = dictionary_lower_bound(dictionary, part);
        if (index == dictionary->word_count ||
            !str_starts_with(dictionary_word(dictionary, index), part))
            return; /* no word goes on from here */
        uint32_t parts = ways[from].parts + 1;
        if (str_equal(dictionary_word(dictionary, index), part) &&
            (ways[to].parts == 0 || parts < ways[to].parts))
            ways[to] = (way_t){parts, index, from};
    }
}

/* parts counts one more than there are: 1 at the start. */
static bool find_many(const name_index_base_t *base, str_t word, name_work_t *work,
                      name_split_t *out)
{
    way_t ways[FOLD_WORD_SIZE_MAX + 1] = {{1, 0, 0}};
    if (word.size < MANY_SIZE_MIN)
        return false;
    for (size_t at = 0; at < word.size; at++)
        if (ways[at].parts > 0)
            extend(base, word, work, ways, at);
    uint32_t parts = ways[word.size].parts;
    if (parts < 3 + 1 || parts > NAME_SPLIT_PARTS_MAX + 1)
        return false;
    out->count = parts - 1;
    size_t end = word.size;
    for (uint32_t i = out->count; i > 0; i--) {
        out->words[i - 1] = ways[end].word;
        end = ways[end].before;
    }
    return true;
}

size_t name_split_find(const name_index_base_t *base, str_t word, name_work_t *work,
                       name_split_t out_splits[NAME_SPLITS_MAX])
{
    halves_t halves[NAME_SPLITS_MAX - 1];
    size_t count = 0;
    if (word.size < TWO_SIZE_MIN || word.size > FOLD_WORD_SIZE_MAX)
        return 0;
    count = find_halves(base, word, work, halves, COUNT_OF(halves));
    for (size_t i = 0; i < count; i++)
        out_splits[i] = halves[i].split;
    return find_many(base, word, work, &out_splits[count]) ? count + 1 : count;
}
