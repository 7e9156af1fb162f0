/* What top shows of samples with anything in them, at several widths. */

#include "node/commands/terminal.h"
#include "node/commands/top_screen.h"
#include "tests/support/check.h"

static const char sample_json[] =
    "{\"interval_ms\":1000,\"actor_count\":1234567,\"messages_per_s\":45678.9,"
    "\"turns_per_s\":12.5,\"steals_per_s\":3,\"dead_letters\":7,\"failures\":1,\"restarts\":1,"
    "\"slow_turns\":0,\"appends_in_flight\":2,"
    "\"schedulers\":[{\"busy_percent\":99.6},{\"busy_percent\":12.2}],"
    "\"kinds\":[{\"kind\":\"playlist\",\"actors\":12,\"messages_per_s\":3,\"cpu_percent\":1.5,"
    "\"memory_bytes\":1048576,\"queue\":4}],"
    "\"types\":[{\"kind\":\"playlist\",\"type\":\"playlist_get\",\"count\":9,\"wait_p50_ns\":900,"
    "\"wait_p99_ns\":12000,\"wait_max_ns\":3400000,\"took_p50_ns\":150,\"took_p99_ns\":2500000000,"
    "\"took_max_ns\":1}],"
    "\"actors\":["
    "{\"kind\":\"playlist\",\"key\":\"plain\",\"actor\":\"1.0\",\"messages_per_s\":5,"
    "\"cpu_percent\":50.0,\"memory_bytes\":300,\"queue\":0,\"messages\":10},"
    "{\"kind\":\"playlist\",\"key\":\"\\u001b[31mred\\u0007\\n\",\"actor\":\"2.0\","
    "\"messages_per_s\":4,\"cpu_percent\":60.0,\"memory_bytes\":200,\"queue\":9},"
    "{\"kind\":\"user\",\"key\":\"\\u202eright to left\",\"actor\":\"3.0\",\"messages_per_s\":3,"
    "\"cpu_percent\":1.0,\"memory_bytes\":900,\"queue\":1},"
    "{\"kind\":\"user\",\"key\":\"音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽\",\"actor\":\"4.0\","
    "\"messages_per_s\":2,\"cpu_percent\":0.0,\"memory_bytes\":100,\"queue\":2},"
    "{\"kind\":\"a_kind_with_a_very_long_name_indeed\",\"key\":\"مفتاح\",\"actor\":\"5.0\","
    "\"messages_per_s\":1,\"cpu_percent\":0.0,\"memory_bytes\":100,\"queue\":2}]}";

static void print(const top_screen_t *screen, buf_t *out)
{
    static arena_t arena;
    graphql_value_t sample;
    check_ok(graphql_value_from_json(STR(sample_json), &arena, &sample));
    top_screen_print(screen, &(top_node_t){.sample = &sample}, 1, out);
    arena_deinit(&arena);
}

static str_t line_at(const buf_t *text, size_t index)
{
    str_t rest = buf_str(text), line = STR("");
    for (size_t i = 0; i <= index; i++)
        cr_assert(str_next(&rest, '\n', &line), "line %zu", index);
    return line;
}

Test(top_screen, no_line_is_wider_than_the_screen_and_no_key_moves_a_column)
{
    static const uint32_t widths[] = {40, 80, 81, 100, 200};
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        for (int view = 0; view < 3; view++) {
            top_screen_t screen = {
                .view = (top_view_t)view, .columns = widths[i], .rows = 19, .has_keys = true};
            buf_t out BUF_SCOPED = BUF_INIT;
            print(&screen, &out);
            str_t rest = buf_str(&out), line;
            while (str_next(&rest, '\n', &line)) {
                cr_expect(terminal_cells(line) <= widths[i], "%u columns: %u in \"%.*s\"",
                          widths[i], terminal_cells(line), STR_ARG(line));
                for (size_t c = 0; c < line.size; c++)
                    cr_expect(line.data[c] < 0 || line.data[c] >= ' ', "column %zu", c);
            }
            cr_expect(str_contains(buf_str(&out), STR("\u202e")) == false, "view %d", view);
        }
    }
}

Test(top_screen, a_row_says_what_the_sample_says)
{
    top_screen_t screen = {.columns = 80, .rows = 19};
    buf_t out BUF_SCOPED = BUF_INIT;

    print(&screen, &out);

    check_str(line_at(&out, 0), STR("1.2M actors   46k messages/s   12 turns/s   3 steals/s   1.0M "
                                    "of actors"));
    check_str(line_at(&out, 2), STR("schedulers busy  0: 100%  1: 12%"));
    check_str(line_at(&out, 4),
              STR("  MSG/S   CPU%    MEM  QUEUE ACTOR      KIND             KEY"));
    check_str(line_at(&out, 5),
              STR("      5   50.0   300B      0 1.0        playlist         plain"));
    check_str(
        line_at(&out, 6),
        STR("      4   60.0   200B      9 2.0        playlist         \\x1b[31mred\\x07\\x0a"));
    check_str(line_at(&out, 7), STR("      3    1.0   900B      1 3.0        user             "
                                    "\\u{202e}right to left"));
}

