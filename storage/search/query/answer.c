#include "storage/search/query/answer.h"

#include "storage/search/query/explain.h"
#include "storage/search/query/filter.h"
#include "storage/search/query/sets.h"
#include "storage/search/words.h"

#include <stdlib.h>

/* ---- ranking ---- */

static int by_score(const void *x, const void *y)
{
    const hit_t *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->popularity != b->popularity)
        return a->popularity > b->popularity ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static err_t rank_one(query_t *query, candidate_t candidate, hits_t *hits)
{
    search_entry_t entry;
    rank_detail_t detail;
    TRY(query_before_rank(query));
    err_t err = search_entry(&query->read, candidate.number, &entry);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    double score = rank_entry(&query->question, &entry, &detail);
    hits->items[hits->count++] = (hit_t){
        .id = entry.id,
        .score = score,
        .number = candidate.number,
        .popularity = entry.popularity,
        .kind = entry.kind,
        .stage = candidate.stage,
    };
    return ERR_OK;
}

static err_t hits_new(query_t *query, search_kind_t kind, size_t count)
{
    query->hits[kind].items = arena_new_array(query->arena, MAX(count, (size_t)1), sizeof(hit_t));
    return query->hits[kind].items == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t answer_rank(query_t *query)
{
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        const candidates_t *candidates = &query->candidates[kind];
        hits_t *hits = &query->hits[kind];
        TRY(hits_new(query, kind, candidates->count));
        for (size_t i = 0; i < candidates->count && !query_is_spent(query); i++)
            TRY(rank_one(query, candidates->items[i], hits));
        qsort(hits->items, hits->count, sizeof *hits->items, by_score);
        query->totals[kind] = hits->count;
        if (query->stage == SEARCH_STAGE_EXACT && query_wants(query, kind))
            query->totals[kind] = set_count(query, query->found, kind);
    }
    return ERR_OK;
}

/* ---- browsing ---- */

static size_t page_size(const query_t *query, search_kind_t kind)
{
    return MIN(query->request->first[kind], (uint32_t)SEARCH_RANKED_MAX);
}

/* The number of a kind's document by its place: the base's, then the delta's. */
static bool number_at(const query_t *query, search_kind_t kind, uint64_t place,
                      uint32_t *out_number)
{
    const search_read_t *read = &query->read;
    uint32_t first = read->first_of_kind[kind];
    uint64_t of_base =
        roaring_bitmap_range_cardinality(query->found, first, read->end_of_kind[kind]);
    if (place >= of_base) {
        place -= of_base;
        first = search_delta_first(kind);
    }
    uint64_t before = first == 0 ? 0 : roaring_bitmap_rank(query->found, first - 1);
    return roaring_bitmap_select(query->found, (uint32_t)(before + place), out_number);
}

static err_t browse_kind(query_t *query, search_kind_t kind)
{
    hits_t *hits = &query->hits[kind];
    size_t size = page_size(query, kind);
    query->totals[kind] = size == 0 ? 0 : set_count(query, query->found, kind);
    uint64_t place = query->request->offset[kind], end = MIN(place + size, query->totals[kind]);
    TRY(hits_new(query, kind, size));
    for (; place < end && !query_is_spent(query); place++) {
        candidate_t candidate = {0, SEARCH_STAGE_BROWSE};
        if (number_at(query, kind, place, &candidate.number))
            TRY(rank_one(query, candidate, hits));
    }
    return ERR_OK;
}

err_t answer_browse(query_t *query)
{
    query->stage = SEARCH_STAGE_BROWSE;
    query->found = query->visible != NULL ? roaring_bitmap_copy(query->visible) : NULL;
    if (query->visible == NULL)
        TRY(search_everything(&query->read, &query->found));
    if (query->found == NULL)
        return ERR_NO_MEMORY;
    if (query->keeps_unfiltered)
        TRY(search_everything(&query->read, &query->unfiltered));
    TRY(filter_drop_unpopular(query, query->found));
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        TRY(browse_kind(query, kind));
    return ERR_OK;
}

/* ---- matched words ---- */

