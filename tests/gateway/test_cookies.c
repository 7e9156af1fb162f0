#include "gateway/cookies.h"
#include "tests/support/check.h"

Test(cookies, the_first_of_a_name_is_found_among_anything)
{
    static const struct {
        const char *header, *name, *value; /* NULL: none */
    } cases[] = {
        {"a=1", "a", "1"},       {"a=1; b=2", "b", "2"},    {"a=1;b=2", "b", "2"},
        {"a=1; a=2", "a", "1"},  {"a=", "a", ""},           {"a", "a", NULL},
        {"; ;=;a=1", "a", "1"},  {"a=\"x y\"", "a", "x y"}, {"a=\"", "a", "\""},
        {"aa=1; a=2", "a", "2"}, {"a=b=c", "a", "b=c"},     {"A=1", "a", NULL},
        {"", "a", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str_t got = cookie_find(str_from(cases[i].header), str_from(cases[i].name));
        bool is_right = (got.data == NULL) == (cases[i].value == NULL) &&
                        (got.data == NULL || str_equal(got, str_from(cases[i].value)));
        cr_expect(is_right, "%s in \"%s\": \"%.*s\"", cases[i].name, cases[i].header, STR_ARG(got));
    }
    str_t none = cookie_find((str_t){NULL, 0}, STR("a"));
    cr_expect(none.data == NULL);
}

Test(cookies, a_cookie_is_closed_by_default)
{
    static const struct {
        cookie_t cookie;
        const char *want; /* NULL: INVALID */
    } cases[] = {
        {{.name = STR_INIT("a"), .value = STR_INIT("b"), .max_age_s = -1},
         "a=b; Path=/; SameSite=Strict; HttpOnly"},
        {{.name = STR_INIT("__Host-a"), .value = STR_INIT("b"), .max_age_s = 60, .is_secure = true},
         "__Host-a=b; Path=/; Max-Age=60; SameSite=Strict; Secure; HttpOnly"},
        {{.name = STR_INIT("a"),
          .value = STR_INIT(""),
          .path = STR_INIT("/x"),
          .same_site = COOKIE_LAX,
          .is_script_readable = true},
         "a=; Path=/x; Max-Age=0; SameSite=Lax"},
        {{.name = STR_INIT("__Secure-a"),
          .value = STR_INIT("b"),
          .domain = STR_INIT("music.example"),
          .max_age_s = -1,
          .is_secure = true},
         "__Secure-a=b; Path=/; Domain=music.example; SameSite=Strict; Secure; HttpOnly"},
        {{.name = STR_INIT("a"), .value = STR_INIT("b"), .domain = STR_INIT("a;b")}, NULL},
        {{.name = STR_INIT(""), .value = STR_INIT("b")}, NULL},
        {{.name = STR_INIT("a b"), .value = STR_INIT("b")}, NULL},
        {{.name = STR_INIT("a"), .value = STR_INIT("b;c")}, NULL},
        {{.name = STR_INIT("a"), .value = STR_INIT("b\r\nX: y")}, NULL},
        {{.name = STR_INIT("a"), .value = STR_INIT("b"), .path = STR_INIT("/;")}, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t out BUF_SCOPED = BUF_INIT;
        err_t err = cookie_append(&out, &cases[i].cookie);
        cr_expect(err == (cases[i].want == NULL ? ERR_INVALID : ERR_OK), "row %zu", i);
        check_str(buf_str(&out), str_from(cases[i].want == NULL ? "" : cases[i].want));
    }
}
