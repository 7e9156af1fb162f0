#include "runtime/base/buf.h"
#include "storage/search/names/name_index.h"
#include "storage/search/search_request.h"

#include "tests/support/check.h"

#include <stdio.h>

static void put(name_index_t *names, name_index_kind_t kind, const char *key, const char *owner,
                const char *name, bool is_public)
{
    check_ok(name_index_put(names, &(name_index_entry_t){kind, str_from(key), str_from(owner),
                                                         str_from(name), is_public}));
}

static name_index_t *some_names(bool is_settled)
{
    name_index_t *names;
    check_ok(name_index_new(0, &names));
    put(names, NAME_INDEX_PERSON, "ana", "", "Ana Sørensen", false);
    put(names, NAME_INDEX_PERSON, "bob", "", "Robert Tables", false);
    put(names, NAME_INDEX_PLAYLIST, "p1", "ana", "Thunderstruck all night", false);
    put(names, NAME_INDEX_PLAYLIST, "p2", "ana", "Sunday morning", true);
    put(names, NAME_INDEX_PLAYLIST, "p3", "bob", "Sunday evening", false);
    put(names, NAME_INDEX_PLAYLIST, "p4", "bob", "東京ナイト", true);
    put(names, NAME_INDEX_PLAYLIST, "p5", "bob", "Mornings", true);
    put(names, NAME_INDEX_PLAYLIST, "p6", "bob", "!!!", true);
    if (is_settled)
        check_ok(name_index_settle(names));
    return names;
}

typedef struct asked {
    const char *asker, *text;
    bool is_typing, is_exact;
} asked_t;

/* The keys of what is found: people, then playlists, best first; "total" where that is more. */
static void ask(name_index_t *names, const asked_t *asked, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    name_index_found_t found;
    name_index_query_t query = {.text = str_from(asked->text),
                                .asker = str_from(asked->asker),
                                .is_typing = asked->is_typing,
                                .is_exact = asked->is_exact,
                                .first = {3, 3}};
    check_ok(name_index_find(names, &arena, &query, &found));
    buf_reset(out);
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++) {
        for (uint32_t i = 0; i < found.counts[kind]; i++)
            buf_printf(out, "%s%.*s", out->size > 0 ? " " : "", STR_ARG(found.hits[kind][i].key));
        if (found.totals[kind] != found.counts[kind])
            buf_printf(out, " of %u", (unsigned)found.totals[kind]);
    }
}

