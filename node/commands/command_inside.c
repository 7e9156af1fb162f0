/* command_inside.c -- actor, trace and recorder: what actors are, do, and did. */

#include "node/commands/command_ask.h"
#include "node/commands/command_records.h"
#include "node/commands/crash_list.h"
#include "node/commands/outbox_list.h"
#include "node/commands/terminal.h"
#include "runtime/base/clock.h"
#include "runtime/inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { RECORDS_MAX = 1000, KEY_CELLS = 40 };

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static int64_t number_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_int(graphql_value_get(value, name), 0);
}

err_t command_parse_actor(const char *text, uint64_t *out_actor)
{
    str_t whole = str_from(text);
    size_t point = str_find(whole, '.');
    uint32_t slot, generation;
    TRY(str_to_u32(str_slice(whole, 0, point), &slot));
    TRY(str_to_u32(str_slice(whole, point + 1, whole.size), &generation));
    if (slot == UINT32_MAX)
        return ERR_INVALID;
    *out_actor = (uint64_t)generation << 32 | ((uint64_t)slot + 1);
    return ERR_OK;
}

static int bad_actor(const char *text)
{
    command_failed("'%s' is no actor: use SLOT.GENERATION, as `musicstream top` shows it", text);
    return EXIT_USAGE;
}

/* ---- actor ---- */

static int print_result(const config_t *config, const char *command, str_t arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    const graphql_value_t *result;
    int exit_code = command_ask(config, command, arguments, &arena, &result);
    if (exit_code != EXIT_OK)
        return exit_code;
    graphql_value_to_json(result, &text);
    puts(buf_terminated(&text));
    return EXIT_OK;
}

int command_actor(const config_t *config, int count, char **arguments)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    uint64_t actor = 0;
    if (count == 0)
        return print_result(config, "actors", (str_t){0});
    if (count > 2)
        return command_usage("actor");
    if (count == 1 && command_parse_actor(arguments[0], &actor) != ERR_OK)
        return bad_actor(arguments[0]);
    json_object_begin(&json);
    if (count == 1) {
        json_key_u64(&json, "actor", actor);
    } else {
        json_key_str(&json, "kind", str_from(arguments[0]));
        json_key_str(&json, "key", str_from(arguments[1]));
    }
    json_object_end(&json);
    return print_result(config, "actor", buf_str(&body));
}

int command_tree(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *result;
    if (command_plain_count(count, arguments) > 0)
        return command_usage("tree");
    if (command_flag(count, arguments, "json") != NULL)
        return print_result(config, "tree", STR("{\"json\":true}"));
    int exit_code = command_ask(config, "tree", (str_t){0}, &arena, &result);
    if (exit_code == EXIT_OK)
        printf("%.*s", STR_ARG(graphql_value_str(result)));
    return exit_code;
}

int command_letters(const config_t *config, int count, char **arguments)
{
    (void)arguments;
    return count > 0 ? command_usage("letters") : print_result(config, "letters", (str_t){0});
}

/* ---- messages between durable actors ---- */

static int settle_letter(const config_t *config, char **arguments, bool is_retry)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    const graphql_value_t *result;
    uint64_t number;
    if (str_to_u64(str_from(arguments[1]), &number) != ERR_OK)
        return command_usage("outbox");
    json_object_begin(&json);
    json_key_str(&json, "stream", str_from(arguments[0]));
    json_key_u64(&json, "number", number);
    json_key_bool(&json, "retry", is_retry);
    json_object_end(&json);
    return command_ask(config, "outbox.settle", buf_str(&body), &arena, &result);
}

static int list_outbox(const config_t *config, bool is_json)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    const graphql_value_t *result;
    if (is_json)
        return print_result(config, "outbox", (str_t){0});
    int exit_code = command_ask(config, "outbox", (str_t){0}, &arena, &result);
    if (exit_code != EXIT_OK)
        return exit_code;
    outbox_list_append(&text, result);
    printf("%s", buf_terminated(&text));
    return EXIT_OK;
}

int command_outbox(const config_t *config, int count, char **arguments)
{
    if (command_plain_count(count, arguments) == 0)
        return list_outbox(config, command_flag(count, arguments, "json") != NULL);
    bool is_retry = strcmp(arguments[0], "retry") == 0;
    if (count != 3 || (!is_retry && strcmp(arguments[0], "drop") != 0))
        return command_usage("outbox");
    return settle_letter(config, arguments + 1, is_retry);
}

/* ---- crashes ---- */

int command_crashes(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    const graphql_value_t *result;
    if (command_plain_count(count, arguments) > 0)
        return command_usage("crashes");
    if (command_flag(count, arguments, "json") != NULL)
        return print_result(config, "crashes", (str_t){0});
    int exit_code = command_ask(config, "crashes", (str_t){0}, &arena, &result);
    if (exit_code != EXIT_OK)
        return exit_code;
    crash_list_append(&out, result);
    fputs(buf_terminated(&out), stdout);
    return EXIT_OK;
}

