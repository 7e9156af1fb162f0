#include "storage/exchange/navidrome.h"

#include "tests/support/check.h"

Test(navidrome, times_of_its_drivers_are_read)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"1970-01-01T00:00:01Z", 1000},
        {"2024-02-29 12:00:00", 1709208000000},
        {"2024-02-29 12:00:00.25+02:00", 1709200800250},
        {"2024-02-29 12:00:00.123456789 -0130 XYZ", 1709213400123},
        {"2000-03-01T00:00:00.5Z", 951868800500},
        {"0000-00-00 00:00:00", 0},
        {"0001-01-01T00:00:00Z", 0},
        {"2024-13-01 00:00:00", 0},
        {"2024-02-29 12:00:0", 0},
        {"yesterday", 0},
        {"", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t got = foreign_time_ms(str_from(cases[i].text));
        cr_expect(got == cases[i].want, "%s: %lld", cases[i].text, (long long)got);
    }
}
