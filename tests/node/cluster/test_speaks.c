#include "node/cluster/speaks.h"
#include "tests/support/check.h"

Test(speaks, what_a_node_told_is_read_and_one_that_told_nothing_speaks_the_first)
{
    static const struct {
        const char *details;
        speaks_t want;
    } cases[] = {
        {"{\"version\":\"1\",\"speaks\":[2,5]}", {2, 5}},
        {"{\"speaks\":[3]}", {1, 1}},
        {"{\"version\":\"1\"}", {1, 1}},
        {"{\"speaks\":7}", {1, 1}},
        {"not json", {1, 1}},
        {"", {1, 1}},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        speaks_t got = speaks_of(str_from(cases[i].details));
        cr_expect(got.oldest == cases[i].want.oldest && got.newest == cases[i].want.newest,
                  "%s: %u to %u", cases[i].details, got.oldest, got.newest);
    }
}

Test(speaks, what_is_written_is_read)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    json_object_begin(&json);
    speaks_append((speaks_t){4, 9}, &json);
    json_object_end(&json);

    speaks_t read = speaks_of(buf_str(&text));

    cr_assert(read.oldest == 4 && read.newest == 9);
    cr_assert(speaks_agree(speaks_here(), speaks_here()));
}

Test(speaks, two_agree_where_their_ranges_meet)
{
    static const struct {
        speaks_t one, other;
        bool want;
    } cases[] = {{{1, 1}, {1, 1}, true},  {{1, 2}, {2, 3}, true},  {{2, 3}, {1, 2}, true},
                 {{1, 1}, {2, 2}, false}, {{3, 4}, {1, 2}, false}, {{1, 9}, {4, 5}, true}};

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(speaks_agree(cases[i].one, cases[i].other) == cases[i].want, "case %zu", i);
}

Test(speaks, a_stranger_is_who_is_there_or_came_before_and_has_no_version_in_common)
{
    static const struct {
        const char *what;
        member_t member;
        const char *details;
        bool is_stranger;
    } cases[] = {
        {"active", {.node = 9, .status = MEMBER_ACTIVE}, "{\"speaks\":[2,3]}", true},
        {"leaving", {.node = 2, .status = MEMBER_LEAVING}, "{\"speaks\":[2,3]}", true},
        {"dead", {.node = 2, .status = MEMBER_DEAD}, "{\"speaks\":[2,3]}", false},
        {"joining before it", {.node = 2, .status = MEMBER_JOINING}, "{\"speaks\":[2,3]}", true},
        {"joining after it", {.node = 9, .status = MEMBER_JOINING}, "{\"speaks\":[2,3]}", false},
        {"itself", {.node = 5, .status = MEMBER_JOINING}, "{\"speaks\":[2,3]}", false},
        {"one in common", {.node = 2, .status = MEMBER_ACTIVE}, "{\"speaks\":[1,3]}", false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        roster_t *roster ROSTER_SCOPED = roster_new();
        check_ok(roster_add(roster, &cases[i].member, str_from(cases[i].details)));
        const member_t *found = speaks_stranger(roster, 5, (speaks_t){1, 1});
        bool is_stranger = found != NULL;
        cr_expect(is_stranger == cases[i].is_stranger, "%s", cases[i].what);
    }
}
