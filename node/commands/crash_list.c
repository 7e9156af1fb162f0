#include "node/commands/crash_list.h"

#include "node/commands/terminal.h"

enum { NAME_CELLS = 40, REASON_CELLS = 200 };

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static int64_t number_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_int(graphql_value_get(value, name), 0);
}

static void append_ago(buf_t *out, int64_t ms)
{
    if (ms < 10000)
        buf_printf(out, "%lld ms", (long long)ms);
    else if (ms < 600000)
        buf_printf(out, "%lld s", (long long)ms / 1000);
    else
        buf_printf(out, "%lld min", (long long)ms / 60000);
}

static void append_handled_before(buf_t *out, const graphql_value_t *crash)
{
    const graphql_value_t *last = graphql_value_get(crash, "last");
    for (size_t i = 0; i < graphql_value_count(last); i++) {
        const graphql_value_t *message = graphql_value_at(last, i);
        buf_append(out, i == 0 ? STR("\n  before: ") : STR(", "));
        terminal_append(out, text_at(message, "type"), NAME_CELLS, false);
        buf_append(out, STR(" -"));
        append_ago(out, number_at(message, "before_ms"));
    }
}

static void append_crash(buf_t *out, const graphql_value_t *crash)
{
    append_ago(out, number_at(crash, "ago_ms"));
    buf_append(out, STR(" ago  "));
    terminal_append(out, text_at(crash, "kind"), NAME_CELLS, false);
    buf_append_char(out, '/');
    terminal_append(out, text_at(crash, "key"), NAME_CELLS, false);
    buf_append(out, STR("  "));
    terminal_append(out, text_at(crash, "reason"), REASON_CELLS, false);
    buf_append(out, STR("\n  handling "));
    terminal_append(out, text_at(crash, "handling"), NAME_CELLS, false);
    buf_append(out, STR(", up "));
    append_ago(out, number_at(crash, "up_ms"));
    buf_printf(out, ", failure %lld of its period, %lld waiting; ",
               (long long)number_at(crash, "failures"), (long long)number_at(crash, "queue"));
    terminal_append(out, text_at(crash, "decision"), NAME_CELLS, false);
    int64_t delay_ms = number_at(crash, "delay_ms");
    if (delay_ms > 0)
        buf_printf(out, " for %lld ms", (long long)delay_ms);
    append_handled_before(out, crash);
    buf_append_char(out, '\n');
}

void crash_list_append(buf_t *out, const graphql_value_t *crashes)
{
    const graphql_value_t *last = graphql_value_get(crashes, "last");
    int64_t count = number_at(crashes, "count");
    buf_printf(out, "%lld failure%s since the start\n", (long long)count, count == 1 ? "" : "s");
    for (size_t i = 0; i < graphql_value_count(last); i++)
        append_crash(out, graphql_value_at(last, i));
}
