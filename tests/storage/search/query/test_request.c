/* Whole answers: pages, explanations, the budget. */

#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/base/utf8.h"
#include "tests/storage/search/query/shelf.h"
#include "tests/support/check.h"

enum { MANY = 1200 };

/* "Love" many times, each less played, with words near each other beside it. */
static void many_rows(arena_t *arena, shelf_row_t rows[MANY + 1])
{
    random_seed_t seed = {31};
    ms_random_t random = random_seeded(&seed);
    for (uint64_t i = 0; i < MANY; i++) {
        char word[9] = {0};
        for (size_t j = 0; j < 8; j++)
            word[j] = "abcd"[random_below(&random, 4)];
        rows[i] =
            (shelf_row_t)SHELF_TRACK(i + 1, arena_printf(arena, "Love %s", word).data, "Somebody",
                                     "Album", MANY - i, .genre = "Rock", .year = 1990);
    }
    rows[MANY] = (shelf_row_t)SHELF_END;
}

static void many_init(shelf_t *self)
{
    static shelf_row_t rows[MANY + 1];
    arena_t arena ARENA_SCOPED = {0};
    many_rows(&arena, rows);
    shelf_init(self, rows);
}

Test(request, pages_follow_each_other_and_end)
{
    shelf_t shelf SHELF_SCOPED;
    many_init(&shelf);
    for (int words = 0; words < 2; words++) {
        bool is_seen[MANY + 1] = {false};
        size_t last = words == 0 ? MANY : SEARCH_RANKED_MAX, seen = 0;
        for (uint32_t offset = 0; offset < MANY + 200; offset += 100) {
            search_request_t request = {
                .text = words == 0 ? STR("") : STR("love"), .first = {100}, .offset = {offset}};
            search_found_t found = shelf_ask(&shelf, &request);
            cr_assert(found.totals[SEARCH_TRACK] == MANY);
            for (size_t i = 0; i < found.counts[SEARCH_TRACK]; i++, seen++) {
                uint64_t id = found.results[SEARCH_TRACK][i].id;
                check_true(!is_seen[id]);
                is_seen[id] = true;
                cr_assert(id == seen + 1, "the most popular first");
            }
        }
        cr_assert(seen == last);
    }
}

Test(request, a_budget_that_is_spent_is_said_and_the_same_each_time)
{
    static const char *const typed[] = {"love abcdabcd dcbadcba", "abcdabc", "lo", "love"};
    shelf_t shelf SHELF_SCOPED;
    many_init(&shelf);

    for (size_t i = 0; i < COUNT_OF(typed); i++) {
        search_request_t whole = shelf_question(typed[i]);
        whole.is_typing = i % 2 == 0;
        search_found_t all = shelf_ask(&shelf, &whole);
        uint64_t needed = all.work, cut = 0;
        char *want MEMORY_SCOPED =
            str_dup_terminated(str_from(shelf_ids(&shelf, &all, SEARCH_TRACK)));
        for (uint64_t work_max = 1; work_max < needed; work_max += needed / 7 + 1) {
            search_request_t request = whole;
            request.work_max = work_max;
            search_found_t once = shelf_ask(&shelf, &request), twice = shelf_ask(&shelf, &request);
            /* What says nothing lacks nothing; most of these do. */
            cut += once.is_cut ? 1 : 0;
            if (!once.is_cut)
                cr_expect(strcmp(shelf_ids(&shelf, &once, SEARCH_TRACK), want) == 0,
                          "\"%s\" with %lu of %lu", typed[i], (unsigned long)work_max,
                          (unsigned long)needed);
            cr_expect(once.work == twice.work);
            cr_expect(strcmp(shelf_ids(&shelf, &once, SEARCH_TRACK),
                             shelf_ids(&shelf, &twice, SEARCH_TRACK)) == 0);
            arena_reset(&shelf.arena);
        }
        cr_expect(cut >= 5, "\"%s\" was cut %lu times", typed[i], (unsigned long)cut);
        whole.work_max = SEARCH_WORK_MAX;
        cr_expect(shelf_ask(&shelf, &whole).is_cut == false);
    }
}

