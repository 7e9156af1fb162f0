#include "tests/storage/search/query/shelf.h"
#include "tests/support/check.h"

static const shelf_row_t songs[] = {
    SHELF_TRACK(1, "Bohemian Rhapsody", "Queen", "A Night at the Opera", 900),
    SHELF_TRACK(2, "Bohemian Rhapsody (Karaoke Version)", "Sing It", "Hits", 40),
    SHELF_TRACK(3, "Bohemian Rhapsody", "The Cover Band", "Covers", 30),
    SHELF_TRACK(4, "Smells Like Teen Spirit", "Nirvana", "Nevermind", 800),
    SHELF_TRACK(5, "Thunderstruck", "AC/DC", "The Razors Edge", 700),
    SHELF_TRACK(6, "Don't Stop Believin'", "Journey", "Escape", 650),
    SHELF_TRACK(7, "Love", "A Small Band", "Small", 1),
    SHELF_TRACK(8, "Love Me Do", "The Beatles", "Please Please Me", 600),
    SHELF_TRACK(9, "アンダー・ザ・シー", "アラン・メンケン", "リトル・マーメイド", 50),
    SHELF_TRACK(10, "上を向いて歩こう", "坂本九", "ベスト", 60, .other = "Sukiyaki"),
    SHELF_TRACK(11, "Группа крови", "Кино", "Группа крови", 70),
    SHELF_TRACK(12, "봄날", "방탄소년단", "윙스", 80),
    SHELF_TRACK(13, "Für immer und dich", "Rio Reiser", "Rio I.", 55),
    SHELF_TRACK(14, "Queen", "Nobody", "None", 2),
    SHELF_TRACK(15, "夜に駆ける", "YOASOBI", "THE BOOK", 65),
    SHELF_TRACK(16, "紅蓮華", "LiSA", "紅蓮華", 66),
    SHELF_ALBUM(1, "A Night at the Opera", "Queen", 950),
    SHELF_ALBUM(2, "Nevermind", "Nirvana", 850),
    SHELF_ARTIST(1, "Queen", 5000),
    SHELF_ARTIST(2, "The Beatles", 6000),
    SHELF_ARTIST(3, "Beyoncé", 4000),
    SHELF_END,
};

Test(stages, what_is_typed_finds_what_is_meant_first)
{
    static const struct {
        const char *typed;
        uint64_t track;
        search_stage_t stage; /* of the track */
    } cases[] = {
        {"Bohemian Rhapsody", 1, SEARCH_STAGE_EXACT},
        {"queen bohemian", 1, SEARCH_STAGE_EXACT},
        {"rhapsody QUEEN bohemian", 1, SEARCH_STAGE_EXACT},
        {"bohemian rhapsody cover band", 3, SEARCH_STAGE_EXACT},
        {"bohemain rapsody", 1, SEARCH_STAGE_FUZZY},
        {"vohemian rhapsody", 1, SEARCH_STAGE_FUZZY}, /* the first letter */
        {"obhemian", 1, SEARCH_STAGE_FUZZY},
        {"teenspirit", 4, SEARCH_STAGE_FUZZY},
        {"thunder struck", 5, SEARCH_STAGE_FUZZY},
        {"thundre struk", 5, SEARCH_STAGE_FUZZY},
        {"acdc thunderstruck", 5, SEARCH_STAGE_FUZZY},
        {"dont stop believin", 6, SEARCH_STAGE_EXACT},
        {"dont stop beleiving", 6, SEARCH_STAGE_FUZZY},
        {"smells like purple spirit", 4, SEARCH_STAGE_ALL_BUT_ONE},
        {"smellsliketeenspirit", 4, SEARCH_STAGE_FUZZY},
        {"anightattheopera", 1, SEARCH_STAGE_FUZZY}, /* an album's name */
        {"smells horrible wrong teen spirit", 4, SEARCH_STAGE_ALL_BUT_TWO},
        {"アンダーザシー", 9, SEARCH_STAGE_EXACT},
        {"アンダー・ザ・シー", 9, SEARCH_STAGE_EXACT},
        {"向いて", 10, SEARCH_STAGE_EXACT},
        {"上を向いて歩いた", 10, SEARCH_STAGE_FUZZY}, /* most of its pairs */
        {"夜に掛ける", 15, SEARCH_STAGE_FUZZY},       /* one character, half of its pairs */
        {"紅連華", 16, SEARCH_STAGE_FUZZY},           /* no pair is right */
        {"蓮紅華", 16, SEARCH_STAGE_FUZZY},           /* two swapped */
        {"紅蓮の華", 16, SEARCH_STAGE_FUZZY},         /* one too many */
        {"紅連華 lisa", 16, SEARCH_STAGE_FUZZY},
        {"sukiyaki", 10, SEARCH_STAGE_EXACT},
        {"грппа крови", 11, SEARCH_STAGE_FUZZY},
        {"봄날", 12, SEARCH_STAGE_EXACT},
        {"봄난", 12, SEARCH_STAGE_FUZZY}, /* one letter of a syllable */
        {"fur immer", 13, SEARCH_STAGE_EXACT},
        {"love", 7, SEARCH_STAGE_EXACT}, /* the exact title, however unpopular */
        {"queen", 14, SEARCH_STAGE_EXACT},
    };
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        search_request_t request = shelf_question(cases[i].typed);
        search_found_t found = shelf_ask(&shelf, &request);
        cr_expect(found.counts[SEARCH_TRACK] > 0, "\"%s\" finds nothing", cases[i].typed);
        if (found.counts[SEARCH_TRACK] == 0)
            continue;
        const search_result_t *first = &found.results[SEARCH_TRACK][0];
        cr_expect(first->id == cases[i].track, "\"%s\" finds %lu first", cases[i].typed,
                  (unsigned long)first->id);
        cr_expect(first->stage == cases[i].stage, "\"%s\" in stage %d", cases[i].typed,
                  first->stage);
        cr_expect(found.is_cut == false);
    }
}

