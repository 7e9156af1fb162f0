/* name_index_find.c -- a question to the names: which ones to look at, and the best of them. */

#include "storage/search/fold.h"
#include "storage/search/names/name_index_parts.h"

#include <stdlib.h>

enum {
    VARIANTS_MAX = 1024, /* words of the base that one word of a question may mean */
    NEAR_MAX = 64,       /* of these, misspelt */
    NEAR_WORK_MAX = 20000,
    FUZZY_COST = 4, /* of looking at a name that may be misspelt, in names */
};

typedef struct finding {
    name_index_t *names;
    arena_t *arena;
    const name_index_query_t *query;
    name_index_question_t question;
    uint32_t *slots; /* to look at */
    uint32_t count, count_max;
    name_index_hit_t *best[NAME_INDEX_KIND_COUNT]; /* room for one more than is asked for */
    name_index_found_t found;
} finding_t;

/* ---- which names to look at ---- */

static bool may_see(const finding_t *self, const name_index_item_t *item)
{
    return name_index_item_is_open(item) ||
           (item->text != NULL && str_equal(name_index_item_owner(item), self->query->asker));
}

static bool is_wanted(const finding_t *self, const name_index_item_t *item)
{
    return self->query->first[item->kind] > 0;
}

static void add_slot(finding_t *self, uint32_t slot)
{
    const name_index_item_t *item = name_index_item(self->names, slot);
    if (!may_see(self, item) || !is_wanted(self, item))
        return;
    if (self->count == self->count_max)
        self->found.is_cut = true;
    else
        self->slots[self->count++] = slot;
}

static void add_own(finding_t *self)
{
    const name_index_t *names = self->names;
    uint32_t slot = names->of_owner[name_index_bucket(self->query->asker)];
    for (; slot != NAME_INDEX_NONE; slot = name_index_item(names, slot)->next_of_owner)
        if (str_equal(name_index_item_owner(name_index_item(names, slot)), self->query->asker))
            add_slot(self, slot);
}

static void add_recent(finding_t *self)
{
    const name_index_t *names = self->names;
    uint32_t count =
        MIN(names->recent_count, MIN((uint32_t)NAME_INDEX_RECENT_MAX, self->count_max / 2));
    self->found.is_cut |= count < names->recent_count;
    for (uint32_t i = 0; i < count; i++)
        add_slot(self, names->recent[names->recent_count - 1 - i]);
}

/* Words of the base that a word of the question may mean. */
typedef struct variants {
    uint32_t words[VARIANTS_MAX];
    uint32_t count;
    uint64_t slots; /* of all of them */
    bool is_cut;
} variants_t;

static void add_variant(const name_index_base_t *base, uint32_t word, variants_t *out)
{
    if (out->count == VARIANTS_MAX) {
        out->is_cut = true;
        return;
    }
    out->words[out->count++] = word;
    out->slots += base->starts[word + 1] - base->starts[word];
}

static void add_near(const name_index_base_t *base, const name_index_word_t *word, variants_t *out)
{
    dictionary_near_t near[NEAR_MAX];
    uint64_t work = 0;
    size_t count = dictionary_find_near(&base->dictionary, word->text, word->edits_max,
                                        word->is_prefix, near, NEAR_MAX, &work, NEAR_WORK_MAX);
    for (size_t i = 0; i < count; i++)
        add_variant(base, near[i].index, out);
    out->is_cut |= count == NEAR_MAX || work >= NEAR_WORK_MAX;
}

static void find_variants(const finding_t *self, const name_index_word_t *word, variants_t *out)
{
    const name_index_base_t *base = &self->names->base;
    uint32_t index;
    *out = (variants_t){.count = 0};
    if (dictionary_has(&base->dictionary, word->text, &index))
        add_variant(base, index, out);
    if (word->is_prefix)
        for (index = dictionary_lower_bound(&base->dictionary, word->text);
             index < base->dictionary.word_count && !out->is_cut &&
             str_starts_with(dictionary_word(&base->dictionary, index), word->text);
             index++)
            if (!str_equal(dictionary_word(&base->dictionary, index), word->text))
                add_variant(base, index, out);
    if (self->question.is_fuzzy && word->edits_max > 0)
        add_near(base, word, out);
}

/* Of a run without blanks the character that fewest have: names have them one by one. */
static void find_character(const finding_t *self, const name_index_word_t *run, variants_t *out)
{
    variants_t one;
    str_t rest = run->text;
    *out = (variants_t){.slots = UINT64_MAX};
    for (size_t size; (size = words_character(rest)) > 0; rest = str_slice(rest, size, rest.size)) {
        find_variants(self, &(name_index_word_t){.text = str_slice(rest, 0, size)}, &one);
        if (one.slots < out->slots)
            *out = one;
    }
}

