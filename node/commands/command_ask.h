#pragma once
/* command_ask.h -- what the commands that talk to a running node share. */

#include "gateway/graphql/value.h"
#include "node/commands/command.h"
#include "runtime/base/json.h"

#include "node/control/control_client.h"

/* As command_ask, for an answer that is a stream. */
int command_stream(const config_t *config, const char *command, str_t arguments, arena_t *arena,
                   control_lines_t *out_lines);
/* Prints what became of a call, where it is an error: an exit code. */
int command_answered(const config_t *config, err_t err, str_t message);
/* Asks the node of config->data; on an error prints it and returns EXIT_FAILED. */
int command_ask(const config_t *config, const char *command, str_t arguments, arena_t *arena,
                const graphql_value_t **out_result);
