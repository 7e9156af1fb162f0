/* Records of several nodes, put together: the tree of a trace, whatever the clocks say. */
#include "node/inside/records.h"
#include "tests/support/check.h"

/* Node 2's clock is 100 ms ahead, of which half a millisecond is not known; ids come again. */
static const char *const lines[] = {
    "{\"now_ns\":9000000000,\"now_ms\":1700000000000}",
    "{\"node\":1,\"address\":\"a:1\",\"is_self\":true,\"ahead_ns\":0,\"ahead_ms\":0,\"round_us\":0,"
    "\"left_out\":0}",
    "{\"node\":2,\"address\":\"b:1\",\"ahead_ns\":100000000,\"ahead_ms\":100,\"round_us\":1000,"
    "\"left_out\":7}",
    "{\"node\":3,\"address\":\"c:1\",\"error\":\"it does not answer\"}",
    "{\"node\":1,\"at_ns\":1000000,\"scheduler\":0,\"event\":\"request\",\"kind\":\"/graphql\","
    "\"message\":\"POST\",\"took_ns\":9000000,\"trace\":5,\"trace_id\":\"00ff\",\"status\":200}",
    "{\"node\":1,\"at_ns\":1500000,\"scheduler\":0,\"event\":\"sent\",\"kind\":\"user\","
    "\"message\":\"user_get\",\"id\":7}",
    "{\"node\":1,\"at_ns\":1600000,\"scheduler\":0,\"event\":\"carried\",\"message\":\"user_get\","
    "\"id\":7,\"to_node\":2,\"span\":4}",
    "{\"node\":2,\"at_ns\":101400000,\"scheduler\":9,\"event\":\"received\",\"message\":\"user_"
    "get\","
    "\"id\":3,\"from_node\":1,\"span\":4}",
    "{\"node\":2,\"at_ns\":101500000,\"scheduler\":1,\"event\":\"handled\",\"kind\":\"user\","
    "\"actor\":\"5.0\",\"message\":\"user_get\",\"id\":3,\"took_ns\":250000,\"waited_us\":30}",
    "{\"node\":2,\"at_ns\":101600000,\"scheduler\":1,\"event\":\"sent\",\"kind\":\"list\","
    "\"actor\":\"5.0\",\"message\":\"list_get\",\"id\":4}",
    "{\"node\":2,\"at_ns\":102000000,\"scheduler\":0,\"event\":\"handled\",\"kind\":\"list\","
    "\"actor\":\"6.0\",\"message\":\"list_get\",\"id\":4,\"took_ns\":1000}",
    "{\"node\":2,\"at_ns\":103000000,\"scheduler\":0,\"event\":\"sent\",\"actor\":\"6.0\","
    "\"message\":\"list_view\",\"to\":\"5.0\",\"id\":4}",
    "{\"node\":2,\"at_ns\":103100000,\"scheduler\":1,\"event\":\"handled\",\"kind\":\"user\","
    "\"actor\":\"5.0\",\"message\":\"list_view\",\"id\":4,\"took_ns\":1000}",
    "{\"is_end\":true}"};

static void read_all(records_t *out)
{
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        check_ok(records_add(out, str_from(lines[i])));
    records_sort(out);
}

Test(records, a_trace_is_a_tree_in_the_order_of_causes)
{
    records_t records RECORDS_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    read_all(&records);

    check_ok(records_trace_append(&records, 200, &text));

    check_str(buf_str(&text),
              STR("     AT ms NODE   TOOK ms   WAITED WHAT\n"
                  "     0.000 1        9.000        - POST /graphql, status 200\n"
                  "     0.500 2        0.250    0.030   user_get  user 5.0\n"
                  "     1.000 2        0.001        -     list_get  list 6.0\n"
                  "     2.100 2        0.001        -       list_view  user 5.0\n"
                  "node 1 at a:1: its clock is +0 ms from this node's; known to 0.0 ms\n"
                  "node 2 at b:1: its clock is +100 ms from this node's; known to 0.5 ms\n"
                  "node 2: 7 older records are left out\n"
                  "node 3 at c:1: it does not answer\n"));
    cr_assert(records.is_whole);
}

Test(records, a_message_of_which_the_other_node_knows_nothing_is_shown_where_it_was_sent)
{
    records_t records RECORDS_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < 7; i++)
        check_ok(records_add(&records, str_from(lines[i])));
    records_sort(&records);

    check_ok(records_trace_append(&records, 200, &text));

    cr_assert(str_contains(buf_str(&text), STR("  user_get  to node 2, which has not recorded it")),
              "%s", buf_terminated(&text));
}

Test(records, a_chrome_trace_has_both_ends_of_a_link_and_no_end_before_its_begin)
{
    records_t records RECORDS_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    read_all(&records);

    check_ok(records_chrome_append(&records, &text));

    str_t all = buf_str(&text);
    cr_expect(str_contains(all, STR("\"ph\":\"s\",\"pid\":1,\"tid\":0,\"cat\":\"link\","
                                    "\"ts\":600.000,")));
    cr_expect(str_contains(all, STR("\"ph\":\"f\",\"pid\":2,\"tid\":9,\"cat\":\"link\","
                                    "\"ts\":600.000,")),
              "it came before it went, by the clocks: %s", buf_terminated(&text));
    cr_expect(str_contains(all, STR("\"name\":\"node 2 at b:1\"")));
}

Test(records, what_is_none_is_refused)
{
    static const char *const bad[] = {"", "x", "{\"node\":1,\"event\":\"sent\"}", "[1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        records_t records RECORDS_SCOPED = {0};
        check_err(records_add(&records, str_from(bad[i])), ERR_INVALID);
    }
}

Test(records, no_line_of_a_list_is_wider_than_the_screen)
{
    records_t records RECORDS_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    read_all(&records);
    records_list_append(&records, 60, &text);
    str_t rest = buf_str(&text), line;
    (void)str_next(&rest, '\n', &line); /* the titles */
    while (str_next(&rest, '\n', &line))
        cr_expect(line.size <= 62, "%.*s", STR_ARG(line)); /* … has three bytes */
}