Test(top_screen, of_several_nodes_each_row_says_which_and_a_silent_one_is_named)
{
    static arena_t arena;
    graphql_value_t sample, other;
    check_ok(graphql_value_from_json(STR(sample_json), &arena, &sample));
    check_ok(graphql_value_from_json(
        STR("{\"actor_count\":1,\"messages_per_s\":1,\"schedulers\":[{\"busy_percent\":10},"
            "{\"busy_percent\":30}],\"actors\":[{\"kind\":\"user\",\"key\":\"x\",\"actor\":\"9.0\","
            "\"messages_per_s\":4.5,\"cpu_percent\":1,\"memory_bytes\":1,\"queue\":0}]}"),
        &arena, &other));
    const top_node_t nodes[] = {{.node = 12, .sample = &sample},
                                {.node = 13, .sample = &other},
                                {.node = 14, .error = STR_INIT("it does not answer")},
                                {.node = 15,
                                 .sample = &other,
                                 .error = STR_INIT("it can't be reached"),
                                 .silent_ms = 7000}};
    top_screen_t screen = {.columns = 80, .rows = 4};
    buf_t out BUF_SCOPED = BUF_INIT;

    top_screen_print(&screen, nodes, COUNT_OF(nodes), &out);

    check_str(line_at(&out, 2), STR("nodes busy  12: 56%  13: 20%  14: ?  15: ?"));
    check_str(line_at(&out, 4), STR("NODE 14: it does not answer"));
    check_str(line_at(&out, 5),
              STR("NODE 15: it can't be reached (what is shown of it is 7 s old)"));
    check_str(line_at(&out, 6),
              STR("NODE    MSG/S   CPU%    MEM  QUEUE ACTOR      KIND             KEY"));
    check_str(line_at(&out, 7),
              STR("12          5   50.0   300B      0 1.0        playlist         plain"));
    check_str(line_at(&out, 8),
              STR("13          4    1.0     1B      0 9.0        user             x"));
    cr_assert(eq(sz, str_find_last(buf_str(&out), '\n'), out.size - 1));
    cr_assert(str_ends_with(buf_str(&out), STR("user             x\n")), "no more rows than room");
    arena_deinit(&arena);
}

Test(top_screen, each_order_has_its_first)
{
    static const struct {
        top_sort_t sort;
        const char *first;
    } cases[] = {{TOP_BY_MESSAGES, " 1.0 "},
                 {TOP_BY_CPU, " 2.0 "},
                 {TOP_BY_MEMORY, " 3.0 "},
                 {TOP_BY_QUEUE, " 2.0 "}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        top_screen_t screen = {.sort = cases[i].sort, .columns = 80, .rows = 1};
        buf_t out BUF_SCOPED = BUF_INIT;
        print(&screen, &out);
        cr_expect(str_contains(line_at(&out, 5), str_from(cases[i].first)), "order %zu: %s", i,
                  buf_terminated(&out));
        cr_expect(str_find_last(buf_str(&out), '\n') == out.size - 1);
    }
}

Test(top_screen, a_figure_takes_five_cells_at_most)
{
    static const struct {
        double count;
        const char *want;
    } cases[] = {{0, "0"},         {999, "999"},     {999.6, "1.0k"}, {9949, "9.9k"}, {9950, "10k"},
                 {999499, "999k"}, {999500, "1.0M"}, {1e9, "1.0G"},   {1e15, "1000T"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t out BUF_SCOPED = BUF_INIT;
        top_screen_count(&out, cases[i].count);
        check_str(buf_str(&out), str_from(cases[i].want));
    }
}

Test(terminal, what_can_not_be_shown_is_escaped_and_cut_to_its_cells)
{
    static const struct {
        const char *what, *text;
        uint32_t cells;
        bool is_padded;
        const char *want;
    } cases[] = {
        {"plain", "abc", 3, false, "abc"},
        {"padded", "abc", 5, true, "abc  "},
        {"cut", "abcdef", 4, false, "abc…"},
        {"wide ones take two cells", "音楽", 4, true, "音楽"},
        {"half of a wide one is a blank", "音楽音", 4, true, "音… "},
        {"a mark takes none", "e\u0301x", 2, true, "e\u0301x"},
        {"an escape sequence", "\033[2J", 10, false, "\\x1b[2J"},
        {"bytes that are no UTF-8", "a\xff\xc3", 20, false, "a\\xff\\xc3"},
        {"what turns text around", "\u202eabc\u2066", 30, false, "\\u{202e}abc\\u{2066}"},
        {"nothing", "", 2, true, "  "},
        {"no room", "abc", 0, true, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t out BUF_SCOPED = BUF_INIT;
        terminal_append(&out, str_from(cases[i].text), cases[i].cells, cases[i].is_padded);
        cr_expect(str_equal(buf_str(&out), str_from(cases[i].want)), "%s: \"%s\"", cases[i].what,
                  buf_terminated(&out));
    }
}