Test(name_index, people_and_playlists_are_found_by_their_words_misspelt_and_begun)
{
    static const struct {
        asked_t asked;
        const char *want;
    } cases[] = {
        {{"ana", "ana", false, false}, "ana"},
        {{"ana", "sorensen", false, false}, "ana"},
        {{"ana", "SØRENSEN ana", false, false}, "ana"},
        {{"ana", "sorensn", false, false}, "ana"},
        {{"ana", "sorensn", false, true}, ""},
        {{"ana", "soresnen", false, false}, "ana"}, /* two neighbours swapped */
        {{"ana", "sorxxsen", false, false}, "ana"},
        {{"ana", "sorxxxen", false, false}, ""},
        {{"ana", "sor", false, false}, ""},
        {{"ana", "sor", true, false}, "ana"},
        {{"ana", "soer", true, false}, "ana"}, /* one edit of four letters */
        {{"ana", "sxr", true, false}, ""},     /* none of three */
        {{"ana", "morning", false, true}, "p2"},
        {{"ana", "morning", false, false}, "p2 p5"},
        {{"ana", "morning", true, true}, "p5 p2"},
        {{"ana", "sunday morning", false, false}, "p2"},
        {{"ana", "morning sunday", false, false}, "p2"},
        {{"ana", "sunday nothing", false, false}, "p2"}, /* all words but one */
        {{"ana", "sunday nothing", false, true}, ""},
        {{"ana", "nowhere nothing", false, false}, ""},
        {{"ana", "one sunday morning far away", false, false}, ""},
        {{"ana", "one sunday morning away", false, false}, "p2"}, /* but two of four */
        {{"ana", "thunder struck", false, false}, "p1"},
        {{"ana", "thunder strukc", false, false}, "p1"},
        {{"ana", "thunder struck", false, true}, ""},
        {{"ana", "thunder str", true, false}, "p1"},
        {{"ana", "sundaymorning", false, false}, "p2"},
        {{"ana", "sundaymorning", false, true}, ""},
        {{"ana", "allnight thunderstruck", false, false}, "p1"},
        {{"ana", "thunderstruckallnight", false, false}, "p1"},
        {{"ana", "morningsunday", false, false}, ""}, /* not as they stand */
        {{"ana", "anasorensen", false, false}, "ana"},
        {{"ana", "sunday sunday sunday sunday", false, true}, "p2"},
        {{"ana", "東京夜", false, false}, "p4"}, /* half of the neighbours */
        {{"ana", "thunderstrcuk night", false, false}, "p1"},
        {{"ana", "東京", false, false}, "p4"},
        {{"ana", "京ナ", true, false}, "p4"},
        {{"ana", "京東", false, false}, ""},
        {{"ana", "", false, false}, ""},
        {{"ana", "!!!", false, false}, ""},
    };
    buf_t got BUF_SCOPED = BUF_INIT;
    for (int is_settled = 0; is_settled < 2; is_settled++) {
        name_index_t *names NAME_INDEX_SCOPED = some_names(is_settled == 1);
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            ask(names, &cases[i].asked, &got);
            cr_expect(str_equal(buf_str(&got), str_from(cases[i].want)),
                      "%s (settled %d): got \"%.*s\", not \"%s\"", cases[i].asked.text, is_settled,
                      STR_ARG(buf_str(&got)), cases[i].want);
        }
    }
}

Test(name_index, a_character_with_marks_without_end_keeps_nobody_elses_name_from_the_base)
{
    enum { MARKS = 40 };
    name_index_t *names NAME_INDEX_SCOPED = some_names(false);
    buf_t name BUF_SCOPED = BUF_INIT, got BUF_SCOPED = BUF_INIT;
    buf_append(&name, STR("Night \u304b"));
    for (int i = 0; i < MARKS; i++)
        buf_append(&name, STR("\u3099"));
    put(names, NAME_INDEX_PLAYLIST, "evil", "eve", buf_terminated(&name), true);

    check_ok(name_index_settle(names));

    cr_assert(name_index_stats(names).recent == 0);
    ask(names, &(asked_t){"ana", "robert", false, false}, &got);
    check_str(buf_str(&got), STR("bob"));
    ask(names, &(asked_t){"ana", "night", false, true}, &got);
    check_str(buf_str(&got), STR("p1 evil"));
}

Test(name_index, a_playlist_is_its_owners_until_it_is_public_and_again_when_it_is_taken_back)
{
    static const asked_t sunday[] = {{"ana", "sunday", false, false},
                                     {"bob", "sunday", false, false},
                                     {"eve", "sunday", false, false}};
    static const struct {
        const char *what;
        bool is_public;
        const char *want[COUNT_OF(sunday)];
    } steps[] = {
        {"as it was", false, {"p2", "p3 p2", "p2"}},
        {"published", true, {"p3 p2", "p3 p2", "p3 p2"}},
        {"taken back", false, {"p2", "p3 p2", "p2"}},
    };
    buf_t got BUF_SCOPED = BUF_INIT;
    for (int settles = 0; settles < 2; settles++) {
        name_index_t *names NAME_INDEX_SCOPED = some_names(settles == 1);
        for (size_t i = 0; i < COUNT_OF(steps); i++) {
            put(names, NAME_INDEX_PLAYLIST, "p3", "bob", "Sunday evening", steps[i].is_public);
            if (settles == 1 && i == 1)
                check_ok(name_index_settle(names)); /* its words are in the base when it goes */
            for (size_t j = 0; j < COUNT_OF(sunday); j++) {
                ask(names, &sunday[j], &got);
                cr_expect(str_equal(buf_str(&got), str_from(steps[i].want[j])),
                          "%s, %s: got \"%.*s\"", steps[i].what, sunday[j].asker,
                          STR_ARG(buf_str(&got)));
            }
        }
    }
}

