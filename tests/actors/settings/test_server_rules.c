#include "actors/settings/server_rules.h"

#include "tests/support/check.h"

Test(server_rules, a_notice_is_a_line_of_text)
{
    static char longest[SERVER_NOTICE_SIZE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    const struct {
        const char *what;
        server_set_setting_t command;
        err_t want;
        bool is_change;
    } cases[] = {
        {"none, as it is", {STR("notice"), STR("")}, ERR_OK, false},
        {"some", {STR("notice"), STR("Back at 8 \xe2\x80\xa6")}, ERR_OK, true},
        {"the longest", {STR("notice"), str_of(longest, SERVER_NOTICE_SIZE_MAX)}, ERR_OK, true},
        {"a longer one", {STR("notice"), str_of(longest, sizeof longest)}, ERR_INVALID, false},
        {"two lines", {STR("notice"), STR("a\nb")}, ERR_INVALID, false},
        {"not UTF-8", {STR("notice"), STR("\xff")}, ERR_INVALID, false},
        {"a NUL", {STR("notice"), STR("a\0b")}, ERR_INVALID, false},
        {"another setting", {STR("colour"), STR("red")}, ERR_NOT_FOUND, false},
    };
    const server_book_t book = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool is_change = false;
        err_t err = server_decide_setting(&book, &cases[i].command, &is_change);
        cr_expect(err == cases[i].want && is_change == cases[i].is_change, "%s: %s", cases[i].what,
                  err_text(err));
    }
}

Test(server_rules, features_are_on_until_somebody_says_otherwise)
{
    server_book_t book = {0};
    server_setting_t settings[SERVER_SETTING_COUNT];
    server_feature_t features[SERVER_FEATURE_COUNT];
    bool is_change = true;
    check_err(server_decide_feature(&book, &(server_set_feature_t){STR("magic"), true}, &is_change),
              ERR_NOT_FOUND);
    check_ok(server_decide_feature(
        &book, &(server_set_feature_t){STR(SERVER_FEATURE_PLAYLIST_FILES), true}, &is_change));
    cr_assert_not(is_change);
    check_ok(server_decide_feature(
        &book, &(server_set_feature_t){STR(SERVER_FEATURE_PLAYLIST_FILES), false}, &is_change));
    cr_assert(is_change);

    server_apply_feature(&book, STR(SERVER_FEATURE_PLAYLIST_FILES), false);
    server_apply_feature(&book, STR("of a newer version"), false);
    server_apply_setting(&book, STR("of a newer version"), STR("x"));

    server_list(&book, settings, features);
    const server_settings_t all = {.settings = {settings, SERVER_SETTING_COUNT},
                                   .features = {features, SERVER_FEATURE_COUNT}};
    cr_assert_not(server_has(&all, SERVER_FEATURE_PLAYLIST_FILES));
    cr_assert(server_has(&all, SERVER_FEATURE_LISTENING_NOW));
    check_str(settings[0].value, STR(""));
}
