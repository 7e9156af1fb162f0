#include "storage/search/names/name_sets.h"

#include "runtime/base/memory.h"
#include "storage/search/fold.h"
#include "storage/search/names/name_split.h"
#include "storage/search/words.h"

enum {
    SETS = NAME_SETS_LEVELS + 4,
    RANKS_A_UNIT = 16,  /* put into a set */
    WORDS_A_UNIT = 128, /* of 64 bits each, put together with others */
    /* Of the budget, what walks leave for lists and ranking. */
    AFTER_WALKS = 100000,
};

err_t name_sets_init(name_sets_t *self, const name_index_base_t *base, question_t *question,
                     name_work_t *work)
{
    size_t size = (base->count + 63u) / 64;
    uint64_t *block = memory_new_array(size * SETS + 1, sizeof *block);
    if (block == NULL)
        return ERR_NO_MEMORY;
    *self = (name_sets_t){
        .base = base, .question = question, .work = work, .block = block, .size = size};
    uint64_t **sets[SETS] = {&self->levels[0], &self->levels[1], &self->levels[2], &self->taken,
                             &self->word,      &self->part,      &self->most};
    for (size_t i = 0; i < SETS; i++)
        *sets[i] = block + i * size;
    return ERR_OK;
}

void name_sets_deinit(name_sets_t *self)
{
    memory_free(self->block);
}

/* ---- sets ---- */

static void empty(const name_sets_t *self, uint64_t *set)
{
    if (self->size > 0)
        memset(set, 0, self->size * sizeof *set);
}

static void spend_on_sets(name_sets_t *self, size_t count)
{
    self->work->spent += 1 + count * self->size / WORDS_A_UNIT;
}

/* a becomes what is in it and in b. */
static void keep_both(name_sets_t *self, uint64_t *a, const uint64_t *b)
{
    for (size_t i = 0; i < self->size; i++)
        a[i] &= b[i];
    spend_on_sets(self, 1);
}

static void add_set(name_sets_t *self, uint64_t *a, const uint64_t *b)
{
    for (size_t i = 0; i < self->size; i++)
        a[i] |= b[i];
    spend_on_sets(self, 1);
}

/* What the lists of words `begin` to before `end` have; of too many the first. */
static void add_lists(name_sets_t *self, uint32_t begin, uint32_t end, uint64_t *set)
{
    const name_index_base_t *base = self->base;
    uint64_t from = base->starts[begin], count = base->starts[end] - from;
    uint64_t left = self->work->max - MIN(self->work->max, self->work->spent);
    if (count / RANKS_A_UNIT > left) {
        count = left * RANKS_A_UNIT;
        self->work->is_cut = true;
        self->is_whole = false;
    }
    for (const uint32_t *rank = base->ranks + from, *last = rank + count; rank < last; rank++)
        set[*rank / 64] |= 1ull << *rank % 64;
    self->work->spent += 1 + count / RANKS_A_UNIT;
}

/* ---- a word ---- */

/* The words of the base that it is or begins. */
static void range_of(const name_sets_t *self, const question_word_t *word, uint32_t *out_begin,
                     uint32_t *out_end)
{
    const dictionary_t *dictionary = &self->base->dictionary;
    char after[FOLD_WORD_SIZE_MAX];
    uint32_t begin = dictionary_lower_bound(dictionary, word->text), index;
    *out_begin = *out_end = begin;
    if (word->is_prefix && word->text.size > 0 && word->text.size <= sizeof after) {
        memcpy(after, word->text.data, word->text.size);
        after[word->text.size - 1]++; /* no byte of UTF-8 is the last one */
        *out_end = dictionary_lower_bound(dictionary, str_of(after, word->text.size));
    } else if (dictionary_has(dictionary, word->text, &index)) {
        *out_end = begin + 1;
    }
}

static void add_exact(name_sets_t *self, const question_word_t *word, uint64_t *set)
{
    uint32_t begin, end;
    range_of(self, word, &begin, &end);
    if (begin < end)
        add_lists(self, begin, end, set);
}

static void add_near(name_sets_t *self, const name_near_t *near, uint64_t *set)
{
    for (size_t i = 0; i < near->count; i++)
        add_lists(self, near->items[i].index, near->items[i].index + 1, set);
}

