#include "storage/search/query/lyrics.h"

#include "storage/search/index/common_words.h"
#include "storage/search/query/answer.h"
#include "storage/search/query/explain.h"
#include "storage/search/query/lyric_line.h"
#include "storage/search/query/sets.h"
#include "storage/search/query/stages.h"
#include "storage/search/words.h"

#include <stdlib.h>

/* A phrase as it was sung is worth more than popularity; a word less costs a part of ten. */
static const double weight_words = 10.0, weight_phrase = 5.0, weight_popularity = 4.5;
enum { WORDS_MIN_FOR_ONE_WRONG = 3, READ_MIN = 60 };

typedef struct line_hit {
    hit_t hit; /* first: sorted as one */
    lyric_line_t line;
} line_hit_t;

struct lyrics_hits {
    line_hit_t *items;
    size_t count, full; /* full: of the base, with all words side by side */
};

/* ---- candidates ---- */

static bool is_common(const question_word_t *word)
{
    return !word->is_cjk && common_words_has(word->text);
}

/* The set becomes what of it has the term, too; NULL is everything. */
static err_t cut_by_term(query_t *query, search_space_t space, str_t term, roaring_bitmap_t **set)
{
    roaring_bitmap_t *more SET_SCOPED = NULL;
    TRY(set_of_term(query, space, term, &more));
    if (*set == NULL)
        *set = STEAL(more);
    else
        set_and(query, *set, more);
    return ERR_OK;
}

static err_t cut_by_run(query_t *query, str_t run, roaring_bitmap_t **set)
{
    for (size_t size; (size = words_character(run)) > 0; run = str_slice(run, size, run.size)) {
        size_t next = words_character(str_slice(run, size, run.size));
        if (next == 0 && *set != NULL)
            break; /* the last character stands in a pair */
        TRY(cut_by_term(query, SEARCH_SPACE_LYRIC_WORD, str_slice(run, 0, size + next), set));
    }
    return ERR_OK;
}

static err_t cut_by_pair(query_t *query, size_t index, roaring_bitmap_t **set)
{
    const question_word_t *a = &query->question.words[index], *b = a + 1;
    buf_t term BUF_SCOPED = BUF_INIT;
    buf_printf(&term, "%.*s %.*s", STR_ARG(a->text), STR_ARG(b->text));
    TRY(buf_status(&term));
    return cut_by_term(query, SEARCH_SPACE_LYRIC_PAIR, buf_str(&term), set);
}

/* Whether two neighbours of the question are looked up as a pair. */
static bool is_pair(const query_t *query, size_t index, size_t left_out)
{
    const question_t *question = &query->question;
    if (index + 1 >= question->count || index == left_out || index + 1 == left_out)
        return false;
    const question_word_t *a = &question->words[index], *b = a + 1;
    return !a->is_cjk && !b->is_cjk && !b->is_prefix && (is_common(a) || is_common(b));
}

/* Who has all words but one (question.count: all). A beginning has no list. */
static err_t find_tracks(query_t *query, size_t left_out, bool uses_pairs,
                         roaring_bitmap_t **out_set)
{
    const question_t *question = &query->question;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    for (size_t i = 0; i < question->count; i++) {
        const question_word_t *word = &question->words[i];
        bool is_in_pair = uses_pairs && (is_pair(query, i, left_out) ||
                                         (i > 0 && is_pair(query, i - 1, left_out)));
        if (i == left_out || (word->is_prefix && question->count > 1))
            continue;
        if (uses_pairs && is_pair(query, i, left_out))
            TRY(cut_by_pair(query, i, &set));
        if (is_in_pair && is_common(word))
            continue;
        TRY(word->is_cjk ? cut_by_run(query, word->text, &set)
                         : cut_by_term(query, SEARCH_SPACE_LYRIC_WORD, word->text, &set));
    }
    if (set == NULL && (set = roaring_bitmap_create()) == NULL)
        return ERR_NO_MEMORY;
    *out_set = STEAL(set);
    return ERR_OK;
}

/* ---- lines ---- */

static size_t wrong_max(const question_t *question)
{
    return question->count < WORDS_MIN_FOR_ONE_WRONG ? 0 : MAX((size_t)1, question->count / 4);
}

static err_t weigh(query_t *query, uint32_t number, const lyric_line_t *line, lyrics_hits_t *hits)
{
    search_entry_t entry;
    size_t count = query->question.count;
    if (line->in_order + wrong_max(&query->question) < count)
        return ERR_OK;
    query->read.work += WORK_RANK;
    TRY(search_entry(&query->read, number, &entry));
    if (entry.popularity < query->request->filter.popularity_min)
        return ERR_OK;
    double score = weight_words * (double)line->in_order / (double)count +
                   (line->is_phrase ? weight_phrase : 0.0) +
                   weight_popularity * MIN(entry.popularity, 100u) / 100.0;
    hits->full += line->is_phrase && number < SEARCH_DELTA_FIRST ? 1 : 0;
    hits->items[hits->count++] = (line_hit_t){
        {entry.id, score, number, entry.popularity, SEARCH_TRACK, SEARCH_STAGE_LYRICS}, *line};
    return ERR_OK;
}

