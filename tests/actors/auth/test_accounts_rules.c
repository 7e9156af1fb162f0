#include "actors/auth/accounts_rules.h"
#include "tests/support/check.h"

#include <stdio.h>

static err_t add(accounts_book_t *book, const char *name)
{
    accounts_user_added_t event = {STR("0123456789abcdef"), str_from(name), ACCOUNT_ROLE_LISTENER};
    TRY(accounts_decide_add(book, event.name, event.role));
    return accounts_apply_added(book, &event, 5);
}

Test(accounts_rules, names_are_bounded_in_characters_not_bytes)
{
    char name[4 * (ACCOUNT_NAME_CHARACTERS_MAX + 1) + 1] = "";
    for (int i = 0; i < ACCOUNT_NAME_CHARACTERS_MAX; i++)
        memcpy(name + 4 * i, "\xf0\x9f\x8e\xb5", 5);
    check_ok(accounts_check_name(str_from(name)));
    memcpy(name + 4 * ACCOUNT_NAME_CHARACTERS_MAX, "x", 2);
    check_err(accounts_check_name(str_from(name)), ERR_INVALID);

    static const char *const bad[] = {"", " a", "a ", "a\nb", "a\x7f", "\xff", "\xed\xa0\x80"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_err(accounts_check_name(str_from(bad[i])), ERR_INVALID);
}

Test(accounts_rules, names_that_look_alike_are_one)
{
    static const struct {
        const char *first, *second;
        bool is_same;
    } cases[] = {
        {"Ann", "aNN", true},
        {"\xc3\x84nne", "a\xcc\x88nne", true}, /* composed, and a combining mark */
        {"stra\xc3\x9f\x65", "STRASSE", true},
        {"\xef\xac\x81n", "fin", true},  /* a ligature */
        {"Ann", "\xef\xbc\xa1nn", true}, /* a wide letter */
        {"Ann", "Anna", false},
        {"\xc3\xa4", "a", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        accounts_book_t book ACCOUNTS_BOOK_SCOPED = {0};
        check_ok(add(&book, cases[i].first));
        bool is_found = accounts_find_name(&book, str_from(cases[i].second)) != NULL;
        cr_expect(is_found == cases[i].is_same, "%s and %s", cases[i].first, cases[i].second);
    }
}

Test(accounts_rules, the_number_of_users_is_bounded_from_both_sides)
{
    accounts_book_t book ACCOUNTS_BOOK_SCOPED = {0};
    char name[16];
    for (int i = 0; i < ACCOUNTS_MAX; i++) { /* deciding would search all names each time */
        snprintf(name, sizeof name, "u%d", i);
        accounts_user_added_t event = {STR("0123456789abcdef"), str_from(name), 2};
        check_ok(accounts_apply_added(&book, &event, 5));
    }
    check_err(accounts_decide_add(&book, STR("one more"), ACCOUNT_ROLE_LISTENER), ERR_LIMIT);
    check_err(accounts_decide_add(&book, STR("U77"), ACCOUNT_ROLE_LISTENER), ERR_CONFLICT);
}

Test(accounts_rules, ended_sessions_are_forgotten_in_time_or_when_there_are_too_many)
{
    accounts_book_t book ACCOUNTS_BOOK_SCOPED = {0};
    str_t sid = STR("0123456789abcdef0123456789abcdef");
    accounts_sessions_ended_t event = {{&sid, 1}};

    check_ok(accounts_apply_ended(&book, &event, 0));
    check_ok(accounts_apply_ended(&book, &event, ACCOUNTS_ENDED_MS - 1));
    cr_assert(eq(u32, book.ended_count, 2));
    check_ok(accounts_apply_ended(&book, &event, ACCOUNTS_ENDED_MS));
    cr_assert(eq(u32, book.ended_count, 2));
    cr_assert(gt(i64, ACCOUNTS_ENDED_MS, ACCOUNT_ACCESS_MS));
    for (int i = 0; i < ACCOUNTS_ENDED_MAX; i++)
        check_ok(accounts_apply_ended(&book, &event, ACCOUNTS_ENDED_MS + 1));
    cr_assert(eq(u32, book.ended_count, ACCOUNTS_ENDED_MAX));
}