/* Of the base's names those that have every word of it somewhere. */
static void add_split(name_sets_t *self, const name_split_t *split, uint64_t *set)
{
    const name_index_base_t *base = self->base;
    uint32_t shortest = 0, least = UINT32_MAX;
    for (uint32_t i = 0; i < split->count; i++) {
        uint32_t size = base->starts[split->words[i] + 1] - base->starts[split->words[i]];
        if (size < least) {
            least = size;
            shortest = i;
        }
    }
    empty(self, self->part);
    add_lists(self, split->words[shortest], split->words[shortest] + 1, self->part);
    for (uint32_t i = 0; i < split->count; i++) {
        if (i == shortest)
            continue;
        empty(self, self->most);
        add_lists(self, split->words[i], split->words[i] + 1, self->most);
        keep_both(self, self->part, self->most);
    }
    add_set(self, set, self->part);
}

static void add_splits(name_sets_t *self, const question_word_t *word, uint64_t *set)
{
    name_split_t splits[NAME_SPLITS_MAX];
    size_t count = name_split_find(self->base, word->text, self->work, splits);
    for (size_t i = 0; i < count && !name_work_is_spent(self->work); i++)
        add_split(self, &splits[i], set);
}

/* Names with each character of a run; is_wide: or all of three and more but one. */
static void add_characters(name_sets_t *self, const question_word_t *run, bool is_wide,
                           uint64_t *set)
{
    str_t rest = run->text;
    memset(set, 0xff, self->size * sizeof *set);
    memset(self->most, 0xff, self->size * sizeof *self->most);
    for (size_t size; (size = words_character(rest)) > 0; rest = str_slice(rest, size, rest.size)) {
        question_word_t character = {.text = str_slice(rest, 0, size)};
        empty(self, self->part);
        add_exact(self, &character, self->part);
        keep_both(self, self->most, self->part);
        add_set(self, self->most, set); /* as it was before this one */
        keep_both(self, set, self->part);
    }
    if (is_wide && run->size >= 3)
        memcpy(set, self->most, self->size * sizeof *set);
}

static void add_wide(name_sets_t *self, size_t index)
{
    const question_t *question = self->question;
    add_near(self, &self->near[index], self->word);
    add_splits(self, &question->words[index], self->word);
    for (size_t i = index > 0 ? index - 1 : 0; i <= index && i + 1 < question->count; i++) {
        if (question->merged[i].size == 0)
            continue;
        add_exact(self, &question->merged[i], self->word);
        add_near(self, &self->near_merged[i], self->word);
    }
}

/* ---- misspelt words ---- */

static bool is_walked(const question_word_t *word)
{
    return word->size > 0 && word->edits > 0 && !word->is_cjk;
}

static void walk(name_sets_t *self, const question_word_t *word, size_t walks, name_near_t *out)
{
    name_work_t *work = self->work;
    uint64_t walked = 0, left = work->max - MIN(work->max, work->spent + AFTER_WALKS);
    uint64_t most = left / MAX(walks, (size_t)1); /* a share each: the last is made, too */
    out->count = 0;
    if (!is_walked(word) || name_work_is_spent(work))
        return;
    out->count =
        dictionary_find_near(&self->base->dictionary, word->text, word->edits, word->is_prefix,
                             out->items, NAME_SETS_NEAR_MAX, &walked, most);
    work->spent += walked;
    work->is_cut |= walked >= most;
}

static void walk_all(name_sets_t *self)
{
    const question_t *question = self->question;
    size_t walks = 0;
    for (size_t i = 0; i < question->count; i++) {
        walks += is_walked(&question->words[i]) ? 1 : 0;
        walks += i + 1 < question->count && is_walked(&question->merged[i]) ? 1 : 0;
    }
    for (size_t i = 0; i < question->count; i++) {
        walk(self, &question->words[i], walks, &self->near[i]);
        walks -= is_walked(&question->words[i]) ? 1 : 0;
    }
    for (size_t i = 0; i + 1 < question->count; i++) {
        walk(self, &question->merged[i], walks, &self->near_merged[i]);
        walks -= is_walked(&question->merged[i]) ? 1 : 0;
    }
}

