#include "storage/search/query/rank.h"

#include "storage/search/query/rank_text.h"

static const struct {
    double words, coverage, order, title_same, title_whole, title_begins, others_phrase, artist;
    double popularity;
    double kinds[SEARCH_KIND_COUNT];
    double fields[RANK_FIELD_COUNT];
} rank_weights = {
    .words = 10.0,
    .coverage = 2.0,
    .order = 1.0,
    .title_same = 5.0,  /* more than all popularity: the exact title first */
    .title_whole = 2.5, /* every word of it, with an artist's or in another order */
    .title_begins = 1.0,
    .others_phrase = 2.5, /* an alias has no coverage of its own */
    .artist = 0.5,
    .popularity = 4.5, /* as much as half of the words: an original is known 20 to 60 better */
    .kinds = {[SEARCH_TRACK] = 0.1, [SEARCH_ALBUM] = 0.0, [SEARCH_ARTIST] = 0.3},
    .fields = {1.0, 0.95, 0.7, 0.9},
};
/* A match below this is looked for in further fields, and in words that were torn apart. */
static const double value_good = 0.7;
/* One that is what was meant, if all else of the title is there: an edit in four letters is another
 * word as often as not. */
static const double value_fair = 0.65;

const char *rank_how_text(rank_how_t how)
{
    static const char *const texts[RANK_HOW_COUNT] = {
        "not found", "exactly", "as a beginning", "joined", "misspelt", "by ear", "in part"};
    return how < RANK_HOW_COUNT ? texts[how] : "";
}

const char *rank_field_text(rank_field_t field)
{
    static const char *const texts[RANK_FIELD_COUNT] = {"title", "artist", "album", "other names"};
    return field < RANK_FIELD_COUNT ? texts[field] : "";
}

/* The fields of an entry, taken apart when they are first asked for. */
typedef struct fields {
    rank_text_t texts[RANK_FIELD_COUNT];
    bool is_split[RANK_FIELD_COUNT];
    const search_entry_t *entry;
} fields_t;

static rank_text_t *field_of(fields_t *self, rank_field_t field)
{
    const str_t texts[] = {self->entry->title, self->entry->artist, self->entry->album,
                           self->entry->others};
    if (!self->is_split[field]) {
        rank_text_init(&self->texts[field], texts[field]);
        self->is_split[field] = true;
    }
    return &self->texts[field];
}

static void keep_better(rank_match_t *best, rank_match_t match, rank_field_t field)
{
    match.value *= rank_weights.fields[field];
    match.field = field;
    if (match.value > best->value)
        *best = match;
}

static void look_in(fields_t *fields, rank_field_t field, question_word_t *word, rank_match_t *best)
{
    bool is_plain = best->value >= value_good;
    keep_better(best, rank_text_match(field_of(fields, field), word, is_plain), field);
}

static void match_words(question_t *question, fields_t *fields, rank_match_t *matches)
{
    for (size_t i = 0; i < question->count; i++) {
        question_word_t *word = &question->words[i];
        matches[i] = (rank_match_t){0};
        /* The artist's too where the title has it: "Queen" by Queen has both. */
        look_in(fields, RANK_TITLE, word, &matches[i]);
        look_in(fields, RANK_ARTIST, word, &matches[i]);
        if (matches[i].value >= value_good)
            continue;
        look_in(fields, RANK_ALBUM, word, &matches[i]);
        look_in(fields, RANK_OTHERS, word, &matches[i]);
    }
}

/* Words of the question that are one word of the document. */
static void match_merged(question_t *question, fields_t *fields, rank_match_t *matches)
{
    for (size_t i = 0; i + 1 < question->count; i++) {
        question_word_t *merged = &question->merged[i];
        if (merged->size == 0 || MIN(matches[i].value, matches[i + 1].value) >= value_good)
            continue;
        for (rank_field_t field = RANK_TITLE; field < RANK_FIELD_COUNT; field++) {
            rank_match_t match = rank_text_match_merged(field_of(fields, field), merged);
            match.is_two_words = true;
            if (match.value * rank_weights.fields[field] <=
                (matches[i].value + matches[i + 1].value) / 2)
                continue;
            keep_better(&matches[i], match, field);
            keep_better(&matches[i + 1], match, field);
            matches[i + 1].is_two_words = false;
        }
    }
}