/* ---- trace ---- */

static void append_took(buf_t *out, int64_t ns)
{
    if (ns < 1000)
        buf_printf(out, "%lld ns", (long long)ns);
    else if (ns < 1000000)
        buf_printf(out, "%.1f us", (double)ns / 1e3);
    else
        buf_printf(out, "%.1f ms", (double)ns / 1e6);
}

static void append_event(buf_t *out, const graphql_value_t *line)
{
    char iso[ISO_TIME_SIZE];
    clock_iso(number_at(line, "time_ms"), iso);
    str_t event = text_at(line, "event");
    buf_printf(out, "%.12s ", iso + 11);
    if (graphql_value_get(line, "node") != NULL)
        buf_printf(out, "node %lld ", (long long)number_at(line, "node"));
    buf_printf(out, "%lld ", (long long)number_at(line, "scheduler"));
    terminal_append(out, event, 8, true);
    terminal_append(out, text_at(line, "kind"), KEY_CELLS, false);
    buf_append_char(out, '/');
    terminal_append(out, text_at(line, "key"), KEY_CELLS, false);
    buf_append_char(out, ' ');
    terminal_append(out, text_at(line, "type"), KEY_CELLS, false);
    if (str_equal(event, STR("sent"))) {
        buf_append(out, STR(" to "));
        terminal_append(out, text_at(line, "to_kind"), KEY_CELLS, false);
        terminal_append(out, text_at(line, "to"), KEY_CELLS, false);
    } else if (str_equal(event, STR("failed"))) {
        terminal_append(out, text_at(line, "reason"), 200, false);
    } else {
        buf_append(out, STR(" took "));
        append_took(out, number_at(line, "took_ns"));
        buf_printf(out, ", waited %lld us, from ", (long long)number_at(line, "waited_us"));
        terminal_append(out, text_at(line, "from"), KEY_CELLS, false);
    }
    const graphql_value_t *payload = graphql_value_get(line, "payload");
    if (payload != NULL) {
        buf_append_char(out, ' ');
        buf_t text BUF_SCOPED = BUF_INIT;
        graphql_value_to_json(payload, &text);
        terminal_append(out, buf_str(&text), UINT32_MAX, false);
    }
}

static bool print_line(str_t line, bool is_json)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    graphql_value_t value;
    if (graphql_value_from_json(line, &arena, &value) != ERR_OK)
        return false;
    int64_t lost = number_at(&value, "lost");
    str_t error = text_at(&value, "error");
    if (is_json)
        buf_append(&out, line);
    else if (!str_is_empty(error))
        buf_printf(&out, "... node %lld: %.*s", (long long)number_at(&value, "node"),
                   STR_ARG(error));
    else if (lost > 0)
        buf_printf(&out, "... %lld lines are lost: they came faster than they were read",
                   (long long)lost);
    else
        append_event(&out, &value);
    puts(buf_terminated(&out));
    return true;
}

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

typedef struct trace_limits {
    uint64_t until_ms, max; /* 0: none */
    bool is_json;
} trace_limits_t;

static int follow(control_lines_t *lines, const trace_limits_t *limits)
{
    uint64_t printed = 0;
    for (;;) {
        str_t line;
        while (control_lines_next(lines, &line)) {
            if (!print_line(line, limits->is_json))
                return command_failed("the node's answer can't be read");
            if (++printed == limits->max)
                return EXIT_OK;
        }
        fflush(stdout);
        uint64_t now = now_ms();
        if (ferror(stdout) != 0 || (limits->until_ms != 0 && now >= limits->until_ms))
            return EXIT_OK;
        uint64_t left_ms = limits->until_ms == 0 ? 1000 : limits->until_ms - now;
        err_t err = control_lines_wait(lines, (int)MIN(left_ms, (uint64_t)1000));
        if (err == ERR_UNAVAILABLE)
            return command_failed("the node ended the trace");
        if (err != ERR_OK && err != ERR_TIMEOUT && err != ERR_CANCELLED)
            return command_failed("%s", err_text(err));
    }
}

/* `command`: of this node, or of all. */
static int live_trace(const config_t *config, const char *command, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    int plain = command_plain_count(count, arguments);
    const char *type = command_flag(count, arguments, "type");
    const char *sender = command_flag(count, arguments, "sender");
    const char *for_how_long = command_flag(count, arguments, "for");
    const char *max = command_flag(count, arguments, "max");
    trace_limits_t limits = {.is_json = command_flag(count, arguments, "json") != NULL};
    uint64_t actor = 0, duration_ms = 0;
    if (plain > 2 ||
        (for_how_long != NULL && command_duration_ms(for_how_long, &duration_ms) != ERR_OK) ||
        (max != NULL && (str_to_u64(str_from(max), &limits.max) != ERR_OK || limits.max == 0)))
        return command_usage("trace");
    if (sender != NULL && command_parse_actor(sender, &actor) != ERR_OK)
        return bad_actor(sender);
    json_object_begin(&json);
    json_key_str(&json, "kind", str_from(plain > 0 ? arguments[0] : ""));
    json_key_str(&json, "key", str_from(plain > 1 ? arguments[1] : ""));
    json_key_str(&json, "type", str_from(type == NULL ? "" : type));
    json_key_u64(&json, "sender", actor);
    json_object_end(&json);
    control_lines_t lines;
    int exit_code = command_stream(config, command, buf_str(&body), &arena, &lines);
    if (exit_code != EXIT_OK)
        return exit_code;
    limits.until_ms = for_how_long == NULL ? 0 : now_ms() + duration_ms;
    exit_code = follow(&lines, &limits);
    control_lines_close(&lines);
    return exit_code;
}

