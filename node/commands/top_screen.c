#include "node/commands/top_screen.h"

#include "node/commands/terminal.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum { COLUMNS_MIN = 40, NODE_CELLS = 5, KIND_CELLS = 16, BUSY_SHOWN_MAX = 16 };

static const char *const sort_names[] = {"messages", "CPU", "memory", "queue"};
static const char *const sort_fields[] = {"messages_per_s", "cpu_percent", "memory_bytes", "queue"};

static double figure_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_float(graphql_value_get(value, name), 0);
}

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

/* ---- figures ---- */

static void scaled(buf_t *out, double count, double step, const char *const *units,
                   size_t units_max)
{
    size_t unit = 0;
    while (count >= 999.5 && unit + 1 < units_max) {
        count /= step;
        unit++;
    }
    bool is_small = unit > 0 && count < 9.95;
    buf_printf(out, is_small ? "%.1f%s" : "%.0f%s", count, units[unit]);
}

void top_screen_count(buf_t *out, double count)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    scaled(out, count, 1000, units, COUNT_OF(units));
}

static void append_bytes(buf_t *out, double bytes)
{
    static const char *const units[] = {"B", "K", "M", "G", "T"};
    scaled(out, bytes, 1024, units, COUNT_OF(units));
}

static void append_time(buf_t *out, double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    if (ns <= 0) { /* not known: it came from a timer, the journal or the pool */
        buf_append_char(out, '-');
        return;
    }
    scaled(out, ns, 1000, units, COUNT_OF(units));
}

/* A figure at the right of its column, with a blank behind. */
static void column(buf_t *out, uint32_t cells, void (*append)(buf_t *out, double value),
                   double value)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    append(&text, value);
    for (size_t size = text.size; size < cells; size++)
        buf_append_char(out, ' ');
    buf_append(out, buf_str(&text));
    buf_append_char(out, ' ');
}

static void append_percent(buf_t *out, double percent)
{
    buf_printf(out, "%.1f", percent);
}

/* ---- a line, never longer than the screen ---- */

typedef struct line {
    buf_t text;
    uint32_t columns;
} line_t;

static void line_end(line_t *self, buf_t *out)
{
    while (self->text.size > 0 && self->text.data[self->text.size - 1] == ' ')
        self->text.size--;
    terminal_append(out, buf_str(&self->text), self->columns, false);
    buf_append_char(out, '\n');
    buf_deinit(&self->text);
}

static line_t line_of(const top_screen_t *screen)
{
    return (line_t){BUF_INIT, MAX(screen->columns, (uint32_t)COLUMNS_MIN)};
}

/* ---- the head ---- */

typedef struct picture {
    const top_screen_t *screen;
    const top_node_t *nodes;
    size_t count;
    bool has_nodes; /* a column for them */
} picture_t;

static double sum_of(const picture_t *self, const char *field)
{
    double sum = 0;
    for (size_t i = 0; i < self->count; i++)
        sum += figure_at(self->nodes[i].sample, field);
    return sum;
}

static double memory_of(const picture_t *self)
{
    double memory = 0;
    for (size_t n = 0; n < self->count; n++) {
        const graphql_value_t *kinds = graphql_value_get(self->nodes[n].sample, "kinds");
        for (size_t i = 0; i < graphql_value_count(kinds); i++)
            memory += figure_at(graphql_value_at(kinds, i), "memory_bytes");
    }
    return memory;
}

static void print_totals(const picture_t *self, buf_t *out)
{
    line_t line = line_of(self->screen);
    top_screen_count(&line.text, sum_of(self, "actor_count"));
    buf_append(&line.text, STR(" actors   "));
    top_screen_count(&line.text, sum_of(self, "messages_per_s"));
    buf_append(&line.text, STR(" messages/s   "));
    top_screen_count(&line.text, sum_of(self, "turns_per_s"));
    buf_append(&line.text, STR(" turns/s   "));
    top_screen_count(&line.text, sum_of(self, "steals_per_s"));
    buf_append(&line.text, STR(" steals/s   "));
    append_bytes(&line.text, memory_of(self));
    buf_append(&line.text, STR(" of actors"));
    line_end(&line, out);
}

static void print_losses(const picture_t *self, buf_t *out)
{
    static const struct {
        const char *field, *label;
    } figures[] = {{"dead_letters", "dead letters"},
                   {"failures", "failures"},
                   {"restarts", "restarts"},
                   {"slow_turns", "turns over 10 ms"},
                   {"appends_in_flight", "appends"}};
    line_t line = line_of(self->screen);
    for (size_t i = 0; i < COUNT_OF(figures); i++) {
        if (i > 0)
            buf_append(&line.text, STR("   "));
        top_screen_count(&line.text, sum_of(self, figures[i].field));
        buf_printf(&line.text, " %s", figures[i].label);
    }
    line_end(&line, out);
}

