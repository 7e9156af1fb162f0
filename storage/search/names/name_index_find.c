/* name_index_find.c -- a question to the names: its stages, and the best of what they find. */

#include "storage/search/names/name_sets.h"
#include "storage/search/query/answer.h"
#include "storage/search/query/rank_text.h"

#include <stdlib.h>

/* How a name answers: the first stage that finds it. */
enum { ABOUT_LEVEL = 1, LEVELS = 4 };

_Static_assert((int)NAME_INDEX_WORDS_MAX == (int)RANK_RUNS_MAX, "what is ranked can be found");

/* A CJK run of which less than a third of the neighbours are there is another one. */
static const double value_part_least = 0.29;

typedef struct ranked_name {
    double score;
    uint32_t slot;
    uint8_t level;
} ranked_name_t;

typedef struct names_of_kind {
    ranked_name_t *items;
    uint32_t count, of_base;
    uint32_t total;
    name_index_hit_t *best; /* room for one more than is asked for */
} names_of_kind_t;

typedef struct finding {
    name_index_t *names;
    arena_t *arena;
    const name_index_query_t *query;
    question_t question;
    name_work_t work;
    uint64_t rank_work; /* of one name */
    name_sets_t sets;
    uint32_t *others; /* slots of names that are not in the base */
    uint32_t other_count;
    names_of_kind_t kinds[NAME_INDEX_KIND_COUNT];
    bool has_exact_answer, has_answer;
    name_index_found_t found;
} finding_t;

/* ---- ranking ---- */

static search_entry_t entry_of(const name_index_item_t *item)
{
    /* Of no kind of the catalog, which has grains of its own. */
    return (search_entry_t){.kind = SEARCH_KIND_COUNT, .title = name_index_item_folded(item)};
}

static bool is_matched(const question_word_t *word, const rank_match_t *match)
{
    if (match->how == RANK_NEAR)
        return match->edits <= word->edits;
    if (match->how == RANK_SOUND) /* is not looked up: it counts where the other words are */
        return false;
    return match->how == RANK_PART ? match->value >= value_part_least : match->value > 0;
}

/* LEVELS: not at all. */
static uint8_t level_of(const question_t *question, const rank_detail_t *detail)
{
    uint8_t lacking = 0;
    for (size_t i = 0; i < question->count; i++)
        if (!is_matched(&question->words[i], &detail->matches[i]))
            lacking++;
    if (lacking == 0)
        return detail->is_exact ? 0 : ABOUT_LEVEL;
    bool is_enough = lacking == 1 ? question->count >= 2 : lacking == 2 && question->count >= 4;
    return is_enough ? (uint8_t)(ABOUT_LEVEL + lacking) : LEVELS;
}

static void rank_slot(finding_t *self, uint32_t slot)
{
    const name_index_item_t *item = name_index_item(self->names, slot);
    search_entry_t entry = entry_of(item);
    names_of_kind_t *kind = &self->kinds[item->kind];
    rank_detail_t detail;
    self->work.spent += self->rank_work;
    double score = rank_entry(&self->question, &entry, &detail);
    uint8_t level = level_of(&self->question, &detail);
    self->has_exact_answer |= level == 0 && detail.is_whole;
    self->has_answer |= level <= ABOUT_LEVEL && detail.is_answer;
    kind->items[kind->count++] = (ranked_name_t){score, slot, level};
}

/* ---- names that are not in the base ---- */

static bool is_wanted(const finding_t *self, const name_index_item_t *item)
{
    return item->text != NULL && self->query->first[item->kind] > 0;
}

static void add_other(finding_t *self, uint32_t slot, uint32_t most)
{
    if (self->other_count < most)
        self->others[self->other_count++] = slot;
    else
        self->found.is_cut = true;
}

/* The asker's own, which nobody else's question comes to. */
static void add_own(finding_t *self, uint32_t most)
{
    const name_index_t *names = self->names;
    uint32_t slot = names->of_owner[name_index_bucket(self->query->asker)];
    for (; slot != NAME_INDEX_NONE; slot = name_index_item(names, slot)->next_of_owner) {
        const name_index_item_t *item = name_index_item(names, slot);
        if (str_equal(name_index_item_owner(item), self->query->asker) && is_wanted(self, item) &&
            name_index_rank(names, slot) == NAME_INDEX_NONE)
            add_other(self, slot, most);
    }
}

/* What was changed since the base was made, the newest first. */
static void add_recent(finding_t *self, uint32_t most)
{
    const name_index_t *names = self->names;
    uint32_t count = MIN(names->recent_count, (uint32_t)NAME_INDEX_RECENT_MAX);
    self->found.is_cut |= count < names->recent_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = names->recent[names->recent_count - 1 - i];
        const name_index_item_t *item = name_index_item(names, slot);
        if (is_wanted(self, item) && name_index_item_is_open(item))
            add_other(self, slot, most);
    }
}

