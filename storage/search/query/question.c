#include "storage/search/query/question.h"

#include "runtime/base/utf8.h"
#include "storage/search/fold.h"
#include "storage/search/words.h"

static uint32_t edits_of(uint32_t size, bool is_prefix)
{
    if (is_prefix)
        return size < 4 ? 0 : 1;
    return size < 3 ? 0 : size < 6 ? 1 : 2;
}

static double weight_of(uint32_t size, bool is_cjk)
{
    static const double weights[] = {0.5, 0.5, 0.7, 0.85};
    return is_cjk || size >= COUNT_OF(weights) ? 1.0 : weights[size];
}

void question_word_init(question_word_t *out, str_t text, bool is_cjk, bool is_prefix)
{
    out->text = text;
    out->is_cjk = is_cjk;
    out->is_prefix = is_prefix;
    out->is_known = false;
    out->size = is_cjk ? words_characters(text) : (uint32_t)utf8_count(text);
    out->edits = edits_of(out->size, is_prefix && !is_cjk);
    out->edits_ranked = out->edits + (is_prefix || is_cjk || out->size < 4 ? 0 : 1);
    out->weight = weight_of(out->size, is_cjk);
    sound_of(is_prefix ? STR("") : text, &out->sound);
    if (!(is_cjk ? osa_init_kana : osa_init)(&out->osa, text, out->edits_ranked))
        out->edits = out->edits_ranked = 0; /* too long to be measured */
}

static bool is_there(const question_t *self, str_t word)
{
    for (size_t i = 0; i < self->count; i++)
        if (str_equal(self->words[i].text, word))
            return true;
    return false;
}

static str_t cut(str_t text)
{
    size_t size = MIN(text.size, (size_t)SEARCH_REQUEST_SIZE_MAX);
    while (size < text.size && size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    return str_slice(text, 0, size);
}

/* Does nothing stand behind the last word that would end it? */
static bool goes_on(str_t text)
{
    return text.size > 0 && text.data[text.size - 1] != ' ';
}

static uint32_t merged_edits(const question_word_t *merged, size_t count)
{
    uint32_t edits = merged->size < 6 ? 0 : merged->size < 10 || count > 2 ? 1 : 2;
    return MIN(edits, merged->edits);
}

static err_t merge_neighbours(arena_t *arena, question_t *self)
{
    self->merged = arena_new_array(arena, MAX(self->count, (size_t)1), sizeof *self->merged);
    if (self->merged == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i + 1 < self->count; i++) {
        const question_word_t *a = &self->words[i], *b = &self->words[i + 1];
        if (a->is_cjk || b->is_cjk || a->text.size + b->text.size > FOLD_WORD_SIZE_MAX)
            continue;
        str_t text = arena_printf(arena, "%.*s%.*s", STR_ARG(a->text), STR_ARG(b->text));
        if (text.data == NULL)
            return ERR_NO_MEMORY;
        question_word_init(&self->merged[i], text, false, b->is_prefix);
        /* Torn apart, it is wrong already; and each walk costs as much as a word's. */
        self->merged[i].edits = merged_edits(&self->merged[i], self->count);
        self->merged[i].edits_ranked = self->merged[i].edits;
    }
    return ERR_OK;
}

err_t question_parse(arena_t *arena, str_t text, bool is_typing, question_t *out_question)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    question_t self = {0};
    words_run_t runs[SEARCH_REQUEST_WORDS_MAX];
    size_t count = 0;
    text = cut(text);
    fold_append(&folded, text);
    TRY(buf_status(&folded));
    self.text = arena_str(arena, buf_str(&folded));
    if (self.text.data == NULL)
        return ERR_NO_MEMORY;
    str_t rest = self.text;
    while (count < COUNT_OF(runs) && words_next(&rest, &runs[count]))
        count++;
    self.words = arena_new_array(arena, MAX(count, (size_t)1), sizeof *self.words);
    if (self.words == NULL)
        return ERR_NO_MEMORY;
    bool is_whole = rest.size == 0 || count < COUNT_OF(runs);
    for (size_t i = 0; i < count; i++) {
        bool is_prefix = is_typing && is_whole && i + 1 == count && goes_on(text);
        if (!is_prefix && is_there(&self, runs[i].text))
            continue;
        question_word_init(&self.words[self.count++], runs[i].text, runs[i].is_cjk, is_prefix);
    }
    TRY(merge_neighbours(arena, &self));
    *out_question = self;
    return ERR_OK;
}