Test(stages, a_beginning_is_found_as_it_grows)
{
    static const char word[] = "bohemian rhaps";
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);

    for (size_t size = 1; size < sizeof word; size++) {
        search_request_t request = shelf_question("");
        request.text = str_of(word, size);
        request.is_typing = true;
        search_found_t found = shelf_ask(&shelf, &request);
        cr_expect(found.counts[SEARCH_TRACK] > 0 && found.results[SEARCH_TRACK][0].id == 1,
                  "\"%.*s\" finds %s", (int)size, word, shelf_ids(&shelf, &found, SEARCH_TRACK));
    }
}

Test(stages, the_last_word_is_a_beginning_only_while_it_is_typed)
{
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);
    search_request_t typing = shelf_question("rhaps"), typed = shelf_question("rhaps "),
                     done = shelf_question("rhaps");
    typing.is_typing = typed.is_typing = true;
    typing.is_exact = typed.is_exact = done.is_exact = true;

    cr_assert(shelf_ask(&shelf, &typing).counts[SEARCH_TRACK] == 3);
    cr_assert(shelf_ask(&shelf, &typed).counts[SEARCH_TRACK] == 0);
    cr_assert(shelf_ask(&shelf, &done).counts[SEARCH_TRACK] == 0);
}

Test(stages, a_beginning_may_be_misspelt)
{
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);
    search_request_t request = shelf_question("queen bohme");
    request.is_typing = true;

    search_found_t found = shelf_ask(&shelf, &request);

    cr_assert(found.counts[SEARCH_TRACK] > 0 && found.results[SEARCH_TRACK][0].id == 1);
    check_str(found.corrected, STR("queen bohemian"));
}

Test(stages, an_artist_is_before_a_song_of_that_name)
{
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);
    search_request_t request = shelf_question("queen");

    search_found_t found = shelf_ask(&shelf, &request);

    cr_assert(found.counts[SEARCH_ARTIST] == 1 && found.counts[SEARCH_ALBUM] == 1);
    cr_assert(found.results[SEARCH_ARTIST][0].score > found.results[SEARCH_TRACK][0].score);
}

Test(stages, what_was_corrected_is_said)
{
    static const struct {
        const char *typed, *corrected;
    } cases[] = {
        {"bohemian rhapsody", ""},
        {"Bohémian RHAPSODY!", ""},
        {"bohemain rapsody", "bohemian rhapsody"},
        {"teenspirit nirvana", "teen spirit nirvana"},
        {"thunder struck", "thunderstruck"},
        {"beyonse", "beyonce"},
        {"smells like green spirit", "smells like teen spirit"},
        {"smells like purple spirit", ""}, /* a word less is no correction */
        {"smellsliketeenspirit", "smells like teen spirit"},
        {"xyzzyx", ""},
        {"bohemain rapsody xyzzyx", "bohemian rhapsody xyzzyx"},
        {"夜に掛ける", "夜に駆ける"},
        {"teen spirits smells like", "teen spirit smells like"},
        /* Words that somebody has are meant, but for a title that has them all. */
        {"love you queen", ""},
        {"loves me do", "love me do"},
        {"love me to", ""},
        {"one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
         "fifteen bohemain rhapsody",
         ""}, /* what was not looked at would be lost */
    };
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        search_request_t request = shelf_question(cases[i].typed);
        search_found_t found = shelf_ask(&shelf, &request);
        cr_expect(str_equal(found.corrected, str_from(cases[i].corrected)), "\"%s\": \"%.*s\"",
                  cases[i].typed, STR_ARG(found.corrected));
    }
}

