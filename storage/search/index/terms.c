#include "storage/search/index/terms.h"

#include "runtime/base/utf8.h"
#include "storage/search/fold.h"
#include "storage/search/index/common_words.h"
#include "storage/search/words.h"

enum { PREFIX_MAX = 3 };

/* What is no UTF-8, which folding never leaves, counts as a character of its own. */
static size_t decode(str_t text, uint32_t *out_c)
{
    if (text.size > 0 && (unsigned char)text.data[0] < 0x80) {
        *out_c = (unsigned char)text.data[0];
        return 1;
    }
    size_t size = utf8_decode(text, out_c);
    if (size > 0 || text.size == 0)
        return size;
    *out_c = 0xfffd;
    return 1;
}

static str_t from(str_t text, size_t at)
{
    return str_of(text.data + at, text.size - at);
}

bool terms_starts_cjk(str_t text)
{
    uint32_t c;
    return decode(text, &c) > 0 && words_is_cjk(c);
}

str_t terms_cut(str_t text, size_t size_max)
{
    if (text.size <= size_max)
        return text;
    while (size_max > 0 && ((unsigned char)text.data[size_max] & 0xc0) == 0x80)
        size_max--;
    return str_of(text.data, size_max);
}

size_t terms_prefix_size(str_t text, size_t count)
{
    size_t size = 0;
    uint32_t c;
    for (; count > 0; count--) {
        size_t more = decode(from(text, size), &c);
        if (more == 0)
            return 0;
        size += more;
    }
    return size;
}

void terms_facet_append(buf_t *out, search_space_t space, str_t value)
{
    size_t start = out->size;
    if (space != SEARCH_SPACE_ROOT)
        fold_append(out, value);
    if (out->size == start)
        buf_append(out, value);
    if (buf_status(out) == ERR_OK)
        out->size =
            start + terms_cut(str_slice(buf_str(out), start, out->size), TERM_FACET_SIZE_MAX).size;
}

/* ---- lyrics ---- */

/* "[00:12.34]", "<00:12.34>": the bytes of a time that text starts with, 0 when it does not. */
static size_t time_size(str_t text)
{
    char close = text.size > 0 && text.data[0] == '[' ? ']' : '>';
    if (text.size < 2 || (text.data[0] != '[' && text.data[0] != '<') || text.data[1] < '0' ||
        text.data[1] > '9')
        return 0;
    size_t end = 1;
    while (end < text.size && ((text.data[end] >= '0' && text.data[end] <= '9') ||
                               text.data[end] == ':' || text.data[end] == '.'))
        end++;
    return end < text.size && text.data[end] == close ? end + 1 : 0;
}

/* Text up to the next time. */
static str_t sung(str_t line)
{
    size_t end = 1;
    while (end < line.size &&
           ((line.data[end] != '[' && line.data[end] != '<') || time_size(from(line, end)) == 0))
        end++;
    return str_of(line.data, end);
}

void terms_fold_lyrics_line(buf_t *out, str_t line)
{
    size_t start = out->size;
    while (line.size > 0) {
        size_t skipped = time_size(line), before = out->size;
        str_t text = skipped > 0 ? str_of(line.data, skipped) : sung(line);
        line = from(line, text.size);
        if (skipped > 0)
            continue;
        if (before > start)
            buf_append_char(out, ' ');
        size_t begin = out->size;
        fold_append(out, text);
        if (out->size == begin)
            out->size = before;
    }
}

/* ---- a document ---- */

typedef struct emitter {
    char term[TERM_SIZE_MAX];
    terms_fn each;
    void *context;
} emitter_t;

static err_t emit(emitter_t *self, search_space_t space, str_t text, str_t name)
{
    size_t size = MIN(text.size, sizeof self->term - 1);
    self->term[0] = (char)space;
    memcpy(self->term + 1, text.data, size);
    return self->each(self->context, str_of(self->term, size + 1), name);
}

/* Two characters without what may stand between them. */
static err_t emit_neighbours(emitter_t *self, search_space_t space, str_t a, str_t b)
{
    char both[TERM_SIZE_MAX];
    if (a.size + b.size > sizeof both) /* a kana with a great many marks */
        return ERR_OK;
    memcpy(both, a.data, a.size);
    memcpy(both + a.size, b.data, b.size);
    return emit(self, space, str_of(both, a.size + b.size), (str_t){0});
}

/* *before: the character in front of the run, empty: none. */
static err_t emit_cjk(emitter_t *self, search_space_t space, str_t run, str_t *before)
{
    while (run.size > 0) {
        str_t character = str_of(run.data, words_character(run));
        TRY(emit(self, space, character, (str_t){0}));
        if (before->size > 0)
            TRY(emit_neighbours(self, space, *before, character));
        *before = character;
        run = from(run, character.size);
    }
    return ERR_OK;
}

