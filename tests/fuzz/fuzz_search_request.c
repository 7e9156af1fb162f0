/* Any bytes as a request: words within their bounds, a score that is a number, spans within the
 * text and in order, a line that is one of the lyrics.
 *
 * The input: a byte (is_typing), then lines: what is typed, a title, an artist, an album; the rest
 * are lyrics. */

#include "runtime/base/assert.h"
#include "storage/search/fold.h"
#include "storage/search/query/lyric_line.h"
#include "storage/search/query/rank.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str_t take_line(str_t *rest)
{
    str_t line = {0};
    if (rest->data != NULL && rest->size > 0)
        str_next(rest, '\n', &line);
    return line;
}

static str_t folded(arena_t *arena, str_t text)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    fold_append(&out, text);
    return arena_str(arena, buf_str(&out));
}

static void check_question(const question_t *question, bool is_typing)
{
    ASSERT(question->count <= SEARCH_REQUEST_WORDS_MAX);
    for (size_t i = 0; i < question->count; i++) {
        const question_word_t *word = &question->words[i];
        ASSERT(word->text.size > 0);
        ASSERT(word->is_cjk || word->text.size <= FOLD_WORD_SIZE_MAX);
        ASSERT(word->edits <= word->edits_ranked && word->edits_ranked <= OSA_EDITS_MAX);
        ASSERT(!word->is_prefix || (is_typing && i + 1 == question->count));
    }
}

static void check_rank(question_t *question, arena_t *arena, str_t *rest)
{
    rank_detail_t detail;
    search_entry_t entry = {.popularity = 50};
    entry.title = folded(arena, take_line(rest));
    entry.artist = folded(arena, take_line(rest));
    entry.album = folded(arena, take_line(rest));
    double score = rank_entry(question, &entry, &detail);
    ASSERT(isfinite(score) && score >= 0);
    for (size_t i = 0; i < question->count; i++)
        ASSERT(detail.matches[i].value >= 0 && detail.matches[i].value <= 1);
    ASSERT(!str_equal(entry.title, question->text) || question->count == 0 || detail.is_whole);
}

static void check_spans(const question_t *question, str_t text, bool is_typing)
{
    str_t items[SEARCH_REQUEST_WORDS_MAX];
    search_span_t spans[SEARCH_SPANS_MAX];
    search_names_t matched = {items, question->count};
    for (size_t i = 0; i < question->count; i++)
        items[i] = question->words[i].text;
    size_t count = search_highlight(text, &matched, is_typing, spans), at = 0;
    ASSERT(count <= SEARCH_SPANS_MAX);
    for (size_t i = 0; i < count; i++) {
        ASSERT(spans[i].start >= at && spans[i].size > 0);
        at = (size_t)spans[i].start + spans[i].size;
        ASSERT(at <= text.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t scratch BUF_SCOPED = BUF_INIT;
    question_t question;
    lyric_line_t line;
    if (size < 2)
        return 0;
    bool is_typing = (data[0] & 1) != 0;
    str_t rest = str_of(data + 1, size - 1), typed = take_line(&rest), all = rest;
    ASSERT(question_parse(&arena, typed, is_typing, &question) == ERR_OK);
    check_question(&question, is_typing);
    check_spans(&question, typed, is_typing);
    check_spans(&question, all, is_typing);
    check_rank(&question, &arena, &rest);
    ASSERT(lyric_line_find(rest, &question, &scratch, &line) == ERR_OK);
    ASSERT(line.in_order <= question.count);
    ASSERT(line.in_order == 0 || line.text.data >= rest.data);
    return 0;
}
