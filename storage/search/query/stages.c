#include "storage/search/query/stages.h"

#include "storage/search/index/terms.h"
#include "storage/search/query/explain.h"
#include "storage/search/query/filter.h"
#include "storage/search/query/sets.h"

#include <stdlib.h>

enum {
    WHOLE_TITLES_MAX = 100,
    ALL_BUT_ONE_MIN = 60,
    TITLES_OF_NEAR_MAX = 8,
    ANSWERS_LOOKED_AT_MAX = 50,
};

/* Of each kind, how many are ranked; a listener looks at far fewer albums and artists, and while
 * typing at the first few. */
static const size_t ranked_max[2][SEARCH_KIND_COUNT] = {
    {[SEARCH_TRACK] = SEARCH_RANKED_MAX, [SEARCH_ALBUM] = 250, [SEARCH_ARTIST] = 250},
    {[SEARCH_TRACK] = SEARCH_RANKED_MAX, [SEARCH_ALBUM] = 100, [SEARCH_ARTIST] = 100},
};

static size_t most_of(const query_t *query, search_kind_t kind)
{
    return ranked_max[query->request->is_typing][kind];
}

typedef struct stages {
    query_t *query;
    question_t *question;
    roaring_bitmap_t *exact[SEARCH_REQUEST_WORDS_MAX], *wide[SEARCH_REQUEST_WORDS_MAX];
    near_words_t near[SEARCH_REQUEST_WORDS_MAX];
} stages_t;

static void stages_deinit(stages_t *self)
{
    for (size_t i = 0; i < SEARCH_REQUEST_WORDS_MAX; i++) {
        set_scope_end(&self->exact[i]);
        set_scope_end(&self->wide[i]);
    }
}

/* ---- taking ---- */

static void take_one(query_t *query, search_kind_t kind, uint32_t number, search_stage_t stage)
{
    candidates_t *list = &query->candidates[kind];
    if (list->count < most_of(query, kind) && roaring_bitmap_add_checked(query->taken, number))
        list->items[list->count++] = (candidate_t){number, stage};
}

static void take_of_base(query_t *query, const roaring_bitmap_t *set, search_kind_t kind,
                         search_stage_t stage, size_t limit)
{
    roaring_uint32_iterator_t iterator;
    size_t end = query->candidates[kind].count + limit;
    roaring_init_iterator(set, &iterator);
    roaring_move_uint32_iterator_equalorlarger(&iterator, query->read.first_of_kind[kind]);
    while (iterator.has_value && iterator.current_value < query->read.end_of_kind[kind] &&
           query->candidates[kind].count < MIN(end, most_of(query, kind))) {
        take_one(query, kind, iterator.current_value, stage);
        roaring_advance_uint32_iterator(&iterator);
    }
}

/* The newest first. */
static void take_of_delta(query_t *query, const roaring_bitmap_t *set, search_kind_t kind,
                          search_stage_t stage, uint64_t limit)
{
    uint64_t before = roaring_bitmap_rank(set, search_delta_first(kind) - 1);
    uint64_t end = roaring_bitmap_rank(set, search_delta_first(kind + 1u) - 1);
    for (; end > before && limit > 0; end--, limit--) {
        uint32_t number;
        if (roaring_bitmap_select(set, (uint32_t)(end - 1), &number))
            take_one(query, kind, number, stage);
    }
}

static void take(query_t *query, const roaring_bitmap_t *set, search_stage_t stage, size_t limit)
{
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        candidates_t *list = &query->candidates[kind];
        size_t room = most_of(query, kind) - list->count;
        if (!query_wants(query, kind))
            continue;
        if (limit > 0)
            room = MIN(room, limit);
        uint64_t of_delta = roaring_bitmap_range_cardinality(set, search_delta_first(kind),
                                                             search_delta_first(kind + 1u));
        of_delta = MIN(of_delta, (uint64_t)(room + 1) / 2);
        take_of_delta(query, set, kind, stage, of_delta);
        take_of_base(query, set, kind, stage, room - (size_t)of_delta);
    }
}

