#include "storage/search/query/lyric_line.h"

#include "storage/search/index/terms.h"
#include "storage/search/words.h"

enum { LINE_WORDS_MAX = 64 };

/* ---- times ---- */

/* Digits of a number, and how many there were. */
static size_t take_number(str_t *text, uint32_t *out_value)
{
    size_t size = 0;
    uint32_t value = 0;
    while (size < text->size && size < 6 && text->data[size] >= '0' && text->data[size] <= '9')
        value = value * 10 + (uint32_t)(text->data[size++] - '0');
    *text = str_slice(*text, size, text->size);
    *out_value = value;
    return size;
}

static bool take_char(str_t *text, char c)
{
    if (text->size == 0 || text->data[0] != c)
        return false;
    *text = str_slice(*text, 1, text->size);
    return true;
}

/* One "[mm:ss]" or "[mm:ss.xxx]". */
static bool take_stamp(str_t *line, int64_t *out_ms)
{
    static const uint32_t to_ms[] = {0, 100, 10, 1};
    str_t rest = *line;
    uint32_t minutes, seconds, fraction = 0;
    size_t digits = 0;
    if (!take_char(&rest, '[') || take_number(&rest, &minutes) == 0 || !take_char(&rest, ':') ||
        take_number(&rest, &seconds) == 0)
        return false;
    if (take_char(&rest, '.') || take_char(&rest, ':'))
        digits = take_number(&rest, &fraction);
    if (!take_char(&rest, ']'))
        return false;
    *out_ms = ((int64_t)minutes * 60 + seconds) * 1000;
    if (digits < COUNT_OF(to_ms))
        *out_ms += (int64_t)fraction * to_ms[digits];
    *line = rest;
    return true;
}

int64_t lyric_line_time(str_t *line)
{
    int64_t first = -1, more;
    *line = str_trim(*line);
    if (take_stamp(line, &first))
        while (take_stamp(line, &more))
            continue;
    else if (line->size > 0 && line->data[0] == '[' && line->data[line->size - 1] == ']' &&
             str_find(*line, ':') < line->size)
        *line = str_slice(*line, 0, 0);
    *line = str_trim(*line);
    return first;
}

/* ---- a line's words ---- */

/* Which of the question's words a place of a line has: a bit each. */
typedef struct line {
    str_t text;
    int64_t at_ms;
    uint16_t words[LINE_WORDS_MAX];
    size_t count;
} line_t;

static uint16_t words_at(const question_t *question, const words_run_t *run)
{
    uint16_t bits = 0;
    for (size_t i = 0; i < question->count; i++) {
        const question_word_t *word = &question->words[i];
        bool is_same = word->is_cjk      ? run->is_cjk && words_has(run->text, word->text)
                       : word->is_prefix ? str_starts_with(run->text, word->text)
                                         : str_equal(run->text, word->text);
        bits |= (uint16_t)((is_same ? 1u : 0u) << i);
    }
    return bits;
}

static err_t read_line(str_t text, const question_t *question, buf_t *scratch, line_t *out)
{
    words_run_t run;
    out->at_ms = lyric_line_time(&text);
    out->text = text;
    out->count = 0;
    buf_reset(scratch);
    terms_fold_lyrics_line(scratch, text);
    TRY(buf_status(scratch));
    str_t rest = buf_str(scratch);
    while (out->count < LINE_WORDS_MAX && words_next(&rest, &run))
        out->words[out->count++] = words_at(question, &run);
    return ERR_OK;
}

/* ---- in order ---- */

typedef struct matcher {
    uint16_t row[SEARCH_REQUEST_WORDS_MAX + 1];
} matcher_t;

/* The longest common subsequence, a word of the line after the other: row[j] is how many of the
 * first j words of the question. */
static void step(matcher_t *self, uint16_t words, size_t count)
{
    uint16_t diagonal = 0;
    for (size_t j = 1; j <= count; j++) {
        uint16_t above = self->row[j];
        uint16_t with = (uint16_t)(diagonal + 1);
        if ((words >> (j - 1) & 1) != 0)
            self->row[j] = MAX(self->row[j], with);
        self->row[j] = MAX(self->row[j], self->row[j - 1]);
        diagonal = above;
    }
}

static size_t in_order(const line_t *a, const line_t *b, size_t count)
{
    matcher_t matcher = {{0}};
    for (size_t i = 0; i < a->count; i++)
        step(&matcher, a->words[i], count);
    for (size_t i = 0; b != NULL && i < b->count; i++)
        step(&matcher, b->words[i], count);
    return matcher.row[count];
}

/* All words side by side, over the end of a line, too. */
static bool has_phrase(const line_t *a, const line_t *b, size_t count)
{
    size_t total = a->count + (b != NULL ? b->count : 0);
    for (size_t start = 0; start + count <= total; start++) {
        size_t same = 0;
        while (same < count) {
            size_t at = start + same;
            uint16_t words = at < a->count ? a->words[at] : b->words[at - a->count];
            if ((words >> same & 1) == 0)
                break;
            same++;
        }
        if (same == count)
            return true;
    }
    return false;
}

static bool may_be_better(const line_t *a, const line_t *b, size_t count, const lyric_line_t *best)
{
    unsigned bits = 0;
    for (size_t i = 0; i < a->count; i++)
        bits |= a->words[i];
    for (size_t i = 0; b != NULL && i < b->count; i++)
        bits |= b->words[i];
    size_t most = (size_t)__builtin_popcount(bits);
    return most > best->in_order || (most == best->in_order && most == count && !best->is_phrase);
}

static void weigh(const line_t *a, const line_t *b, size_t count, lyric_line_t *best)
{
    if (!may_be_better(a, b, count, best))
        return;
    size_t found = in_order(a, b, count);
    bool is_phrase = found == count && has_phrase(a, b, count);
    if (found > best->in_order || (found == best->in_order && is_phrase && !best->is_phrase))
        *best = (lyric_line_t){a->text, a->at_ms, found, is_phrase};
}

err_t lyric_line_find(str_t lyrics, const question_t *question, buf_t *scratch,
                      lyric_line_t *out_line)
{
    line_t lines[2];
    size_t count = question->count, at = 0;
    lyric_line_t best = {.at_ms = -1};
    str_t rest = lyrics, text;
    lines[0].count = lines[1].count = 0;
    while (rest.size > 0 && str_next(&rest, '\n', &text) && !best.is_phrase) {
        line_t *line = &lines[at % 2], *before = &lines[(at + 1) % 2];
        TRY(read_line(text, question, scratch, line));
        if (line->count == 0)
            continue;
        weigh(line, NULL, count, &best);
        if (before->count > 0)
            weigh(before, line, count, &best);
        at++;
    }
    *out_line = best;
    return ERR_OK;
}
