#include "gateway/origin.h"
#include "tests/support/check.h"

Test(origin, only_our_own_is_ours)
{
    static const str_t others[] = {STR_INIT("https://music.example")};
    static const struct {
        const char *origin, *scheme, *host;
        bool is_ours;
    } cases[] = {
        {"http://a:8484", "http", "a:8484", true},
        {"http://A:8484", "http", "a:8484", true},
        {"http://a", "http", "a:80", true},
        {"http://a:80", "http", "a", true},
        {"https://a", "https", "a:443", true},
        {"http://[::1]:8484", "http", "[::1]:8484", true},
        {"https://music.example", "http", "a", true},
        {"https://a", "http", "a", false},
        {"http://a", "http", "a:8484", false},
        {"http://b:8484", "http", "a:8484", false},
        {"http://a.b:8484", "http", "a:8484", false},
        {"http://a:84840", "http", "a:8484", false},
        {"http://u@a:8484", "http", "a:8484", false},
        {"http://a:8484/", "http", "a:8484", false},
        {"http:a:8484", "http", "a:8484", false},
        {"null", "http", "a", false},
        {"", "http", "a", false},
        {"", "", "", false},
        {"http://", "http", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(origin_is_same(str_from(cases[i].origin), str_from(cases[i].scheme),
                                 str_from(cases[i].host), others, 1) == cases[i].is_ours,
                  "%s at %s://%s", cases[i].origin, cases[i].scheme, cases[i].host);
}

Test(origin, a_host_is_a_name_or_an_address_with_a_port_or_none)
{
    static const struct {
        const char *host;
        bool is_valid, is_allowed; /* with music.example as the one name */
    } cases[] = {
        {"music.example", true, true},
        {"Music.Example:8484", true, true},
        {"localhost", true, true},
        {"127.0.0.1:1", true, true},
        {"[::1]", true, true},
        {"[2001:db8::7]:65535", true, true},
        {"other.example", true, false},
        {"127.0.0.1.other.example", true, false},
        {"a:65536", false, false},
        {"a:0", false, false},
        {"a:", false, false},
        {"a:000080", false, false},
        {"", false, false},
        {":80", false, false},
        {".a", false, false},
        {"a b", false, false},
        {"a/b", false, false},
        {"[::1", false, false},
        {"[]", false, false},
        {"[::1]80", false, false},
        {"[127.0.0.1]", false, false},
        {"[::1%lo]", false, false},
    };
    static const str_t names[] = {STR_INIT("music.example")};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str_t host = str_from(cases[i].host);
        cr_expect(host_is_valid(host) == cases[i].is_valid, "valid: %s", cases[i].host);
        cr_expect(host_is_allowed(host, names, 1) == cases[i].is_allowed, "allowed: %s",
                  cases[i].host);
        cr_expect(host_is_allowed(host, NULL, 0) == cases[i].is_valid, "any: %s", cases[i].host);
    }
}
