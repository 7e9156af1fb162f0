#include "storage/search/query/sets.h"

#include "storage/search/query/split.h"

#include <stdlib.h>

enum {
    BEGINNING_POINTS_MAX = 3,  /* SEARCH_SPACE_PREFIX knows so many */
    BEGINNING_WORDS_MAX = 512, /* words that start with what was typed: the most frequent */
    WORDS_MANY = 24,
    NEAR_MAX = 120, /* words that a misspelt one may mean */
    NEAR_BEGINNING_MAX = 300,
    FAR_SIZE_MIN =
        9, /* code points of a word that may be an edit farther, where it is nothing else */
};

void set_scope_end(roaring_bitmap_t **set)
{
    if (*set != NULL)
        roaring_bitmap_free(*set);
}

err_t set_of_term(query_t *query, search_space_t space, str_t term, roaring_bitmap_t **out_set)
{
    TRY(query_go_on(query));
    query->read.work += WORK_POSTINGS;
    return search_postings(&query->read, space, term, out_set);
}

err_t set_add_term(query_t *query, search_space_t space, str_t term, roaring_bitmap_t *set)
{
    roaring_bitmap_t *more SET_SCOPED = NULL;
    TRY(set_of_term(query, space, term, &more));
    query->read.work += search_work_of_set(more);
    roaring_bitmap_or_inplace(set, more);
    return ERR_OK;
}

/* One of so many: the sum is no set until roaring_bitmap_repair_after_lazy. Of many words it has
 * all numbers as bits meanwhile: clearing them costs as much as a few words do. */
static err_t add_word(query_t *query, str_t word, size_t count, roaring_bitmap_t *sum)
{
    roaring_bitmap_t *more SET_SCOPED = NULL;
    TRY(set_of_term(query, SEARCH_SPACE_WORD, word, &more));
    query->read.work += search_work_of_set(more);
    roaring_bitmap_lazy_or_inplace(sum, more, count >= WORDS_MANY);
    return ERR_OK;
}

