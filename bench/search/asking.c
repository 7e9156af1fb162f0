#include "bench/search/asking.h"

#include "bench/catalog/words.h"
#include "bench/search/typing.h"
#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRACKS_TRIED = 100000, RESULTS = 20 };

static const char *const kind_names[ASKING_KIND_COUNT] = {
    [ASKING_EXACT] = "exact",
    [ASKING_ARTIST_TITLE] = "artist_title",
    [ASKING_PREFIX] = "prefix",
    [ASKING_BEGUN] = "begun",
    [ASKING_COMPLETION] = "completion",
    [ASKING_TYPO1] = "typo1",
    [ASKING_TYPO2] = "typo2",
    [ASKING_FIRST_LETTER] = "first_letter",
    [ASKING_TORN] = "torn",
    [ASKING_RUN_TOGETHER] = "run_together",
    [ASKING_ACCENT] = "accent",
    [ASKING_MARKS] = "marks",
    [ASKING_CJK] = "cjk",
    [ASKING_CJK_TYPO1] = "cjk_typo1",
    [ASKING_FACET] = "facet",
    [ASKING_ADDED] = "added",
    [ASKING_LYRICS] = "lyrics",
};

const char *asking_kind_name(asking_kind_t kind)
{
    return kind_names[kind];
}

static str_t folded(str_t text, arena_t *arena)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    fold_append(&out, text);
    str_t copy = arena_str(arena, buf_str(&out));
    ASSERT(buf_status(&out) == ERR_OK && copy.data != NULL);
    return copy;
}

/* ---- what is typed ---- */

typedef struct attempt {
    const corpus_t *corpus;
    const search_document_t *target;
    str_t title; /* without "(Live)" */
    uint64_t track, luck;
    buf_t *out;
    search_request_t *request;
    arena_t *arena;
} attempt_t;

static bool type_title(attempt_t *self)
{
    buf_append(self->out, self->title);
    return true;
}

static bool type_artist_title(attempt_t *self)
{
    str_t artist = corpus_main_artist(self->target->artist);
    bool is_artist_first = self->luck & 1;
    buf_append(self->out, is_artist_first ? artist : self->title);
    buf_append_char(self->out, ' ');
    buf_append(self->out, is_artist_first ? self->title : artist);
    return true;
}

static bool type_prefix(attempt_t *self)
{
    str_t text = folded(self->title, self->arena);
    size_t count = 1 + self->luck % 8;
    self->request->is_typing = true;
    buf_append(self->out, typing_begun(text, count));
    return utf8_count(text) > count;
}

static bool type_begun(attempt_t *self)
{
    size_t count = utf8_count(self->title);
    self->request->is_typing = true;
    buf_append(self->out, typing_begun(self->title, count * 4 / 5));
    return count >= (corpus_tongue(self->corpus, self->track) < TONGUE_JAPANESE ? 8 : 5);
}

static bool type_completion(attempt_t *self)
{
    buf_t whole BUF_SCOPED = BUF_INIT;
    self->request->is_typing = true;
    fold_append(&whole, self->title);
    buf_append_char(&whole, ' ');
    fold_append(&whole, corpus_main_artist(self->target->artist));
    size_t count = utf8_count(buf_str(&whole));
    buf_append(self->out, typing_begun(buf_str(&whole), 1 + self->luck % count));
    return true;
}

static bool type_typo1(attempt_t *self)
{
    return typing_mistaken(self->out, self->title, self->luck, 1);
}

static bool type_typo2(attempt_t *self)
{
    return typing_mistaken(self->out, self->title, self->luck, 2);
}

static bool type_first_letter(attempt_t *self)
{
    return typing_first_letter(self->out, self->title, self->luck);
}

static bool type_torn(attempt_t *self)
{
    return typing_torn(self->out, self->title, self->luck);
}

static bool type_run_together(attempt_t *self)
{
    return typing_run_together(self->out, self->title, self->luck);
}

static bool type_accent(attempt_t *self)
{
    str_t text = folded(self->title, self->arena);
    buf_append(self->out, text);
    return text.size + 1 < self->title.size; /* accents and what is folded otherwise take bytes */
}

