#include "runtime/base/utf8.h"
#include "storage/bytes_at.h"
#include "storage/search/fold.h"
#include "storage/search/search_request.h"
#include "storage/search/words.h"

enum { HIGHLIGHT_SIZE_MAX = 4096 }; /* bytes of a text that are looked at */

/* The folded text, and for each of its bytes the character of the text that it comes from. */
typedef struct mapped {
    buf_t folded;
    buf_t starts, ends; /* uint16_t a byte: where that character starts and ends */
} mapped_t;

static void mapped_deinit(mapped_t *self)
{
    buf_deinit(&self->folded);
    buf_deinit(&self->starts);
    buf_deinit(&self->ends);
}

static uint16_t number_at(const buf_t *numbers, size_t index)
{
    return u16_at(buf_str(numbers), index * sizeof(uint16_t));
}

static void put(mapped_t *self, str_t folded, size_t start, size_t end)
{
    uint16_t from = (uint16_t)start, to = (uint16_t)end;
    buf_append(&self->folded, folded);
    for (size_t i = 0; i < folded.size; i++) {
        buf_append_bytes(&self->starts, &from, sizeof from);
        buf_append_bytes(&self->ends, &to, sizeof to);
    }
}

/* What folds to nothing (an accent, an apostrophe) belongs to the character before it. */
static void stretch(mapped_t *self, size_t end)
{
    size_t count = self->folded.size;
    uint16_t to = (uint16_t)end;
    if (count == 0 || buf_status(&self->ends) != ERR_OK)
        return;
    uint16_t start = number_at(&self->starts, count - 1);
    for (size_t i = count; i > 0 && number_at(&self->starts, i - 1) == start; i--)
        memcpy(self->ends.data + (i - 1) * sizeof to, &to, sizeof to);
}

/* Folds a character between two letters: so a blank shows, and what is dropped, too. */
static void put_character(mapped_t *self, str_t text, size_t at, size_t size)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    char room[8] = {'x'};
    memcpy(room + 1, text.data + at, size);
    room[size + 1] = 'x';
    fold_append(&folded, str_of(room, size + 2));
    if (buf_status(&folded) != ERR_OK)
        return;
    str_t inner = str_slice(buf_str(&folded), 1, folded.size - 1);
    if (inner.size == 0)
        stretch(self, at + size);
    else
        put(self, inner, at, at + size);
}

static err_t map(str_t text, mapped_t *out)
{
    for (size_t at = 0; at < text.size;) {
        uint32_t c;
        size_t size = utf8_next(text, at, &c);
        put_character(out, text, at, size);
        at += size;
    }
    TRY(buf_status(&out->folded));
    TRY(buf_status(&out->starts));
    return buf_status(&out->ends);
}

/* ---- spans ---- */

typedef struct spans {
    const mapped_t *mapped;
    search_span_t *items;
    size_t count;
    size_t after; /* a byte of the folded text: what is before is marked or passed */
} spans_t;

static void mark(spans_t *self, size_t from, size_t to)
{
    uint32_t start = number_at(&self->mapped->starts, from);
    uint32_t end = number_at(&self->mapped->ends, to - 1);
    search_span_t *last = self->count > 0 ? &self->items[self->count - 1] : NULL;
    self->after = to;
    if (last != NULL && start < last->start + last->size) {
        last->size = MAX(last->size, end - last->start);
        return;
    }
    if (self->count < SEARCH_SPANS_MAX)
        self->items[self->count++] = (search_span_t){start, end - start};
}

/* How many bytes of the text at `at` are the CJK word, blanks between its characters passed over;
 * 0: it does not stand there. */
static size_t cjk_size(str_t text, size_t at, str_t word)
{
    size_t from = at;
    for (size_t i = 0; i < word.size; i++, at++) {
        while (i > 0 && at < text.size && text.data[at] == ' ')
            at++;
        if (at >= text.size || text.data[at] != word.data[i])
            return 0;
    }
    return words_goes_on(str_slice(text, at, text.size)) ? 0 : at - from;
}

static bool is_cjk(str_t word)
{
    uint32_t c;
    return word.size > 0 && utf8_decode(word, &c) > 0 && words_is_cjk(c);
}

/* The longest of the words that stand at `at` within a run, in bytes. */
static size_t longest_at(str_t text, size_t at, const words_run_t *run, bool is_start,
                         const search_names_t *matched, bool is_typing)
{
    size_t longest = 0;
    for (size_t i = 0; i < matched->count; i++) {
        str_t word = matched->items[i];
        bool is_prefix = is_typing && i + 1 == matched->count, is_there = false;
        if (word.size == 0 || word.size <= longest || is_cjk(word) != run->is_cjk)
            continue;
        if (run->is_cjk) {
            longest = MAX(longest, cjk_size(text, at, word));
            continue;
        }
        if (is_start)
            is_there = is_prefix ? str_starts_with(run->text, word) : str_equal(run->text, word);
        longest = is_there ? word.size : longest;
    }
    return longest;
}

static void mark_run(spans_t *self, str_t text, const words_run_t *run,
                     const search_names_t *matched, bool is_typing)
{
    size_t from = (size_t)(run->text.data - text.data), end = from + run->text.size;
    for (size_t at = MAX(from, self->after); at < end;) {
        size_t size = longest_at(text, at, run, at == from, matched, is_typing);
        if (size > 0)
            mark(self, at, at + size);
        else if (!run->is_cjk)
            return;
        at += size > 0 ? size : MAX((size_t)1, words_character(str_slice(text, at, end)));
    }
}

size_t search_highlight(str_t text, const search_names_t *matched, bool is_typing,
                        search_span_t out_spans[SEARCH_SPANS_MAX])
{
    mapped_t mapped SCOPED(mapped_deinit) = {0};
    spans_t spans = {.mapped = &mapped, .items = out_spans};
    words_run_t run;
    if (matched->count == 0 || map(str_slice(text, 0, HIGHLIGHT_SIZE_MAX), &mapped) != ERR_OK)
        return 0;
    str_t folded = buf_str(&mapped.folded), rest = folded;
    while (words_next(&rest, &run))
        mark_run(&spans, folded, &run, matched, is_typing);
    return spans.count;
}