static err_t add_to(query_t *query, roaring_bitmap_t **sum, const roaring_bitmap_t *set)
{
    if (*sum != NULL) {
        set_or(query, *sum, set);
        return ERR_OK;
    }
    *sum = roaring_bitmap_copy(set);
    return *sum == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* The set becomes what of it may be seen. */
static err_t filter_found(query_t *query, roaring_bitmap_t *set)
{
    if (query->keeps_unfiltered)
        TRY(add_to(query, &query->unfiltered, set));
    set_and(query, set, query->visible);
    return filter_drop_unpopular(query, set);
}

err_t stages_keep(query_t *query, roaring_bitmap_t *set, search_stage_t stage, size_t limit)
{
    TRY(filter_found(query, set));
    take(query, set, stage, limit);
    return add_to(query, &query->found, set);
}

uint64_t stages_found(const query_t *query)
{
    uint64_t count = 0;
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT && query->found != NULL; kind++)
        count += query_wants(query, kind) ? set_count(query, query->found, kind) : 0;
    return count;
}

/* ---- whole titles ---- */

/* `among`: only these, unless it is NULL: a title is found by its letters, wherever it has blanks.
 */
static err_t take_title_among(query_t *query, str_t title, search_stage_t stage,
                              const roaring_bitmap_t *among)
{
    roaring_bitmap_t *set SET_SCOPED = NULL;
    buf_t term BUF_SCOPED = BUF_INIT;
    terms_title_append(&term, title);
    TRY(buf_status(&term));
    if (term.size == 0)
        return ERR_OK;
    TRY(set_of_term(query, SEARCH_SPACE_TITLE, buf_str(&term), &set));
    if (among != NULL)
        roaring_bitmap_and_inplace(set, among);
    return stages_keep(query, set, stage, WHOLE_TITLES_MAX);
}

static err_t take_title(query_t *query, str_t title, search_stage_t stage)
{
    return take_title_among(query, title, stage, NULL);
}

/* Of the words but one, each as it is most likely meant. */
static err_t take_title_without(stages_t *self, size_t left_out, search_stage_t stage)
{
    buf_t title BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < self->question->count; i++) {
        bool is_there = !roaring_bitmap_is_empty(self->exact[i]) || self->near[i].count == 0;
        str_t text = is_there ? self->question->words[i].text : self->near[i].items[0].text;
        if (i == left_out)
            continue;
        if (title.size > 0)
            buf_append_char(&title, ' ');
        buf_append(&title, text);
    }
    TRY(buf_status(&title));
    return take_title(self->query, buf_str(&title), stage);
}

/* ---- stages ---- */

/* What is in all of them, the smallest first. NULL in sets: left out. */
static err_t intersect(query_t *query, roaring_bitmap_t *const *sets, size_t count,
                       roaring_bitmap_t **out_set)
{
    size_t smallest = count;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = sets[i] == NULL ? UINT64_MAX : roaring_bitmap_get_cardinality(sets[i]);
        if (size < least) {
            least = size;
            smallest = i;
        }
    }
    roaring_bitmap_t *set SET_SCOPED =
        smallest == count ? roaring_bitmap_create() : roaring_bitmap_copy(sets[smallest]);
    if (set == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        TRY(query_go_on(query));
        if (i != smallest && sets[i] != NULL)
            set_and(query, set, sets[i]);
    }
    *out_set = STEAL(set);
    return ERR_OK;
}

/* Words of the question that are one: what has it and all the other words. */
static err_t run_merged(stages_t *self, size_t index, bool is_exact)
{
    query_t *query = self->query;
    roaring_bitmap_t *sets[SEARCH_REQUEST_WORDS_MAX];
    roaring_bitmap_t *merged SET_SCOPED = NULL, *set SET_SCOPED = NULL;
    if (self->question->merged[index].size == 0 || query_is_spent(query))
        return ERR_OK;
    memcpy(sets, is_exact ? self->exact : self->wide, sizeof sets);
    if (is_exact)
        TRY(set_exact(query, &self->question->merged[index], &merged));
    else
        TRY(set_merged(query, &self->question->merged[index], query->work_max, &merged));
    if (is_exact && roaring_bitmap_is_empty(merged))
        return ERR_OK;
    explain_word(query, "as one", self->question->merged[index].text, NULL, merged);
    sets[index] = merged;
    sets[index + 1] = NULL;
    TRY(intersect(query, sets, self->question->count, &set));
    return stages_keep(query, set, SEARCH_STAGE_FUZZY, 0);
}

/* Of what may be seen: nobody learns what words the others have. */
static bool is_somewhere(const query_t *query, const roaring_bitmap_t *set)
{
    return query->visible == NULL ? !roaring_bitmap_is_empty(set)
                                  : roaring_bitmap_intersect(set, query->visible);
}