static double busy_of(const graphql_value_t *sample)
{
    const graphql_value_t *schedulers = graphql_value_get(sample, "schedulers");
    size_t count = graphql_value_count(schedulers);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += figure_at(graphql_value_at(schedulers, i), "busy_percent");
    return count == 0 ? 0 : sum / (double)count;
}

/* Of one node each thread, of several the mean of each. */
static void print_busy(const picture_t *self, buf_t *out)
{
    line_t line = line_of(self->screen);
    const graphql_value_t *schedulers =
        self->has_nodes ? NULL : graphql_value_get(self->nodes[0].sample, "schedulers");
    size_t count = self->has_nodes ? self->count : graphql_value_count(schedulers);
    buf_append(&line.text, self->has_nodes ? STR("nodes busy") : STR("schedulers busy"));
    for (size_t i = 0; i < MIN(count, (size_t)BUSY_SHOWN_MAX); i++) {
        if (!self->has_nodes)
            buf_printf(&line.text, "  %zu: %.0f%%", i,
                       figure_at(graphql_value_at(schedulers, i), "busy_percent"));
        else if (self->nodes[i].sample == NULL || !str_is_empty(self->nodes[i].error))
            buf_printf(&line.text, "  %llu: ?", (unsigned long long)self->nodes[i].node);
        else
            buf_printf(&line.text, "  %llu: %.0f%%", (unsigned long long)self->nodes[i].node,
                       busy_of(self->nodes[i].sample));
    }
    if (count > BUSY_SHOWN_MAX)
        buf_printf(&line.text, "  and %zu more", count - BUSY_SHOWN_MAX);
    line_end(&line, out);
}

/* Returns how many lines. */
static uint32_t print_silent(const picture_t *self, buf_t *out)
{
    uint32_t lines = 0;
    for (size_t i = 0; i < self->count; i++) {
        const top_node_t *node = &self->nodes[i];
        if (str_is_empty(node->error))
            continue;
        line_t line = line_of(self->screen);
        buf_printf(&line.text, "NODE %llu: %.*s", (unsigned long long)node->node,
                   STR_ARG(node->error));
        if (node->sample != NULL)
            buf_printf(&line.text, " (what is shown of it is %.0f s old)",
                       (double)node->silent_ms / 1000);
        line_end(&line, out);
        lines++;
    }
    return lines;
}

static void print_keys(const top_screen_t *screen, buf_t *out)
{
    static const char *const views[] = {"actors", "kinds", "message types since top began"};
    line_t line = line_of(screen);
    buf_append(&line.text, str_from(views[screen->view]));
    if (screen->view != TOP_VIEW_TYPES)
        buf_printf(&line.text, " by %s", sort_names[screen->sort]);
    if (screen->has_keys)
        buf_append(&line.text, STR("   keys: m c p s order   a k t view   q quit"));
    line_end(&line, out);
}

/* ---- the tables ---- */

/* The rows of the samples in the order that was asked for. */
typedef struct sorted_row {
    const graphql_value_t *value;
    uint64_t node;
    double figure;
} sorted_row_t;

static int by_figure(const void *a, const void *b)
{
    const sorted_row_t *left = a, *right = b;
    if (left->figure != right->figure)
        return left->figure < right->figure ? 1 : -1;
    int order = str_compare(text_at(left->value, "kind"), text_at(right->value, "kind"));
    if (order == 0)
        order = str_compare(text_at(left->value, "key"), text_at(right->value, "key"));
    return order != 0 ? order : (left->node > right->node) - (left->node < right->node);
}

static void append_node(const picture_t *self, uint64_t node, buf_t *out)
{
    if (self->has_nodes)
        buf_printf(out, "%-*llu ", NODE_CELLS, (unsigned long long)node);
}

static void print_actor(const picture_t *self, const sorted_row_t *row, buf_t *out)
{
    line_t line = line_of(self->screen);
    const graphql_value_t *actor = row->value;
    append_node(self, row->node, &line.text);
    column(&line.text, 7, top_screen_count, figure_at(actor, "messages_per_s"));
    column(&line.text, 6, append_percent, figure_at(actor, "cpu_percent"));
    column(&line.text, 6, append_bytes, figure_at(actor, "memory_bytes"));
    column(&line.text, 6, top_screen_count, figure_at(actor, "queue"));
    if (self->screen->columns >= 100)
        column(&line.text, 8, top_screen_count, figure_at(actor, "messages"));
    terminal_append(&line.text, text_at(actor, "actor"), 10, true);
    buf_append_char(&line.text, ' ');
    terminal_append(&line.text, text_at(actor, "kind"), KIND_CELLS, true);
    buf_append_char(&line.text, ' ');
    uint32_t used = terminal_cells(buf_str(&line.text));
    terminal_append(&line.text, text_at(actor, "key"), line.columns - MIN(used, line.columns),
                    false);
    line_end(&line, out); /* escaped already: what it escapes to stays as it is */
}

