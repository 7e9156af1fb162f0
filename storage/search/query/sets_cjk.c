/* sets_cjk.c -- the documents of a CJK run: by each two of its characters, which is what they have
 * instead of words. */

#include "runtime/base/assert.h"
#include "storage/search/index/terms.h"
#include "storage/search/query/sets.h"
#include "storage/search/words.h"

enum {
    CJK_PAIRS_MAX = 32,
    CJK_SHARE_PERCENT = 50, /* of the pairs that a document must have */
    CJK_SHORT_MIN = 3,      /* characters of a run of which one may be wrong, */
    CJK_SHORT_MAX = 8,      /* though less than that share of its pairs is left */
    CHARACTER_SIZE_MAX = 8, /* bytes: a code point and a voicing mark */
};

typedef struct pairs {
    str_t items[CJK_PAIRS_MAX];
    size_t count;
} pairs_t;

/* Each two neighbours; of a single character itself. */
static void pairs_of(str_t run, pairs_t *out)
{
    out->count = 0;
    for (size_t size; (size = words_character(run)) > 0 && out->count < CJK_PAIRS_MAX;
         run = str_slice(run, size, run.size)) {
        size_t next = words_character(str_slice(run, size, run.size));
        if (next > 0 || out->count == 0)
            out->items[out->count++] = str_slice(run, 0, size + next);
    }
}

err_t set_of_run(query_t *query, str_t run, roaring_bitmap_t **out_set)
{
    pairs_t pairs;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    pairs_of(run, &pairs);
    for (size_t i = 0; i < pairs.count; i++) {
        roaring_bitmap_t *more SET_SCOPED = NULL;
        TRY(set_of_term(query, SEARCH_SPACE_WORD, pairs.items[i], &more));
        if (set == NULL)
            set = STEAL(more);
        else
            set_and(query, set, more);
        if (roaring_bitmap_is_empty(set))
            break;
    }
    if (set == NULL)
        return set_empty(out_set);
    *out_set = STEAL(set);
    return ERR_OK;
}

/* levels[k]: who has at least k + 1 of the pairs seen so far. */
static err_t add_level(query_t *query, roaring_bitmap_t **levels, size_t need,
                       const roaring_bitmap_t *pair)
{
    for (size_t k = need; k-- > 0;) {
        if (k == 0) {
            set_or(query, levels[0], pair);
            continue;
        }
        roaring_bitmap_t *more SET_SCOPED = NULL;
        TRY(set_both(query, levels[k - 1], pair, &more));
        set_or(query, levels[k], more);
    }
    return ERR_OK;
}

static err_t count_pairs(query_t *query, const pairs_t *pairs, roaring_bitmap_t **levels,
                         size_t need)
{
    for (size_t i = 0; i < need; i++)
        TRY(set_empty(&levels[i]));
    for (size_t i = 0; i < pairs->count && !query_is_spent(query); i++) {
        roaring_bitmap_t *pair SET_SCOPED = NULL;
        TRY(set_of_term(query, SEARCH_SPACE_WORD, pairs->items[i], &pair));
        TRY(add_level(query, levels, need, pair));
    }
    return ERR_OK;
}

/* Who has half of a run's pairs. */
static err_t set_half_of_run(query_t *query, const pairs_t *pairs, roaring_bitmap_t **out_set)
{
    roaring_bitmap_t *levels[CJK_PAIRS_MAX] = {NULL};
    size_t need = (pairs->count * CJK_SHARE_PERCENT + 99) / 100;
    if (need == 0)
        return set_empty(out_set);
    err_t err = count_pairs(query, pairs, levels, need);
    if (err == ERR_OK)
        *out_set = STEAL(levels[need - 1]);
    for (size_t i = 0; i < need; i++)
        set_scope_end(&levels[i]);
    return err;
}

/* A short run, character by character. before[m]: who has its first m, behind[m]: those from m on,
 * each two of them as neighbours; NULL: everybody. */
typedef struct short_run {
    str_t items[CJK_SHORT_MAX];
    size_t count;
    roaring_bitmap_t *before[CJK_SHORT_MAX + 1], *behind[CJK_SHORT_MAX + 1];
    roaring_bitmap_t *starts, *ends; /* of a title: who starts and ends so; else NULL */
} short_run_t;

static void short_run_deinit(short_run_t *self)
{
    for (size_t i = 0; i <= CJK_SHORT_MAX; i++) {
        set_scope_end(&self->before[i]);
        set_scope_end(&self->behind[i]);
    }
    set_scope_end(&self->starts);
    set_scope_end(&self->ends);
}

/* False: it is too short or too long. */
static bool take_apart(str_t run, short_run_t *out)
{
    for (size_t size; (size = words_character(run)) > 0; run = str_slice(run, size, run.size)) {
        if (out->count == CJK_SHORT_MAX)
            return false;
        out->items[out->count++] = str_slice(run, 0, size);
    }
    return out->count >= CJK_SHORT_MIN;
}

