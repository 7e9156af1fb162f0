#include "runtime/base/str.h"
#include "tests/support/check.h"

Test(str, numbers_are_read_whole_or_not_at_all)
{
    static const struct {
        const char *what, *text;
        err_t want;
        uint64_t value;
    } cases[] = {
        {"zero", "0", ERR_OK, 0},
        {"the largest", "18446744073709551615", ERR_OK, UINT64_MAX},
        {"one past it", "18446744073709551616", ERR_LIMIT, 0},
        {"nothing", "", ERR_INVALID, 0},
        {"a sign", "+4", ERR_INVALID, 0},
        {"a blank", "4 ", ERR_INVALID, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t got = 7;
        err_t err = str_to_u64(str_from(cases[i].text), &got);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].what, err_name(err));
        cr_expect(got == (err == ERR_OK ? cases[i].value : 7), "%s: changed the value",
                  cases[i].what);
    }
}

Test(str, next_gives_every_part_once)
{
    str_t rest = STR("a,,b"), part;
    const char *want[] = {"a", "", "b"};
    size_t count = 0;

    while (str_next(&rest, ',', &part)) {
        cr_assert(count < COUNT_OF(want));
        check_str(part, str_from(want[count]));
        count++;
    }

    cr_assert(count == 3);
}

Test(str, a_copy_into_an_array_is_terminated_and_says_when_it_was_cut)
{
    char room[4];

    cr_assert(str_to_array(STR("abc"), room, sizeof room));
    check_str(str_from(room), STR("abc"));
    cr_assert_not(str_to_array(STR("abcd"), room, sizeof room));
    check_str(str_from(room), STR("abc"));
    cr_assert(str_to_array((str_t){NULL, 0}, room, sizeof room));
    check_str(str_from(room), STR(""));
}

Test(str, a_prefix_is_taken_off_once_and_only_where_it_is_one)
{
    static const struct {
        const char *text, *want;
    } cases[] = {{"pl_1", "1"}, {"pl_pl_1", "pl_1"}, {"1", "1"},
                 {"pl", "pl"},  {"pl_", ""},         {"", ""}};

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(str_equal(str_without_prefix(str_from(cases[i].text), STR("pl_")),
                            str_from(cases[i].want)),
                  "%s", cases[i].text);
}