void answer_add_word(answer_words_t *self, str_t word)
{
    for (size_t i = 0; i < self->count; i++)
        if (str_equal(self->items[i], word))
            return;
    if (word.size > 0 && self->count < COUNT_OF(self->items) - 1) /* one for what is typed */
        self->items[self->count++] = word;
}

/* Of a CJK run that is there in part: its neighbours that are. */
static void add_pairs(answer_words_t *words, const search_entry_t *entry, str_t run)
{
    const str_t texts[] = {entry->title, entry->artist, entry->album, entry->others};
    for (size_t size; (size = words_character(run)) > 0; run = str_slice(run, size, run.size)) {
        size_t next = words_character(str_slice(run, size, run.size));
        str_t pair = str_slice(run, 0, size + next);
        for (size_t i = 0; next > 0 && i < COUNT_OF(texts); i++)
            if (words_has(texts[i], pair))
                answer_add_word(words, pair);
    }
}

void answer_add_matches(answer_words_t *self, const question_t *question,
                        const search_entry_t *entry, const rank_detail_t *detail)
{
    for (size_t i = 0; i < question->count; i++) {
        const rank_match_t *match = &detail->matches[i];
        str_t rest = match->found, word;
        if (match->how == RANK_PART)
            add_pairs(self, entry, match->found);
        else if (match->how == RANK_EXACT)
            answer_add_word(self, question->words[i].text);
        else if (match->how != RANK_BEGINNING)
            while (rest.size > 0 && str_next(&rest, ' ', &word))
                answer_add_word(self, word);
    }
}

err_t answer_keep_words(const answer_words_t *self, const question_t *question, bool is_typing,
                        arena_t *arena, search_names_t *out_matched)
{
    size_t count = self->count;
    str_t *items = arena_new_array(arena, count + 1, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        if ((items[i] = arena_str(arena, self->items[i])).data == NULL)
            return ERR_NO_MEMORY;
    if (is_typing) {
        bool goes_on = question->count > 0 && question->words[question->count - 1].is_prefix;
        items[count++] = goes_on ? question->words[question->count - 1].text : STR("");
    }
    *out_matched = (search_names_t){items, count};
    return ERR_OK;
}

/* ---- pages ---- */

static err_t fill_result(query_t *query, const hit_t *hit, answer_words_t *words,
                         search_result_t *out_result)
{
    search_entry_t entry;
    rank_detail_t detail;
    *out_result = (search_result_t){
        .kind = hit->kind,
        .id = hit->id,
        .score = hit->score,
        .stage = hit->stage,
        .popularity = hit->popularity,
        .line_at_ms = -1,
    };
    TRY(query_before_rank(query));
    TRY(search_entry(&query->read, hit->number, &entry));
    rank_entry(&query->question, &entry, &detail);
    answer_add_matches(words, &query->question, &entry, &detail);
    return explain_hit(query, &detail, hit->stage, hit->score, &out_result->explanation);
}

static err_t fill_kind(query_t *query, search_kind_t kind, answer_words_t *words,
                       search_found_t *found)
{
    const hits_t *hits = &query->hits[kind];
    /* Browsing made the page already. */
    size_t offset = query->stage == SEARCH_STAGE_BROWSE ? 0 : query->request->offset[kind];
    size_t count = MIN(hits->count - MIN(offset, hits->count), page_size(query, kind));
    search_result_t *results =
        arena_new_array(query->arena, MAX(count, (size_t)1), sizeof *results);
    if (results == NULL)
        return ERR_NO_MEMORY;
    size_t filled = 0;
    for (; filled < count && !query_is_spent(query); filled++)
        TRY(fill_result(query, &hits->items[offset + filled], words, &results[filled]));
    found->results[kind] = results;
    found->counts[kind] = filled;
    found->totals[kind] = query->totals[kind];
    return ERR_OK;
}

err_t answer_fill(query_t *query, search_found_t *out_found)
{
    answer_words_t words = {.count = 0};
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        TRY(fill_kind(query, kind, &words, out_found));
    TRY(answer_meant(query, &out_found->corrected));
    return answer_keep_words(&words, &query->question, query->request->is_typing, query->arena,
                             &out_found->matched);
}
