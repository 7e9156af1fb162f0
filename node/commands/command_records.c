#include "node/commands/command_records.h"

#include "gateway/trace_context.h"
#include "node/commands/command_ask.h"
#include "node/commands/terminal.h"
#include "node/inside/records.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    WAIT_MS = 15000,
    TRACE_RECORDS_MAX = 4000,
    CHROME_RECORDS_MAX = 20000,
    COLUMNS_PIPED = 4096
};

err_t command_trace_number(const char *text, uint32_t *out_number)
{
    char whole[64];
    trace_context_t trace;
    if (strlen(text) == TRACE_ID_TEXT_SIZE) {
        snprintf(whole, sizeof whole, "00-%s-0000000000000001-00", text);
        text = whole;
    }
    TRY(trace_context_parse(str_from(text), &trace));
    *out_number = trace_number(trace.id);
    return ERR_OK;
}

/* ---- asking ---- */

static void write_filter(const recording_filter_t *filter, bool is_here, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_str(&json, "kind", str_from(filter->kind == NULL ? "" : filter->kind));
    json_key_str(&json, "key", filter->key);
    json_key_str(&json, "type", str_from(filter->type == NULL ? "" : filter->type));
    json_key_str(&json, "event", str_from(filter->event == NULL ? "" : filter->event));
    json_key_u64(&json, "actor", filter->actor);
    json_key_u64(&json, "trace", filter->trace);
    json_key_u64(&json, "last_ns", filter->last_ns);
    json_key_u64(&json, "max", filter->max);
    json_key_bool(&json, "here", is_here);
    json_object_end(&json);
}

static int read_lines(control_lines_t *lines, records_t *records)
{
    while (!records->is_whole) {
        str_t line;
        while (!records->is_whole && control_lines_next(lines, &line)) {
            err_t err = records_add(records, line);
            if (err != ERR_OK)
                return command_failed("the node's answer can't be read: %s", err_text(err));
        }
        if (records->is_whole)
            break;
        err_t err = control_lines_wait(lines, WAIT_MS);
        if (err != ERR_OK && err != ERR_CANCELLED)
            return command_failed("the node's answer is not whole: %s", err_text(err));
    }
    records_sort(records);
    return EXIT_OK;
}

static int ask_records(const config_t *config, const recording_filter_t *filter, bool is_here,
                       records_t *records)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    control_lines_t lines;
    write_filter(filter, is_here, &body);
    int exit_code = command_stream(config, "look.records", buf_str(&body), &arena, &lines);
    if (exit_code != EXIT_OK)
        return exit_code;
    exit_code = read_lines(&lines, records);
    control_lines_close(&lines);
    return exit_code;
}

/* ---- showing ---- */

static int write_chrome(const records_t *records, const char *path)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    if (records_chrome_append(records, &out) != ERR_OK)
        return command_failed("there is not enough memory for the trace");
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return command_failed("%s can't be written: %s", path, strerror(errno));
    bool is_written = fwrite(out.data, 1, out.size, file) == out.size;
    if (fclose(file) != 0 || !is_written)
        return command_failed("%s can't be written: %s", path, strerror(errno));
    printf("%zu events of %zu nodes are in %s: open it in chrome://tracing or "
           "https://ui.perfetto.dev\n",
           records->count, records->node_count, path);
    return EXIT_OK;
}

static void print_lines(const records_t *records)
{
    for (size_t i = 0; i < records->count; i++)
        printf("%.*s\n", STR_ARG(records->items[i].line));
}

/* A pipe cuts nothing off. */
static uint32_t columns(void)
{
    uint32_t wide, high;
    terminal_size(&wide, &high);
    return isatty(STDOUT_FILENO) != 0 ? wide : (uint32_t)COLUMNS_PIPED;
}

/* What went wrong goes to standard error where the output is for a program. */
static void print_problems(const records_t *records)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    records_problems_append(records, &out);
    fputs(buf_terminated(&out), stderr);
}

