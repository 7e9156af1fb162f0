/* command_plugin.c -- lists the plugins of the running node, and replaces one. */

#include "node/commands/command_ask.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static void print_plugin(const graphql_value_t *plugin)
{
    str_t name = graphql_value_str(graphql_value_get(plugin, "name"));
    str_t version = graphql_value_str(graphql_value_get(plugin, "version"));
    int64_t replaced = graphql_value_int(graphql_value_get(plugin, "replacements"), 0);
    printf("%-24.*s %-12.*s", STR_ARG(name), STR_ARG(version));
    const graphql_value_t *kinds = graphql_value_get(plugin, "kinds");
    for (size_t i = 0; i < graphql_value_count(kinds); i++)
        printf(" %.*s", STR_ARG(graphql_value_str(graphql_value_at(kinds, i))));
    if (replaced > 0)
        printf("  (replaced %lld times)", (long long)replaced);
    putchar('\n');
}

static int print_plugins(const graphql_value_t *plugins)
{
    for (size_t i = 0; i < graphql_value_count(plugins); i++)
        print_plugin(graphql_value_at(plugins, i));
    return EXIT_OK;
}

static int list(const config_t *config)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *plugins = NULL;
    int exit_code = command_ask(config, "plugin.list", (str_t){0}, &arena, &plugins);
    return exit_code == EXIT_OK ? print_plugins(plugins) : exit_code;
}

static int replace(const config_t *config, const char *name, const char *path)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    const graphql_value_t *plugins = NULL;
    char absolute[PATH_MAX]; /* the node may run elsewhere */
    if (realpath(path, absolute) == NULL)
        return command_failed("the plugin %s can't be read: %s", path, strerror(errno));
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "name", str_from(name));
    json_key_str(&json, "path", str_from(absolute));
    json_object_end(&json);
    int exit_code = command_ask(config, "plugin.replace", buf_str(&body), &arena, &plugins);
    return exit_code == EXIT_OK ? print_plugins(plugins) : exit_code;
}

int command_plugin(const config_t *config, int count, char **arguments)
{
    if (count == 1 && strcmp(arguments[0], "list") == 0)
        return list(config);
    if (count == 3 && strcmp(arguments[0], "replace") == 0)
        return replace(config, arguments[1], arguments[2]);
    return command_usage("plugin");
}