/* Answers, or says with which error there is none. */
static err_t try_with(shelf_t *shelf, const search_request_t *request, search_found_t *out_found)
{
    err_t err = search_ask(shelf->index, &shelf->arena, request, out_found);
    cr_assert(err == ERR_OK || !request->gives_up || err == ERR_LIMIT, "%s", err_name(err));
    return err;
}

Test(request, one_that_gives_up_has_all_of_an_answer_or_none_and_stops_soon)
{
    static const char *const typed[] = {"love abcdabcd dcbadcba", "abcdabc", "lo", "love", ""};
    shelf_t shelf SHELF_SCOPED;
    many_init(&shelf);

    for (size_t i = 0; i < 2 * COUNT_OF(typed); i++) {
        search_request_t whole = shelf_question(typed[i / 2]);
        whole.in_lyrics = i % 2 == 1;
        whole.wants_facets = true;
        search_found_t all = shelf_ask(&shelf, &whole), found;
        uint64_t gave_up = 0, answered = 0;
        for (uint64_t work_max = 1; work_max < 2 * all.work; work_max += all.work / 9 + 1) {
            search_request_t request = whole;
            request.work_max = work_max;
            request.gives_up = true;
            err_t err = try_with(&shelf, &request, &found);
            gave_up += err == ERR_LIMIT ? 1 : 0;
            answered += err == ERR_OK ? 1 : 0;
            cr_expect(err != ERR_OK || (!found.is_cut && found.work == all.work));
            arena_reset(&shelf.arena);
        }
        cr_expect(gave_up >= 7 && answered >= 1, "\"%s\": %lu gave up, %lu did not", typed[i / 2],
                  (unsigned long)gave_up, (unsigned long)answered);
    }
}

Test(request, one_that_nobody_wants_is_cancelled_and_time_ends_one_that_gives_up)
{
    shelf_t shelf SHELF_SCOPED;
    search_found_t found;
    const atomic_bool is_stopped = true, is_wanted = false;
    many_init(&shelf);
    search_request_t request = shelf_question("love abcdabcd");

    request.is_stopped = &is_stopped;
    check_err(try_with(&shelf, &request, &found), ERR_CANCELLED);
    request.is_stopped = &is_wanted;
    check_ok(try_with(&shelf, &request, &found));
    request.clock = clock_system();
    request.until_ns = 1; /* long ago */
    check_ok(try_with(&shelf, &request, &found));
    request.gives_up = true;
    check_err(try_with(&shelf, &request, &found), ERR_LIMIT);
    request.until_ns = UINT64_MAX;
    check_ok(try_with(&shelf, &request, &found));
}

/* Each has found a lot long before it has looked for everything. */
Test(request, what_was_found_before_the_budget_was_spent_is_ranked_and_shown)
{
    static const char *const typed[] = {"love", "lo", "lovr"};
    shelf_t shelf SHELF_SCOPED;
    many_init(&shelf);

    for (size_t i = 0; i < COUNT_OF(typed); i++) {
        search_request_t request = shelf_question(typed[i]);
        request.is_typing = i == 1;
        uint64_t needed = shelf_ask(&shelf, &request).work;
        for (uint64_t percent = 20; percent < 90; percent += 10) {
            request.work_max = needed * percent / 100;
            search_found_t found = shelf_ask(&shelf, &request);
            cr_expect(found.is_cut && found.counts[SEARCH_TRACK] > 0, "\"%s\" with %lu of 100",
                      typed[i], (unsigned long)percent);
        }
    }
}

