#include "storage/search/query/explain.h"

#include "storage/search/query/sets.h"
#include "storage/search/query/stages.h"

enum { NEAR_SHOWN_MAX = 8 };

const char *explain_stage_text(search_stage_t stage)
{
    static const char *const texts[SEARCH_STAGE_COUNT] = {
        "exactly", "about", "all words but one", "all words but two", "lyrics", "no words"};
    return stage < SEARCH_STAGE_COUNT ? texts[stage] : "";
}

static uint64_t count_visible(const query_t *query, const roaring_bitmap_t *set)
{
    return query->visible == NULL ? roaring_bitmap_get_cardinality(set)
                                  : roaring_bitmap_and_cardinality(set, query->visible);
}

/* A word of documents that may not be seen is not shown. */
static bool is_visible(query_t *query, str_t word)
{
    roaring_bitmap_t *set SET_SCOPED = NULL;
    if (query->visible == NULL)
        return true;
    return set_of_term(query, SEARCH_SPACE_WORD, word, &set) == ERR_OK &&
           roaring_bitmap_intersect(set, query->visible);
}

static void append_near(query_t *query, const near_words_t *near)
{
    size_t shown = 0, looked_at = 0;
    for (; looked_at < near->count && shown < NEAR_SHOWN_MAX && !query_is_spent(query);
         looked_at++) {
        const near_word_t *word = &near->items[looked_at];
        if (is_visible(query, word->text))
            buf_printf(&query->notes, "%s%.*s (%u)", shown++ == 0 ? ", near " : ", ",
                       STR_ARG(word->text), word->distance);
    }
    if (looked_at < near->count && query->visible == NULL)
        buf_printf(&query->notes, " and %zu more", near->count - looked_at);
}

void explain_word(query_t *query, const char *how, str_t word, const near_words_t *near,
                  const roaring_bitmap_t *set)
{
    buf_t *notes = &query->notes;
    if (!query->request->wants_explanation)
        return;
    uint64_t count = count_visible(query, set);
    buf_printf(notes, "%s \"%.*s\": %llu document%s", how, STR_ARG(word), (unsigned long long)count,
               count == 1 ? "" : "s");
    if (near != NULL)
        append_near(query, near);
    buf_append_char(notes, '\n');
}

void explain_stage(query_t *query, const char *stage)
{
    if (query->request->wants_explanation)
        buf_printf(&query->notes, "%s: %llu found, work %llu\n", stage,
                   (unsigned long long)stages_found(query), (unsigned long long)query->read.work);
}

static err_t finish(query_t *query, buf_t *text, str_t *out_text)
{
    TRY(buf_status(text));
    *out_text = arena_str(query->arena, buf_str(text));
    return out_text->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t explain_query(query_t *query, str_t *out_text)
{
    if (!query->request->wants_explanation)
        return ERR_OK;
    if (query->is_cut)
        buf_append(&query->notes, STR("the budget was spent: what was found until then\n"));
    return finish(query, &query->notes, out_text);
}

/* A word of the question, on a line of its own. */
static void append_match(buf_t *out, const question_word_t *word, const rank_match_t *match)
{
    buf_printf(out, "\n\"%.*s\"", STR_ARG(word->text));
    if (match->how == RANK_NOT) {
        buf_append(out, STR(" not found"));
        return;
    }
    if (!str_equal(word->text, match->found))
        buf_printf(out, " is \"%.*s\"", STR_ARG(match->found));
    buf_printf(out, " in %s, %s", rank_field_text(match->field), rank_how_text(match->how));
    if (match->how == RANK_NEAR)
        buf_printf(out, " by %u", match->edits);
    buf_printf(out, ": %.2f", match->value);
}

/* What the score is the sum of; what is nothing is not named. */
static void append_sum(buf_t *out, const rank_detail_t *detail)
{
    const struct {
        const char *name;
        double value;
    } parts[] = {{"words", detail->words},
                 {"title covered", detail->coverage},
                 {"order", detail->order},
                 {"whole title", detail->whole},
                 {"artist covered", detail->artist},
                 {"popularity", detail->popularity},
                 {"kind", detail->kind}};
    const char *before = " = ";
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].value < 0.005)
            continue;
        buf_printf(out, "%s%s %.2f", before, parts[i].name, parts[i].value);
        before = " + ";
    }
}

err_t explain_hit(query_t *query, const rank_detail_t *detail, search_stage_t stage, double score,
                  str_t *out_text)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (!query->request->wants_explanation)
        return ERR_OK;
    buf_printf(&text, "%s: %.2f", explain_stage_text(stage), score);
    append_sum(&text, detail);
    for (size_t i = 0; i < query->question.count; i++)
        append_match(&text, &query->question.words[i], &detail->matches[i]);
    return finish(query, &text, out_text);
}
