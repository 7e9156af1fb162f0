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

/* A streaming answer, line by line. */
typedef struct control_lines {
    int fd;
    buf_t input;
    size_t taken; /* of the input */
} control_lines_t;

/* As control_call. *out_lines is to be closed only after ERR_OK. */
err_t control_lines_open(const char *data_folder, const char *command, str_t arguments,
                         arena_t *arena, control_lines_t *out_lines, str_t *out_message);
/* The next line that has come, borrowed until the next call. False: none is there. */
bool control_lines_next(control_lines_t *self, str_t *out_line);
/* Reads what has come on the descriptor, waiting at most so long. TIMEOUT: nothing came;
 * UNAVAILABLE: the node ended it; CANCELLED: a signal came; LIMIT. */
err_t control_lines_wait(control_lines_t *self, int timeout_ms);
void control_lines_close(control_lines_t *self);