err_t set_empty(roaring_bitmap_t **out_set)
{
    *out_set = roaring_bitmap_create();
    return *out_set == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* ---- putting together ---- */

static void count_work(query_t *query, const roaring_bitmap_t *a, const roaring_bitmap_t *b)
{
    query->read.work +=
        WORK_SETS + search_work_of_set(a) + search_work_of_set(b) +
        (roaring_bitmap_get_cardinality(a) + roaring_bitmap_get_cardinality(b)) / WORK_SET_SHARE;
}

void set_and(query_t *query, roaring_bitmap_t *a, const roaring_bitmap_t *b)
{
    if (b == NULL)
        return;
    count_work(query, a, b);
    roaring_bitmap_and_inplace(a, b);
}

void set_or(query_t *query, roaring_bitmap_t *a, const roaring_bitmap_t *b)
{
    count_work(query, a, b);
    roaring_bitmap_or_inplace(a, b);
}

err_t set_both(query_t *query, const roaring_bitmap_t *a, const roaring_bitmap_t *b,
               roaring_bitmap_t **out_set)
{
    count_work(query, a, b);
    *out_set = roaring_bitmap_and(a, b);
    return *out_set == NULL ? ERR_NO_MEMORY : ERR_OK;
}

uint64_t set_count(const query_t *query, const roaring_bitmap_t *set, search_kind_t kind)
{
    const search_read_t *read = &query->read;
    return roaring_bitmap_range_cardinality(set, read->first_of_kind[kind],
                                            read->end_of_kind[kind]) +
           roaring_bitmap_range_cardinality(set, search_delta_first(kind),
                                            search_delta_first(kind + 1u));
}

/* ---- beginnings ---- */

static int by_frequency(const void *x, const void *y)
{
    const dictionary_near_t *a = x, *b = y; /* distance: the frequency */
    if (a->distance != b->distance)
        return a->distance > b->distance ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The most frequent words of the base that start with it. */
static err_t add_beginnings(query_t *query, str_t beginning, roaring_bitmap_t *set)
{
    const dictionary_t *dictionary = &query->read.dictionary;
    uint32_t from = dictionary_lower_bound(dictionary, beginning), to = from;
    while (to < dictionary->word_count && !query_is_spent(query) &&
           str_starts_with(dictionary_word(dictionary, to), beginning)) {
        query->read.work++;
        to++;
    }
    dictionary_near_t *words = arena_new_array(query->arena, MAX(to - from, 1u), sizeof *words);
    if (words == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = from; i < to; i++)
        words[i - from] = (dictionary_near_t){
            .index = i, .distance = (uint32_t)dictionary_frequency(dictionary, i)};
    if (to - from > BEGINNING_WORDS_MAX)
        qsort(words, to - from, sizeof *words, by_frequency);
    for (uint32_t i = 0; i < MIN(to - from, (uint32_t)BEGINNING_WORDS_MAX); i++) {
        if (query_is_spent(query))
            break;
        TRY(add_word(query, dictionary_word(dictionary, words[i].index), to - from, set));
    }
    roaring_bitmap_repair_after_lazy(set);
    return ERR_OK;
}

static err_t add_new_beginnings(query_t *query, str_t beginning, roaring_bitmap_t *set)
{
    buf_t from BUF_SCOPED = BUF_INIT;
    str_t word;
    buf_append(&from, beginning);
    for (int i = 0; i < BEGINNING_WORDS_MAX && !query_is_spent(query); i++) {
        TRY(buf_status(&from));
        if (!search_new_word(&query->read, buf_str(&from), &word) ||
            !str_starts_with(word, beginning))
            break;
        query->read.work += WORK_NUMBER;
        TRY(add_word(query, word, 1, set));
        buf_reset(&from);
        buf_append(&from, word);
        buf_append_char(&from, '\0');
    }
    roaring_bitmap_repair_after_lazy(set);
    return ERR_OK;
}

static err_t set_of_beginning(query_t *query, const question_word_t *word,
                              roaring_bitmap_t **out_set)
{
    if (word->size <= BEGINNING_POINTS_MAX)
        return set_of_term(query, SEARCH_SPACE_PREFIX, word->text, out_set);
    roaring_bitmap_t *set SET_SCOPED = NULL;
    TRY(set_empty(&set));
    TRY(add_beginnings(query, word->text, set));
    TRY(add_new_beginnings(query, word->text, set));
    *out_set = STEAL(set);
    return ERR_OK;
}

err_t set_exact(query_t *query, question_word_t *word, roaring_bitmap_t **out_set)
{
    if (word->is_cjk)
        return set_of_run(query, word->text, out_set);
    if (word->is_prefix)
        return set_of_beginning(query, word, out_set);
    return set_of_term(query, SEARCH_SPACE_WORD, word->text, out_set);
}

/* ---- what may be meant ---- */

static err_t add_near(query_t *query, question_word_t *word, uint32_t edits, uint64_t work_max,
                      near_words_t *out_near, roaring_bitmap_t *set)
{
    size_t max = word->is_prefix ? NEAR_BEGINNING_MAX : NEAR_MAX;
    *out_near = (near_words_t){0};
    if (edits == 0)
        return ERR_OK;
    work_max = MIN(work_max, query->work_max);
    TRY(near_find(&query->read, word, edits, max, work_max, out_near));
    query->is_cut |= query->read.work >= work_max; /* the walk has had its share */
    TRY(query_go_on(query));
    for (size_t i = 0; i < out_near->count && !query_is_spent(query); i++)
        if (out_near->items[i].distance > 0)
            TRY(add_word(query, out_near->items[i].text, out_near->count, set));
    roaring_bitmap_repair_after_lazy(set);
    return ERR_OK;
}

/* What has all parts of a word that was run together. */
static err_t add_parts(query_t *query, const split_t *split, roaring_bitmap_t *set)
{
    roaring_bitmap_t *all SET_SCOPED = NULL;
    for (size_t i = 0; i < split->count; i++) {
        roaring_bitmap_t *more SET_SCOPED = NULL;
        TRY(set_of_term(query, SEARCH_SPACE_WORD, split->parts[i], &more));
        if (all == NULL)
            all = STEAL(more);
        else
            set_and(query, all, more);
    }
    if (all != NULL)
        set_or(query, set, all);
    return ERR_OK;
}

static err_t add_splits(query_t *query, const question_word_t *word, roaring_bitmap_t *set)
{
    split_t splits[SPLITS_MAX];
    if (word->is_prefix)
        return ERR_OK;
    size_t count = split_find(query, word, splits);
    for (size_t i = 0; i < count && !query_is_spent(query); i++)
        TRY(add_parts(query, &splits[i], set));
    return ERR_OK;
}

err_t set_wide(query_t *query, question_word_t *word, const roaring_bitmap_t *exact,
               uint64_t work_max, near_words_t *out_near, roaring_bitmap_t **out_set)
{
    roaring_bitmap_t *set SET_SCOPED = NULL;
    *out_near = (near_words_t){0};
    if (word->is_cjk)
        TRY(set_most_of_run(query, word->text, &set));
    else if ((set = roaring_bitmap_copy(exact)) == NULL)
        return ERR_NO_MEMORY;
    if (!word->is_cjk) {
        TRY(add_near(query, word, word->edits, work_max, out_near, set));
        TRY(add_splits(query, word, set));
        if (roaring_bitmap_is_empty(set) && word->size >= FAR_SIZE_MIN)
            TRY(add_near(query, word, word->edits_ranked, work_max, out_near, set));
    }
    *out_set = STEAL(set);
    return ERR_OK;
}

err_t set_merged(query_t *query, question_word_t *merged, uint64_t work_max,
                 roaring_bitmap_t **out_set)
{
    roaring_bitmap_t *set SET_SCOPED = NULL;
    near_words_t near;
    TRY(set_exact(query, merged, &set));
    TRY(add_near(query, merged, merged->edits, work_max, &near, set));
    *out_set = STEAL(set);
    return ERR_OK;
}
