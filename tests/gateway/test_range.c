#include "gateway/range.h"
#include "tests/support/check.h"

Test(range, one_range_is_understood_and_all_else_is_the_whole)
{
    static const struct {
        const char *header;
        uint64_t size;
        range_result_t want;
        uint64_t offset, length;
    } cases[] = {
        {"bytes=0-0", 10, RANGE_PART, 0, 1},
        {"bytes=2-4", 10, RANGE_PART, 2, 3},
        {"Bytes=2-", 10, RANGE_PART, 2, 8},
        {"bytes=-3", 10, RANGE_PART, 7, 3},
        {"bytes=-30", 10, RANGE_PART, 0, 10},
        {"bytes=9-100", 10, RANGE_PART, 9, 1},
        {"bytes=0-99999999999999999999999", 10, RANGE_PART, 0, 10},
        {"bytes=-99999999999999999999999", 10, RANGE_PART, 0, 10},
        {"bytes= 1-2 ", 10, RANGE_PART, 1, 2},
        {"bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=99999999999999999999999-", 10, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-1", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"", 10, RANGE_WHOLE, 0, 0},
        {"bytes", 10, RANGE_WHOLE, 0, 0},
        {"bytes=", 10, RANGE_WHOLE, 0, 0},
        {"bytes=-", 10, RANGE_WHOLE, 0, 0},
        {"bytes=4-2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1", 10, RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1--2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=0-1,3-4", 10, RANGE_WHOLE, 0, 0},
        {"items=0-1", 10, RANGE_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t offset = 0, length = 0;
        range_result_t got =
            range_parse(str_from(cases[i].header), cases[i].size, &offset, &length);
        cr_expect(got == cases[i].want && offset == cases[i].offset && length == cases[i].length,
                  "%s of %llu: %d, %llu+%llu", cases[i].header, (unsigned long long)cases[i].size,
                  (int)got, (unsigned long long)offset, (unsigned long long)length);
    }
}

Test(range, etags_are_compared_weakly_in_lists_and_strongly_for_ranges)
{
    static const struct {
        const char *list, *etag;
        bool is_listed, is_current;
    } cases[] = {
        {"\"a\"", "\"a\"", true, true},
        {"W/\"a\"", "\"a\"", true, false},
        {"\"a\"", "W/\"a\"", true, false},
        {"\"x\", \"a\"", "\"a\"", true, false},
        {"\"x\",W/\"a\" , \"b\"", "\"a\"", true, false},
        {"\"x,a\"", "\"a\"", false, false},
        {"*", "\"a\"", true, false},
        {"a", "\"a\"", false, false},
        {"\"a", "\"a\"", false, false},
        {"\"", "\"a\"", false, false},
        {"W/", "\"a\"", false, false},
        {"Sun, 22 Nov 2026 00:00:00 GMT", "\"a\"", false, false},
        {"", "\"a\"", false, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str_t list = str_from(cases[i].list), etag = str_from(cases[i].etag);
        cr_expect(etag_is_listed(list, etag) == cases[i].is_listed, "%s in %s", cases[i].etag,
                  cases[i].list);
        cr_expect(range_is_current(list, etag) == cases[i].is_current, "%s now %s", cases[i].list,
                  cases[i].etag);
    }
}
