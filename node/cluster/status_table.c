#include "node/cluster/status_table.h"

#include "node/commands/terminal.h"

#include <stdarg.h>
#include <stdio.h>

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static long long number_at(const graphql_value_t *value, const char *name)
{
    return (long long)graphql_value_int(graphql_value_get(value, name), 0);
}

static bool is_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_bool(graphql_value_get(value, name), false);
}

/* A cell, and a blank behind it. */
static void cell(buf_t *out, uint32_t cells, str_t text)
{
    terminal_append(out, text, cells, true);
    buf_append_char(out, ' ');
}

PRINTF_LIKE(3, 4) static void cell_of(buf_t *out, uint32_t cells, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cell(out, cells, str_of(text, (size_t)MAX(0, MIN(size, (int)sizeof text - 1))));
}

static void append_link(const graphql_value_t *member, buf_t *out)
{
    const graphql_value_t *link = graphql_value_get(member, "link");
    if (is_at(member, "is_self"))
        buf_append(out, STR("this node"));
    else if (graphql_value_is_null(link))
        buf_append(out, STR("-"));
    else if (!is_at(link, "is_up"))
        buf_printf(out, "down, %lld breaks", number_at(link, "breaks"));
    else
        buf_printf(out, "up %.1f ms", (double)number_at(link, "round_us") / 1000);
    if (number_at(link, "waiting_bytes") > 0)
        buf_printf(out, ", %lld KiB wait", number_at(link, "waiting_bytes") / 1024);
}

static void append_member(const graphql_value_t *member, buf_t *out)
{
    const graphql_value_t *details = graphql_value_get(member, "details");
    bool is_heard = !graphql_value_is_null(graphql_value_get(member, "actors"));
    cell_of(out, 6, "%lld", number_at(member, "node"));
    cell_of(out, 9, "%.*s%s", STR_ARG(text_at(member, "status")),
            is_at(member, "is_suspect") ? "?" : "");
    cell(out, 21, text_at(member, "address"));
    cell(out, 8, text_at(member, "zone"));
    cell(out, 27, text_at(member, "roles"));
    cell(out, 9, text_at(details, "version"));
    if (is_heard) {
        cell_of(out, 6, "%lld%%", (number_at(member, "load_per_mille") + 5) / 10);
        cell_of(out, 8, "%lld", number_at(member, "actors"));
        cell_of(out, 6, "%lld", number_at(member, "partitions"));
    } else {
        cell(out, 6, STR("-"));
        cell(out, 8, STR("-"));
        cell(out, 6, STR("-"));
    }
    append_link(member, out);
    buf_append_char(out, '\n');
}

static void append_head(const graphql_value_t *status, buf_t *out)
{
    buf_printf(out, "view %lld, node %lld is %.*s", number_at(status, "view"),
               number_at(status, "node"), STR_ARG(text_at(status, "state")));
    if (number_at(status, "lease_left_ms") > 0)
        buf_printf(out, ", lease %.1f of %.1f s", (double)number_at(status, "lease_left_ms") / 1000,
                   (double)number_at(status, "lease_ms") / 1000);
    else
        buf_append(out, STR(", NO LEASE: it serves nothing"));
    buf_printf(out, ", %lld partitions here, %lld moving%s\n\n", number_at(status, "served"),
               number_at(status, "moving"),
               is_at(status, "is_database_away") ? ", THE DATABASE IS AWAY" : "");
}

void status_table_append(const graphql_value_t *status, buf_t *out)
{
    static const struct {
        const char *title;
        uint32_t cells;
    } columns[] = {{"NODE", 6},    {"STATUS", 9}, {"ADDRESS", 21}, {"ZONE", 8},  {"ROLES", 27},
                   {"VERSION", 9}, {"LOAD", 6},   {"ACTORS", 8},   {"PART.", 6}, {"LINK", 0}};
    const graphql_value_t *members = graphql_value_get(status, "members");
    append_head(status, out);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (columns[i].cells > 0)
            cell(out, columns[i].cells, str_from(columns[i].title));
        else
            buf_append(out, str_from(columns[i].title));
    buf_append_char(out, '\n');
    for (size_t i = 0; i < graphql_value_count(members); i++)
        append_member(graphql_value_at(members, i), out);
}
