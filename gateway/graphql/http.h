#pragma once
/* http.h -- GraphQL over HTTP (the specification of that name, 2024 draft) as pure functions.
 *
 * graphql_http_read turns what came into a request or into a finished refusal; after execution
 * graphql_http_status gives the status line. A handler is: read; if call.status != 0 answer
 * call.status, call.body and call.allow; else graphql_execute(&call.request) and answer in done.
 *
 * Ownership  The call borrows the input and the arena.
 * Threads    None. */

#include "gateway/graphql/engine.h"

typedef struct graphql_http_input {
    str_t method;
    str_t content_type; /* {NULL, 0}: no such header */
    str_t accept;
    str_t query_string; /* after '?', still encoded */
    str_t body;
} graphql_http_input_t;

typedef struct graphql_http_call {
    int status;                /* not 0: answer this at once with `body` */
    str_t body;                /* JSON */
    const char *allow;         /* "GET, POST" with 405, else NULL */
    const char *media_type;    /* of the answer, with its charset */
    bool is_graphql_response;  /* application/graphql-response+json was negotiated */
    graphql_request_t request; /* the caller adds root and context */
} graphql_http_call_t;

/* Refusals: 405 (method, a mutation is found only later), 406 (accept), 415 (content type), 400 (no
 * JSON, no query, wrong shapes, a batch), 413 (past GRAPHQL_BODY_BYTES_MAX). */
void graphql_http_read(const graphql_http_input_t *input, arena_t *arena,
                       graphql_http_call_t *out_call);
/* The status of an executed or refused request, as the media type wants it; sets call->allow for
 * 405 (a mutation by GET). */
int graphql_http_status(graphql_http_call_t *call, const graphql_response_t *response);