Test(request, no_question_costs_much_more_than_its_budget)
{
    enum { SLACK = 5000 }; /* what one step may take past the end */
    random_seed_t seed = {32};
    ms_random_t random = random_seeded(&seed);
    shelf_t shelf SHELF_SCOPED;
    many_init(&shelf);

    for (int round = 0; round < 400; round++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        size_t alphabet = 1 + random_below(&random, 5);
        for (uint64_t i = random_below(&random, 700); i > 0; i--) {
            uint64_t kind = random_below(&random, 8);
            if (kind == 0)
                buf_append_char(&text, ' ');
            else if (kind == 1 && round % 3 == 0)
                utf8_append(&text, (uint32_t)random_below(&random, 0x2ffff));
            else if (kind == 2 && round % 5 == 0)
                buf_append_char(&text, (char)random_u64(&random));
            else
                buf_append_char(&text, "abcde"[random_below(&random, alphabet)]);
        }
        search_request_t request = shelf_question("");
        request.text = buf_str(&text);
        request.is_typing = round % 2 == 0;
        request.in_lyrics = round % 7 == 0;
        request.wants_facets = request.wants_explanation = round % 4 == 0;
        request.work_max = 1 + random_below(&random, 30000);
        search_found_t found = shelf_ask(&shelf, &request);
        cr_assert(found.work <= request.work_max + SLACK, "round %d: %lu of %lu", round,
                  (unsigned long)found.work, (unsigned long)request.work_max);
        arena_reset(&shelf.arena);
    }
}

Test(request, an_explanation_says_what_was_looked_for_and_why_it_is_there)
{
    static const shelf_row_t rows[] = {
        SHELF_TRACK(1, "Bohemian Rhapsody", "Queen", "A Night at the Opera", 900), SHELF_END};
    static const char *const said[] = {"exactly \"bohemain\": 0 documents",
                                       "about \"bohemain\": 1 document, near bohemian (1)",
                                       "about: 1 found"};
    static const char *const why[] = {
        "about: ", "\"bohemain\" is \"bohemian\" in title, misspelt by 1",
        "\"rhapsody\" in title, exactly: 1.00", "popularity 4.50"};
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, rows);
    search_request_t request = shelf_question("bohemain rhapsody");
    cr_assert(shelf_ask(&shelf, &request).explanation.size == 0);
    request.wants_explanation = true;

    search_found_t found = shelf_ask(&shelf, &request);

    cr_assert(found.counts[SEARCH_TRACK] == 1);
    for (size_t i = 0; i < COUNT_OF(said); i++)
        cr_expect(str_contains(found.explanation, str_from(said[i])), "%.*s",
                  STR_ARG(found.explanation));
    for (size_t i = 0; i < COUNT_OF(why); i++)
        cr_expect(str_contains(found.results[SEARCH_TRACK][0].explanation, str_from(why[i])),
                  "%.*s", STR_ARG(found.results[SEARCH_TRACK][0].explanation));
}

Test(request, an_explanation_says_nothing_of_what_may_not_be_seen)
{
    static const shelf_row_t rows[] = {
        SHELF_TRACK(1, "Silver Moon", "Somebody", "None", 10),
        SHELF_TRACK(2, "Silver Moan", "Hidden", "None", 900, .root = "secret"),
        SHELF_TRACK(3, "Silver Mood", "Hidden", "None", 900, .root = "secret"), SHELF_END};
    static const str_t home = STR_INIT("home");
    const search_names_t roots = {&home, 1};
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, rows);
    search_request_t request = shelf_question("silver moof");
    request.wants_explanation = true;
    request.filter.roots = &roots;

    search_found_t found = shelf_ask(&shelf, &request);

    cr_expect(str_contains(found.explanation, STR("exactly \"silver\": 1 document\n")));
    cr_expect(str_contains(found.explanation, STR("near moon (1)\n")), "%.*s",
              STR_ARG(found.explanation));
    cr_expect_not(str_contains(found.explanation, STR("moan")));
    check_str(found.corrected, STR("silver moon"));
}

Test(request, matched_words_are_those_of_the_documents)
{
    static const shelf_row_t rows[] = {
        SHELF_TRACK(1, "Bohemian Rhapsody", "Queen", "A Night at the Opera", 900), SHELF_END};
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, rows);
    search_request_t request = shelf_question("bohemain rhaps");
    request.is_typing = true;

    search_found_t found = shelf_ask(&shelf, &request);

    cr_assert(found.matched.count == 2);
    check_str(found.matched.items[0], STR("bohemian"));
    check_str(found.matched.items[1], STR("rhaps")); /* the last one goes on */
    search_span_t spans[SEARCH_SPANS_MAX];
    cr_assert(search_highlight(STR("Bohemian Rhapsody"), &found.matched, true, spans) == 2);
    cr_assert(spans[1].start == 9 && spans[1].size == 5);
}
