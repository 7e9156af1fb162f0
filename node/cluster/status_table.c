#include "node/cluster/status_table.h"

#include "node/cluster/speaks.h"
#include "node/commands/terminal.h"

#include <string.h>

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

/* ---- what stands in a column ---- */

static void put_number(const graphql_value_t *member, const char *name, buf_t *out)
{
    if (graphql_value_is_null(graphql_value_get(member, name)))
        buf_append_char(out, '-'); /* it has not said so yet */
    else
        buf_printf(out, "%lld", number_at(member, name));
}

static void put_node(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    buf_printf(out, "%lld", number_at(member, "node"));
}

static void put_status(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    buf_append(out, text_at(member, "status"));
    if (is_at(member, "is_suspect"))
        buf_append_char(out, '?');
}

static void put_address(const graphql_value_t *member, bool is_short, buf_t *out)
{
    if (!is_short)
        buf_append(out, text_at(member, "address"));
}

static void put_zone(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    buf_append(out, text_at(member, "zone"));
}

/* Short: their first letters. */
static void put_roles(const graphql_value_t *member, bool is_short, buf_t *out)
{
    str_t rest = text_at(member, "roles"), role;
    if (!is_short) {
        buf_append(out, rest);
        return;
    }
    while (str_next(&rest, ',', &role))
        if (!str_is_empty(role))
            buf_append_char(out, role.data[0]);
}

/* Short: without what was built from. */
static void put_version(const graphql_value_t *member, bool is_short, buf_t *out)
{
    str_t version = text_at(graphql_value_get(member, "details"), "version");
    buf_append(out, is_short ? str_slice(version, 0, str_find(version, '+')) : version);
}

static void put_load(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    if (graphql_value_is_null(graphql_value_get(member, "load_per_mille")))
        buf_append_char(out, '-');
    else
        buf_printf(out, "%lld%%", (number_at(member, "load_per_mille") + 5) / 10);
}

static void put_wait(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    put_number(member, "queue_age_ms", out);
}

static void put_actors(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    put_number(member, "actors", out);
}

static void put_partitions(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    put_number(member, "partitions", out);
}

static void put_moving(const graphql_value_t *member, bool is_short, buf_t *out)
{
    (void)is_short;
    put_number(member, "moving", out);
}

static void put_link(const graphql_value_t *member, bool is_short, buf_t *out)
{
    const graphql_value_t *link = graphql_value_get(member, "link");
    (void)is_short;
    if (is_at(member, "is_self"))
        buf_append(out, STR("this node"));
    else if (graphql_value_is_null(link))
        buf_append_char(out, '-');
    else if (!is_at(link, "is_up"))
        buf_printf(out, "down, %lld breaks", number_at(link, "breaks"));
    else
        buf_printf(out, "up %.1f ms", (double)number_at(link, "round_us") / 1000);
    if (number_at(link, "waiting_bytes") > 0)
        buf_printf(out, ", %lld KiB wait", number_at(link, "waiting_bytes") / 1024);
}

typedef struct column {
    const char *title;
    void (*put)(const graphql_value_t *member, bool is_short, buf_t *out);
    int shortened; /* as the so-manyth, where there is no room for all; 0: never */
    bool is_right; /* figures */
} column_t;

static const column_t columns[] = {
    {"NODE", put_node, 0, false},       {"STATUS", put_status, 0, false},
    {"ADDRESS", put_address, 3, false}, {"ZONE", put_zone, 0, false},
    {"ROLES", put_roles, 1, false},     {"VERSION", put_version, 2, false},
    {"LOAD", put_load, 0, true},        {"WAIT ms", put_wait, 0, true},
    {"ACTORS", put_actors, 0, true},    {"PART.", put_partitions, 0, true},
    {"MOVING", put_moving, 0, true},    {"LINK", put_link, 0, false}};
enum { COLUMNS = COUNT_OF(columns), SHORTENED_MAX = 3, CELL_MAX = 40 };

/* ---- the table ---- */

typedef struct layout {
    uint32_t cells[COLUMNS]; /* 0: the column is not there */
    int shortened;           /* those up to this one are */
} layout_t;

static bool is_short(const layout_t *self, size_t column)
{
    return columns[column].shortened != 0 && columns[column].shortened <= self->shortened;
}

/* As wide as what stands in it; where nothing does it is left out. */
static uint32_t width_of(const layout_t *self, const graphql_value_t *members, size_t column)
{
    uint32_t widest = 0;
    for (size_t i = 0; i < graphql_value_count(members); i++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        columns[column].put(graphql_value_at(members, i), is_short(self, column), &text);
        widest = MAX(widest, terminal_cells(buf_str(&text)));
    }
    uint32_t title = (uint32_t)strlen(columns[column].title);
    return widest == 0 ? 0 : MIN(MAX(widest, title), (uint32_t)CELL_MAX);
}

