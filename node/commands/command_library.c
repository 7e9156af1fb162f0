/* command_library.c -- scan and library: they talk to the running node. */

#include "node/commands/command_ask.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOLLOW_EVERY_US = 200000 };

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static int64_t number_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_int(graphql_value_get(value, name), 0);
}

/* ---- scan ---- */

static const char *phase_name(int64_t phase)
{
    static const char *const names[] = {"idle", "listing", "reading", "finishing"};
    return phase >= 0 && phase < (int64_t)COUNT_OF(names) ? names[phase] : "idle";
}

static void print_status(const graphql_value_t *status, bool is_terminal)
{
    printf("%s%s: %lld of %lld files, %.0f files/s", is_terminal ? "\r\033[K" : "",
           phase_name(number_at(status, "phase")), (long long)number_at(status, "files_done"),
           (long long)number_at(status, "files_known"),
           graphql_value_float(graphql_value_get(status, "files_per_second"), 0));
    if (graphql_value_bool(graphql_value_get(status, "has_seconds_left"), false))
        printf(", %lld s left", (long long)number_at(status, "seconds_left"));
    printf("%s", is_terminal ? "" : "\n");
    fflush(stdout);
}

static void print_problems(const graphql_value_t *status)
{
    const graphql_value_t *problems = graphql_value_get(status, "problems");
    for (size_t i = 0; i < graphql_value_count(problems); i++) {
        const graphql_value_t *problem = graphql_value_at(problems, i);
        printf("  %.*s: %.*s\n", STR_ARG(text_at(problem, "path")),
               STR_ARG(text_at(problem, "reason")));
    }
}

static int follow_scan(const config_t *config)
{
    bool is_terminal = isatty(STDOUT_FILENO);
    for (;;) {
        arena_t arena ARENA_SCOPED = {0};
        const graphql_value_t *status;
        int exit_code = command_ask(config, "scan.status", (str_t){0}, &arena, &status);
        if (exit_code != EXIT_OK)
            return exit_code;
        bool is_idle = number_at(status, "phase") == 0;
        if (is_terminal || is_idle)
            print_status(status, is_terminal);
        if (is_idle) {
            printf("%s", is_terminal ? "\n" : "");
            print_problems(status);
            return EXIT_OK;
        }
        usleep(FOLLOW_EVERY_US);
    }
}

int command_scan(const config_t *config, int count, char **arguments)
{
    const char *verb = count > 0 ? arguments[0] : "start";
    bool is_full = count > 0 && strcmp(arguments[count - 1], "full") == 0;
    if (count == 1 && is_full)
        verb = "start";
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    char command[32];
    bool is_start = strcmp(verb, "start") == 0;
    if (count > 2 || (count == 2 && !(is_start && is_full)) ||
        (!is_start && strcmp(verb, "cancel") != 0 && strcmp(verb, "status") != 0))
        return command_usage("scan");
    snprintf(command, sizeof command, "scan.%s", verb);
    int exit_code = command_ask(config, command, is_full ? STR("{\"full\":true}") : (str_t){0},
                                &arena, &status);
    if (exit_code != EXIT_OK)
        return exit_code;
    if (is_start)
        return follow_scan(config);
    print_status(status, false);
    print_problems(status);
    return EXIT_OK;
}

/* ---- library ---- */

static int list_roots(const config_t *config)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    int exit_code = command_ask(config, "scan.status", (str_t){0}, &arena, &status);
    if (exit_code != EXIT_OK)
        return exit_code;
    const graphql_value_t *roots = graphql_value_get(status, "roots");
    for (size_t i = 0; i < graphql_value_count(roots); i++) {
        const graphql_value_t *root = graphql_value_at(roots, i);
        printf("%-20.*s %.*s%s\n", STR_ARG(text_at(root, "name")), STR_ARG(text_at(root, "path")),
               graphql_value_bool(graphql_value_get(root, "is_readable"), true)
                   ? ""
                   : "  (can't be read at the moment)");
    }
    return EXIT_OK;
}

static int add_root(const config_t *config, const char *argument)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    buf_t body BUF_SCOPED = BUF_INIT;
    str_t whole = str_from(argument);
    size_t equals = str_find(whole, '=');
    bool is_named = equals < whole.size && str_find(whole, '/') > equals;
    char path[PATH_MAX];
    if (realpath(is_named ? argument + equals + 1 : argument, path) == NULL)
        return command_failed("there is no folder %s", argument);
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "name", is_named ? str_slice(whole, 0, equals) : STR(""));
    json_key_str(&json, "path", str_from(path));
    json_object_end(&json);
    int exit_code = command_ask(config, "library.add", buf_str(&body), &arena, &status);
    return exit_code != EXIT_OK ? exit_code : list_roots(config);
}

int command_library(const config_t *config, int count, char **arguments)
{
    if (count == 1 && strcmp(arguments[0], "list") == 0)
        return list_roots(config);
    if (count == 2 && strcmp(arguments[0], "add") == 0)
        return add_root(config, arguments[1]);
    return command_usage("library");
}