static err_t read_track(query_t *query, uint32_t number, buf_t *scratch, lyrics_hits_t *hits)
{
    str_t lyrics;
    lyric_line_t line;
    err_t err = search_lyrics(&query->read, number, &lyrics);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && lyrics.size == 0))
        return ERR_OK;
    TRY(err);
    TRY(query_go_on(query));
    query->read.work += WORK_NUMBER + lyrics.size / WORK_LYRICS_SHARE;
    TRY(lyric_line_find(lyrics, &query->question, scratch, &line));
    return line.in_order == 0 ? ERR_OK : weigh(query, number, &line, hits);
}

/* As many whole phrases as the page has are enough: what follows is less popular. The delta's are
 * all read before: they have no order, and a page would else have others than the one before it. */
static bool is_enough(const query_t *query, const lyrics_hits_t *hits)
{
    uint64_t page =
        (uint64_t)query->request->first[SEARCH_TRACK] + query->request->offset[SEARCH_TRACK];
    return hits->count == SEARCH_RANKED_MAX || hits->full >= page;
}

static err_t read_tracks(query_t *query, lyrics_hits_t *hits)
{
    buf_t scratch BUF_SCOPED = BUF_INIT;
    const candidates_t *tracks = &query->candidates[SEARCH_TRACK];
    for (size_t i = 0; i < tracks->count && !is_enough(query, hits); i++) {
        if (query_is_spent(query))
            break;
        TRY(read_track(query, tracks->items[i].number, &scratch, hits));
    }
    return ERR_OK;
}

static int by_score(const void *x, const void *y)
{
    const hit_t *a = &((const line_hit_t *)x)->hit, *b = &((const line_hit_t *)y)->hit;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* ---- the whole ---- */

static err_t find_and_read(query_t *query, size_t left_out, bool uses_pairs, lyrics_hits_t *hits)
{
    size_t count = query->question.count;
    /* Without a word there are many sets, and less in each. */
    size_t limit = left_out == count ? 0 : MAX(SEARCH_RANKED_MAX / count, (size_t)READ_MIN);
    roaring_bitmap_t *set SET_SCOPED = NULL;
    query->candidates[SEARCH_TRACK].count = 0;
    TRY(find_tracks(query, left_out, uses_pairs, &set));
    TRY(stages_keep(query, set, SEARCH_STAGE_LYRICS, limit));
    return read_tracks(query, hits);
}

err_t lyrics_run(query_t *query)
{
    lyrics_hits_t *hits = arena_new(query->arena, sizeof *hits);
    size_t count = query->question.count;
    query->stage = SEARCH_STAGE_LYRICS;
    query->lines = hits;
    if (hits == NULL)
        return ERR_NO_MEMORY;
    hits->items = arena_new_array(query->arena, SEARCH_RANKED_MAX, sizeof *hits->items);
    if (hits->items == NULL)
        return ERR_NO_MEMORY;
    if (!query_wants(query, SEARCH_TRACK))
        return ERR_OK;
    TRY(find_and_read(query, count, true, hits));
    explain_stage(query, "all words");
    if (hits->count < FOUND_FEW)
        TRY(find_and_read(query, count, false, hits));
    for (size_t i = 0; i < count && count >= WORDS_MIN_FOR_ONE_WRONG; i++)
        if (hits->count < FOUND_FEW && !query_is_spent(query))
            TRY(find_and_read(query, i, true, hits));
    explain_stage(query, "all words but one");
    qsort(hits->items, hits->count, sizeof *hits->items, by_score);
    return ERR_OK;
}

static err_t fill_result(query_t *query, const line_hit_t *item, search_result_t *out_result)
{
    *out_result = (search_result_t){
        .kind = SEARCH_TRACK,
        .id = item->hit.id,
        .score = item->hit.score,
        .stage = SEARCH_STAGE_LYRICS,
        .popularity = item->hit.popularity,
        .line = arena_str(query->arena, item->line.text),
        .line_at_ms = item->line.at_ms,
    };
    if (out_result->line.data == NULL)
        return ERR_NO_MEMORY;
    if (!query->request->wants_explanation)
        return ERR_OK;
    out_result->explanation = arena_printf(
        query->arena, "lyrics: %zu of %zu words in order%s, popularity %u = %.2f",
        item->line.in_order, query->question.count, item->line.is_phrase ? ", side by side" : "",
        item->hit.popularity, item->hit.score);
    return out_result->explanation.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t lyrics_fill(query_t *query, search_found_t *out_found)
{
    const lyrics_hits_t *hits = query->lines;
    const question_t *question = &query->question;
    size_t offset = MIN((size_t)query->request->offset[SEARCH_TRACK], hits->count);
    size_t count = MIN(hits->count - offset, (size_t)query->request->first[SEARCH_TRACK]);
    search_result_t *results =
        arena_new_array(query->arena, MAX(count, (size_t)1), sizeof *results);
    str_t *matched = arena_new_array(query->arena, question->count + 1, sizeof *matched);
    if (results == NULL || matched == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        TRY(fill_result(query, &hits->items[offset + i], &results[i]));
    for (size_t i = 0; i < question->count; i++)
        matched[i] = question->words[i].text;
    bool goes_on = question->words[question->count - 1].is_prefix;
    out_found->matched = (search_names_t){
        matched, question->count + (query->request->is_typing && !goes_on ? 1 : 0)};
    out_found->results[SEARCH_TRACK] = results;
    out_found->counts[SEARCH_TRACK] = count;
    out_found->totals[SEARCH_TRACK] = hits->count;
    return ERR_OK;
}