static double mean_of(const question_t *question, const rank_match_t *matches)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < question->count; i++) {
        sum += question->words[i].weight * matches[i].value;
        weights += question->words[i].weight;
    }
    return weights > 0 ? sum / weights : 0.0;
}

static void look_over(const question_t *question, double coverage, rank_detail_t *detail)
{
    detail->is_exact = question->count > 0;
    detail->is_covered = coverage >= 1.0;
    detail->is_answer = question->count > 0 && detail->is_covered;
    for (size_t i = 0; i < question->count; i++) {
        const rank_match_t *match = &detail->matches[i];
        detail->is_exact &= match->how == RANK_EXACT || match->how == RANK_BEGINNING;
        detail->is_answer &= match->value >= value_fair;
    }
}

/* The part of neighbours in the question that are neighbours in a field. */
static double order_of(const question_t *question, const rank_match_t *matches)
{
    size_t kept = 0;
    for (size_t i = 0; i + 1 < question->count; i++) {
        const rank_match_t *a = &matches[i], *b = &matches[i + 1];
        bool is_there = a->value > 0 && b->value > 0 && a->field == b->field;
        kept += is_there && (b->place == a->place + 1 || a->is_two_words) ? 1 : 0;
    }
    return question->count < 2 ? 0.0 : (double)kept / (double)(question->count - 1);
}

/* The question's text at the bounds of words. */
static bool has_phrase(str_t text, str_t phrase)
{
    while (phrase.size > 0 && phrase.size <= text.size) {
        const char *found = memmem(text.data, text.size, phrase.data, phrase.size);
        if (found == NULL)
            return false;
        size_t at = (size_t)(found - text.data), end = at + phrase.size;
        if ((at == 0 || text.data[at - 1] == ' ') && (end == text.size || text.data[end] == ' '))
            return true;
        text = str_slice(text, at + 1, text.size);
    }
    return false;
}

static double whole_of(const question_t *question, const search_entry_t *entry,
                       const rank_detail_t *detail, double coverage)
{
    if (question->text.size == 0)
        return 0.0;
    if (str_equal(entry->title, question->text))
        return rank_weights.title_same;
    if (detail->is_exact && coverage >= 1.0)
        return rank_weights.title_whole;
    if (has_phrase(entry->others, question->text))
        return rank_weights.others_phrase;
    return question->words[question->count - 1].is_prefix &&
                   str_starts_with(entry->title, question->text)
               ? rank_weights.title_begins
               : 0.0;
}

double rank_entry(question_t *question, const search_entry_t *entry, rank_detail_t *out_detail)
{
    fields_t fields; /* 5 KiB that need no zeroes */
    memset(fields.is_split, 0, sizeof fields.is_split);
    fields.entry = entry;
    rank_detail_t *detail = out_detail;
    match_words(question, &fields, detail->matches);
    match_merged(question, &fields, detail->matches);
    double coverage = rank_text_coverage(field_of(&fields, RANK_TITLE));
    look_over(question, coverage, detail);
    double whole = whole_of(question, entry, detail, coverage);
    detail->is_whole = whole >= rank_weights.title_whole;
    detail->words = rank_weights.words * mean_of(question, detail->matches);
    detail->coverage = rank_weights.coverage * coverage;
    detail->order = rank_weights.order * order_of(question, detail->matches);
    detail->whole = whole;
    detail->artist = rank_weights.artist * rank_text_coverage(field_of(&fields, RANK_ARTIST));
    detail->popularity = rank_weights.popularity * MIN(entry->popularity, 100u) / 100.0;
    detail->kind = entry->kind < SEARCH_KIND_COUNT ? rank_weights.kinds[entry->kind] : 0.0;
    return detail->words + detail->coverage + detail->order + detail->whole + detail->artist +
           detail->popularity + detail->kind;
}
