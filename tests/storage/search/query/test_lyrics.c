#include "storage/search/query/lyric_line.h"
#include "tests/storage/search/query/shelf.h"
#include "tests/support/check.h"

#define IMAGINE                                                                                    \
    "[ar:John Lennon]\n[00:13.100]Imagine there's no heaven\n[00:19.500]It's easy if you try\n"    \
    "[00:26.000]No hell below us\n[00:31.900]Above us only sky\n"

static const shelf_row_t songs[] = {
    SHELF_TRACK(1, "Imagine", "John Lennon", "Imagine", 900, .lyrics = IMAGINE),
    SHELF_TRACK(2, "Nothing of It", "Somebody", "None", 990,
                .lyrics = "There is no sky\nand only us\nabove it all\nheaven if you try"),
    SHELF_TRACK(3, "Plain", "Somebody", "None", 100, .lyrics = "We walk alone\nthrough the rain\n"),
    SHELF_TRACK(4, "花火", "Somebody", "None", 50, .lyrics = "[01:02.50]夜空に花火が上がる\n"),
    SHELF_TRACK(5, "Two Times", "Somebody", "None", 60,
                .lyrics = "[00:10.00][01:10.00]Sing it once more\n[00:15.00]<00:15.00>and "
                          "<00:15.50>again"),
    SHELF_TRACK(6, "Imagine There's No Heaven", "In the Title Only", "None", 800),
    SHELF_END,
};

Test(lyrics, the_line_that_was_meant_and_when_it_is_sung)
{
    static const struct {
        const char *typed;
        bool is_typing;
        uint64_t track; /* 0: none */
        const char *line;
        int64_t at_ms;
    } cases[] = {
        {"above us only sky", false, 1, "Above us only sky", 31900},
        {"Imagine theres no heaven", false, 1, "Imagine there's no heaven", 13100},
        {"above them only sky", false, 1, "Above us only sky", 31900}, /* one of four is wrong */
        {"no hell below us above us only", false, 1, "No hell below us", 26000}, /* two lines */
        {"only sk", true, 1, "Above us only sky", 31900},
        {"through the rain", false, 3, "through the rain", -1},
        {"花火が", false, 4, "夜空に花火が上がる", 62500},
        {"sing it once", false, 5, "Sing it once more", 10000},
        {"and again", false, 5, "<00:15.00>and <00:15.50>again", 15000},
        {"lennon", false, 0, NULL, 0}, /* a tag is not sung */
        {"sky heaven rain fire", false, 0, NULL, 0},
    };
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        search_request_t request = shelf_question(cases[i].typed);
        request.in_lyrics = request.wants_explanation = true;
        request.is_typing = cases[i].is_typing;
        search_found_t found = shelf_ask(&shelf, &request);
        const search_result_t *first = found.results[SEARCH_TRACK];
        bool is_found = found.counts[SEARCH_TRACK] > 0;
        cr_expect(is_found == (cases[i].track > 0), "\"%s\"", cases[i].typed);
        if (found.counts[SEARCH_TRACK] == 0)
            continue;
        cr_expect(first->id == cases[i].track && first->stage == SEARCH_STAGE_LYRICS,
                  "\"%s\" finds %s", cases[i].typed, shelf_ids(&shelf, &found, SEARCH_TRACK));
        cr_expect(str_equal(first->line, str_from(cases[i].line)), "\"%s\": \"%.*s\"",
                  cases[i].typed, STR_ARG(first->line));
        cr_expect(first->line_at_ms == cases[i].at_ms, "\"%s\" at %ld", cases[i].typed,
                  (long)first->line_at_ms);
        cr_expect(first->explanation.size > 0);
    }
}

Test(lyrics, of_the_delta_and_behind_a_filter)
{
    static const shelf_row_t fresh =
        SHELF_TRACK(9, "Fresh", "Somebody", "None", 10, .root = "secret",
                    .lyrics = "[00:05.00]Zebras dance at dawn");
    static const str_t home[] = {STR_INIT("home")};
    static const search_names_t roots = {home, 1};
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, songs);
    shelf_put(&shelf, &fresh);
    search_request_t request = shelf_question("zebras dance at dawn");
    request.in_lyrics = true;

    search_found_t found = shelf_ask(&shelf, &request);
    cr_assert(found.counts[SEARCH_TRACK] == 1 && found.results[SEARCH_TRACK][0].id == 9);
    request.filter.roots = &roots;
    found = shelf_ask(&shelf, &request);
    cr_assert(found.counts[SEARCH_TRACK] == 0 && found.totals[SEARCH_TRACK] == 0);
}

Test(lyrics, times_of_a_line)
{
    static const struct {
        const char *line;
        int64_t at_ms;
        const char *rest;
    } cases[] = {
        {"[01:02.34]la", 62340, "la"},
        {"[01:02.345] la ", 62345, "la"},
        {"[01:02]la", 62000, "la"},
        {"[1:2.3][9:00]la", 62300, "la"},
        {"[ar:Queen]", -1, ""},
        {"la [01:02.34]", -1, "la [01:02.34]"},
        {"[chorus]", -1, "[chorus]"},
        {"[01:xx]la", -1, "[01:xx]la"},
        {"", -1, ""},
        {"[", -1, "["},
        {"[999999999:1]", -1, ""},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str_t line = str_from(cases[i].line);
        int64_t at_ms = lyric_line_time(&line);
        cr_expect(at_ms == cases[i].at_ms && str_equal(line, str_from(cases[i].rest)),
                  "\"%s\": %ld, \"%.*s\"", cases[i].line, (long)at_ms, STR_ARG(line));
    }
}

/* Many that sing the same, some of them new: no page has what another one had, and none lacks. */
Test(lyrics, pages_follow_each_other_beside_updates)
{
    enum { OLD = 40, NEW = 25, PAGE = 7 };
    shelf_row_t rows[OLD + 1];
    bool is_seen[OLD + NEW + 1] = {false};
    size_t seen = 0;
    shelf_t shelf SHELF_SCOPED;
    for (uint64_t i = 0; i < OLD; i++)
        rows[i] = (shelf_row_t)SHELF_TRACK(i + 1, "Sung", "Somebody", "None", 1000 - i * 20,
                                           .lyrics = "over the wild river");
    rows[OLD] = (shelf_row_t)SHELF_END;
    shelf_init(&shelf, rows);
    for (uint64_t i = 0; i < NEW; i++) {
        shelf_row_t fresh = SHELF_TRACK(OLD + i + 1, "New", "Somebody", "None", i * 39,
                                        .lyrics = "over the wild river");
        shelf_put(&shelf, &fresh);
    }

    for (uint32_t offset = 0; offset < OLD + NEW + PAGE; offset += PAGE) {
        search_request_t request = {.text = STR("the wild river"),
                                    .in_lyrics = true,
                                    .first = {[SEARCH_TRACK] = PAGE},
                                    .offset = {[SEARCH_TRACK] = offset}};
        search_found_t found = shelf_ask(&shelf, &request);
        for (size_t i = 0; i < found.counts[SEARCH_TRACK]; i++, seen++) {
            uint64_t id = found.results[SEARCH_TRACK][i].id;
            cr_expect(is_seen[id] == false, "%lu stands on two pages", (unsigned long)id);
            is_seen[id] = true;
        }
    }
    cr_expect(eq(sz, seen, OLD + NEW));
}
