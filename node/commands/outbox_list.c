#include "node/commands/outbox_list.h"

#include "node/commands/terminal.h"

enum { NUMBER_CELLS = 8, STREAM_CELLS = 42, TO_CELLS = 32, TYPE_CELLS = 28, REASON_CELLS = 20 };

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static long long number_at(const graphql_value_t *value, const char *name)
{
    return (long long)graphql_value_int(graphql_value_get(value, name), 0);
}

static void append_cell(buf_t *out, str_t text, uint32_t cells)
{
    terminal_append(out, text, cells, true);
    buf_append(out, STR("  "));
}

static void append_row(buf_t *out, const graphql_value_t *letter)
{
    buf_t to BUF_SCOPED = BUF_INIT;
    buf_printf(&to, "%.*s/%.*s", STR_ARG(text_at(letter, "kind")), STR_ARG(text_at(letter, "key")));
    buf_printf(out, "%*lld  ", NUMBER_CELLS, number_at(letter, "number"));
    append_cell(out, text_at(letter, "stream"), STREAM_CELLS);
    append_cell(out, buf_str(&to), TO_CELLS);
    append_cell(out, text_at(letter, "type"), TYPE_CELLS);
    terminal_append(out, text_at(letter, "reason"), REASON_CELLS, false);
    buf_append_char(out, '\n');
}

void outbox_list_append(buf_t *out, const graphql_value_t *outbox)
{
    const graphql_value_t *letters = graphql_value_get(outbox, "letters");
    size_t count = graphql_value_count(letters);
    buf_printf(out,
               "%lld waiting, %lld dead   since the start: %lld sent, %lld attempts, %lld "
               "delivered, %lld refused, %lld again\n",
               number_at(outbox, "waiting"), number_at(outbox, "dead"), number_at(outbox, "sent"),
               number_at(outbox, "attempts"), number_at(outbox, "delivered"),
               number_at(outbox, "refused"), number_at(outbox, "duplicates"));
    if (!graphql_value_bool(graphql_value_get(outbox, "is_complete"), true))
        buf_append(out, STR("the journal could not be read to its end: there may be more\n"));
    if (count == 0)
        return;
    buf_printf(out, "%*s  %-*s  %-*s  %-*s  %s\n", NUMBER_CELLS, "NUMBER", STREAM_CELLS, "STREAM",
               TO_CELLS, "TO", TYPE_CELLS, "TYPE", "REASON");
    for (size_t i = 0; i < count; i++)
        append_row(out, graphql_value_at(letters, i));
    if ((long long)count < number_at(outbox, "dead"))
        buf_printf(out, "and %lld more\n", number_at(outbox, "dead") - (long long)count);
}