/* Songs of which people's own words are the likelier question, and those of which they are not. */
Test(stages, what_people_have_words_for_is_corrected_only_to_what_is_much_better)
{
    static const shelf_row_t rows[] = {
        SHELF_TRACK(1, "Long Lamps of the Quay", "Harbour", "Ships", 900),
        SHELF_TRACK(2, "Along", "Somebody", "Ways", 10),
        SHELF_TRACK(3, "Viva la Vida", "Coldplay", "Viva", 800),
        SHELF_TRACK(4, "Vita", "Somebody", "Lives", 5),
        SHELF_TRACK(5, "Starboy", "The Weeknd", "Starboy", 700),
        SHELF_TRACK(6, "Star of a Boy", "Somebody", "Stars", 5),
        SHELF_TRACK(7, "Boy Star", "Somebody", "Stars", 4),
        SHELF_TRACK(8, "Light My Fire", "The Doors", "The Doors", 600),
        SHELF_TRACK(9, "Life", "Somebody", "Lives", 5),
        SHELF_END,
    };
    static const struct {
        const char *what, *typed, *corrected;
    } cases[] = {
        {"somebody has all words", "lamps along the quay", ""},
        {"nobody has the word", "lamps alonk the quay", "lamps long the quay"},
        {"a title has it all, and nothing else", "viva la vita", "viva la vida"},
        {"with its artist", "viva la vita coldplay", "viva la vida coldplay"},
        {"more have the two words than the one", "star boy", ""},
        {"by ear", "lite my fire", "light my fire"},
        {"as typed", "vita", ""},
    };
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, rows);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        search_request_t request = shelf_question(cases[i].typed);
        search_found_t found = shelf_ask(&shelf, &request);
        cr_expect(str_equal(found.corrected, str_from(cases[i].corrected)), "%s: \"%s\": \"%.*s\"",
                  cases[i].what, cases[i].typed, STR_ARG(found.corrected));
    }
}

/* What is offered, asked for, finds what it was offered for. */
Test(stages, what_is_offered_finds_it_exactly)
{
    static const char *const typed[] = {"bohemain rapsody", "teenspirit nirvana", "thunder struck",
                                        "beyonse", "smellsliketeenspirit"};
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);

    for (size_t i = 0; i < COUNT_OF(typed); i++) {
        search_request_t request = shelf_question(typed[i]);
        request.text = shelf_ask(&shelf, &request).corrected;
        request.is_exact = true;
        search_found_t found = shelf_ask(&shelf, &request);
        cr_expect(found.stage == SEARCH_STAGE_EXACT &&
                      found.counts[SEARCH_TRACK] + found.counts[SEARCH_ARTIST] > 0,
                  "\"%s\": \"%.*s\"", typed[i], STR_ARG(request.text));
    }
}

Test(stages, quoted_is_not_corrected)
{
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);
    search_request_t request = shelf_question("bohemain rhapsody");
    request.is_exact = true;

    search_found_t found = shelf_ask(&shelf, &request);

    cr_assert(found.counts[SEARCH_TRACK] == 0 && found.stage == SEARCH_STAGE_EXACT);
}

Test(stages, words_and_documents_of_the_delta_are_found_in_every_stage)
{
    static const shelf_row_t fresh =
        SHELF_TRACK(50, "Zanzibar Moonflower", "Quixotica", "Nightblooms", 400);
    static const struct {
        const char *typed;
        search_stage_t stage;
    } cases[] = {
        {"zanzibar moonflower", SEARCH_STAGE_EXACT},
        {"zanzibra moonflwer", SEARCH_STAGE_FUZZY},
        {"azanzibar", SEARCH_STAGE_FUZZY},
        {"moon flower", SEARCH_STAGE_FUZZY},
        {"zanzibarmoonflower", SEARCH_STAGE_FUZZY},
        {"zanzibar moonflower wrongly", SEARCH_STAGE_ALL_BUT_ONE},
        {"zanzibar moonflower wrongly entirely", SEARCH_STAGE_ALL_BUT_TWO},
    };
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);
    shelf_put(&shelf, &fresh);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        search_request_t request = shelf_question(cases[i].typed);
        search_found_t found = shelf_ask(&shelf, &request);
        cr_expect(found.counts[SEARCH_TRACK] > 0 && found.results[SEARCH_TRACK][0].id == 50 &&
                      found.results[SEARCH_TRACK][0].stage == cases[i].stage,
                  "\"%s\" finds %s", cases[i].typed, shelf_ids(&shelf, &found, SEARCH_TRACK));
    }
    search_request_t typing = shelf_question("moonfl");
    typing.is_typing = true;
    search_found_t found = shelf_ask(&shelf, &typing);
    cr_assert(found.counts[SEARCH_TRACK] == 1);
    shelf_remove(&shelf, SEARCH_TRACK, 50);
    cr_assert(shelf_ask(&shelf, &typing).counts[SEARCH_TRACK] == 0);
}

Test(stages, nothing_to_find_is_no_error)
{
    static const char *const cases[] = {"", " ", "...", "\xff\xfe", "qqqqqqqqqq zzzzzzzzz"};
    static const shelf_row_t none[] = {SHELF_END};
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, none);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        search_request_t request = shelf_question(cases[i]);
        request.wants_facets = request.wants_explanation = true;
        for (int typing = 0; typing < 2; typing++) {
            request.is_typing = typing != 0;
            search_found_t found = shelf_ask(&shelf, &request);
            for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
                cr_assert(found.counts[kind] == 0 && found.totals[kind] == 0);
        }
    }
}
