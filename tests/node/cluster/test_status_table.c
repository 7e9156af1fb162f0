#include "node/cluster/status_table.h"
#include "tests/support/check.h"

static void table_of(const char *json, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    graphql_value_t status;
    check_ok(graphql_value_from_json(str_from(json), &arena, &status));
    status_table_append(&status, out);
}

Test(status_table, a_row_a_member_with_what_is_known_of_it)
{
    buf_t text BUF_SCOPED = BUF_INIT;

    table_of(
        "{\"node\":3,\"state\":\"active\",\"view\":9,\"lease_ms\":3000,\"lease_left_ms\":2500,"
        "\"served\":8192,\"moving\":2,\"members\":["
        "{\"node\":3,\"is_self\":true,\"status\":\"active\",\"address\":\"a:1\",\"zone\":\"z\","
        "\"roles\":\"gateway,actors\",\"details\":{\"version\":\"1.0\"},\"actors\":12,"
        "\"load_per_mille\":456,\"partitions\":8192},"
        "{\"node\":4,\"status\":\"active\",\"is_suspect\":true,\"address\":\"b:1\","
        "\"link\":{\"is_up\":true,\"round_us\":1500,\"waiting_bytes\":4096}},"
        "{\"node\":5,\"status\":\"dead\"},"
        "{\"node\":6,\"status\":\"active\",\"link\":{\"is_up\":false,\"breaks\":2}}]}",
        &text);

    check_str(buf_str(&text),
              STR("view 9, node 3 is active, lease 2.5 of 3.0 s, 8192 partitions here, 2 moving\n\n"
                  "NODE   STATUS    ADDRESS               ZONE     ROLES                       "
                  "VERSION   LOAD   ACTORS   PART.  LINK\n"
                  "3      active    a:1                   z        gateway,actors              "
                  "1.0       46%    12       8192   this node\n"
                  "4      active?   b:1                                                        "
                  "          -      -        -      up 1.5 ms, 4 KiB wait\n"
                  "5      dead                                                                 "
                  "          -      -        -      -\n"
                  "6      active                                                               "
                  "          -      -        -      down, 2 breaks\n"));
}

Test(status_table, without_a_lease_it_says_so)
{
    buf_t text BUF_SCOPED = BUF_INIT;

    table_of("{\"node\":3,\"state\":\"joining\",\"view\":1,\"is_database_away\":true}", &text);

    cr_assert(strstr(buf_terminated(&text), "NO LEASE") != NULL);
    cr_assert(strstr(buf_terminated(&text), "THE DATABASE IS AWAY") != NULL);
}