static bool type_marks(attempt_t *self)
{
    tongue_t tongue = corpus_tongue(self->corpus, self->track);
    str_t plain = folded(self->title, self->arena);
    bool is_marked = plain.size < self->title.size;
    if (is_marked)
        buf_append(self->out, plain);
    else
        tongue_append_marked(self->out, tongue, self->title);
    return true;
}

static bool type_cjk(attempt_t *self)
{
    size_t count = utf8_count(self->title), wanted = 2 + self->luck % 3;
    if (count < wanted + 1 || str_find(self->title, ' ') < self->title.size)
        return false;
    str_t before = typing_begun(self->title, words_mix(self->luck) % (count - wanted + 1));
    str_t rest = str_slice(self->title, before.size, self->title.size);
    buf_append(self->out, typing_begun(rest, wanted));
    return true;
}

static bool type_cjk_typo1(attempt_t *self)
{
    size_t count = utf8_count(self->title);
    return count >= 3 && count <= 6 && typing_other_character(self->out, self->title, self->luck);
}

static bool type_facet(attempt_t *self)
{
    str_t rest = folded(self->title, self->arena), word;
    const search_document_t *target = self->target;
    search_filter_t *filter = &self->request->filter;
    filter->genres = (search_names_t){target->genres.items, 1};
    filter->year_from = target->year / 10 * 10;
    filter->year_to = filter->year_from + 9;
    filter->popularity_min = 10;
    self->request->wants_facets = true;
    while (fold_next_word(&rest, &word))
        if (utf8_count(word) > 2 && buf_str(self->out).size == 0)
            buf_append(self->out, word);
    return buf_str(self->out).size > 0;
}

/* A third of them has no word: all that is new. */
static bool type_added(attempt_t *self)
{
    static const int64_t days[] = {1, 30, 365};
    str_t rest = folded(self->title, self->arena), word;
    self->request->filter.added_since_ms =
        CORPUS_ADDED_LAST_MS - days[self->luck % 3] * CORPUS_DAY_MS;
    self->request->wants_facets = self->luck / 3 % 2 == 0;
    if (self->luck / 6 % 3 == 0)
        return true;
    while (fold_next_word(&rest, &word))
        if (utf8_count(word) > 2 && buf_str(self->out).size == 0)
            buf_append(self->out, word);
    return buf_str(self->out).size > 0;
}

static bool type_lyrics(attempt_t *self)
{
    uint32_t count = 4 + (uint32_t)(self->luck % 3);
    str_t line = corpus_lyric_line(self->corpus, self->track,
                                   (uint32_t)(self->luck >> 8) % CORPUS_LYRIC_LINES, self->arena);
    str_t word;
    self->request->in_lyrics = true;
    for (uint32_t i = 0; i < count && line.size > 0 && str_next(&line, ' ', &word); i++) {
        if (i > 0)
            buf_append_char(self->out, ' ');
        buf_append(self->out, word);
    }
    return buf_str(self->out).size > 0;
}

static bool (*const typists[ASKING_KIND_COUNT])(attempt_t *self) = {
    [ASKING_EXACT] = type_title,
    [ASKING_ARTIST_TITLE] = type_artist_title,
    [ASKING_PREFIX] = type_prefix,
    [ASKING_BEGUN] = type_begun,
    [ASKING_COMPLETION] = type_completion,
    [ASKING_TYPO1] = type_typo1,
    [ASKING_TYPO2] = type_typo2,
    [ASKING_FIRST_LETTER] = type_first_letter,
    [ASKING_TORN] = type_torn,
    [ASKING_RUN_TOGETHER] = type_run_together,
    [ASKING_ACCENT] = type_accent,
    [ASKING_MARKS] = type_marks,
    [ASKING_CJK] = type_cjk,
    [ASKING_CJK_TYPO1] = type_cjk_typo1,
    [ASKING_FACET] = type_facet,
    [ASKING_ADDED] = type_added,
    [ASKING_LYRICS] = type_lyrics,
};

