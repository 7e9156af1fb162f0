#include "node/cluster/status_table.h"
#include "node/commands/terminal.h"
#include "tests/support/check.h"

static void table_of(const char *json, uint32_t screen, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    graphql_value_t status;
    check_ok(graphql_value_from_json(str_from(json), &arena, &status));
    status_table_append(&status, screen, out);
}

static const char three[] =
    "{\"node\":3,\"state\":\"active\",\"view\":9,\"lease_ms\":3000,\"lease_left_ms\":2500,"
    "\"served\":8192,\"moving\":2,\"members\":["
    "{\"node\":3,\"is_self\":true,\"status\":\"active\",\"address\":\"192.0.2.10:8485\",\"zone\":"
    "\"z\","
    "\"roles\":\"gateway,actors\",\"details\":{\"version\":\"1.0.0+21abcdef\"},\"actors\":12,"
    "\"load_per_mille\":456,\"partitions\":8192,\"moving\":2,\"queue_age_ms\":0},"
    "{\"node\":4,\"status\":\"active\",\"is_suspect\":true,\"address\":\"192.0.2.11:8485\","
    "\"link\":{\"is_up\":true,\"round_us\":1500,\"waiting_bytes\":4096}},"
    "{\"node\":5,\"status\":\"dead\"},"
    "{\"node\":6,\"status\":\"active\",\"link\":{\"is_up\":false,\"breaks\":2}}]}";

Test(status_table, a_row_a_member_with_what_is_known_of_it)
{
    buf_t text BUF_SCOPED = BUF_INIT;

    table_of(three, 160, &text);

    check_str(
        buf_str(&text),
        STR("view 9, node 3 is active, lease 2.5 of 3.0 s, 8192 partitions here, 2 moving\n\n"
            "NODE STATUS  ADDRESS         ZONE ROLES          VERSION        LOAD WAIT ms ACTORS "
            "PART. MOVING LINK\n"
            "3    active  192.0.2.10:8485 z    gateway,actors 1.0.0+21abcdef  46%       0     12 "
            " 8192      2 this node\n"
            "4    active? 192.0.2.11:8485                                       -       -      - "
            "    -      - up 1.5 ms, 4 KiB wait\n"
            "5    dead                                                          -       -      - "
            "    -      - -\n"
            "6    active                                                        -       -      - "
            "    -      - down, 2 breaks\n"));
}

Test(status_table, in_a_narrow_one_it_is_shorter_and_says_how_all_are)
{
    buf_t text BUF_SCOPED = BUF_INIT;

    table_of(three, 80, &text);

    check_str(buf_str(&text),
              STR("view 9, node 3 is active, lease 2.5 of 3.0 s, 8192 partitions here, 2 moving\n\n"
                  "NODE STATUS  ZONE ROLES VERSION LOAD WAIT ms ACTORS PART. MOVING LINK\n"
                  "3    active  z    ga    1.0.0    46%       0     12  8192      2 this node\n"
                  "4    active?                       -       -      -     -      - up 1.5 ms, 4 "
                  "K…\n"
                  "5    dead                          -       -      -     -      - -\n"
                  "6    active                        -       -      -     -      - down, 2 "
                  "breaks\n"));
}

Test(status_table, no_line_is_wider_than_the_screen)
{
    static const uint32_t widths[] = {20, 79, 80, 81, 100, 120, 160};
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        table_of(three, widths[i], &text);
        str_t rest = buf_str(&text), line;
        while (str_next(&rest, '\n', &line))
            cr_expect(terminal_cells(line) <= widths[i], "%u: %.*s", widths[i], STR_ARG(line));
    }
}

Test(status_table, what_nobody_does_stands_in_a_line_of_its_own)
{
    buf_t text BUF_SCOPED = BUF_INIT;

    table_of("{\"node\":3,\"state\":\"active\",\"view\":1,\"lease_ms\":1000,\"lease_left_ms\":900,"
             "\"missing_roles\":\"media,batch\"}",
             160, &text);

    check_str(buf_str(&text),
              STR("view 1, node 3 is active, lease 0.9 of 1.0 s, 0 partitions here, 0 moving\n"
                  "NO ACTIVE NODE HAS THE ROLE media,batch\n\n\n"));
}

Test(status_table, without_a_lease_it_says_so)
{
    buf_t text BUF_SCOPED = BUF_INIT;

    table_of("{\"node\":3,\"state\":\"joining\",\"view\":1,\"is_database_away\":true}", 160, &text);

    cr_assert(strstr(buf_terminated(&text), "NO LEASE") != NULL);
    cr_assert(strstr(buf_terminated(&text), "THE DATABASE IS AWAY") != NULL);
}

Test(status_table, versions_between_nodes_are_shown_where_they_differ)
{
    static const struct {
        const char *what, *members, *want;
    } cases[] = {
        {"all the same, and a dead one of another",
         "{\"node\":3,\"details\":{\"speaks\":[2,2]}},{\"node\":4,\"details\":{\"speaks\":[2,2]}},"
         "{\"node\":5,\"status\":\"dead\",\"details\":{\"speaks\":[1,1]}}",
         NULL},
        {"one that tells nothing is of before",
         "{\"node\":3},{\"node\":4,\"details\":{\"speaks\":[1,2]}},{\"node\":5,\"details\":{"
         "\"speaks\":[1,1]}}",
         "\nversions spoken between nodes: 1 by nodes 3, 5; 1 to 2 by node 4\n"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t json BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
        buf_printf(&json, "{\"members\":[%s]}", cases[i].members);
        table_of(buf_terminated(&json), 80, &text);
        bool is_right = cases[i].want == NULL
                            ? strstr(buf_terminated(&text), "spoken") == NULL
                            : strstr(buf_terminated(&text), cases[i].want) != NULL;
        cr_expect(is_right, "%s: %s", cases[i].what, buf_terminated(&text));
    }
}
