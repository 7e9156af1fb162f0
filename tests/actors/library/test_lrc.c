#include "actors/library/lrc.h"
#include "runtime/base/utf8.h"
#include "tests/support/check.h"

static void check_canonical(const char *what, str_t text, const char *wanted)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    lrc_t lrc;
    check_ok(lrc_parse(text, &arena, &lrc));

    lrc_append(&lrc, &out);

    cr_expect_str_eq(buf_terminated(&out), wanted, "%s: got\n%s", what, buf_terminated(&out));
}

Test(lrc, every_form_gives_its_canonical_lines)
{
    static const struct {
        const char *what, *text, *wanted;
    } cases[] = {
        {"nothing", "", ""},
        {"plain", "One\n\nTwo\n", "One\n\nTwo\n"},
        {"empty ends of plain lyrics", "\n\nOne\n\n\n", "One\n"},
        {"one stamp", "[00:12.34]Hello", "[00:12.340]Hello\n"},
        {"no fraction", "[01:02]a", "[01:02.000]a\n"},
        {"one digit", "[01:02.5]a", "[01:02.500]a\n"},
        {"three digits", "[01:02.567]a", "[01:02.567]a\n"},
        {"a colon before the fraction", "[01:02:50]a", "[01:02.500]a\n"},
        {"several stamps, out of order", "[00:20.00][00:10.00]chorus\n[00:15.00]verse",
         "[00:10.000]chorus\n[00:15.000]verse\n[00:20.000]chorus\n"},
        {"equal times keep their order", "[00:01.00]a\n[00:01.00]b",
         "[00:01.000]a\n[00:01.000]b\n"},
        {"metadata is left out", "[ar:Somebody]\n[ti:Song]\n[00:01.00]a", "[00:01.000]a\n"},
        {"lines without a stamp between others", "[00:01.00]a\nnoise\n[00:02.00]b",
         "[00:01.000]a\n[00:02.000]b\n"},
        {"an offset moves earlier", "[00:05.00]a\n[offset:1500]", "[00:03.500]a\n"},
        {"a negative offset moves later", "[offset:-500]\n[00:05.00]a", "[00:05.500]a\n"},
        {"never before the start", "[offset:+9000]\n[00:05.00]a", "[00:00.000]a\n"},
        {"word stamps", "[00:01.00]<00:01.00>Hel<00:01.20>lo <3", "[00:01.000]Hello <3\n"},
        {"line ends", "[00:01.00]a\r\n[00:02.00]b\r[00:03.00]c",
         "[00:01.000]a\n[00:02.000]b\n[00:03.000]c\n"},
        {"a byte order mark", "\xEF\xBB\xBF[00:01.00]a", "[00:01.000]a\n"},
        {"not UTF-8", "[00:01.00]caf\xE9", "[00:01.000]caf\xEF\xBF\xBD\n"},
        {"not a stamp", "[99:99.00]a\n[Chorus]\n[x", "[99:99.00]a\n[Chorus]\n[x\n"},
        {"an empty line in time", "[00:01.00]a\n[00:02.00]", "[00:01.000]a\n[00:02.000]\n"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_canonical(cases[i].what, str_from(cases[i].text), cases[i].wanted);
        check_canonical(cases[i].what, str_from(cases[i].wanted), cases[i].wanted);
    }
}

Test(lrc, the_bounds_hold)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    lrc_t lrc;

    for (int i = 0; i < LRC_LINES_MAX + 1; i++)
        buf_append(&text, STR("[00:01.00]a\n"));
    check_ok(lrc_parse(buf_str(&text), &arena, &lrc));
    cr_assert(eq(sz, lrc.line_count, LRC_LINES_MAX));

    buf_reset(&text);
    for (int i = 0; i < LRC_LINE_SIZE_MAX; i++)
        buf_append(&text, STR("\xC3\xA9"));
    check_ok(lrc_parse(buf_str(&text), &arena, &lrc));
    cr_assert(eq(sz, lrc.lines[0].text.size, LRC_LINE_SIZE_MAX));
    cr_assert(utf8_is_valid(lrc.lines[0].text));
}
