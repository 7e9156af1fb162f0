#include "tests/storage/search/naive.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"

enum { LETTERS_MAX = 64 };

void naive_init(naive_t *self)
{
    self->count = 0;
    self->documents = memory_new_array(NAIVE_DOCUMENTS_MAX, sizeof *self->documents);
    ASSERT(self->documents != NULL);
}

void naive_deinit(naive_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        buf_deinit(&self->documents[i].text);
        buf_deinit(&self->documents[i].facets);
    }
    memory_free(self->documents);
}

/* ---- distance ---- */

static size_t letters_of(str_t word, uint32_t *out)
{
    size_t count = 0;
    for (size_t at = 0; at < word.size && count < LETTERS_MAX;) {
        size_t size = utf8_decode(str_slice(word, at, word.size), &out[count]);
        at += MAX(size, (size_t)1);
        count++;
    }
    return count;
}

uint32_t naive_distance(str_t a, str_t b)
{
    uint32_t x[LETTERS_MAX], y[LETTERS_MAX], d[LETTERS_MAX + 1][LETTERS_MAX + 1];
    size_t m = letters_of(a, x), n = letters_of(b, y);
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (uint32_t)(i + j);
                continue;
            }
            d[i][j] = MIN(d[i - 1][j], d[i][j - 1]) + 1;
            d[i][j] = MIN(d[i][j], d[i - 1][j - 1] + (x[i - 1] != y[j - 1]));
            if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[m][n];
}

uint32_t naive_edits(str_t word)
{
    size_t count = utf8_count(word);
    return count < 3 ? 0 : count < 6 ? 1 : 2;
}

/* ---- documents ---- */

static void add_facet(buf_t *out, char facet, const search_names_t *names)
{
    for (size_t i = 0; i < names->count; i++) {
        buf_append_char(out, facet);
        buf_append_char(out, ' ');
        fold_append(out, names->items[i]);
        buf_append_char(out, '\n');
    }
}

static naive_document_t *place_for(naive_t *self, search_kind_t kind, uint64_t id)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->documents[i].kind == kind && self->documents[i].id == id)
            return &self->documents[i];
    ASSERT(self->count < NAIVE_DOCUMENTS_MAX);
    naive_document_t *fresh = &self->documents[self->count++];
    fresh->kind = kind;
    fresh->id = id;
    return fresh;
}

static void take_apart(naive_document_t *self)
{
    str_t rest = buf_str(&self->text), word;
    self->word_count = 0;
    while (fold_next_word(&rest, &word)) {
        ASSERT(self->word_count < NAIVE_WORDS_MAX);
        self->words[self->word_count++] = word;
    }
}

void naive_put(naive_t *self, const search_document_t *document)
{
    naive_document_t *mine = place_for(self, document->kind, document->id);
    str_t names[3] = {document->title, document->artist, document->album};
    buf_reset(&mine->text);
    buf_reset(&mine->facets);
    for (size_t i = 0; i < 3 + document->others.count; i++) {
        fold_append(&mine->text, i < 3 ? names[i] : document->others.items[i - 3]);
        buf_append_char(&mine->text, ' ');
    }
    add_facet(&mine->facets, 'G', &document->genres);
    add_facet(&mine->facets, 'M', &document->moods);
    add_facet(&mine->facets, 'L', &document->languages);
    add_facet(&mine->facets, 'F', &document->formats);
    add_facet(&mine->facets, 'R', &document->roots);
    mine->is_there = true;
    mine->plays = document->plays;
    mine->year = document->year;
    mine->added_at_ms = document->added_at_ms;
    ASSERT(buf_status(&mine->text) == ERR_OK && buf_status(&mine->facets) == ERR_OK);
    take_apart(mine);
}

const naive_document_t *naive_find(const naive_t *self, search_kind_t kind, uint64_t id)
{
    for (size_t i = 0; i < self->count; i++) {
        const naive_document_t *document = &self->documents[i];
        if (document->is_there && document->kind == kind && document->id == id)
            return document;
    }
    return NULL;
}

void naive_remove(naive_t *self, search_kind_t kind, uint64_t id)
{
    place_for(self, kind, id)->is_there = false;
}

/* ---- questions ---- */

bool naive_has_facet(const naive_document_t *document, char facet, str_t value)
{
    buf_t wanted BUF_SCOPED = BUF_INIT;
    buf_append_char(&wanted, facet);
    buf_append_char(&wanted, ' ');
    fold_append(&wanted, value);
    str_t rest = buf_str(&document->facets), line;
    while (rest.data != NULL && str_next(&rest, '\n', &line))
        if (str_equal(line, buf_str(&wanted)))
            return true;
    return false;
}

static bool has_word(const naive_document_t *document, str_t word, bool is_beginning)
{
    for (size_t i = 0; i < document->word_count; i++)
        if (is_beginning ? str_starts_with(document->words[i], word)
                         : str_equal(document->words[i], word))
            return true;
    return false;
}

bool naive_has_words(const naive_document_t *document, str_t folded, bool is_typing)
{
    str_t word;
    while (fold_next_word(&folded, &word)) {
        bool is_last = str_is_empty(str_trim(folded));
        if (!has_word(document, word, is_typing && is_last))
            return false;
    }
    return true;
}

static bool has_near_word(const naive_document_t *document, str_t word)
{
    for (size_t i = 0; i < document->word_count; i++)
        if (naive_distance(document->words[i], word) <= naive_edits(word))
            return true;
    return false;
}

bool naive_is_near(const naive_document_t *document, str_t folded)
{
    str_t word;
    while (fold_next_word(&folded, &word))
        if (!has_near_word(document, word))
            return false;
    return true;
}

static bool has_one_of(const naive_document_t *document, char facet, const search_names_t *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (naive_has_facet(document, facet, wanted->items[i]))
            return true;
    return wanted->count == 0;
}

bool naive_passes(const naive_document_t *document, const search_filter_t *filter)
{
    bool is_year =
        (filter->year_from == 0 || document->year >= filter->year_from) &&
        (filter->year_to == 0 || (document->year > 0 && document->year <= filter->year_to));
    bool is_facet = has_one_of(document, 'G', &filter->genres) &&
                    has_one_of(document, 'M', &filter->moods) &&
                    has_one_of(document, 'L', &filter->languages) &&
                    has_one_of(document, 'F', &filter->formats);
    bool is_seen = filter->roots == NULL;
    for (size_t i = 0; !is_seen && i < filter->roots->count; i++)
        is_seen = naive_has_facet(document, 'R', filter->roots->items[i]);
    return is_year && is_facet && is_seen && document->added_at_ms >= filter->added_since_ms;
}
