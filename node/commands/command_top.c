/* command_top.c -- top: who is busy, live in a terminal, or as text and JSON for scripts. */

#include "node/commands/command_ask.h"
#include "node/commands/terminal.h"
#include "node/commands/top_screen.h"
#include "runtime/inside.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 50, ROWS_ONCE = 20 };

typedef struct top_options {
    top_screen_t screen;
    uint64_t interval_ms;
    uint32_t count; /* 0: what fits */
    bool is_once, is_json, has_types;
    bool is_here; /* of a cluster this node alone */
} top_options_t;

static const char *const order_names[] = {"messages", "cpu", "memory", "queue"};

static err_t options_of(int count, char **arguments, top_options_t *out_options)
{
    const char *sort = command_flag(count, arguments, "sort");
    const char *every = command_flag(count, arguments, "every");
    const char *rows = command_flag(count, arguments, "count");
    top_options_t options = {.interval_ms = 1000};
    options.is_once = command_flag(count, arguments, "once") != NULL;
    options.is_json = command_flag(count, arguments, "json") != NULL;
    options.has_types = command_flag(count, arguments, "types") != NULL;
    options.is_here = command_flag(count, arguments, "here") != NULL;
    options.screen.view = options.has_types                                 ? TOP_VIEW_TYPES
                          : command_flag(count, arguments, "kinds") != NULL ? TOP_VIEW_KINDS
                                                                            : TOP_VIEW_ACTORS;
    size_t order = 0;
    while (sort != NULL && order < COUNT_OF(order_names) && strcmp(sort, order_names[order]) != 0)
        order++;
    if (order == COUNT_OF(order_names) || command_plain_count(count, arguments) > 0)
        return ERR_INVALID;
    options.screen.sort = (top_sort_t)order;
    if (every != NULL)
        TRY(command_duration_ms(every, &options.interval_ms));
    if (rows != NULL)
        TRY(str_to_u32(str_from(rows), &options.count));
    *out_options = options;
    return ERR_OK;
}

static void write_arguments(const top_options_t *options, bool has_types, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_u64(&json, "interval_ms", options->interval_ms);
    json_key_u64(&json, "count", options->count == 0 ? 100 : options->count);
    json_key_bool(&json, "types", has_types);
    json_key_bool(&json, "here", options->is_here);
    json_object_end(&json);
}

static int begin(const config_t *config, const top_options_t *options, control_lines_t *out_lines)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    write_arguments(options, options->has_types, &body);
    return command_stream(config, "top", buf_str(&body), &arena, out_lines);
}

/* ---- rounds: a sample of each node ---- */

/* Lines as they came: of a cluster one for each node and one behind the last; of a node that is
 * alone, one. */
typedef struct round {
    buf_t lines;
    bool is_whole;
} round_t;

static void round_add(round_t *self, str_t line)
{
    if (STEAL(self->is_whole))
        buf_reset(&self->lines);
    buf_append(&self->lines, line);
    buf_append_char(&self->lines, '\n');
    bool is_of_node = str_starts_with(line, STR("{\"node\":"));
    self->is_whole = !is_of_node && buf_status(&self->lines) == ERR_OK;
}

/* False: it can't be read. */
static bool round_read(const round_t *self, arena_t *arena, top_node_t *nodes, size_t *out_count)
{
    str_t rest = buf_str(&self->lines), line;
    size_t count = 0;
    while (str_next(&rest, '\n', &line) && count < TOP_SCREEN_NODES_MAX) {
        graphql_value_t *value = arena_new(arena, sizeof *value);
        if (str_is_empty(line))
            continue;
        if (value == NULL || graphql_value_from_json(line, arena, value) != ERR_OK)
            return false;
        if (graphql_value_bool(graphql_value_get(value, "is_end"), false))
            break;
        const graphql_value_t *node = graphql_value_get(value, "node");
        if (node == NULL) {
            nodes[count++] = (top_node_t){.sample = value};
            continue;
        }
        nodes[count++] = (top_node_t){
            .node = (uint64_t)graphql_value_int(node, 0),
            .sample = graphql_value_get(value, "sample"),
            .error = graphql_value_str(graphql_value_get(value, "error")),
            .silent_ms = (uint64_t)graphql_value_int(graphql_value_get(value, "silent_ms"), 0),
        };
    }
    *out_count = count;
    return true;
}

static bool round_print(const round_t *self, const top_screen_t *screen, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    top_node_t *nodes = arena_new_array(&arena, TOP_SCREEN_NODES_MAX, sizeof *nodes);
    size_t count = 0;
    if (nodes == NULL || !round_read(self, &arena, nodes, &count))
        return false;
    top_screen_print(screen, nodes, count, out);
    return true;
}

/* ---- as text and JSON ---- */

static bool print_round(const top_options_t *options, const round_t *round)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    top_screen_t screen = options->screen;
    uint32_t rows;
    if (options->is_json) {
        printf("%.*s", STR_ARG(buf_str(&round->lines)));
        return true;
    }
    terminal_size(&screen.columns, &rows);
    screen.rows = options->count == 0 ? ROWS_ONCE : options->count;
    if (!round_print(round, &screen, &out))
        return false;
    fputs(buf_terminated(&out), stdout);
    return true;
}

