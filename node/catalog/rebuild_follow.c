#include "node/catalog/rebuild_follow.h"

#include "node/commands/command_ask.h"

#include <stdio.h>
#include <unistd.h>

enum { FOLLOW_EVERY_US = 200000 };

void rebuild_show(const rebuild_follow_t *what, uint64_t percent)
{
    if (isatty(STDERR_FILENO) != 0)
        fprintf(stderr, "\r%s: %llu %%", what->name, (unsigned long long)percent);
}

int rebuild_done(const rebuild_follow_t *what, str_t err_name_)
{
    if (isatty(STDERR_FILENO) != 0)
        fputc('\n', stderr);
    if (!str_equal(err_name_, str_from(err_name(ERR_OK))))
        return command_failed("%s: %.*s; the old one is as it was, and the same command goes on "
                              "where it ended",
                              what->name, STR_ARG(err_name_));
    printf("%s: built anew\n", what->name);
    return EXIT_OK;
}

static int64_t number_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_int(graphql_value_get(value, name), 0);
}

bool rebuild_node_is_there(const config_t *config, const rebuild_follow_t *what)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    str_t message;
    return control_call(config->data, what->status, (str_t){0}, &arena, &status, &message) !=
           ERR_UNAVAILABLE;
}

int rebuild_by_node(const config_t *config, const rebuild_follow_t *what)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    int exit_code = command_ask(config, what->rebuild, (str_t){0}, &arena, &status);
    int64_t builds = exit_code == EXIT_OK ? number_at(status, "builds") : 0;
    while (exit_code == EXIT_OK) {
        arena_reset(&arena);
        exit_code = command_ask(config, what->status, (str_t){0}, &arena, &status);
        if (exit_code == EXIT_OK && number_at(status, "builds") != builds)
            return rebuild_done(what, graphql_value_str(graphql_value_get(status, "err")));
        if (exit_code == EXIT_OK)
            rebuild_show(what, (uint64_t)number_at(status, "percent"));
        usleep(FOLLOW_EVERY_US);
    }
    return exit_code;
}
