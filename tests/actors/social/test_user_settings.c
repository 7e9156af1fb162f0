#include "actors/social/user_settings.h"

#include "tests/support/check.h"

static str_t value_of(const user_choices_t *choices, const char *name)
{
    user_setting_t settings[USER_SETTING_COUNT];
    uint32_t count = user_choices_list(choices, false, settings);
    cr_assert(eq(u32, count, USER_SETTING_COUNT));
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(settings[i].name, str_from(name)))
            return settings[i].value;
    return STR("none");
}

Test(user_settings, what_nobody_chose_is_as_it_is_by_default)
{
    const user_choices_t choices = {0};
    user_setting_t settings[USER_SETTING_COUNT];
    check_str(value_of(&choices, "theme"), STR("system"));
    check_str(value_of(&choices, "quality"), STR("auto"));
    check_str(value_of(&choices, "gapless"), STR("on"));
    check_str(value_of(&choices, "normalised"), STR("on"));
    cr_assert(eq(u32, user_choices_list(&choices, true, settings), 0));
}

Test(user_settings, a_choice_is_one_of_the_words_and_stays)
{
    static const struct {
        user_setting_t setting;
        err_t want;
        bool is_change;
    } cases[] = {
        {{STR_INIT("theme"), STR_INIT("dark")}, ERR_OK, true},
        {{STR_INIT("theme"), STR_INIT("dark")}, ERR_OK, false},
        {{STR_INIT("theme"), STR_INIT("system")}, ERR_OK, true}, /* chosen is not by default */
        {{STR_INIT("gapless"), STR_INIT("off")}, ERR_OK, true},
        {{STR_INIT("theme"), STR_INIT("Dark")}, ERR_INVALID, false},
        {{STR_INIT("theme"), STR_INIT("")}, ERR_INVALID, false},
        {{STR_INIT(""), STR_INIT("dark")}, ERR_INVALID, false},
        {{STR_INIT("gapless"), STR_INIT("dark")}, ERR_INVALID, false},
    };
    user_choices_t choices = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool is_change = false;
        err_t err = user_choices_check(&choices, &cases[i].setting, &is_change);
        cr_expect(err == cases[i].want && is_change == cases[i].is_change, "case %zu: %s", i,
                  err_text(err));
        if (err == ERR_OK)
            user_choices_apply(&choices, cases[i].setting.name, cases[i].setting.value);
    }
    user_choices_apply(&choices, STR("theme"), STR("of a newer version"));
    user_choices_apply(&choices, STR("theme"), STR("")); /* erased */

    user_setting_t settings[USER_SETTING_COUNT];
    check_str(value_of(&choices, "theme"), STR("system"));
    check_str(value_of(&choices, "gapless"), STR("off"));
    cr_assert(eq(u32, user_choices_list(&choices, true, settings), 2));
}
