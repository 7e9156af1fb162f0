#include "node/commands/top_screen.h"

#include "node/commands/terminal.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum { COLUMNS_MIN = 40, KIND_CELLS = 16, TYPE_CELLS = 24, BUSY_SHOWN_MAX = 16 };

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

static void print_totals(const top_screen_t *screen, const graphql_value_t *sample, buf_t *out)
{
    line_t line = line_of(screen);
    double memory = 0;
    const graphql_value_t *kinds = graphql_value_get(sample, "kinds");
    for (size_t i = 0; i < graphql_value_count(kinds); i++)
        memory += figure_at(graphql_value_at(kinds, i), "memory_bytes");
    top_screen_count(&line.text, figure_at(sample, "actor_count"));
    buf_append(&line.text, STR(" actors   "));
    top_screen_count(&line.text, figure_at(sample, "messages_per_s"));
    buf_append(&line.text, STR(" messages/s   "));
    top_screen_count(&line.text, figure_at(sample, "turns_per_s"));
    buf_append(&line.text, STR(" turns/s   "));
    top_screen_count(&line.text, figure_at(sample, "steals_per_s"));
    buf_append(&line.text, STR(" steals/s   "));
    append_bytes(&line.text, memory);
    buf_append(&line.text, STR(" of actors"));
    line_end(&line, out);
}

static void print_losses(const top_screen_t *screen, const graphql_value_t *sample, buf_t *out)
{
    static const struct {
        const char *field, *label;
    } figures[] = {{"dead_letters", "dead letters"},
                   {"failures", "failures"},
                   {"restarts", "restarts"},
                   {"slow_turns", "turns over 10 ms"},
                   {"appends_in_flight", "appends"}};
    line_t line = line_of(screen);
    for (size_t i = 0; i < COUNT_OF(figures); i++) {
        if (i > 0)
            buf_append(&line.text, STR("   "));
        top_screen_count(&line.text, figure_at(sample, figures[i].field));
        buf_printf(&line.text, " %s", figures[i].label);
    }
    line_end(&line, out);
}

static void print_schedulers(const top_screen_t *screen, const graphql_value_t *sample, buf_t *out)
{
    line_t line = line_of(screen);
    const graphql_value_t *schedulers = graphql_value_get(sample, "schedulers");
    size_t count = graphql_value_count(schedulers);
    buf_append(&line.text, STR("schedulers busy"));
    for (size_t i = 0; i < MIN(count, (size_t)BUSY_SHOWN_MAX); i++)
        buf_printf(&line.text, "  %zu: %.0f%%", i,
                   figure_at(graphql_value_at(schedulers, i), "busy_percent"));
    if (count > BUSY_SHOWN_MAX)
        buf_printf(&line.text, "  and %zu more", count - BUSY_SHOWN_MAX);
    line_end(&line, out);
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

/* The rows of the sample in the order that was asked for. */
typedef struct sorted_row {
    const graphql_value_t *value;
    double figure;
} sorted_row_t;

static int by_figure(const void *a, const void *b)
{
    const sorted_row_t *left = a, *right = b;
    if (left->figure != right->figure)
        return left->figure < right->figure ? 1 : -1;
    int order = str_compare(text_at(left->value, "kind"), text_at(right->value, "kind"));
    return order != 0 ? order
                      : str_compare(text_at(left->value, "key"), text_at(right->value, "key"));
}

static void print_actor(const top_screen_t *screen, const graphql_value_t *actor, buf_t *out)
{
    line_t line = line_of(screen);
    bool is_wide = screen->columns >= 100;
    column(&line.text, 7, top_screen_count, figure_at(actor, "messages_per_s"));
    column(&line.text, 6, append_percent, figure_at(actor, "cpu_percent"));
    column(&line.text, 6, append_bytes, figure_at(actor, "memory_bytes"));
    column(&line.text, 6, top_screen_count, figure_at(actor, "queue"));
    if (is_wide)
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

static void print_kind(const top_screen_t *screen, const graphql_value_t *kind, buf_t *out)
{
    line_t line = line_of(screen);
    column(&line.text, 7, top_screen_count, figure_at(kind, "messages_per_s"));
    column(&line.text, 6, append_percent, figure_at(kind, "cpu_percent"));
    column(&line.text, 6, append_bytes, figure_at(kind, "memory_bytes"));
    column(&line.text, 6, top_screen_count, figure_at(kind, "queue"));
    column(&line.text, 7, top_screen_count, figure_at(kind, "actors"));
    buf_append(&line.text, text_at(kind, "kind"));
    line_end(&line, out);
}

static void print_type(const top_screen_t *screen, const graphql_value_t *type, buf_t *out)
{
    static const char *const fields[] = {"wait_p50_ns", "wait_p99_ns", "wait_max_ns",
                                         "took_p50_ns", "took_p99_ns", "took_max_ns"};
    line_t line = line_of(screen);
    column(&line.text, 7, top_screen_count, figure_at(type, "count"));
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        column(&line.text, 6, append_time, figure_at(type, fields[i]));
    str_t kind = text_at(type, "kind");
    buf_append(&line.text, str_is_empty(kind) ? STR("(all others)") : kind);
    buf_append_char(&line.text, ' ');
    buf_append(&line.text, text_at(type, "type"));
    line_end(&line, out);
}

static void print_heading(const top_screen_t *screen, buf_t *out)
{
    static const char actors[] = "  MSG/S   CPU%    MEM  QUEUE ACTOR      KIND             KEY";
    static const char wide[] =
        "  MSG/S   CPU%    MEM  QUEUE MESSAGES ACTOR      KIND             KEY";
    static const char kinds[] = "  MSG/S   CPU%    MEM  QUEUE  ACTORS KIND";
    static const char types[] =
        "  COUNT WAIT50 WAIT99    MAX TOOK50 TOOK99    MAX KIND AND MESSAGE";
    line_t line = line_of(screen);
    buf_append(&line.text, str_from(screen->view == TOP_VIEW_KINDS   ? kinds
                                    : screen->view == TOP_VIEW_TYPES ? types
                                    : screen->columns >= 100         ? wide
                                                                     : actors));
    line_end(&line, out);
}

static void print_rows(const top_screen_t *screen, const graphql_value_t *rows, buf_t *out)
{
    size_t count = graphql_value_count(rows);
    sorted_row_t *sorted MEMORY_SCOPED = memory_new_array(count + 1, sizeof *sorted);
    if (sorted == NULL)
        return;
    bool is_sorted = screen->view == TOP_VIEW_TYPES;
    for (size_t i = 0; i < count; i++) {
        sorted[i].value = graphql_value_at(rows, i);
        sorted[i].figure = figure_at(sorted[i].value, sort_fields[screen->sort]);
    }
    if (!is_sorted)
        qsort(sorted, count, sizeof *sorted, by_figure);
    for (size_t i = 0; i < MIN(count, (size_t)screen->rows); i++) {
        if (screen->view == TOP_VIEW_ACTORS)
            print_actor(screen, sorted[i].value, out);
        else if (screen->view == TOP_VIEW_KINDS)
            print_kind(screen, sorted[i].value, out);
        else
            print_type(screen, sorted[i].value, out);
    }
}

void top_screen_print(const top_screen_t *self, const graphql_value_t *sample, buf_t *out)
{
    static const char *const fields[] = {"actors", "kinds", "types"};
    print_totals(self, sample, out);
    print_losses(self, sample, out);
    print_schedulers(self, sample, out);
    print_keys(self, out);
    print_heading(self, out);
    print_rows(self, graphql_value_get(sample, fields[self->view]), out);
}