int command_trace(const config_t *config, int count, char **arguments)
{
    uint32_t number;
    if (command_plain_count(count, arguments) == 1 &&
        command_trace_number(arguments[0], &number) == ERR_OK)
        return command_trace_of(config, arguments[0], count, arguments);
    return live_trace(config, "trace", count, arguments);
}

int command_trace_all(const config_t *config, int count, char **arguments)
{
    return live_trace(config, "look.trace", count, arguments);
}

/* ---- recorder ---- */

static int write_chrome(recording_t *recording, const recording_event_t *events, size_t count,
                        const char *path)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    if (recording_print_chrome(recording, events, count, &out) != ERR_OK)
        return command_failed("there is not enough memory for the trace");
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return command_failed("%s can't be written: %s", path, strerror(errno));
    bool is_written = fwrite(out.data, 1, out.size, file) == out.size;
    if (fclose(file) != 0 || !is_written)
        return command_failed("%s can't be written: %s", path, strerror(errno));
    printf("%zu events are in %s: open it in chrome://tracing or https://ui.perfetto.dev\n", count,
           path);
    return EXIT_OK;
}

static err_t filter_of(int count, char **arguments, recording_filter_t *out_filter)
{
    const char *last = command_flag(count, arguments, "last");
    const char *max = command_flag(count, arguments, "max");
    const char *actor = command_flag(count, arguments, "actor");
    const char *trace = command_flag(count, arguments, "trace");
    const char *key = command_flag(count, arguments, "key");
    uint64_t last_ms = 0, number = 0;
    *out_filter = (recording_filter_t){.kind = command_flag(count, arguments, "kind"),
                                       .type = command_flag(count, arguments, "type"),
                                       .event = command_flag(count, arguments, "event"),
                                       .key = str_from(key)};
    if (key != NULL && out_filter->kind == NULL)
        return ERR_INVALID; /* a key is one of a kind */
    if (last != NULL)
        TRY(command_duration_ms(last, &last_ms));
    if (actor != NULL)
        TRY(command_parse_actor(actor, &out_filter->actor));
    if (trace != NULL && command_trace_number(trace, &out_filter->trace) != ERR_OK)
        TRY(str_to_u32(str_from(trace), &out_filter->trace));
    if (max != NULL)
        TRY(str_to_u64(str_from(max), &number));
    out_filter->last_ns = last_ms * 1000000;
    bool is_all = command_flag(count, arguments, "chrome") != NULL;
    out_filter->max = max != NULL ? number : is_all ? 0 : RECORDS_MAX;
    return ERR_OK;
}

static str_t recorder_place(const config_t *config, arena_t *arena)
{
    if (config->recorder_folder[0] != '\0')
        return str_from(config->recorder_folder);
    return arena_printf(arena, "%s/recorder", config->data);
}

int command_recorder(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t problem BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    const recording_event_t *events = NULL;
    recording_filter_t filter;
    size_t event_count = 0;
    int plain = command_plain_count(count, arguments);
    const char *level = command_flag(count, arguments, "level");
    const char *chrome = command_flag(count, arguments, "chrome");
    bool is_of_all = command_flag(count, arguments, "cluster") != NULL;
    if (plain > (is_of_all ? 0 : 1) || filter_of(count, arguments, &filter) != ERR_OK)
        return command_usage("recorder");
    if (level != NULL)
        return command_recorder_level(config, level, is_of_all);
    if (is_of_all)
        return command_recorder_of_all(config, &filter, count, arguments);
    str_t place = plain == 1 ? str_from(arguments[0]) : recorder_place(config, &arena);
    if (place.data == NULL || recording_open(place.data, &problem, &recording) != ERR_OK)
        return command_failed("%s", buf_terminated(&problem));
    if (recording_select(recording, &filter, &events, &event_count) != ERR_OK)
        return command_failed("there is not enough memory for the recording");
    if (chrome != NULL)
        return write_chrome(recording, events, event_count, chrome);
    if (command_flag(count, arguments, "json") != NULL)
        recording_print_json(recording, events, event_count, &out);
    else
        recording_print(recording, events, event_count, &out);
    fputs(buf_terminated(&out), stdout);
    return EXIT_OK;
}