static err_t emit_prefixes(emitter_t *self, str_t part)
{
    for (size_t count = 1; count <= PREFIX_MAX; count++) {
        size_t size = terms_prefix_size(part, count);
        if (size == 0)
            return ERR_OK;
        TRY(emit(self, SEARCH_SPACE_PREFIX, str_of(part.data, size), (str_t){0}));
    }
    return ERR_OK;
}

static err_t emit_words(emitter_t *self, str_t text)
{
    words_run_t run;
    str_t before = {0};
    while (words_next(&text, &run)) {
        if (run.is_cjk) {
            TRY(emit_cjk(self, SEARCH_SPACE_WORD, run.text, &before));
            continue;
        }
        before = (str_t){0};
        TRY(emit(self, SEARCH_SPACE_WORD, run.text, (str_t){0}));
        TRY(emit_prefixes(self, run.text));
    }
    return ERR_OK;
}

static err_t emit_edge(emitter_t *self, str_t character, terms_edge_t edge)
{
    char mark = (char)edge;
    return character.size == 0
               ? ERR_OK
               : emit_neighbours(self, SEARCH_SPACE_WORD, character, str_of(&mark, 1));
}

static str_t last_character(str_t run)
{
    str_t last = {0};
    for (size_t size; (size = words_character(run)) > 0; run = from(run, size))
        last = str_of(run.data, size);
    return last;
}

/* Runs with nothing but blanks between them are one. */
static err_t emit_edges(emitter_t *self, str_t title)
{
    words_run_t run;
    str_t before = {0};
    while (words_next(&title, &run)) {
        if (run.is_cjk && before.size == 0)
            TRY(emit_edge(self, str_of(run.text.data, words_character(run.text)), TERMS_STARTS));
        if (!run.is_cjk)
            TRY(emit_edge(self, before, TERMS_ENDS));
        before = run.is_cjk ? last_character(run.text) : (str_t){0};
    }
    return emit_edge(self, before, TERMS_ENDS);
}

static err_t emit_pair(emitter_t *self, str_t a, str_t b)
{
    char pair[2 * FOLD_WORD_SIZE_MAX + 1];
    memcpy(pair, a.data, a.size);
    pair[a.size] = ' ';
    memcpy(pair + a.size + 1, b.data, b.size);
    return emit(self, SEARCH_SPACE_LYRIC_PAIR, str_of(pair, a.size + 1 + b.size), (str_t){0});
}

static err_t emit_lyrics(emitter_t *self, str_t folded)
{
    words_run_t run;
    str_t word = {0}, character = {0};
    bool was_common = false;
    while (words_next(&folded, &run)) {
        if (run.is_cjk) {
            TRY(emit_cjk(self, SEARCH_SPACE_LYRIC_WORD, run.text, &character));
            word = (str_t){0};
            continue;
        }
        bool is_common = common_words_has(run.text);
        TRY(emit(self, SEARCH_SPACE_LYRIC_WORD, run.text, (str_t){0}));
        if (word.size > 0 && (is_common || was_common))
            TRY(emit_pair(self, word, run.text));
        word = run.text;
        character = (str_t){0};
        was_common = is_common;
    }
    return ERR_OK;
}

void terms_title_append(buf_t *out, str_t folded)
{
    size_t left = TERM_TITLE_SIZE_MAX;
    str_t word;
    while (folded.size > 0 && left > 0 && str_next(&folded, ' ', &word)) {
        word = terms_cut(word, left);
        buf_append(out, word);
        left -= word.size;
    }
}

static err_t emit_title(emitter_t *emitter, str_t title, buf_t *scratch)
{
    buf_reset(scratch);
    terms_title_append(scratch, title);
    TRY(buf_status(scratch));
    str_t term = buf_str(scratch);
    return term.size == 0 ? ERR_OK : emit(emitter, SEARCH_SPACE_TITLE, term, (str_t){0});
}

static err_t fold_lyrics(str_t lyrics, buf_t *scratch)
{
    str_t line;
    buf_reset(scratch);
    while (lyrics.size > 0 && str_next(&lyrics, '\n', &line)) {
        terms_fold_lyrics_line(scratch, line);
        buf_append_char(scratch, ' ');
    }
    return buf_status(scratch);
}

err_t terms_each(const folded_t *document, buf_t *scratch, terms_fn each, void *context)
{
    emitter_t emitter = {.each = each, .context = context};
    const search_entry_t *entry = &document->entry;
    const str_t texts[] = {entry->title, entry->artist, entry->album, entry->others};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        TRY(emit_words(&emitter, texts[i]));
    TRY(emit_title(&emitter, entry->title, scratch));
    TRY(emit_edges(&emitter, entry->title));
    str_t facets = document->facets;
    folded_facet_t facet;
    while (folded_next_facet(&facets, &facet))
        TRY(emit(&emitter, facet.space, facet.folded, facet.name));
    if (document->lyrics.size == 0)
        return ERR_OK;
    TRY(fold_lyrics(document->lyrics, scratch));
    return emit_lyrics(&emitter, buf_str(scratch));
}
