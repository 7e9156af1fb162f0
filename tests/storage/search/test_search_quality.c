/* What people get at 100,000 tracks, the songs among them: of what was asked, so much is found
 * first, and so much in the first ten. One index for all of it: building it is what costs. */

#include "bench/search/ours.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <stdio.h>

enum { TRACKS = 100000, QUESTIONS = 50 };

typedef struct quality {
    temporary_t folder;
    songs_t songs;
    corpus_t corpus;
    ours_t ours;
    judge_engine_t engine;
    judge_options_t options;
} quality_t;

static void say_miss(str_t text, str_t wanted, size_t place)
{
    printf("  \"%.*s\": not \"%.*s\" first: %zu\n", STR_ARG(text), STR_ARG(wanted), place);
}

static void setup(quality_t *self)
{
    self->folder = temporary_new();
    songs_load(&self->songs);
    corpus_init(&self->corpus, 1, TRACKS, &self->songs);
    temporary_name_t path = temporary_in(&self->folder, "search");
    self->ours = (ours_t){.index = ours_build(path.path, &self->corpus)};
    self->engine = ours_engine(&self->ours);
    self->options = (judge_options_t){&self->corpus, QUESTIONS, 0, say_miss};
}

static void teardown(quality_t *self)
{
    search_index_close(self->ours.index);
    corpus_deinit(&self->corpus);
    songs_deinit(&self->songs);
    temporary_remove(&self->folder);
}

static void expect_shares(const char *what, const char *more, const judge_figures_t *figures,
                          double first, double ten)
{
    double got_first = judge_share_first(figures), got_ten = judge_share_ten(figures);
    printf("%s %s: %.3f first, %.3f in ten, of %zu\n", what, more, got_first, got_ten,
           figures->asked);
    cr_expect(got_first >= first && got_ten >= ten, "%s %s: %.3f first (%.3f), %.3f in ten (%.3f)",
              what, more, got_first, first, got_ten, ten);
}

/* ---- songs, and what people type for them ---- */

static void check_misspellings(quality_t *self, const char *name, double first, double ten)
{
    songs_misspellings_t list SONGS_MISSPELLINGS_SCOPED;
    songs_load_misspellings(&self->songs, name, &list);
    judge_figures_t figures = judge_misspellings(&self->engine, &self->options, &list);
    expect_shares(name, "", &figures, first, ten);
}

static void check_bohemian(quality_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    search_request_t request = {.text = STR("bohemain rapsody"), .first = {[SEARCH_TRACK] = 10}};
    search_found_t found;
    check_ok(search_ask(self->ours.index, &arena, &request, &found));
    check_true(found.counts[SEARCH_TRACK] > 0);
    check_true(found.results[SEARCH_TRACK][0].id == corpus_song(&self->corpus, 0) + 1);
    check_str(found.corrected, STR("bohemian rhapsody"));
}

static void check_songs(quality_t *self)
{
    static const struct {
        const char *what;
        int artist;
        double first, ten;
    } cases[] = {{"a song's title", 0, 0.98, 0.99},
                 {"artist and title", -1, 0.99, 1},
                 {"title and artist", 1, 0.99, 1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        judge_figures_t figures = judge_songs(&self->engine, &self->options, cases[i].artist);
        expect_shares(cases[i].what, "", &figures, cases[i].first, cases[i].ten);
    }
}

/* ---- each language, each kind of mistake ---- */

static void check_tongue(quality_t *self, asking_kind_t kind, tongue_t tongue, double first,
                         double ten)
{
    judge_figures_t figures = judge_kind(&self->engine, &self->options, kind, tongue);
    char code[3];
    str_to_array(tongue_code(tongue), code, sizeof code);
    expect_shares(asking_kind_name(kind), code, &figures, first, ten);
}

static void check_tongues(quality_t *self)
{
    for (tongue_t tongue = 0; tongue < TONGUE_COUNT; tongue++) {
        check_tongue(self, ASKING_EXACT, tongue, 0.96, 1);
        check_tongue(self, ASKING_BEGUN, tongue, 0.88, 0.95);
        check_tongue(self, ASKING_TYPO1, tongue, 0.88, 0.95);
    }
}

static void check_kinds(quality_t *self)
{
    static const struct {
        asking_kind_t kind;
        double first, ten;
    } cases[] = {
        {ASKING_ARTIST_TITLE, 0.98, 1},    {ASKING_TYPO2, 0.9, 0.95},
        {ASKING_FIRST_LETTER, 0.9, 0.95},  {ASKING_TORN, 0.95, 0.97},
        {ASKING_RUN_TOGETHER, 0.95, 0.97}, {ASKING_ACCENT, 0.98, 1},
        {ASKING_MARKS, 0.96, 1},           {ASKING_CJK, 0.3, 0.8},
        {ASKING_CJK_TYPO1, 0.8, 0.95},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        judge_figures_t figures =
            judge_kind(&self->engine, &self->options, cases[i].kind, TONGUE_COUNT);
        expect_shares(asking_kind_name(cases[i].kind), "", &figures, cases[i].first, cases[i].ten);
    }
}

Test(search_quality, what_people_mean_comes_first)
{
    quality_t self;
    setup(&self);

    check_misspellings(&self, "misspellings.txt", 0.96, 0.98);
    check_misspellings(&self, "misspellings_more.txt", 0.9, 0.95);
    check_bohemian(&self);
    check_songs(&self);
    check_tongues(&self);
    check_kinds(&self);

    teardown(&self);
}