/* The first round has nothing to compare with: the second is the first that tells. */
static int print_rounds(const top_options_t *options, control_lines_t *lines)
{
    round_t round = {.lines = BUF_INIT};
    uint64_t seen = 0;
    int exit_code = -1;
    while (exit_code < 0) {
        str_t line;
        while (exit_code < 0 && control_lines_next(lines, &line)) {
            round_add(&round, line);
            if (!round.is_whole || seen++ == 0)
                continue;
            if (!print_round(options, &round))
                exit_code = command_failed("the node's answer can't be read");
            else if (options->is_once || (fflush(stdout), ferror(stdout) != 0))
                exit_code = EXIT_OK; /* or nobody reads it any more */
        }
        if (exit_code < 0 && control_lines_wait(lines, 1000) == ERR_UNAVAILABLE)
            exit_code = command_failed("the node has stopped");
    }
    buf_deinit(&round.lines);
    return exit_code;
}

/* ---- live ---- */

typedef struct live {
    const config_t *config;
    top_options_t options;
    terminal_t *terminal;
    control_lines_t lines;
    round_t coming, shown;
} live_t;

static void show(live_t *self)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    uint32_t rows;
    terminal_size(&self->options.screen.columns, &rows);
    uint32_t room = rows > TOP_SCREEN_HEAD ? rows - TOP_SCREEN_HEAD : 1;
    self->options.screen.rows = self->options.count == 0 ? room : MIN(room, self->options.count);
    if (self->shown.lines.size == 0)
        buf_append(&out, STR("waiting for the first two samples\n"));
    else
        (void)round_print(&self->shown, &self->options.screen,
                          &out); /* what can't be read is not */
    if (out.size > 0)
        terminal_show(self->terminal, str_slice(buf_str(&out), 0, out.size - 1));
}

/* Types are measured while somebody wants to see them: asked for again. */
static err_t want_types(live_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    control_lines_t lines;
    str_t message;
    buf_t body BUF_SCOPED = BUF_INIT;
    write_arguments(&self->options, true, &body);
    TRY(control_lines_open(self->config->data, "top", buf_str(&body), &arena, &lines, &message));
    control_lines_close(&self->lines);
    self->lines = lines;
    self->coming.is_whole = true; /* it begins anew */
    self->options.has_types = true;
    return ERR_OK;
}

/* False: quit. */
static bool take_key(live_t *self, char key)
{
    static const char orders[] = "mcps";
    top_screen_t *screen = &self->options.screen;
    const char *order = strchr(orders, key);
    if (key == 'q' || key == 3)
        return false;
    if (order != NULL && key != '\0')
        screen->sort = (top_sort_t)(order - orders);
    if (key == 'a')
        screen->view = TOP_VIEW_ACTORS;
    else if (key == 'k')
        screen->view = TOP_VIEW_KINDS;
    else if (key == 't' && (self->options.has_types || want_types(self) == ERR_OK))
        screen->view = TOP_VIEW_TYPES;
    return true;
}

static bool take_keys(live_t *self, bool *out_has_changed)
{
    char key;
    while ((key = terminal_key(self->terminal)) != 0) {
        *out_has_changed = true;
        if (!take_key(self, key))
            return false;
    }
    return !terminal_is_ending(self->terminal);
}

/* UNAVAILABLE: the node ended. */
static err_t live_loop(live_t *self)
{
    bool has_changed = true;
    bool is_first = true;
    for (;;) {
        str_t line;
        while (control_lines_next(&self->lines, &line)) {
            round_add(&self->coming, line);
            if (!self->coming.is_whole || STEAL(is_first))
                continue;
            const round_t before = self->shown;
            self->shown = self->coming;
            self->coming = before;
            has_changed = true;
        }
        if (!take_keys(self, &has_changed))
            return ERR_OK;
        if (terminal_was_resized(self->terminal) || has_changed)
            show(self);
        has_changed = false;
        err_t err = control_lines_wait(&self->lines, WAIT_MS);
        if (err != ERR_OK && err != ERR_TIMEOUT && err != ERR_CANCELLED)
            return err;
    }
}

int command_top(const config_t *config, int count, char **arguments)
{
    live_t live = {.config = config};
    if (options_of(count, arguments, &live.options) != ERR_OK)
        return command_usage("top");
    int exit_code = begin(config, &live.options, &live.lines);
    if (exit_code != EXIT_OK)
        return exit_code;
    bool is_text = live.options.is_once || live.options.is_json;
    live.terminal = is_text ? NULL : terminal_open();
    if (is_text) {
        exit_code = print_rounds(&live.options, &live.lines);
    } else if (live.terminal == NULL) {
        exit_code = command_failed("this is no terminal: use --once or --json");
    } else {
        live.options.screen.has_keys = true;
        err_t err = live_loop(&live);
        terminal_close(live.terminal);
        if (err != ERR_OK)
            exit_code = command_failed("the node has stopped");
    }
    control_lines_close(&live.lines);
    buf_deinit(&live.coming.lines);
    buf_deinit(&live.shown.lines);
    return exit_code;
}