static void print_kind(const picture_t *self, const sorted_row_t *row, buf_t *out)
{
    line_t line = line_of(self->screen);
    append_node(self, row->node, &line.text);
    column(&line.text, 7, top_screen_count, figure_at(row->value, "messages_per_s"));
    column(&line.text, 6, append_percent, figure_at(row->value, "cpu_percent"));
    column(&line.text, 6, append_bytes, figure_at(row->value, "memory_bytes"));
    column(&line.text, 6, top_screen_count, figure_at(row->value, "queue"));
    column(&line.text, 7, top_screen_count, figure_at(row->value, "actors"));
    buf_append(&line.text, text_at(row->value, "kind"));
    line_end(&line, out);
}

static void print_type(const picture_t *self, const sorted_row_t *row, buf_t *out)
{
    static const char *const fields[] = {"wait_p50_ns", "wait_p99_ns", "wait_max_ns",
                                         "took_p50_ns", "took_p99_ns", "took_max_ns"};
    line_t line = line_of(self->screen);
    append_node(self, row->node, &line.text);
    column(&line.text, 7, top_screen_count, figure_at(row->value, "count"));
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        column(&line.text, 6, append_time, figure_at(row->value, fields[i]));
    str_t kind = text_at(row->value, "kind");
    buf_append(&line.text, str_is_empty(kind) ? STR("(all others)") : kind);
    buf_append_char(&line.text, ' ');
    buf_append(&line.text, text_at(row->value, "type"));
    line_end(&line, out);
}

static void print_heading(const picture_t *self, buf_t *out)
{
    static const char actors[] = "  MSG/S   CPU%    MEM  QUEUE ACTOR      KIND             KEY";
    static const char wide[] =
        "  MSG/S   CPU%    MEM  QUEUE MESSAGES ACTOR      KIND             KEY";
    static const char kinds[] = "  MSG/S   CPU%    MEM  QUEUE  ACTORS KIND";
    static const char types[] =
        "  COUNT WAIT50 WAIT99    MAX TOOK50 TOOK99    MAX KIND AND MESSAGE";
    const top_screen_t *screen = self->screen;
    line_t line = line_of(screen);
    if (self->has_nodes)
        buf_printf(&line.text, "%-*s ", NODE_CELLS, "NODE");
    buf_append(&line.text, str_from(screen->view == TOP_VIEW_KINDS   ? kinds
                                    : screen->view == TOP_VIEW_TYPES ? types
                                    : screen->columns >= 100         ? wide
                                                                     : actors));
    line_end(&line, out);
}

static const graphql_value_t *rows_of(const picture_t *self, size_t node)
{
    static const char *const fields[] = {"actors", "kinds", "types"};
    return graphql_value_get(self->nodes[node].sample, fields[self->screen->view]);
}

/* Types come with what took most first; of several nodes they are put in that order again. */
static double figure_of(const picture_t *self, const graphql_value_t *row)
{
    return self->screen->view == TOP_VIEW_TYPES
               ? figure_at(row, "count") * figure_at(row, "took_p50_ns")
               : figure_at(row, sort_fields[self->screen->sort]);
}

static size_t take_rows(const picture_t *self, sorted_row_t *sorted)
{
    size_t count = 0;
    for (size_t n = 0; n < self->count; n++) {
        const graphql_value_t *rows = rows_of(self, n);
        for (size_t i = 0; i < graphql_value_count(rows); i++) {
            const graphql_value_t *row = graphql_value_at(rows, i);
            sorted[count++] = (sorted_row_t){row, self->nodes[n].node, figure_of(self, row)};
        }
    }
    return count;
}

static void print_rows(const picture_t *self, uint32_t rows, buf_t *out)
{
    size_t count = 0;
    for (size_t n = 0; n < self->count; n++)
        count += graphql_value_count(rows_of(self, n));
    sorted_row_t *sorted MEMORY_SCOPED = memory_new_array(count + 1, sizeof *sorted);
    if (sorted == NULL)
        return;
    count = take_rows(self, sorted);
    if (self->screen->view != TOP_VIEW_TYPES || self->has_nodes)
        qsort(sorted, count, sizeof *sorted, by_figure);
    for (size_t i = 0; i < MIN(count, (size_t)rows); i++) {
        if (self->screen->view == TOP_VIEW_ACTORS)
            print_actor(self, &sorted[i], out);
        else if (self->screen->view == TOP_VIEW_KINDS)
            print_kind(self, &sorted[i], out);
        else
            print_type(self, &sorted[i], out);
    }
}

void top_screen_print(const top_screen_t *self, const top_node_t *nodes, size_t count, buf_t *out)
{
    const picture_t picture = {self, nodes, count, count > 1 || (count == 1 && nodes[0].node != 0)};
    if (count == 0)
        return;
    print_totals(&picture, out);
    print_losses(&picture, out);
    print_busy(&picture, out);
    print_keys(self, out);
    uint32_t silent = print_silent(&picture, out);
    print_heading(&picture, out);
    print_rows(&picture, self->rows - MIN(silent, self->rows), out);
}
