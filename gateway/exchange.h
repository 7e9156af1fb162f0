#pragma once
/* exchange.h -- a request and its answer, as the gateway keeps them: what http.h's request is
 * inside.
 *
 * It is made when the first byte of a request comes and freed by the answer. In between its
 * connection may go: then `connection` is NULL and the answer goes nowhere. When the server itself
 * is freed first, `server` is NULL too.
 *
 * Ownership  The server's list holds all of them; see exchange_take and exchange_release.
 * Threads    The server's. Internal to the gateway's protocol layer. */

#include "gateway/route.h"
#include "gateway/trace_context.h"

typedef struct connection connection_t;
typedef struct gateway_server gateway_server_t;
typedef struct exchange exchange_t;

struct exchange {
    http_request_t request;
    gateway_server_t *server;
    connection_t *connection;
    exchange_t *previous, *next; /* in the server's list, or its free list */

    /* the request */
    arena_t arena;
    buf_t head, body; /* headers point into head */
    http_field_t headers[HTTP_HEADERS_MAX];
    route_match_t match;
    char id[TRACE_ID_TEXT_SIZE];
    trace_context_t trace; /* what it belongs to; the id of the trace is also `id`, if it is ours */
    bool is_http10, is_keep_alive, expects_continue, is_trace_told;
    uint64_t started_ns;

    /* the answer */
    buf_t reply_headers; /* lines that the handler added */
    void (*on_cancel)(http_request_t *request, void *context);
    void *cancel_context;
    const http_stream_events_t *stream_events; /* not NULL: a stream */
    void *stream_context;
    bool is_chunked, is_sized, wants_room;
    uint64_t stream_left; /* of a sized one: bytes still to come */
};

static inline exchange_t *exchange_of(const http_request_t *request)
{
    return CONTAINER_OF((uintptr_t)request, exchange_t, request);
}

/* An empty one without a server: all that http1 needs. */
void exchange_init(exchange_t *self, size_t memory_size_max);
void exchange_deinit(exchange_t *self);
/* Ready for the next request; keeps its small buffers. */
void exchange_reset(exchange_t *self);
/* How its connection tells it that the client is gone, from the loop: the cancel hook or the
 * stream's end. */
void exchange_detach(exchange_t *self);
