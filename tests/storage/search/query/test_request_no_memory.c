/* Questions with the n-th allocation failing, n from 1 until none is left to fail: each says
 * NO_MEMORY and leaves no block, or answers as if nothing had failed. libroaring's own allocations
 * are not among them: 0.2 takes no other allocator. */

#include "runtime/base/memory.h"
#include "tests/storage/search/query/shelf.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"

static const shelf_row_t rows[] = {
    SHELF_TRACK(1, "Bohemian Rhapsody", "Queen", "A Night at the Opera", 900, .genre = "Rock",
                .year = 1975, .language = "en", .lyrics = "[00:01.00]Is this the real life\n"),
    SHELF_TRACK(2, "Smells Like Teen Spirit", "Nirvana", "Nevermind", 800, .genre = "Grunge",
                .year = 1991, .language = "en"),
    SHELF_TRACK(3, "夜に駆ける", "YOASOBI", "THE BOOK", 700, .year = 2019, .language = "ja"),
    SHELF_ALBUM(1, "A Night at the Opera", "Queen", 950),
    SHELF_ARTIST(1, "Queen", 5000),
    SHELF_END,
};

typedef struct asked {
    shelf_t shelf;
    const char *what;
    search_request_t request;
    char *want;           /* how the answer is without a failure, */
    uint64_t want_digest; /* and what is made of it without an allocation */
    uint64_t got_digest;
} asked_t;

static uint64_t mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * 1099511628211u; /* FNV-1a, a value at a time */
}

static uint64_t digest_of(const search_found_t *found)
{
    uint64_t digest = found->matched.count + 7 * found->corrected.size + found->explanation.size;
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        digest = mix(digest, found->totals[kind]);
        for (size_t i = 0; i < found->counts[kind]; i++)
            digest =
                mix(digest, found->results[kind][i].id + found->results[kind][i].explanation.size +
                                found->results[kind][i].line.size);
    }
    for (size_t facet = 0; facet < SEARCH_FACET_COUNT; facet++)
        for (size_t i = 0; i < found->facets[facet].count; i++)
            digest = mix(digest, found->facets[facet].items[i].count);
    return digest;
}

/* All that is shown, as one text. */
static char *written(const search_found_t *found)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        for (size_t i = 0; i < found->counts[kind]; i++)
            buf_printf(&out, "%u/%lu %.*s %.*s\n", kind, (unsigned long)found->results[kind][i].id,
                       STR_ARG(found->results[kind][i].line),
                       STR_ARG(found->results[kind][i].explanation));
    for (size_t facet = 0; facet < SEARCH_FACET_COUNT; facet++)
        for (size_t i = 0; i < found->facets[facet].count; i++)
            buf_printf(&out, "%.*s %lu\n", STR_ARG(found->facets[facet].items[i].value),
                       (unsigned long)found->facets[facet].items[i].count);
    for (size_t i = 0; i < found->matched.count; i++)
        buf_printf(&out, "%.*s, ", STR_ARG(found->matched.items[i]));
    buf_printf(&out, "%.*s %.*s", STR_ARG(found->corrected), STR_ARG(found->explanation));
    check_ok(buf_status(&out));
    return str_dup_terminated(buf_str(&out));
}

static err_t ask(void *context)
{
    asked_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    search_found_t found;
    search_span_t spans[SEARCH_SPANS_MAX];
    TRY(search_ask(self->shelf.index, &arena, &self->request, &found));
    self->got_digest = digest_of(&found);
    search_highlight(STR("Bohemian Rhapsody"), &found.matched, true, spans);
    return ERR_OK;
}

static char *answer(asked_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    search_found_t found;
    check_ok(search_ask(self->shelf.index, &arena, &self->request, &found));
    self->want_digest = digest_of(&found);
    return written(&found);
}

/* What was answered is all of it, and what failed has left nothing behind that the next one sees.
 */
static void check_answer(void *context, err_t err)
{
    asked_t *self = context;
    if (err == ERR_OK)
        cr_assert(self->got_digest == self->want_digest, "%s: a part of the answer", self->what);
    char *got MEMORY_SCOPED = answer(self);
    cr_assert(strcmp(got, self->want) == 0, "%s: %s, then \"%s\", not \"%s\"", self->what,
              err_text(err), got, self->want);
}

static const str_t rock = STR_INIT("Rock");

static const struct {
    const char *what, *typed;
    bool is_typing, in_lyrics, wants_all, has_filter;
} cases[] = {
    {"as it is", "bohemian rhapsody", false, false, true, false},
    {"misspelt, all counted and explained", "bohemain rapsody", false, false, true, true},
    {"run together", "smellsliketeenspirit", false, false, true, false},
    {"torn apart, being typed", "night mare never mi", true, false, true, false},
    {"a wrong character", "夜に掛ける", false, false, true, false},
    {"all words but two", "smells wrongly quite teen spirit", false, false, true, false},
    {"a beginning", "bohe", true, false, false, false},
    {"lyrics", "is this the reel life", false, true, true, true},
    {"no words", "", false, false, true, true},
};

Test(request_no_memory, each_question_is_answered_or_says_so)
{
    asked_t self = {.what = ""};
    shelf_init(&self.shelf, rows);
    static const shelf_row_t fresh =
        SHELF_TRACK(4, "Bohemian Nightmare", "Nobody", "None", 1, .genre = "Rock");
    shelf_put(&self.shelf, &fresh);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t problem BUF_SCOPED = BUF_INIT;
        uint64_t rounds;
        self.what = cases[i].what;
        self.request = shelf_question(cases[i].typed);
        self.request.is_typing = cases[i].is_typing;
        self.request.in_lyrics = cases[i].in_lyrics;
        self.request.wants_facets = self.request.wants_explanation = cases[i].wants_all;
        if (cases[i].has_filter) {
            self.request.filter.genres = (search_names_t){&rock, 1};
            self.request.filter.year_from = 1970;
            self.request.filter.year_to = 1985;
        }
        self.want = answer(&self);
        bool holds = each_failing_holds(
            &(each_failing_t){.use = ask, .check = check_answer, .context = &self}, &rounds,
            &problem);
        cr_expect(holds, "%s: %s", cases[i].what, buf_terminated(&problem));
        cr_expect(rounds > 5, "%s: %lu", cases[i].what, (unsigned long)rounds);
        memory_free(self.want);
    }
    shelf_deinit(&self.shelf);
}