static err_t run_exact(stages_t *self)
{
    query_t *query = self->query;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    query->stage = SEARCH_STAGE_EXACT;
    for (size_t i = 0; i < self->question->count; i++) {
        if (i > 0 && query_is_spent(query))
            break; /* it was the last stage, and the last words are not looked at */
        TRY(set_exact(query, &self->question->words[i], &self->exact[i]));
        self->question->words[i].is_known = is_somewhere(query, self->exact[i]);
        explain_word(query, "exactly", self->question->words[i].text, NULL, self->exact[i]);
    }
    TRY(intersect(query, self->exact, self->question->count, &set));
    if (roaring_bitmap_get_cardinality(set) > WHOLE_TITLES_MAX)
        TRY(take_title_among(query, self->question->text, SEARCH_STAGE_EXACT, set));
    TRY(stages_keep(query, set, SEARCH_STAGE_EXACT, 0));
    /* "star boy" may be many things exactly, and "Starboy". */
    for (size_t i = 0; i + 1 < self->question->count && !query->request->is_exact; i++)
        TRY(run_merged(self, i, true));
    return ERR_OK;
}

/* Each word has its share of what is left of the budget, so that the last is looked up, too. */
static uint64_t share_of_work(const query_t *query, size_t words_left)
{
    uint64_t left = query->work_max - MIN(query->work_max, query->read.work);
    return query->read.work + left / (words_left + 1);
}

/* Of a CJK title with a wrong character; many documents have about as much of it somewhere. */
static err_t take_title_one_wrong(stages_t *self)
{
    query_t *query = self->query;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    if (self->question->count != 1 || !self->question->words[0].is_cjk || query_is_spent(query))
        return ERR_OK;
    TRY(set_title_one_wrong(query, self->question->words[0].text, &set));
    return stages_keep(query, set, SEARCH_STAGE_FUZZY, 0);
}

static err_t run_fuzzy(stages_t *self)
{
    query_t *query = self->query;
    size_t count = self->question->count;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    query->stage = SEARCH_STAGE_FUZZY;
    TRY(take_title_one_wrong(self));
    for (size_t i = 0; i < count; i++) {
        question_word_t *word = &self->question->words[i];
        TRY(set_wide(query, word, self->exact[i], share_of_work(query, count - i), &self->near[i],
                     &self->wide[i]));
        explain_word(query, "about", word->text, &self->near[i], self->wide[i]);
    }
    TRY(take_title(query, self->question->text, SEARCH_STAGE_FUZZY));
    TRY(take_title_without(self, count, SEARCH_STAGE_FUZZY));
    for (size_t i = 0; count == 1 && i < MIN(self->near[0].count, (size_t)TITLES_OF_NEAR_MAX); i++)
        TRY(take_title(query, self->near[0].items[i].text, SEARCH_STAGE_FUZZY));
    TRY(intersect(query, self->wide, count, &set));
    TRY(stages_keep(query, set, SEARCH_STAGE_FUZZY, 0));
    for (size_t i = 0; i + 1 < count; i++)
        TRY(run_merged(self, i, false));
    return ERR_OK;
}

/* ---- without some words ---- */

typedef struct order {
    uint64_t size;
    size_t index;
} order_t;