static err_t set_of_two(query_t *query, str_t a, str_t b, roaring_bitmap_t **out_set)
{
    char both[2 * CHARACTER_SIZE_MAX];
    ASSERT(a.size + b.size <= sizeof both);
    memcpy(both, a.data, a.size);
    memcpy(both + a.size, b.data, b.size);
    return set_of_term(query, SEARCH_SPACE_WORD, str_of(both, a.size + b.size), out_set);
}

static err_t set_of_edge(query_t *query, str_t character, terms_edge_t edge,
                         roaring_bitmap_t **out_set)
{
    char mark = (char)edge;
    return set_of_two(query, character, str_of(&mark, 1), out_set);
}

/* Who starts with the title's first character has it; that is a much smaller set. */
static err_t find_ends(query_t *query, short_run_t *run, bool is_title)
{
    str_t first = run->items[0], last = run->items[run->count - 1];
    if (!is_title) {
        TRY(set_of_term(query, SEARCH_SPACE_WORD, first, &run->before[1]));
        return set_of_term(query, SEARCH_SPACE_WORD, last, &run->behind[run->count - 1]);
    }
    TRY(set_of_edge(query, first, TERMS_STARTS, &run->starts));
    TRY(set_of_edge(query, last, TERMS_ENDS, &run->ends));
    run->before[1] = roaring_bitmap_copy(run->starts);
    run->behind[run->count - 1] = roaring_bitmap_copy(run->ends);
    bool is_made = run->before[1] != NULL && run->behind[run->count - 1] != NULL;
    return is_made ? ERR_OK : ERR_NO_MEMORY;
}

static err_t find_sides(query_t *query, short_run_t *run)
{
    const str_t *items = run->items;
    for (size_t m = 2, n = run->count; m < n; m++) {
        TRY(set_of_two(query, items[m - 2], items[m - 1], &run->before[m]));
        TRY(set_of_two(query, items[n - m], items[n - m + 1], &run->behind[n - m]));
        if (m > 2 || run->starts != NULL)
            set_and(query, run->before[m], run->before[m - 1]);
        if (m > 2 || run->ends != NULL)
            set_and(query, run->behind[n - m], run->behind[n - m + 1]);
    }
    return ERR_OK;
}

static err_t cut_by_two(query_t *query, str_t a, str_t b, roaring_bitmap_t *set)
{
    roaring_bitmap_t *more SET_SCOPED = NULL;
    TRY(set_of_two(query, a, b, &more));
    set_and(query, set, more);
    return ERR_OK;
}

/* Adds who has what stands on both sides of some characters, and of two these as well, the other
 * way round. */
static err_t add_sides(query_t *query, const short_run_t *run, size_t index, size_t count,
                       roaring_bitmap_t *set)
{
    const str_t *at = &run->items[index];
    const roaring_bitmap_t *before = run->before[index], *behind = run->behind[index + count];
    roaring_bitmap_t *both SET_SCOPED = roaring_bitmap_copy(before != NULL ? before : behind);
    if (both == NULL)
        return ERR_NO_MEMORY;
    if (before != NULL)
        set_and(query, both, behind);
    if (count == 2)
        TRY(cut_by_two(query, at[1], at[0], both));
    if (count == 2 && index > 0)
        TRY(cut_by_two(query, at[-1], at[1], both));
    if (count == 2 && index + 2 < run->count)
        TRY(cut_by_two(query, at[0], at[2], both));
    set_or(query, set, both);
    return ERR_OK;
}

/* Of a short run one character that is wrong, missing, too much or swapped leaves few pairs. */
static err_t add_one_wrong(query_t *query, str_t text, bool is_title, roaring_bitmap_t *set)
{
    short_run_t run SCOPED(short_run_deinit) = {.count = 0};
    if (!take_apart(text, &run))
        return ERR_OK;
    TRY(find_ends(query, &run, is_title));
    TRY(find_sides(query, &run));
    for (size_t i = 0; i < run.count && !query_is_spent(query); i++) {
        TRY(add_sides(query, &run, i, 1, set));
        if (i + 1 < run.count)
            TRY(add_sides(query, &run, i, 2, set));
    }
    return ERR_OK;
}

err_t set_title_one_wrong(query_t *query, str_t run, roaring_bitmap_t **out_set)
{
    roaring_bitmap_t *set SET_SCOPED = NULL;
    TRY(set_empty(&set));
    TRY(add_one_wrong(query, run, true, set));
    *out_set = STEAL(set);
    return ERR_OK;
}

err_t set_most_of_run(query_t *query, str_t run, roaring_bitmap_t **out_set)
{
    pairs_t pairs;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    pairs_of(run, &pairs);
    TRY(set_half_of_run(query, &pairs, &set));
    TRY(add_one_wrong(query, run, false, set));
    *out_set = STEAL(set);
    return ERR_OK;
}