Test(name_index, what_is_renamed_or_removed_is_not_found_any_more)
{
    name_index_t *names NAME_INDEX_SCOPED = some_names(true);
    buf_t got BUF_SCOPED = BUF_INIT;

    put(names, NAME_INDEX_PLAYLIST, "p2", "ana", "Monday", true);
    ask(names, &(asked_t){"bob", "sunday", false, true}, &got);
    check_str(buf_str(&got), STR("p3"));
    ask(names, &(asked_t){"bob", "monday", false, true}, &got);
    check_str(buf_str(&got), STR("p2"));
    name_index_remove(names, NAME_INDEX_PLAYLIST, STR("p2"));
    name_index_remove(names, NAME_INDEX_PLAYLIST, STR("p2"));
    name_index_remove(names, NAME_INDEX_PERSON, STR("p3")); /* another kind */
    ask(names, &(asked_t){"bob", "monday", false, true}, &got);
    check_str(buf_str(&got), STR(""));
    ask(names, &(asked_t){"bob", "sunday", false, true}, &got);
    check_str(buf_str(&got), STR("p3"));
}

Test(name_index, who_is_erased_leaves_no_playlist_and_no_word)
{
    name_index_t *names NAME_INDEX_SCOPED = some_names(true);
    buf_t got BUF_SCOPED = BUF_INIT;
    check_true(!name_index_is_unsettled(names));

    name_index_remove_owner(names, STR("bob"));

    name_index_stats_t stats = name_index_stats(names);
    cr_assert(eq(u32, stats.people, 1));
    cr_assert(eq(u32, stats.playlists, 2));
    for (int i = 0; i < 2; i++) {
        const asked_t cases[] = {{"bob", "evening", false, false},
                                 {"ana", "mornings", false, true},
                                 {"ana", "robert", false, false}};
        for (size_t j = 0; j < COUNT_OF(cases); j++) {
            ask(names, &cases[j], &got);
            check_str(buf_str(&got), STR(""));
        }
        check_true(name_index_is_unsettled(names) == (i == 0)); /* the base still has his words */
        check_ok(name_index_settle(names));
    }
    put(names, NAME_INDEX_PLAYLIST, "p8", "zed", "Of somebody without a name", true);
    check_ok(name_index_settle(names));
    name_index_remove_owner(names, STR("zed"));
    check_true(name_index_is_unsettled(names));
    put(names, NAME_INDEX_PLAYLIST, "p9", "ana", "Slots are used again", true);
    ask(names, &(asked_t){"bob", "slots", false, true}, &got);
    check_str(buf_str(&got), STR("p9"));
    name_index_clear(names);
    ask(names, &(asked_t){"ana", "slots", false, false}, &got);
    check_str(buf_str(&got), STR(""));
}

Test(name_index, results_are_counted_and_the_first_of_them_given_the_fittest_first)
{
    name_index_t *names NAME_INDEX_SCOPED = some_names(false);
    buf_t got BUF_SCOPED = BUF_INIT;
    char key[16], name[64];
    for (int i = 0; i < 30; i++) {
        snprintf(key, sizeof key, "m%d", i);
        snprintf(name, sizeof name, "Mix %d of mine", i);
        put(names, NAME_INDEX_PLAYLIST, key, "ana", name, i % 2 == 0);
    }
    put(names, NAME_INDEX_PLAYLIST, "best", "ana", "mix", true);

    ask(names, &(asked_t){"ana", "mix", false, false}, &got);
    check_str(buf_str(&got), STR("best m0 m1 of 31"));
    ask(names, &(asked_t){"bob", "mix", false, false}, &got);
    check_str(buf_str(&got), STR("best m0 m10 of 16"));
    check_ok(name_index_settle(names));
    ask(names, &(asked_t){"bob", "mix", false, false}, &got);
    check_str(buf_str(&got), STR("best m0 m10 of 16"));
}

