/* answer_meant.c -- "did you mean": the question as the best hit answers it.
 *
 * A word that nobody has is replaced by what the best hit has for it. One that somebody has was
 * probably meant, so it is replaced only where the best hit has all words and its title nothing
 * else: "star boy" is "starboy", but "lamps along the quay" is no "long lamps of the quay". And
 * what is offered finds more than what was typed. */

#include "storage/search/query/answer.h"
#include "storage/search/query/sets.h"

static void append_word(buf_t *out, str_t word)
{
    if (out->size > 0)
        buf_append_char(out, ' ');
    buf_append(out, word);
}

static bool is_other(const rank_match_t *match)
{
    return match->how == RANK_NEAR || match->how == RANK_SOUND || match->how == RANK_JOINED;
}

/* Every word of the question is there, and every word of the title was asked for. */
static bool is_all(const query_t *query, const rank_detail_t *detail)
{
    for (size_t i = 0; i < query->question.count; i++)
        if (detail->matches[i].how == RANK_NOT)
            return false;
    return detail->is_covered;
}

typedef struct meaning {
    buf_t text;         /* the whole of it */
    buf_t typed, meant; /* of both the words that the best hit has */
    bool is_other;
} meaning_t;

static void meaning_deinit(meaning_t *self)
{
    buf_deinit(&self->text);
    buf_deinit(&self->typed);
    buf_deinit(&self->meant);
}

static err_t find_meaning(const query_t *query, const rank_detail_t *detail, meaning_t *out)
{
    const question_t *question = &query->question;
    bool replaces_known = is_all(query, detail);
    bool is_merged = false; /* the word before took this one in */
    for (size_t i = 0; i < question->count; i++) {
        const question_word_t *word = &question->words[i];
        const rank_match_t *match = &detail->matches[i];
        bool is_replaced = is_other(match) && (replaces_known || !word->is_known);
        str_t meant = is_replaced ? match->found : word->text;
        if (match->how != RANK_NOT)
            append_word(&out->typed, word->text);
        out->is_other |= is_replaced;
        if (is_merged) {
            is_merged = false;
            continue;
        }
        append_word(&out->text, meant);
        if (match->how != RANK_NOT)
            append_word(&out->meant, meant);
        is_merged = is_replaced && match->is_two_words;
    }
    TRY(buf_status(&out->text));
    TRY(buf_status(&out->typed));
    return buf_status(&out->meant);
}

/* How many documents that may be seen have all words as they are. */
static err_t count_exactly(query_t *query, str_t text, bool is_typing, uint64_t *out_count)
{
    question_t question;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    TRY(question_parse(query->arena, text, is_typing, &question));
    for (size_t i = 0; i < question.count && !query_is_spent(query); i++) {
        roaring_bitmap_t *more SET_SCOPED = NULL;
        TRY(set_exact(query, &question.words[i], &more));
        if (set == NULL)
            set = STEAL(more);
        else
            set_and(query, set, more);
    }
    *out_count = 0;
    if (set == NULL || query_is_spent(query))
        return ERR_OK;
    set_and(query, set, query->visible);
    *out_count = roaring_bitmap_get_cardinality(set);
    return ERR_OK;
}

static bool has_unknown(const query_t *query, const rank_detail_t *detail)
{
    for (size_t i = 0; i < query->question.count; i++)
        if (!query->question.words[i].is_known && detail->matches[i].how != RANK_NOT)
            return true;
    return false;
}

static err_t finds_more(query_t *query, const rank_detail_t *detail, const meaning_t *meaning,
                        bool *out_finds_more)
{
    const question_word_t *last = &query->question.words[query->question.count - 1];
    uint64_t typed = 0, meant = 1; /* what a word that nobody has finds; the best hit itself */
    if (!has_unknown(query, detail)) {
        TRY(count_exactly(query, buf_str(&meaning->typed), last->is_prefix, &typed));
        TRY(count_exactly(query, buf_str(&meaning->meant), last->is_prefix, &meant));
    }
    *out_finds_more = meant > typed;
    return ERR_OK;
}

static const hit_t *best_of(const query_t *query)
{
    const hit_t *best = NULL;
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        if (query->hits[kind].count > 0 &&
            (best == NULL || query->hits[kind].items[0].score > best->score))
            best = &query->hits[kind].items[0];
    return best;
}

err_t answer_meant(query_t *query, str_t *out_meant)
{
    search_entry_t entry;
    rank_detail_t detail;
    meaning_t meaning SCOPED(meaning_deinit) = {.is_other = false};
    bool is_better;
    const hit_t *best = best_of(query);
    bool may_be = query->stage != SEARCH_STAGE_EXACT && query->stage <= SEARCH_STAGE_ALL_BUT_TWO;
    /* What stands behind the last word that was looked at would be lost. */
    if (best == NULL || !may_be || query->question.count == SEARCH_REQUEST_WORDS_MAX)
        return ERR_OK;
    TRY(search_entry(&query->read, best->number, &entry));
    rank_entry(&query->question, &entry, &detail);
    TRY(find_meaning(query, &detail, &meaning));
    if (!meaning.is_other)
        return ERR_OK;
    TRY(finds_more(query, &detail, &meaning, &is_better));
    if (!is_better)
        return ERR_OK;
    *out_meant = arena_str(query->arena, buf_str(&meaning.text));
    return out_meant->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}
