#pragma once
/* control.h -- how the command line talks to a running node: DATA/control.sock (mode 0600), one
 * request a connection.
 *
 * A request is one line of JSON, {"command": "search", "arguments": {...}}; the answer is one line,
 * {"ok": true, "result": ...} or {"ok": false, "code": "NOT_FOUND", "message": "..."}, then the
 * connection ends. A command may answer with a stream instead: {"ok": true, "stream": true}, then
 * lines of JSON until one side ends it.
 *
 * Ownership  The server borrows its table. A handler answers its request exactly once, now or
 * later, with control_reply or control_refuse, which frees it; also when the client has left.
 * Threads    The loop's.
 * Limits     CONTROL_REQUEST_SIZE_MAX a request (LIMIT past it), CONTROL_CLIENTS_MAX connections at
 * a time (closed at once past it), CONTROL_SILENCE_MS to send a request. */

#include "gateway/graphql/value.h"
#include "runtime/runtime.h"

enum {
    CONTROL_REQUEST_SIZE_MAX = 256 * 1024,
    CONTROL_ANSWER_SIZE_MAX = 16 * 1024 * 1024,
    CONTROL_CLIENTS_MAX = 64,
    CONTROL_SILENCE_MS = 10000,
    CONTROL_STREAM_WAITING_MAX = 256 * 1024, /* bytes of a stream that its reader has not taken */
    CONTROL_TIMEOUT_S = 60                   /* the client's patience */
};

typedef struct control control_t;
typedef struct control_request control_request_t;
typedef void (*control_handler_fn)(control_request_t *request);

typedef struct control_command {
    const char *name;
    control_handler_fn handler;
} control_command_t;

/* Listens on `path`; a stale socket there is replaced: the data folder's lock says that it is ours.
 *   INVALID    the path is too long for a socket
 *   IO, FORBIDDEN */
err_t control_new(uv_loop_t *loop, edge_t *edge, const char *path,
                  const control_command_t *commands, size_t command_count, void *user,
                  control_t **out_control);
/* Stops listening and drops the clients; `closed` runs once the loop has let go of them. Handlers
 * may still answer later: what they hold goes with their answer. */
void control_close(control_t **self, void (*closed)(void *context), void *context);

/* ---- inside a handler ---- */
edge_t *control_edge(control_request_t *request);
void *control_user(control_request_t *request);
arena_t *control_arena(control_request_t *request);
/* An argument; empty when it is not there or not of that type. */
str_t control_argument(const control_request_t *request, const char *name);
int64_t control_argument_int(const control_request_t *request, const char *name, int64_t otherwise);
bool control_argument_bool(const control_request_t *request, const char *name);
/* Of any kind; NULL: it is not there. */
const graphql_value_t *control_argument_value(const control_request_t *request, const char *name);

/* The answer is a stream: `tick` runs every `interval_ms`, also now, and may write lines; `gone`
 * once, when the client has left or the server stops: from then on nothing is written, and the
 * handler ends it with control_stream_end, then or later. */
typedef struct control_stream {
    uint64_t interval_ms;
    void (*tick)(control_request_t *request, void *context);
    void (*gone)(control_request_t *request, void *context);
    void *context;
} control_stream_t;
void control_stream(control_request_t *request, const control_stream_t *stream);
/* One line, or several with a line end between. BUSY: the reader is slow,
 * CONTROL_STREAM_WAITING_MAX bytes wait; NO_MEMORY; CANCELLED: it is gone. */
err_t control_stream_write(control_request_t *request, str_t lines);
/* Frees the request; what was written still goes out. */
void control_stream_end(control_request_t *request);

/* `result` is JSON. */
void control_reply(control_request_t *request, str_t result);
void control_refuse(control_request_t *request, err_t err, str_t message);