static int by_size(const void *x, const void *y)
{
    const order_t *a = x, *b = y;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The rarest word first: it is the likeliest to be wrong. */
static void order_words(const stages_t *self, order_t order[SEARCH_REQUEST_WORDS_MAX])
{
    for (size_t i = 0; i < self->question->count; i++)
        order[i] = (order_t){roaring_bitmap_get_cardinality(self->wide[i]), i};
    qsort(order, self->question->count, sizeof *order, by_size);
}

static err_t run_without(stages_t *self, size_t left_out, size_t limit)
{
    roaring_bitmap_t *sets[SEARCH_REQUEST_WORDS_MAX];
    roaring_bitmap_t *set SET_SCOPED = NULL;
    memcpy(sets, self->wide, sizeof sets);
    sets[left_out] = NULL;
    TRY(take_title_without(self, left_out, SEARCH_STAGE_ALL_BUT_ONE));
    TRY(intersect(self->query, sets, self->question->count, &set));
    return stages_keep(self->query, set, SEARCH_STAGE_ALL_BUT_ONE, limit);
}

static err_t run_all_but_one(stages_t *self)
{
    query_t *query = self->query;
    size_t count = self->question->count;
    size_t limit = MAX(SEARCH_RANKED_MAX / count, (size_t)ALL_BUT_ONE_MIN);
    order_t order[SEARCH_REQUEST_WORDS_MAX] = {{0}};
    query->stage = SEARCH_STAGE_ALL_BUT_ONE;
    order_words(self, order);
    for (size_t i = 0; i < count && !query_is_spent(query); i++)
        TRY(run_without(self, order[i].index, limit));
    explain_stage(query, "all words but one");
    return ERR_OK;
}

/* a becomes (a and more) or less; NULL is everything. */
static err_t step_level(query_t *query, roaring_bitmap_t **a, const roaring_bitmap_t *more,
                        const roaring_bitmap_t *less)
{
    if (less == NULL)
        return ERR_OK; /* stays everything */
    if (*a != NULL)
        set_and(query, *a, more);
    else if ((*a = roaring_bitmap_copy(more)) == NULL)
        return ERR_NO_MEMORY;
    set_or(query, *a, less);
    return ERR_OK;
}

/* levels[m]: who lacks at most m of the words so far. */
static err_t run_all_but_two(stages_t *self)
{
    query_t *query = self->query;
    order_t order[SEARCH_REQUEST_WORDS_MAX] = {{0}};
    roaring_bitmap_t *all SET_SCOPED = NULL, *one SET_SCOPED = NULL, *two SET_SCOPED = NULL;
    query->stage = SEARCH_STAGE_ALL_BUT_TWO;
    order_words(self, order);
    for (size_t i = 0; i < self->question->count && !query_is_spent(query); i++) {
        const roaring_bitmap_t *word = self->wide[order[i].index];
        TRY(step_level(query, &two, word, one));
        TRY(step_level(query, &one, word, all));
        if (all != NULL)
            set_and(query, all, word);
        else if ((all = roaring_bitmap_copy(word)) == NULL)
            return ERR_NO_MEMORY;
    }
    if (two == NULL || query_is_spent(query))
        return ERR_OK;
    TRY(stages_keep(query, two, SEARCH_STAGE_ALL_BUT_TWO, 0));
    explain_stage(query, "all words but two");
    return ERR_OK;
}

/* Does one of what was found answer the question: all its words, and the whole of a title? Two
 * words and more that are one's title exactly are what was meant; a single word may be another that
 * is misspelt ("Jood"), unless it was looked for already. */
static err_t has_answer(stages_t *self, bool is_exact, bool *out_has)
{
    query_t *query = self->query;
    *out_has = false;
    if ((is_exact && self->question->count < 2) || stages_found(query) > ANSWERS_LOOKED_AT_MAX)
        return ERR_OK;
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        for (size_t i = 0; i < query->candidates[kind].count && !*out_has; i++) {
            search_entry_t entry;
            rank_detail_t detail;
            TRY(query_before_rank(query));
            err_t err = search_entry(&query->read, query->candidates[kind].items[i].number, &entry);
            if (err == ERR_NOT_FOUND)
                continue;
            TRY(err);
            rank_entry(self->question, &entry, &detail);
            *out_has = is_exact ? detail.is_whole && detail.is_exact : detail.is_answer;
        }
    return ERR_OK;
}

/* Whether what was found until now will do. */
static err_t is_done(stages_t *self, bool *out_is_done)
{
    query_t *query = self->query;
    bool is_exact = query->stage == SEARCH_STAGE_EXACT;
    *out_is_done = true;
    if (query->request->is_exact || query_is_spent(query))
        return ERR_OK;
    /* Words that may be misspelt find many that fit, but badly. */
    if (stages_found(query) >= (is_exact ? FOUND_FEW : ANSWERS_LOOKED_AT_MAX))
        return ERR_OK;
    return has_answer(self, is_exact, out_is_done);
}

static err_t run(stages_t *self)
{
    query_t *query = self->query;
    bool is_enough;
    TRY(run_exact(self));
    explain_stage(query, "exactly");
    TRY(is_done(self, &is_enough));
    if (is_enough)
        return ERR_OK;
    TRY(run_fuzzy(self));
    explain_stage(query, "about");
    TRY(is_done(self, &is_enough));
    if (is_enough || self->question->count < 2)
        return ERR_OK;
    TRY(run_all_but_one(self));
    if (self->question->count < 4 || stages_found(query) >= FOUND_TOO_FEW || query_is_spent(query))
        return ERR_OK;
    return run_all_but_two(self);
}

err_t stages_run(query_t *query)
{
    stages_t self SCOPED(stages_deinit) = {.query = query, .question = &query->question};
    return run(&self);
}
