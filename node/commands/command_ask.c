#include "node/commands/command_ask.h"

int command_answered(const config_t *config, err_t err, str_t message)
{
    if (err == ERR_UNAVAILABLE && str_is_empty(message))
        return command_failed(
            "no node runs on the data folder %s: start one with `musicstream serve`, or "
            "name its folder with --data",
            config->data);
    if (err != ERR_OK)
        return command_failed("%.*s",
                              STR_ARG(str_is_empty(message) ? str_from(err_text(err)) : message));
    return EXIT_OK;
}

int command_ask(const config_t *config, const char *command, str_t arguments, arena_t *arena,
                const graphql_value_t **out_result)
{
    str_t message;
    err_t err = control_call(config->data, command, arguments, arena, out_result, &message);
    return command_answered(config, err, message);
}

int command_stream(const config_t *config, const char *command, str_t arguments, arena_t *arena,
                   control_lines_t *out_lines)
{
    str_t message;
    err_t err = control_lines_open(config->data, command, arguments, arena, out_lines, &message);
    return command_answered(config, err, message);
}