/* Every word has to be in a name: the rarest says which ones to look at. */
static err_t add_of_base(finding_t *self)
{
    const name_index_base_t *base = &self->names->base;
    variants_t *one = arena_new(self->arena, sizeof *one);
    variants_t *rarest = arena_new(self->arena, sizeof *rarest);
    if (one == NULL || rarest == NULL)
        return ERR_NO_MEMORY;
    rarest->slots = UINT64_MAX;
    for (uint32_t i = 0; i < self->question.count; i++) {
        const name_index_word_t *word = &self->question.words[i];
        if (word->is_cjk)
            find_character(self, word, one);
        else
            find_variants(self, word, one);
        if (one->slots < rarest->slots)
            *rarest = *one;
    }
    self->found.is_cut |= rarest->is_cut;
    for (uint32_t i = 0; i < rarest->count; i++)
        for (uint32_t j = base->starts[rarest->words[i]]; j < base->starts[rarest->words[i] + 1];
             j++)
            add_slot(self, base->slots[j]);
    return ERR_OK;
}

static int by_slot(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void drop_repeats(finding_t *self)
{
    uint32_t kept = 0;
    qsort(self->slots, self->count, sizeof *self->slots, by_slot);
    for (uint32_t i = 0; i < self->count; i++)
        if (kept == 0 || self->slots[kept - 1] != self->slots[i])
            self->slots[kept++] = self->slots[i];
    self->count = kept;
}

/* ---- the best of them ---- */

/* Best first; of equal ones as they sort, so that pages are the same each time. */
static bool is_before(const name_index_hit_t *a, const name_index_hit_t *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    int order = str_compare(a->name, b->name);
    return order != 0 ? order < 0 : str_compare(a->key, b->key) < 0;
}

static err_t keep_texts(finding_t *self, const name_index_match_t *match, name_index_hit_t *hit)
{
    str_t *words = arena_new_array(self->arena, match->word_count, sizeof *words);
    hit->key = arena_str(self->arena, hit->key);
    hit->name = arena_str(self->arena, hit->name);
    if (words == NULL || hit->key.data == NULL || hit->name.data == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < match->word_count; i++) {
        words[i] = arena_str(self->arena, match->words[i]);
        if (words[i].data == NULL)
            return ERR_NO_MEMORY;
    }
    hit->words = words;
    hit->word_count = match->word_count;
    return ERR_OK;
}

/* Insertion into what is kept, which is short. */
static err_t note_hit(finding_t *self, const name_index_item_t *item,
                      const name_index_match_t *match)
{
    name_index_kind_t kind = (name_index_kind_t)item->kind;
    uint32_t *count = &self->found.counts[kind], most = self->query->first[kind];
    name_index_hit_t *best = self->best[kind];
    name_index_hit_t hit = {.kind = kind,
                            .key = name_index_item_key(item),
                            .name = name_index_item_name(item),
                            .score = match->score};
    self->found.totals[kind]++;
    if (*count == most && !is_before(&hit, &best[most - 1]))
        return ERR_OK;
    TRY(keep_texts(self, match, &hit));
    uint32_t at = *count;
    for (; at > 0 && is_before(&hit, &best[at - 1]); at--)
        best[at] = best[at - 1];
    best[at] = hit;
    *count = MIN(*count + 1, most);
    return ERR_OK;
}

static err_t look(finding_t *self, bool is_fuzzy)
{
    name_index_match_t match;
    self->question.is_fuzzy = self->found.is_fuzzy = is_fuzzy;
    self->count = 0;
    self->count_max = is_fuzzy ? NAME_INDEX_LOOKED_MAX / FUZZY_COST : NAME_INDEX_LOOKED_MAX;
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++)
        self->found.counts[kind] = self->found.totals[kind] = 0;
    add_own(self);
    add_recent(self);
    TRY(add_of_base(self));
    drop_repeats(self);
    for (uint32_t i = 0; i < self->count; i++) {
        const name_index_item_t *item = name_index_item(self->names, self->slots[i]);
        if (name_index_compare(&self->question, name_index_item_folded(item), &match))
            TRY(note_hit(self, item, &match));
    }
    return ERR_OK;
}

static err_t look_twice(finding_t *self)
{
    TRY(look(self, false));
    uint32_t total =
        self->found.totals[NAME_INDEX_PERSON] + self->found.totals[NAME_INDEX_PLAYLIST];
    return total >= NAME_INDEX_FEW || self->query->is_exact ? ERR_OK : look(self, true);
}

err_t name_index_find(name_index_t *self, arena_t *arena, const name_index_query_t *query,
                      name_index_found_t *out_found)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    finding_t finding = {.names = self, .arena = arena, .query = query};
    fold_append(&folded, query->text);
    TRY(buf_status(&folded));
    name_index_question_init(&finding.question, buf_str(&folded), query->is_typing);
    finding.slots = arena_new_array(arena, NAME_INDEX_LOOKED_MAX, sizeof *finding.slots);
    if (finding.slots == NULL)
        return ERR_NO_MEMORY;
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++) {
        if (query->first[kind] > NAME_INDEX_FIRST_MAX)
            return ERR_INVALID;
        finding.best[kind] =
            arena_new_array(arena, query->first[kind] + 1u, sizeof(name_index_hit_t));
        if (finding.best[kind] == NULL)
            return ERR_NO_MEMORY;
    }
    err_t err = ERR_OK;
    if (finding.question.count > 0) {
        pthread_rwlock_rdlock(&self->lock);
        err = look_twice(&finding);
        pthread_rwlock_unlock(&self->lock);
    }
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++)
        finding.found.hits[kind] = finding.best[kind];
    finding.found.is_whole = atomic_load(&self->is_whole);
    *out_found = finding.found;
    return err;
}
