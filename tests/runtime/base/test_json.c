#include "runtime/base/json.h"
#include "tests/support/check.h"

Test(json, commas_and_brackets_are_where_they_belong)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&out);

    json_object_begin(&json);
    json_key_str(&json, "name", STR("x"));
    json_key(&json, STR("list"));
    json_array_begin(&json);
    json_u64(&json, 1);
    json_array_begin(&json);
    json_array_end(&json);
    json_object_begin(&json);
    json_object_end(&json);
    json_null(&json);
    json_array_end(&json);
    json_key_bool(&json, "is", true);
    json_key_i64(&json, "less", INT64_MIN);
    json_key(&json, STR("raw"));
    json_raw(&json, STR("{\"a\":1}"));
    json_key_f64(&json, "ratio", 0.1);
    json_object_end(&json);

    check_str(buf_str(&out), STR("{\"name\":\"x\",\"list\":[1,[],{},null],\"is\":true,"
                                 "\"less\":-9223372036854775808,\"raw\":{\"a\":1},\"ratio\":0.1}"));
}

Test(json, text_is_escaped_so_that_it_can_stand_anywhere)
{
    static const struct {
        str_t text, want;
    } cases[] = {
        {{NULL, 0}, STR_INIT("\"\"")},
        {STR_INIT("a\"b\\c"), STR_INIT("\"a\\\"b\\\\c\"")},
        {STR_INIT("\n\r\t\b\0"), STR_INIT("\"\\n\\r\\t\\u0008\\u0000\"")},
        {STR_INIT("</script>"), STR_INIT("\"\\u003c/script>\"")},
        {STR_INIT("\xe2\x80\xa8\xe2\x80\xa9\x7f"), STR_INIT("\"\\u2028\\u2029\\u007f\"")},
        {STR_INIT("\xc3\xa9\xf0\x9f\x8e\xb5"), STR_INIT("\"\xc3\xa9\xf0\x9f\x8e\xb5\"")},
        {STR_INIT("a\xff"), STR_INIT("\"a\xef\xbf\xbd\"")},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t out BUF_SCOPED = BUF_INIT;
        json_t json = json_to(&out);
        json_str(&json, cases[i].text);
        check_str(buf_str(&out), cases[i].want);
    }
}

Test(json, a_double_is_the_shortest_that_reads_back)
{
    static const struct {
        double value;
        const char *want;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {0.1, "0.1"},
                 {1.0 / 3, "0.3333333333333333"},
                 {1e300, "1e+300"},
                 {5e-324, "4.94065645841247e-324"},
                 {123456789012345678.0, "1.2345678901234568e+17"},
                 {__builtin_nan(""), "null"},
                 {-__builtin_inf(), "null"}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t out BUF_SCOPED = BUF_INIT;
        json_t json = json_to(&out);
        json_f64(&json, cases[i].value);
        check_str(buf_str(&out), str_from(cases[i].want));
    }
}