static void lay_out(layout_t *self, const graphql_value_t *members, uint32_t screen)
{
    for (self->shortened = 0;; self->shortened++) {
        uint32_t sum = 0;
        for (size_t i = 0; i < COLUMNS; i++) {
            self->cells[i] = width_of(self, members, i);
            sum += self->cells[i] + (self->cells[i] > 0 ? 1 : 0);
        }
        if (sum <= screen + 1 || self->shortened == SHORTENED_MAX)
            return;
    }
}

static void append_cell(const layout_t *layout, size_t column, str_t text, buf_t *line)
{
    uint32_t cells = layout->cells[column], used = terminal_cells(text);
    if (cells == 0)
        return;
    for (uint32_t i = used; columns[column].is_right && i < cells; i++)
        buf_append_char(line, ' ');
    terminal_append(line, text, cells, !columns[column].is_right);
    buf_append_char(line, ' ');
}

static void end_line(buf_t *line, uint32_t screen, buf_t *out)
{
    while (line->size > 0 && line->data[line->size - 1] == ' ')
        line->size--;
    terminal_append(out, buf_str(line), screen, false); /* escaped already */
    buf_append_char(out, '\n');
}

static void append_member(const layout_t *layout, const graphql_value_t *member, uint32_t screen,
                          buf_t *out)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < COLUMNS; i++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        columns[i].put(member, is_short(layout, i), &text);
        append_cell(layout, i, buf_str(&text), &line);
    }
    end_line(&line, screen, out);
}

static void append_head(const graphql_value_t *status, uint32_t screen, buf_t *out)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    buf_printf(&line, "view %lld, node %lld is %.*s", number_at(status, "view"),
               number_at(status, "node"), STR_ARG(text_at(status, "state")));
    if (number_at(status, "lease_left_ms") > 0)
        buf_printf(&line, ", lease %.1f of %.1f s",
                   (double)number_at(status, "lease_left_ms") / 1000,
                   (double)number_at(status, "lease_ms") / 1000);
    else
        buf_append(&line, STR(", NO LEASE: it serves nothing"));
    buf_printf(&line, ", %lld partitions here, %lld moving%s", number_at(status, "served"),
               number_at(status, "moving"),
               is_at(status, "is_database_away") ? ", THE DATABASE IS AWAY" : "");
    end_line(&line, screen, out);
    if (!str_is_empty(text_at(status, "missing_roles"))) {
        line.size = 0;
        buf_printf(&line, "NO ACTIVE NODE HAS THE ROLE %.*s",
                   STR_ARG(text_at(status, "missing_roles")));
        end_line(&line, screen, out);
    }
    buf_append_char(out, '\n');
}

/* ---- versions between nodes ---- */

static speaks_t spoken_by(const graphql_value_t *member)
{
    return speaks_read(graphql_value_get(member, "details"));
}

static bool is_dead(const graphql_value_t *member)
{
    return str_equal(text_at(member, "status"), STR("dead"));
}

/* Those that speak as the one at `first` does. False: that was said with one before it. */
static bool append_speakers(const graphql_value_t *members, size_t first, buf_t *out)
{
    buf_t nodes BUF_SCOPED = BUF_INIT;
    speaks_t wanted = spoken_by(graphql_value_at(members, first));
    size_t count = 0;
    for (size_t i = 0; i < graphql_value_count(members); i++) {
        const graphql_value_t *member = graphql_value_at(members, i);
        speaks_t spoken = spoken_by(member);
        if (is_dead(member) || spoken.oldest != wanted.oldest || spoken.newest != wanted.newest)
            continue;
        if (i < first)
            return false;
        buf_printf(&nodes, "%s%lld", count++ > 0 ? ", " : "", number_at(member, "node"));
    }
    speaks_print(wanted, out);
    buf_printf(out, " by node%s %s", count > 1 ? "s" : "", buf_terminated(&nodes));
    return true;
}

/* Where they differ, as during an upgrade. */
static void append_versions(const graphql_value_t *members, uint32_t screen, buf_t *out)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    uint32_t groups = 0;
    buf_append(&line, STR("versions spoken between nodes: "));
    for (size_t i = 0; i < graphql_value_count(members); i++) {
        buf_t group BUF_SCOPED = BUF_INIT;
        if (is_dead(graphql_value_at(members, i)) || !append_speakers(members, i, &group))
            continue;
        buf_printf(&line, "%s%s", groups++ > 0 ? "; " : "", buf_terminated(&group));
    }
    if (groups < 2)
        return;
    buf_append_char(out, '\n');
    end_line(&line, screen, out);
}

void status_table_append(const graphql_value_t *status, uint32_t screen, buf_t *out)
{
    const graphql_value_t *members = graphql_value_get(status, "members");
    layout_t layout;
    buf_t titles BUF_SCOPED = BUF_INIT;
    append_head(status, screen, out);
    lay_out(&layout, members, screen);
    for (size_t i = 0; i < COLUMNS; i++)
        append_cell(&layout, i, str_from(columns[i].title), &titles);
    end_line(&titles, screen, out);
    for (size_t i = 0; i < graphql_value_count(members); i++)
        append_member(&layout, graphql_value_at(members, i), screen, out);
    append_versions(members, screen, out);
}
