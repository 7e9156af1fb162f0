#include "actors/social/recent_searches.h"

#include "tests/support/check.h"

#include <stdio.h>

#define SEARCHES_SCOPED SCOPED(recent_searches_deinit)

static void note(recent_searches_t *list, const char *typed, int64_t at)
{
    str_t query;
    check_ok(recent_searches_check(list, str_from(typed), &query));
    check_ok(recent_searches_apply(list, query, at));
}

/* The queries, newest first, with commas between them. */
static str_t all(const recent_searches_t *list, buf_t *out)
{
    user_search_t items[USER_SEARCHES_MAX];
    uint32_t count = recent_searches_list(list, items);
    buf_reset(out);
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%s%.*s", i > 0 ? "," : "", STR_ARG(items[i].query));
    return buf_str(out);
}

Test(recent_searches, the_newest_come_first_and_a_repeated_one_moves_up_as_it_was_typed_last)
{
    recent_searches_t list SEARCHES_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;

    note(&list, "Björk", 1);
    note(&list, "  abba ", 2);
    note(&list, "!!!", 3);
    note(&list, "???", 4); /* folds to nothing, as !!! does: not the same */
    note(&list, "bjork", 5);

    check_str(all(&list, &text), STR("bjork,???,!!!,abba"));
    user_search_t items[USER_SEARCHES_MAX];
    cr_assert(eq(u32, recent_searches_list(&list, items), 4));
    cr_assert(eq(i64, items[0].searched_at, 5));
    cr_assert(recent_searches_has(&list, STR("ABBA")));
    recent_searches_apply_removed(&list, STR("ABBA"));
    recent_searches_apply_removed(&list, STR("never"));
    check_str(all(&list, &text), STR("bjork,???,!!!"));
    recent_searches_apply_cleared(&list);
    check_str(all(&list, &text), STR(""));
}

Test(recent_searches, there_are_twenty_and_the_oldest_goes)
{
    recent_searches_t list SEARCHES_SCOPED = {0};
    user_search_t items[USER_SEARCHES_MAX];
    char word[16];

    for (int i = 0; i <= USER_SEARCHES_MAX; i++) {
        snprintf(word, sizeof word, "w%d", i);
        note(&list, word, i);
        cr_assert(eq(u32, recent_searches_list(&list, items),
                     (uint32_t)MIN(i + 1, (int)USER_SEARCHES_MAX)));
    }

    check_str(items[0].query, STR("w20"));
    check_str(items[USER_SEARCHES_MAX - 1].query, STR("w1"));
    check_true(!recent_searches_has(&list, STR("w0")));
}

Test(recent_searches, what_is_no_search_is_refused)
{
    char longest[USER_SEARCH_SIZE_MAX + 3];
    memset(longest, 'a', sizeof longest);
    longest[USER_SEARCH_SIZE_MAX + 1] = ' ';
    const struct {
        const char *what;
        str_t typed;
        err_t want;
    } cases[] = {
        {"nothing", STR(""), ERR_INVALID},
        {"blanks", STR(" \t "), ERR_INVALID},
        {"no UTF-8", STR("\xff"), ERR_INVALID},
        {"a control character", STR("a\x01"), ERR_INVALID},
        {"deleting", STR("a\x7f"), ERR_INVALID},
        {"the longest", str_of(longest, USER_SEARCH_SIZE_MAX), ERR_OK},
        {"one more", str_of(longest, USER_SEARCH_SIZE_MAX + 1), ERR_INVALID},
        {"two lines", STR("a\nb"), ERR_INVALID},
        {"a letter", STR("a"), ERR_OK},
    };
    recent_searches_t list SEARCHES_SCOPED = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str_t query;
        err_t got = recent_searches_check(&list, cases[i].typed, &query);
        cr_expect(got == cases[i].want, "%s: got \"%s\"", cases[i].what, err_text(got));
    }
    cr_assert(eq(u32, list.count, 0));
}

Test(recent_searches, a_snapshot_is_the_same_list_and_one_that_is_too_long_is_damage)
{
    recent_searches_t list SEARCHES_SCOPED = {0}, again SEARCHES_SCOPED = {0};
    user_search_t items[USER_SEARCHES_MAX], many[USER_SEARCHES_MAX + 1];
    buf_t text BUF_SCOPED = BUF_INIT;
    char longer[USER_SEARCH_SIZE_MAX + 1];
    memset(longer, 'a', sizeof longer);
    note(&list, "one", 1);
    note(&list, "two", 2);

    uint32_t count = recent_searches_list(&list, items);
    check_ok(recent_searches_restore(&again, items, count));
    check_str(all(&again, &text), STR("two,one"));

    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = (user_search_t){STR("x"), 1};
    cr_assert(recent_searches_restore(&again, many, COUNT_OF(many)) == ERR_CORRUPT);
    many[0].query = str_of(longer, sizeof longer);
    cr_assert(recent_searches_restore(&again, many, 1) == ERR_CORRUPT);
}