static int by_slot(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* A name may be the asker's own and new. */
static void drop_repeats(finding_t *self)
{
    uint32_t kept = 0;
    qsort(self->others, self->other_count, sizeof *self->others, by_slot);
    for (uint32_t i = 0; i < self->other_count; i++)
        if (kept == 0 || self->others[kept - 1] != self->others[i])
            self->others[kept++] = self->others[i];
    self->other_count = kept;
}

static err_t list_others(finding_t *self)
{
    enum { OWN_MAX = NAME_INDEX_RECENT_MAX };
    self->others =
        arena_new_array(self->arena, OWN_MAX + NAME_INDEX_RECENT_MAX, sizeof *self->others);
    if (self->others == NULL)
        return ERR_NO_MEMORY;
    add_own(self, OWN_MAX);
    add_recent(self, OWN_MAX + NAME_INDEX_RECENT_MAX);
    drop_repeats(self);
    return ERR_OK;
}

/* May it have every word as it stands? A run of CJK may stand torn apart. */
static bool may_have_all(const finding_t *self, uint32_t slot)
{
    str_t folded = name_index_item_folded(name_index_item(self->names, slot));
    for (size_t i = 0; i < self->question.count; i++)
        if (!self->question.words[i].is_cjk && !str_contains(folded, self->question.words[i].text))
            return false;
    return true;
}

/* They are in no set: what may answer exactly is ranked first, the rest where that was not enough.
 */
static void rank_others(finding_t *self, bool is_exact)
{
    for (uint32_t i = 0; i < self->other_count && !name_work_is_spent(&self->work); i++) {
        self->work.spent++;
        if (may_have_all(self, self->others[i]) == is_exact)
            rank_slot(self, self->others[i]);
    }
}

/* ---- stages ---- */

static uint32_t first_rank(const finding_t *self, int kind)
{
    return kind == NAME_INDEX_PERSON ? 0 : self->names->base.people;
}

static uint32_t end_rank(const finding_t *self, int kind)
{
    return kind == NAME_INDEX_PERSON ? self->names->base.people : self->names->base.count;
}

static void take_of_base(finding_t *self, int kind, int lacking)
{
    names_of_kind_t *names = &self->kinds[kind];
    uint32_t rank = first_rank(self, kind), end = end_rank(self, kind);
    while (names->of_base < NAME_INDEX_RANKED_MAX && !name_work_is_spent(&self->work) &&
           name_sets_take(&self->sets, lacking, &rank, end)) {
        rank_slot(self, self->names->base.slots[rank]);
        names->of_base++;
    }
}

/* How many answer at this level: of the base what its sets say, but for those that were seen not to
 * (a word that was left out of the sets); where they are not whole, what was ranked. */
static void count_kind(finding_t *self, int kind, int level, int lacking)
{
    names_of_kind_t *names = &self->kinds[kind];
    uint64_t total = 0;
    for (uint32_t i = 0; i < names->count; i++)
        total += names->items[i].level <= level ? 1 : 0;
    if (self->sets.is_whole && names->of_base == NAME_INDEX_RANKED_MAX) {
        uint64_t in_sets =
            name_sets_count(&self->sets, lacking, first_rank(self, kind), end_rank(self, kind));
        total += in_sets - MIN(in_sets, (uint64_t)NAME_INDEX_RANKED_MAX);
    }
    names->total = (uint32_t)total;
}

static void run_stage(finding_t *self, int level)
{
    int lacking = MAX(level - ABOUT_LEVEL, 0);
    if (level <= ABOUT_LEVEL) {
        rank_others(self, level == 0);
        name_sets_look(&self->sets, level == ABOUT_LEVEL);
    }
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++) {
        if (self->query->first[kind] == 0)
            continue;
        for (int less = 0; less <= lacking && self->sets.size > 0; less++)
            take_of_base(self, kind, less);
        count_kind(self, kind, level, lacking);
    }
}

/* As stages.c: whether what was found until now will do. */
static bool is_enough(finding_t *self, int level)
{
    uint32_t total = self->kinds[0].total + self->kinds[1].total;
    size_t words = self->question.count;
    if (self->query->is_exact || self->work.is_cut)
        return true;
    switch (level) {
    case 0:
        return total >= FOUND_FEW || (words >= 2 && self->has_exact_answer);
    case ABOUT_LEVEL:
        return total >= FOUND_FEW || self->has_answer || words < 2;
    default:
        return total >= FOUND_TOO_FEW || words < 4;
    }
}

/* ---- the best of them ---- */

