#include "runtime/base/utf8.h"
#include "tests/support/check.h"

Test(utf8, only_the_shortest_form_of_a_real_code_point_is_taken)
{
    static const struct {
        const char *what;
        str_t bytes;
        size_t size; /* 0: refused */
        uint32_t code_point;
    } cases[] = {
        {"nothing", {NULL, 0}, 0, 0},
        {"NUL", STR_INIT("\0"), 1, 0},
        {"the last of one byte", STR_INIT("\x7f"), 1, 0x7f},
        {"the first of two", STR_INIT("\xc2\x80"), 2, 0x80},
        {"the last of two", STR_INIT("\xdf\xbf"), 2, 0x7ff},
        {"the first of three", STR_INIT("\xe0\xa0\x80"), 3, 0x800},
        {"before the surrogates", STR_INIT("\xed\x9f\xbf"), 3, 0xd7ff},
        {"after them", STR_INIT("\xee\x80\x80"), 3, 0xe000},
        {"the last of three", STR_INIT("\xef\xbf\xbf"), 3, 0xffff},
        {"the first of four", STR_INIT("\xf0\x90\x80\x80"), 4, 0x10000},
        {"the last", STR_INIT("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
        {"past the last", STR_INIT("\xf4\x90\x80\x80"), 0, 0},
        {"a lone continuation", STR_INIT("\x80"), 0, 0},
        {"NUL in two", STR_INIT("\xc0\x80"), 0, 0},
        {"a slash in three", STR_INIT("\xe0\x80\xaf"), 0, 0},
        {"four for three", STR_INIT("\xf0\x8f\xbf\xbf"), 0, 0},
        {"a surrogate", STR_INIT("\xed\xa0\x80"), 0, 0},
        {"cut short", STR_INIT("\xe2\x82"), 0, 0},
        {"broken off", STR_INIT("\xe2\x82z"), 0, 0},
        {"five bytes", STR_INIT("\xf8\x88\x80\x80\x80"), 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t code_point = 0;
        size_t size = utf8_decode(cases[i].bytes, &code_point);
        cr_expect(size == cases[i].size, "%s: %zu bytes", cases[i].what, size);
        cr_expect(code_point == cases[i].code_point, "%s: %x", cases[i].what, code_point);
    }
}

Test(utf8, every_code_point_comes_back)
{
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 97) {
        buf_t text BUF_SCOPED = BUF_INIT;
        uint32_t back = 0;
        utf8_append(&text, c);
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        cr_assert(utf8_decode(buf_str(&text), &back) == text.size);
        cr_assert(back == (is_surrogate ? 0xfffd : c), "%x gave %x", c, back);
    }
}

Test(utf8, repair_replaces_what_is_wrong_and_nothing_else)
{
    static const struct {
        str_t text, want;
        size_t count;
    } cases[] = {
        {{NULL, 0}, {NULL, 0}, 0},
        {STR_INIT("na\xc3\xafve"), STR_INIT("na\xc3\xafve"), 5},
        {STR_INIT("a\xff\xfe"), STR_INIT("a\xef\xbf\xbd\xef\xbf\xbd"), 3},
        {STR_INIT("\xe2\x82"), STR_INIT("\xef\xbf\xbd\xef\xbf\xbd"), 2},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        utf8_append_repaired(&text, cases[i].text);
        check_str(buf_str(&text), cases[i].want);
        cr_assert(utf8_count(cases[i].text) == cases[i].count);
        cr_assert(utf8_is_valid(buf_str(&text)));
        cr_assert(utf8_is_valid(cases[i].text) == str_equal(cases[i].text, cases[i].want));
    }
}