Test(name_index, a_hit_says_which_words_were_meant)
{
    arena_t arena ARENA_SCOPED = {0};
    name_index_t *names NAME_INDEX_SCOPED = some_names(true);
    name_index_found_t found;
    name_index_query_t query = {
        .text = STR("nihgt thunderstruk"), .asker = STR("ana"), .first = {1, 1}};
    check_ok(name_index_find(names, &arena, &query, &found));
    cr_assert(eq(u32, found.counts[NAME_INDEX_PLAYLIST], 1));
    const name_index_hit_t *hit = &found.hits[NAME_INDEX_PLAYLIST][0];
    check_str(hit->name, STR("Thunderstruck all night"));
    cr_assert(eq(sz, hit->words.count, 2));
    check_str(hit->words.items[0], STR("night"));
    check_str(hit->words.items[1], STR("thunderstruck"));
    check_true(found.is_fuzzy && !found.is_cut);
}

Test(name_index, what_is_too_long_is_cut_or_refused)
{
    name_index_t *names NAME_INDEX_SCOPED = some_names(false);
    buf_t got BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    char key[NAME_INDEX_KEY_SIZE_MAX + 1];
    memset(key, 'k', sizeof key);
    name_index_entry_t entry = {NAME_INDEX_PLAYLIST, str_of(key, sizeof key), STR("ana"), STR("x"),
                                true};
    check_err(name_index_put(names, &entry), ERR_INVALID);
    entry.key.size--;
    check_ok(name_index_put(names, &entry));
    entry.key = STR("");
    check_err(name_index_put(names, &entry), ERR_INVALID);
    entry.key = STR("p7");
    entry.owner = str_of(key, sizeof key);
    check_err(name_index_put(names, &entry), ERR_INVALID);

    buf_append(&text, STR("first "));
    while (text.size < NAME_INDEX_SIZE_MAX - 1)
        buf_append(&text, STR("\xc3\xb8"));
    buf_append(&text, STR(" last"));
    entry = (name_index_entry_t){NAME_INDEX_PLAYLIST, STR("p7"), STR("ana"), buf_str(&text), true};
    check_ok(name_index_put(names, &entry));
    ask(names, &(asked_t){"ana", "first", false, true}, &got);
    check_str(buf_str(&got), STR("p7"));
    ask(names, &(asked_t){"ana", "last", false, true}, &got);
    check_str(buf_str(&got), STR(""));

    name_index_query_t query = {.text = STR("a"), .first = {NAME_INDEX_FIRST_MAX + 1, 0}};
    name_index_found_t found;
    arena_t arena ARENA_SCOPED = {0};
    check_err(name_index_find(names, &arena, &query, &found), ERR_INVALID);
}

/* "w0 w1 ...": so many words, each another one. */
static void append_words(buf_t *out, int count)
{
    buf_reset(out);
    for (int i = 0; i < count; i++)
        buf_printf(out, "%sw%d", i > 0 ? " " : "", i);
}

Test(name_index, a_question_has_so_many_words_and_a_name_too)
{
    name_index_t *names NAME_INDEX_SCOPED = some_names(false);
    buf_t got BUF_SCOPED = BUF_INIT, name BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    append_words(&name, NAME_INDEX_WORDS_MAX + 1);
    put(names, NAME_INDEX_PLAYLIST, "long", "ana", buf_terminated(&name), true);
    append_words(&text, SEARCH_REQUEST_WORDS_MAX);
    buf_append(&text, STR(" nothing")); /* is not looked at */
    for (int i = 0; i < 2; i++) {
        ask(names, &(asked_t){"bob", buf_terminated(&text), false, true}, &got);
        check_str(buf_str(&got), STR("long"));
        ask(names, &(asked_t){"bob", "w31", false, true}, &got);
        check_str(buf_str(&got), STR("long"));
        ask(names, &(asked_t){"bob", "w32", false, true}, &got);
        check_str(buf_str(&got), STR(""));
        check_ok(name_index_settle(names));
    }
}