/* Of equal ones as they sort, so that pages are the same each time. */
static bool is_before(const finding_t *self, const ranked_name_t *a, const ranked_name_t *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    return name_index_order(name_index_item(self->names, a->slot),
                            name_index_item(self->names, b->slot)) < 0;
}

/* The first ones of a kind stand in order in front. Insertion: they are few. */
static uint32_t sort_best(finding_t *self, names_of_kind_t *names, uint32_t most, int level)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        ranked_name_t name = names->items[i];
        if (name.level > level ||
            (count == most && !is_before(self, &name, &names->items[most - 1])))
            continue;
        uint32_t at = count < most ? count++ : most - 1;
        for (; at > 0 && is_before(self, &name, &names->items[at - 1]); at--)
            names->items[at] = names->items[at - 1];
        names->items[at] = name;
    }
    return count;
}

static err_t fill_hit(finding_t *self, uint32_t slot, name_index_hit_t *hit)
{
    const name_index_item_t *item = name_index_item(self->names, slot);
    search_entry_t entry = entry_of(item);
    answer_words_t words = {.count = 0};
    rank_detail_t detail;
    self->work.spent += self->rank_work;
    hit->kind = (name_index_kind_t)item->kind;
    hit->score = rank_entry(&self->question, &entry, &detail);
    hit->key = arena_str(self->arena, name_index_item_key(item));
    hit->name = arena_str(self->arena, name_index_item_name(item));
    if (hit->key.data == NULL || hit->name.data == NULL)
        return ERR_NO_MEMORY;
    answer_add_matches(&words, &self->question, &entry, &detail);
    return answer_keep_words(&words, &self->question, self->query->is_typing, self->arena,
                             &hit->words);
}

static err_t fill_kind(finding_t *self, int kind, int level)
{
    names_of_kind_t *names = &self->kinds[kind];
    uint32_t count = sort_best(self, names, self->query->first[kind], level);
    for (uint32_t i = 0; i < count; i++)
        TRY(fill_hit(self, names->items[i].slot, &names->best[i]));
    self->found.hits[kind] = names->best;
    self->found.counts[kind] = count;
    self->found.totals[kind] = names->total;
    return ERR_OK;
}

/* ---- the whole ---- */

/* Under the lock, for reading. */
static err_t find(finding_t *self)
{
    int level = 0;
    TRY(name_sets_init(&self->sets, &self->names->base, &self->question, &self->work));
    TRY(list_others(self));
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++) {
        self->kinds[kind].items =
            arena_new_array(self->arena, NAME_INDEX_RANKED_MAX + self->other_count,
                            sizeof *self->kinds[kind].items);
        if (self->kinds[kind].items == NULL)
            return ERR_NO_MEMORY;
    }
    for (run_stage(self, level); level + 1 < LEVELS && !is_enough(self, level);
         run_stage(self, level))
        level++;
    self->found.is_fuzzy = level > 0;
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++)
        TRY(fill_kind(self, kind, level));
    return ERR_OK;
}

static err_t prepare(finding_t *self)
{
    const name_index_query_t *query = self->query;
    uint64_t work_max = query->work_max == 0 ? NAME_INDEX_WORK_MAX : query->work_max;
    self->work = (name_work_t){.max = MIN(work_max, (uint64_t)NAME_INDEX_WORK_MAX),
                               .is_stopped = query->is_stopped};
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++) {
        if (query->first[kind] > NAME_INDEX_FIRST_MAX)
            return ERR_INVALID;
        self->kinds[kind].best =
            arena_new_array(self->arena, query->first[kind] + 1u, sizeof(name_index_hit_t));
        if (self->kinds[kind].best == NULL)
            return ERR_NO_MEMORY;
        self->found.hits[kind] = self->kinds[kind].best;
    }
    TRY(question_parse(self->arena, query->text, query->is_typing, &self->question));
    self->rank_work = WORK_RANK; /* as request.c */
    for (size_t i = 0; i < self->question.count; i++)
        self->rank_work += WORK_RANK_WORD + self->question.words[i].text.size;
    return ERR_OK;
}

err_t name_index_find(name_index_t *self, arena_t *arena, const name_index_query_t *query,
                      name_index_found_t *out_found)
{
    finding_t finding = {.names = self, .arena = arena, .query = query};
    TRY(prepare(&finding));
    err_t err = ERR_OK;
    if (finding.question.count > 0) {
        pthread_rwlock_rdlock(&self->lock);
        err = find(&finding);
        pthread_rwlock_unlock(&self->lock);
        name_sets_deinit(&finding.sets);
    }
    finding.found.is_cut |= finding.work.is_cut;
    finding.found.work = finding.work.spent;
    finding.found.is_whole = atomic_load(&self->is_whole);
    *out_found = finding.found;
    return err;
}