/* What each node says of its recorder, a line each. */
static int print_levels(const graphql_value_t *nodes)
{
    int exit_code = EXIT_OK;
    for (size_t i = 0; i < graphql_value_count(nodes); i++) {
        const graphql_value_t *node = graphql_value_at(nodes, i);
        str_t error = graphql_value_str(graphql_value_get(node, "error"));
        str_t now =
            graphql_value_str(graphql_value_get(graphql_value_get(node, "recorder"), "level"));
        long long number = (long long)graphql_value_int(graphql_value_get(node, "node"), 0);
        if (!str_is_empty(error))
            exit_code = command_failed("node %lld: %.*s", number, STR_ARG(error));
        else
            printf("node %lld: the recorder is at level %.*s\n", number, STR_ARG(now));
    }
    return exit_code;
}

int command_recorder_level(const config_t *config, const char *level, bool is_of_all)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    const graphql_value_t *result;
    json_object_begin(&json);
    json_key_str(&json, "level", str_from(level));
    json_object_end(&json);
    int exit_code =
        command_ask(config, is_of_all ? "look.level" : "recorder", buf_str(&body), &arena, &result);
    if (exit_code != EXIT_OK)
        return exit_code;
    if (is_of_all)
        return print_levels(graphql_value_get(result, "nodes"));
    printf("the recorder is at level %.*s\n",
           STR_ARG(graphql_value_str(graphql_value_get(result, "level"))));
    return EXIT_OK;
}

int command_recorder_of_all(const config_t *config, const recording_filter_t *filter, int count,
                            char **arguments)
{
    records_t records RECORDS_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    recording_filter_t wanted = *filter;
    const char *chrome = command_flag(count, arguments, "chrome");
    if (chrome != NULL && wanted.max == 0)
        wanted.max = CHROME_RECORDS_MAX;
    int exit_code = ask_records(config, &wanted, false, &records);
    if (exit_code != EXIT_OK)
        return exit_code;
    print_problems(&records);
    if (chrome != NULL)
        return write_chrome(&records, chrome);
    if (command_flag(count, arguments, "json") != NULL) {
        print_lines(&records);
        return EXIT_OK;
    }
    records_list_append(&records, columns(), &out);
    fputs(buf_terminated(&out), stdout);
    return EXIT_OK;
}

/* ---- one trace ---- */

/* Others may have the same number: of a request it is known. */
static bool is_of_another(const records_t *records, const char *id)
{
    for (size_t i = 0; i < records->count; i++) {
        str_t other = records->items[i].trace_id;
        if (!str_is_empty(other) && !str_contains(str_from(id), other))
            return true;
    }
    return false;
}

int command_trace_of(const config_t *config, const char *id, int count, char **arguments)
{
    records_t records RECORDS_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    recording_filter_t filter = {.max = TRACE_RECORDS_MAX};
    if (command_trace_number(id, &filter.trace) != ERR_OK)
        return command_usage("trace");
    bool is_here = command_flag(count, arguments, "here") != NULL;
    int exit_code = ask_records(config, &filter, is_here, &records);
    if (exit_code != EXIT_OK)
        return exit_code;
    if (records.count == 0) {
        print_problems(&records);
        return command_failed("no node has recorded anything of this trace. A request is recorded "
                              "when it has the header\ntraceparent: 00-TRACE-SPAN-01, or while "
                              "the recorder is at level messages (`musicstream recorder --cluster "
                              "--level messages`)");
    }
    if (command_flag(count, arguments, "json") != NULL) {
        print_problems(&records);
        print_lines(&records);
        return EXIT_OK;
    }
    if (is_of_another(&records, id))
        puts("Another request has the same number: its messages are among these.");
    if (records_trace_append(&records, columns(), &out) != ERR_OK)
        return command_failed("there is not enough memory for the trace");
    fputs(buf_terminated(&out), stdout);
    return EXIT_OK;
}
