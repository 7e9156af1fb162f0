#include "storage/search/query/split.h"

#include "runtime/base/utf8.h"

#include <math.h>

enum {
    TWO_SIZE_MIN = 4,  /* code points of a word that may be two */
    MANY_SIZE_MIN = 7, /* or more */
    SIZE_MAX_BYTES = 48,
};
static const double cost_of_part = 3.0;

static bool is_bound(str_t word, size_t at)
{
    return at == word.size || ((unsigned char)word.data[at] & 0xc0) != 0x80;
}

/* ---- in two ---- */

static void keep_better(split_t splits[SPLITS_MAX], size_t count, split_t split)
{
    for (size_t i = 0; i < count; i++) {
        if (split.frequency <= splits[i].frequency)
            continue;
        split_t less = splits[i];
        splits[i] = split;
        split = less;
    }
}

static void split_in_two(query_t *query, str_t word, split_t splits[SPLITS_MAX], size_t count)
{
    for (size_t at = 1; at < word.size && !query_is_spent(query); at++) {
        str_t head = str_slice(word, 0, at), tail = str_slice(word, at, word.size);
        if (!is_bound(word, at))
            continue;
        query->read.work += 2ull * WORK_NUMBER;
        uint64_t of_head = search_frequency(&query->read, SEARCH_SPACE_WORD, head);
        if (of_head <= splits[count - 1].frequency)
            continue;
        uint64_t of_tail = search_frequency(&query->read, SEARCH_SPACE_WORD, tail);
        keep_better(splits, count, (split_t){{head, tail}, 2, MIN(of_head, of_tail)});
    }
}

/* ---- in more ---- */

typedef struct way {
    double cost;   /* of the best way up to here; negative: there is none */
    size_t before; /* where its last part starts */
    size_t parts;
} way_t;

/* How often the word is, and whether words go on from it. */
static bool look_up(query_t *query, str_t text, uint64_t *out_frequency)
{
    const dictionary_t *dictionary = &query->read.dictionary;
    uint32_t index = dictionary_lower_bound(dictionary, text);
    str_t word = dictionary_word(dictionary, index), fresh;
    query->read.work += WORK_NUMBER;
    *out_frequency = str_equal(word, text) ? dictionary_frequency(dictionary, index) : 0;
    if (index < dictionary->word_count && str_starts_with(word, text))
        return true;
    if (!search_new_word(&query->read, text, &fresh) || !str_starts_with(fresh, text))
        return false;
    if (str_equal(fresh, text))
        *out_frequency = search_frequency(&query->read, SEARCH_SPACE_WORD, text);
    return true;
}

static void extend(query_t *query, str_t word, way_t *ways, size_t from)
{
    for (size_t to = from + 1; to <= word.size && !query_is_spent(query); to++) {
        uint64_t frequency;
        if (!is_bound(word, to))
            continue;
        bool goes_on = look_up(query, str_slice(word, from, to), &frequency);
        double cost =
            ways[from].cost + cost_of_part + log((double)UINT32_MAX / (double)MAX(frequency, 1u));
        if (frequency > 0 && ways[from].parts < SPLIT_PARTS_MAX &&
            (ways[to].cost < 0 || cost < ways[to].cost))
            ways[to] = (way_t){cost, from, ways[from].parts + 1};
        if (!goes_on)
            return;
    }
}

static bool split_in_more(query_t *query, str_t word, split_t *out_split)
{
    way_t ways[SIZE_MAX_BYTES + 1];
    if (word.size > SIZE_MAX_BYTES)
        return false;
    for (size_t i = 0; i <= word.size; i++)
        ways[i] = (way_t){.cost = -1};
    ways[0].cost = 0;
    for (size_t at = 0; at < word.size; at++)
        if (ways[at].cost >= 0)
            extend(query, word, ways, at);
    if (ways[word.size].cost < 0 || ways[word.size].parts < 3)
        return false;
    out_split->count = ways[word.size].parts;
    size_t end = word.size;
    for (size_t i = out_split->count; i > 0; i--) {
        out_split->parts[i - 1] = str_slice(word, ways[end].before, end);
        end = ways[end].before;
    }
    return true;
}

size_t split_find(query_t *query, const question_word_t *word, split_t out_splits[SPLITS_MAX])
{
    size_t count = 0;
    memset(out_splits, 0, SPLITS_MAX * sizeof *out_splits);
    if (word->size >= TWO_SIZE_MIN)
        split_in_two(query, word->text, out_splits, SPLITS_MAX - 1);
    while (count < SPLITS_MAX - 1 && out_splits[count].frequency > 0)
        count++;
    if (word->size >= MANY_SIZE_MIN && split_in_more(query, word->text, &out_splits[count]))
        count++;
    return count;
}
