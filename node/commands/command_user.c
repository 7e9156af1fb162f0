/* command_user.c -- user and token. */

#include "node/commands/command_ask.h"
#include "node/commands/secret.h"
#include "node/privacy/command_privacy.h"

#include <stdio.h>

static int send_user(const config_t *config, const char *command, const char *name,
                     const char *role)
{
    char password[SECRET_ROOM];
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    const graphql_value_t *result;
    if (!secret_read("Password: ", stdin, password))
        return command_failed("give the password on standard input");
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "name", str_from(name));
    json_key_str(&json, "password", str_from(password));
    json_key_str(&json, "role", str_from(role));
    json_object_end(&json);
    explicit_bzero(password, sizeof password);
    int exit_code = command_ask(config, command, buf_str(&body), &arena, &result);
    explicit_bzero(body.data, body.size);
    return exit_code;
}

static int list_users(const config_t *config)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *result;
    int exit_code = command_ask(config, "user.list", (str_t){0}, &arena, &result);
    if (exit_code != EXIT_OK)
        return exit_code;
    const graphql_value_t *users = graphql_value_get(result, "users");
    for (size_t i = 0; i < graphql_value_count(users); i++) {
        const graphql_value_t *user = graphql_value_at(users, i);
        str_t name = graphql_value_str(graphql_value_get(user, "name"));
        printf("%-9s %.*s\n",
               graphql_value_int(graphql_value_get(user, "role"), 0) == 1 ? "admin" : "listener",
               STR_ARG(name));
    }
    return EXIT_OK;
}

int command_user(const config_t *config, int count, char **arguments)
{
    if (count == 1 && strcmp(arguments[0], "list") == 0)
        return list_users(config);
    if (count == 2 && strcmp(arguments[0], "add") == 0)
        return send_user(config, "user.add", arguments[1], "listener");
    if (count == 3 && strcmp(arguments[0], "add") == 0 && strcmp(arguments[2], "admin") == 0)
        return send_user(config, "user.add", arguments[1], "admin");
    if (count == 2 && strcmp(arguments[0], "passwd") == 0)
        return send_user(config, "user.password", arguments[1], "");
    int words = command_plain_count(count, arguments);
    bool is_yes = command_flag(count, arguments, "yes") != NULL;
    if (words == 2 && strcmp(arguments[0], "erase") == 0)
        return command_user_erase(config, arguments[1], is_yes);
    if (count == 3 && strcmp(arguments[0], "export") == 0)
        return command_user_export(config, arguments[1], arguments[2]);
    return command_usage("user");
}

int command_token(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    const graphql_value_t *result;
    if (count != 1)
        return command_usage("token");
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "name", str_from(arguments[0]));
    json_object_end(&json);
    int exit_code = command_ask(config, "token.issue", buf_str(&body), &arena, &result);
    if (exit_code == EXIT_OK)
        printf("%.*s\n", STR_ARG(graphql_value_str(graphql_value_get(result, "access_token"))));
    return exit_code;
}
