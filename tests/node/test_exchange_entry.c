#include "node/exchange/exchange.h"
#include "tests/support/check.h"

Test(exchange_entry, says_what_there_is_and_sends_the_terminal_nothing)
{
    static const struct {
        track_wanted_t wanted;
        const char *want;
    } cases[] = {
        {{.artist = STR_INIT("A"), .title = STR_INIT("T"), .path = STR_INIT("/m/t.mp3")},
         "A - T (/m/t.mp3)"},
        {{.path = STR_INIT("/m/t.mp3")}, "(/m/t.mp3)"},
        {{.title = STR_INIT("T")}, "T"},
        {{.artist = STR_INIT("\x1b[2J"), .title = STR_INIT("a\nb"), .path = STR_INIT("/\x07")},
         "\\x1b[2J - a\\x0ab (/\\x07)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t text BUF_SCOPED = BUF_INIT;

        exchange_append_entry(&text, &cases[i].wanted);

        check_str(buf_str(&text), str_from(cases[i].want));
    }
}