/* ---- about which track ---- */

static bool is_asked_in(asking_kind_t kind, tongue_t tongue)
{
    switch (kind) {
    case ASKING_MARKS:
        return tongue_has_marks(tongue);
    case ASKING_CJK:
    case ASKING_CJK_TYPO1:
        return tongue == TONGUE_JAPANESE;
    case ASKING_ACCENT:
        return tongue > TONGUE_ENGLISH && tongue <= TONGUE_POLISH;
    case ASKING_LYRICS:
        return tongue_has_blanks(tongue);
    case ASKING_TYPO1:
    case ASKING_TYPO2:
    case ASKING_FIRST_LETTER:
    case ASKING_TORN:
    case ASKING_RUN_TOGETHER:
        return tongue <= TONGUE_RUSSIAN;
    case ASKING_EXACT:
    case ASKING_ARTIST_TITLE:
    case ASKING_PREFIX:
    case ASKING_BEGUN:
    case ASKING_COMPLETION:
    case ASKING_FACET:
    case ASKING_ADDED:
    case ASKING_KIND_COUNT:
        break;
    }
    return true;
}

static void ask_for(search_request_t *request, asking_kind_t kind)
{
    bool is_all = kind == ASKING_PREFIX || kind == ASKING_COMPLETION;
    request->first[SEARCH_TRACK] = RESULTS;
    request->first[SEARCH_ALBUM] = is_all ? RESULTS : 0;
    request->first[SEARCH_ARTIST] = is_all ? RESULTS : 0;
}

static bool attempt(asking_t *self, const corpus_t *corpus, uint64_t luck, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    self->request = (search_request_t){0};
    self->target = corpus_document(corpus, SEARCH_TRACK, self->track, arena);
    attempt_t typist = {.corpus = corpus,
                        .target = &self->target,
                        .title = corpus_plain_title(self->target.title),
                        .track = self->track,
                        .luck = luck,
                        .out = &text,
                        .request = &self->request,
                        .arena = arena};
    if (!typists[self->kind](&typist))
        return false;
    ask_for(&self->request, self->kind);
    self->request.text = arena_str(arena, buf_str(&text));
    ASSERT(buf_status(&text) == ERR_OK);
    return true;
}

asking_t asking_make(const corpus_t *corpus, asking_kind_t kind, tongue_t tongue, uint64_t number,
                     arena_t *arena)
{
    asking_t self = {.kind = kind};
    for (uint64_t i = 0; i < TRACKS_TRIED; i++) {
        uint64_t luck = words_mix(number * TRACKS_TRIED + i + (uint64_t)kind * 977);
        self.track = corpus_draw(corpus, luck);
        if (kind == ASKING_LYRICS)
            self.track -= self.track % MAX(corpus->lyrics_every, 1u);
        tongue_t spoken = corpus_tongue(corpus, self.track);
        bool is_wanted = tongue == TONGUE_COUNT ? is_asked_in(kind, spoken) : spoken == tongue;
        if (is_wanted && attempt(&self, corpus, words_mix(luck), arena))
            return self;
    }
    fprintf(stderr, "no track to ask \"%s\" about\n", kind_names[kind]);
    exit(1);
}

/* ---- whether it was found ---- */

bool asking_is_meant(const asking_t *self, const corpus_t *corpus, uint64_t id, arena_t *arena)
{
    if (id == self->track + 1)
        return true;
    if (id == 0 || id > corpus_count(corpus, SEARCH_TRACK))
        return false;
    search_document_t other = corpus_document(corpus, SEARCH_TRACK, id - 1, arena);
    return str_equal(folded(corpus_plain_title(other.title), arena),
                     folded(corpus_plain_title(self->target.title), arena));
}

size_t asking_place(const asking_t *self, const corpus_t *corpus, const search_result_t *results,
                    size_t count, arena_t *arena)
{
    size_t place = 0;
    while (place < count && !asking_is_meant(self, corpus, results[place].id, arena))
        place++;
    return place;
}
