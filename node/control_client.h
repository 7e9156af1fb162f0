#pragma once
/* control_client.h -- the command line's side of control.h: one request, one answer, blocking.
 *
 * Ownership  The answer lies in the caller's arena.
 * Threads    The caller's. */

#include "gateway/graphql/value.h"
#include "runtime/base/buf.h"

/* Sends a command with its arguments (a JSON object; empty: none) to the node of a data folder.
 *   UNAVAILABLE  no node runs on that folder: nobody listens
 *   TIMEOUT      no answer within CONTROL_TIMEOUT_S
 *   what the node refused with; its sentence is in *out_message */
err_t control_call(const char *data_folder, const char *command, str_t arguments, arena_t *arena,
                   const graphql_value_t **out_result, str_t *out_message);
