/* What `musicstream crashes` prints. */

#include "node/commands/crash_list.h"
#include "tests/support/check.h"

static void check_list(const char *json, const char *wanted)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    graphql_value_t value;
    check_ok(graphql_value_from_json(str_from(json), &arena, &value));
    crash_list_append(&out, &value);
    check_str(buf_str(&out), str_from(wanted));
}

Test(crash_list, nothing_failed)
{
    check_list("{\"count\":0,\"last\":[]}", "0 failures since the start\n");
    check_list("{}", "0 failures since the start\n");
}

Test(crash_list, each_says_who_why_and_how_it_goes_on)
{
    check_list(
        "{\"count\":70,\"last\":["
        "{\"kind\":\"scan\",\"key\":\"a\\u001b[2J\",\"reason\":\"no such folder\","
        "\"ago_ms\":61000,\"handling\":\"scan_go\",\"up_ms\":1234,\"failures\":2,"
        "\"queue\":3,\"decision\":\"parked\",\"delay_ms\":150,\"last\":["
        "{\"type\":\"scan_go\",\"before_ms\":0},{\"type\":\"scan_tick\",\"before_ms\":700000}"
        "]},"
        "{\"kind\":\"user\",\"key\":\"u\",\"reason\":\"killed\",\"ago_ms\":5,"
        "\"handling\":\"nothing\",\"up_ms\":0,\"failures\":0,\"queue\":0,"
        "\"decision\":\"ends\",\"delay_ms\":0,\"last\":[]}]}",
        "70 failures since the start\n"
        "61 s ago  scan/a\\x1b[2J  no such folder\n"
        "  handling scan_go, up 1234 ms, failure 2 of its period, 3 waiting; parked for 150 ms\n"
        "  before: scan_go -0 ms, scan_tick -11 min\n"
        "5 ms ago  user/u  killed\n"
        "  handling nothing, up 0 ms, failure 0 of its period, 0 waiting; ends\n");
}