/* ---- all words ---- */

static uint64_t cost_of(const name_sets_t *self, const question_word_t *word)
{
    uint32_t begin, end;
    if (word->is_cjk)
        return 0; /* of its characters the first cost as much as the last */
    range_of(self, word, &begin, &end);
    return self->base->starts[end] - self->base->starts[begin];
}

/* Few names first. */
static void order_words(const name_sets_t *self, uint8_t order[SEARCH_REQUEST_WORDS_MAX])
{
    uint64_t costs[SEARCH_REQUEST_WORDS_MAX];
    for (size_t i = 0; i < self->question->count; i++) {
        size_t at = i;
        costs[i] = cost_of(self, &self->question->words[i]);
        for (; at > 0 && costs[order[at - 1]] > costs[i]; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
}

/* Who lacked one fewer may lack this one. */
static void step(name_sets_t *self)
{
    uint64_t *none = self->levels[0], *one = self->levels[1], *two = self->levels[2];
    for (size_t i = 0; i < self->size; i++) {
        uint64_t word = self->word[i];
        two[i] = (two[i] & word) | one[i];
        one[i] = (one[i] & word) | none[i];
        none[i] &= word;
    }
    spend_on_sets(self, NAME_SETS_LEVELS);
}

/* All that are there still. */
static void begin(name_sets_t *self)
{
    for (size_t i = 0; i < self->size; i++)
        self->levels[0][i] = ~self->base->gone[i];
    if (self->base->count % 64 > 0)
        self->levels[0][self->size - 1] &= (1ull << self->base->count % 64) - 1;
    for (int level = 1; level < NAME_SETS_LEVELS; level++)
        memcpy(self->levels[level], self->levels[0], self->size * sizeof(uint64_t));
    self->is_whole = true;
}

void name_sets_look(name_sets_t *self, bool is_wide)
{
    uint8_t order[SEARCH_REQUEST_WORDS_MAX] = {0}; /* gcc's analyzer sees no order_words */
    size_t count = self->question->count;
    if (self->size == 0)
        return;
    begin(self);
    if (is_wide)
        walk_all(self);
    order_words(self, order);
    for (size_t i = 0; i < count; i++) {
        const question_word_t *word = &self->question->words[order[i]];
        uint64_t left = self->work->max - MIN(self->work->max, self->work->spent);
        if (i > 0 &&
            (name_work_is_spent(self->work) || cost_of(self, word) / RANKS_A_UNIT > left)) {
            self->work->is_cut = true;
            self->is_whole = false;
            return; /* nor the words that more have */
        }
        empty(self, self->word);
        if (word->is_cjk)
            add_characters(self, word, is_wide, self->word);
        else
            add_exact(self, word, self->word);
        if (is_wide && !word->is_cjk)
            add_wide(self, order[i]);
        step(self);
    }
}

/* ---- what is in them ---- */

uint64_t name_sets_count(const name_sets_t *self, int level, uint32_t begin_rank, uint32_t end)
{
    const uint64_t *set = self->levels[level];
    uint64_t count = 0;
    for (size_t i = begin_rank / 64; i * 64 < end; i++) {
        uint64_t bits = set[i];
        if (i == begin_rank / 64)
            bits &= UINT64_MAX << begin_rank % 64;
        if (end - i * 64 < 64)
            bits &= (1ull << (end - i * 64)) - 1;
        count += (uint64_t)__builtin_popcountll(bits);
    }
    return count;
}

bool name_sets_take(name_sets_t *self, int level, uint32_t *rank, uint32_t end)
{
    for (uint32_t at = *rank; at < end; at = (at / 64 + 1) * 64) {
        uint64_t bits =
            self->levels[level][at / 64] & ~self->taken[at / 64] & UINT64_MAX << at % 64;
        if (bits == 0)
            continue;
        uint32_t found = at / 64 * 64 + (uint32_t)__builtin_ctzll(bits);
        *rank = found;
        if (found >= end)
            return false;
        self->taken[found / 64] |= 1ull << found % 64;
        return true;
    }
    return false;
}
