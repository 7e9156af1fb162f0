/* name_index_match.c -- a question taken apart, and how well a name answers it. */

#include "runtime/base/utf8.h"
#include "storage/search/index/osa.h"
#include "storage/search/names/name_index_parts.h"

/* On the scale of the index of the catalog (storage/search/query/rank.c), so that both can be
 * ranked together: ten times what the words are worth, and what the name adds. Nobody counts how
 * often a name is meant: it stands in the middle of what is played. */
static const double of_words = 10, of_coverage = 2, of_whole = 2.5, of_same = 5;
static const double value_beginning = 0.97, value_edit = 1.5; /* a letter's share */
static const double value_near_least = 0.3, value_near_most = 0.85;

/* Up to 2 characters none, up to 5 one, then two; of a beginning one from 4 on. */
static uint32_t edits_of(str_t word, bool is_prefix)
{
    size_t characters = utf8_count(word);
    if (is_prefix)
        return characters >= 4 ? 1 : 0;
    return characters < 3 ? 0 : characters < 6 ? 1 : 2;
}

void name_index_question_init(name_index_question_t *self, str_t folded, bool is_typing)
{
    words_run_t run;
    self->folded = folded;
    self->count = 0;
    self->is_fuzzy = false;
    while (self->count < NAME_INDEX_WORDS_MAX && words_next(&folded, &run))
        self->words[self->count++] = (name_index_word_t){.text = run.text, .is_cjk = run.is_cjk};
    if (self->count > 0 && is_typing)
        self->words[self->count - 1].is_prefix = !self->words[self->count - 1].is_cjk;
    for (uint32_t i = 0; i < self->count; i++)
        if (!self->words[i].is_cjk)
            self->words[i].edits_max = edits_of(self->words[i].text, self->words[i].is_prefix);
}

/* Of the word to a text, or, of one that may go on, to what the text begins with; max + 1: more. */
static uint32_t distance(const name_index_word_t *word, str_t text)
{
    osa_t osa;
    uint32_t points[OSA_SIZE_MAX], max = word->edits_max, least = max + 1;
    if (!word->is_prefix)
        return dictionary_distance(word->text, text, max);
    size_t count = MIN(osa_code_points(text, points, OSA_SIZE_MAX), (size_t)OSA_SIZE_MAX);
    if (!osa_init(&osa, word->text, max))
        return max + 1;
    for (uint32_t depth = 1; depth <= count; depth++) {
        if (osa_step(&osa, depth, points[depth - 1]) > max)
            break;
        least = MIN(least, osa_distance(&osa, depth));
    }
    return least;
}

/* Longer or shorter by more than the edits make up for: by bytes, of which a character has four. */
static bool is_far(const name_index_word_t *word, str_t text)
{
    size_t more = (size_t)word->edits_max * 4;
    return word->text.size > text.size + more ||
           (!word->is_prefix && text.size > word->text.size + more);
}

static double near_value(const name_index_word_t *word, uint32_t edits)
{
    double letters = (double)MAX(utf8_count(word->text), (size_t)1);
    double value = 1 - value_edit * edits / letters;
    return MAX(value_near_least, MIN(value, value_near_most));
}

static double value_of(const name_index_question_t *self, const name_index_word_t *word, str_t text)
{
    if (str_equal(word->text, text))
        return 1;
    if (word->is_prefix && str_starts_with(text, word->text))
        return value_beginning;
    if (!self->is_fuzzy || word->edits_max == 0 || is_far(word, text))
        return 0;
    uint32_t edits = distance(word, text);
    return edits > word->edits_max ? 0 : near_value(word, edits);
}

/* The name's words; characters without blanks between them stand together. */
typedef struct name {
    str_t folded;
    words_run_t runs[NAME_INDEX_WORDS_MAX];
    bool is_matched[NAME_INDEX_WORDS_MAX];
    uint32_t count;
} name_t;

/* The run of the name that fits best; false: none does. */
static bool find_best(const name_index_question_t *self, const name_index_word_t *word,
                      name_t *name, double *out_value, str_t *out_text)
{
    uint32_t best = 0;
    double most = 0;
    for (uint32_t i = 0; i < name->count; i++) {
        const words_run_t *run = &name->runs[i];
        double value = 0;
        if (word->is_cjk && run->is_cjk)
            value = str_contains(run->text, word->text) ? 1 : 0;
        else if (!word->is_cjk && !run->is_cjk)
            value = value_of(self, word, run->text);
        if (value > most) {
            most = value;
            best = i;
        }
    }
    if (most <= 0)
        return false;
    name->is_matched[best] = true;
    *out_value = most;
    /* Of a beginning as much as was typed. */
    str_t text = name->runs[best].text;
    *out_text = str_starts_with(text, word->text) || word->is_cjk ? word->text : text;
    return true;
}

bool name_index_compare(const name_index_question_t *self, str_t folded,
                        name_index_match_t *out_match)
{
    name_t name = {.folded = folded};
    double sum = 0, least = 1, value;
    uint32_t matched = 0;
    out_match->word_count = 0;
    while (name.count < NAME_INDEX_WORDS_MAX && words_next(&folded, &name.runs[name.count]))
        name.count++;
    for (uint32_t i = 0; i < self->count; i++) {
        if (!find_best(self, &self->words[i], &name, &value,
                       &out_match->words[out_match->word_count]))
            return false;
        out_match->word_count++;
        sum += value;
        least = MIN(least, value);
    }
    for (uint32_t i = 0; i < name.count; i++)
        matched += name.is_matched[i] ? 1 : 0;
    double coverage = (double)matched / (double)MAX(name.count, 1u);
    double whole = str_equal(self->folded, name.folded)                ? of_same
                   : matched == name.count && least >= value_beginning ? of_whole
                                                                       : 0;
    out_match->score = of_words * sum / self->count + of_coverage * coverage + whole;
    return true;
}