/* Of as many names as may be: with one more, nothing changes. */
Test(name_index, there_are_so_many_names_and_no_more)
{
    enum { MAX = 5 };
    name_index_t *names NAME_INDEX_SCOPED = NULL;
    buf_t got BUF_SCOPED = BUF_INIT;
    char key[16];
    check_ok(name_index_new(MAX, &names));
    for (int i = 0; i < MAX; i++) {
        snprintf(key, sizeof key, "p%d", i);
        put(names, NAME_INDEX_PLAYLIST, key, "ana", "Mix", true);
    }
    name_index_entry_t more = {NAME_INDEX_PERSON, STR("eve"), STR(""), STR("Eve"), false};
    check_err(name_index_put(names, &more), ERR_LIMIT);
    put(names, NAME_INDEX_PLAYLIST, "p4", "ana", "Renamed", true); /* is there already */
    ask(names, &(asked_t){"bob", "eve", false, true}, &got);
    check_str(buf_str(&got), STR(""));
    ask(names, &(asked_t){"bob", "mix", false, true}, &got);
    check_str(buf_str(&got), STR("p0 p1 p2 of 4"));
    name_index_remove(names, NAME_INDEX_PLAYLIST, STR("p0"));
    check_ok(name_index_put(names, &more));
    ask(names, &(asked_t){"bob", "eve", false, true}, &got);
    check_str(buf_str(&got), STR("eve"));
}

/* More than are ranked: the best of them all the same, and all are counted. */
Test(name_index, of_more_than_are_ranked_the_best_are_first_and_all_are_counted)
{
    enum { MANY = 3 * NAME_INDEX_RANKED_MAX };
    name_index_t *names NAME_INDEX_SCOPED = some_names(false);
    buf_t got BUF_SCOPED = BUF_INIT;
    char key[16], name[64];
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "x%03d", i);
        snprintf(name, sizeof name, i % 2 == 0 ? "xenon %03d of many" : "Xylophone%03d", i);
        put(names, i % 3 == 0 ? NAME_INDEX_PERSON : NAME_INDEX_PLAYLIST, key, "ana", name, true);
    }
    put(names, NAME_INDEX_PLAYLIST, "z1", "ana", "Xa", true);
    put(names, NAME_INDEX_PLAYLIST, "z2", "ana", "X", true);
    check_ok(name_index_settle(names));
    ask(names, &(asked_t){"bob", "x", true, false}, &got);
    check_str(buf_str(&got), STR("x003 x009 x015 of 250 z2 z1 x001 of 502"));
    name_index_remove(names, NAME_INDEX_PLAYLIST, STR("z1"));
    put(names, NAME_INDEX_PLAYLIST, "x001", "ana", "Another", true);
    put(names, NAME_INDEX_PLAYLIST, "x005", "ana", "Xylophone005", false);
    put(names, NAME_INDEX_PLAYLIST, "z3", "ana", "Xb", true);
    ask(names, &(asked_t){"bob", "x", true, false}, &got);
    check_str(buf_str(&got), STR("x003 x009 x015 of 250 z2 z3 x007 of 500"));
    ask(names, &(asked_t){"ana", "x", true, false}, &got);
    check_str(buf_str(&got), STR("x003 x009 x015 of 250 z2 z3 x005 of 501"));
}

Test(name_index, a_question_ends_when_its_work_is_spent_or_it_is_stopped)
{
    name_index_t *names NAME_INDEX_SCOPED = some_names(true);
    arena_t arena ARENA_SCOPED = {0};
    name_index_found_t found;
    const atomic_bool stopped = true;
    name_index_query_t query = {
        .text = STR("sundya mornign"), .asker = STR("ana"), .first = {5, 5}};
    check_ok(name_index_find(names, &arena, &query, &found));
    check_true(!found.is_cut && found.counts[NAME_INDEX_PLAYLIST] == 1 && found.work > 0);
    query.work_max = 1;
    check_ok(name_index_find(names, &arena, &query, &found));
    check_true(found.is_cut && found.counts[NAME_INDEX_PLAYLIST] == 0);
    query.work_max = 0;
    query.is_stopped = &stopped;
    check_ok(name_index_find(names, &arena, &query, &found));
    check_true(found.is_cut && found.counts[NAME_INDEX_PLAYLIST] == 0);
}
