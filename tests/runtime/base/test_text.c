#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "tests/support/check.h"

/* RFC 4648, section 10, without its padding for base64url. */
Test(text, base64_is_as_rfc_4648_says)
{
    static const struct {
        const char *bytes, *url, *padded;
    } cases[] = {{"", "", ""},
                 {"f", "Zg", "Zg=="},
                 {"fo", "Zm8", "Zm8="},
                 {"foo", "Zm9v", "Zm9v"},
                 {"foob", "Zm9vYg", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                 {"\xfb\xff", "-_8", "+/8="}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t url BUF_SCOPED = BUF_INIT, padded BUF_SCOPED = BUF_INIT, back BUF_SCOPED = BUF_INIT;
        base64url_append(&url, str_from(cases[i].bytes));
        base64_append(&padded, str_from(cases[i].bytes));
        check_str(buf_str(&url), str_from(cases[i].url));
        check_str(buf_str(&padded), str_from(cases[i].padded));
        check_ok(base64url_decode(&back, buf_str(&url)));
        check_str(buf_str(&back), str_from(cases[i].bytes));
    }
}

typedef err_t (*decode_fn)(buf_t *out, str_t text);

static err_t percent(buf_t *out, str_t text)
{
    return percent_decode(out, text, false);
}

Test(text, what_is_not_in_the_alphabet_is_refused_and_adds_nothing)
{
    static const struct {
        decode_fn decode;
        str_t text;
    } cases[] = {
        {base64url_decode, STR_INIT("Z")},
        {base64url_decode, STR_INIT("Zg==")},
        {base64url_decode, STR_INIT("Zm9+")},
        {base64url_decode, STR_INIT("Zh")},
        {base64url_decode, STR_INIT("Zm\0v")},
        {base64url_decode, STR_INIT("Zm9v\n")},
        {hex_decode, STR_INIT("0")},
        {hex_decode, STR_INIT("0g")},
        {hex_decode, STR_INIT("ff ")},
        {percent, STR_INIT("a%")},
        {percent, STR_INIT("a%2")},
        {percent, STR_INIT("a%zz")},
        {percent, STR_INIT("a%00")},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t out BUF_SCOPED = BUF_INIT;
        buf_append(&out, STR("before"));
        err_t err = cases[i].decode(&out, cases[i].text);
        cr_expect(err == ERR_INVALID, "case %zu: %s", i, err_name(err));
        check_str(buf_str(&out), STR("before"));
    }
}

Test(text, percent_keeps_what_it_may_and_a_form_has_plus_for_blank)
{
    buf_t out BUF_SCOPED = BUF_INIT;

    percent_append(&out, STR("a b/c~\xc3\xa9%"), "/");
    check_str(buf_str(&out), STR("a%20b/c~%C3%A9%25"));
    buf_reset(&out);
    check_ok(percent_decode(&out, STR("a+b%2Bc"), true));
    check_str(buf_str(&out), STR("a b+c"));
    buf_reset(&out);
    check_ok(percent_decode(&out, STR("a+b%2fc"), false));
    check_str(buf_str(&out), STR("a+b/c"));
}

Test(text, json_nests_as_deep_as_it_is_and_no_deeper)
{
    static const struct {
        str_t json;
        size_t depth;
    } cases[] = {{STR(""), 0},
                 {STR("7"), 0},
                 {STR("[]"), 1},
                 {STR("[{},[]]"), 2},
                 {STR("{\"a\":[[1]]}"), 3},
                 {STR("[\"[[[\",\"\\\"[[[\"]"), 1},
                 {STR("]]}[["), 2}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_true(text_json_nests_within(cases[i].json, cases[i].depth));
        check_true(cases[i].depth == 0 ||
                   !text_json_nests_within(cases[i].json, cases[i].depth - 1));
    }
}

Test(text, random_bytes_come_back_through_every_form)
{
    random_seed_t seed = {4};
    ms_random_t random = random_seeded(&seed);

    for (int round = 0; round < 2000; round++) {
        char bytes[40];
        str_t given = str_of(bytes, random_below(&random, sizeof bytes));
        buf_t hex BUF_SCOPED = BUF_INIT, url BUF_SCOPED = BUF_INIT, back BUF_SCOPED = BUF_INIT;
        random_fill(&random, bytes, sizeof bytes);
        hex_append(&hex, given);
        check_ok(hex_decode(&back, buf_str(&hex)));
        check_str(buf_str(&back), given);
        buf_reset(&back);
        base64url_append(&url, given);
        check_ok(base64url_decode(&back, buf_str(&url)));
        check_str(buf_str(&back), given);
    }
}
