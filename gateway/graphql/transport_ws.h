#pragma once
/* transport_ws.h -- the graphql-transport-ws protocol (github.com/enisdenjo/graphql-ws,
 * PROTOCOL.md) as a state machine over "send this text" and "close with this code".
 *
 *     NEW --connection_init--> READY (connection_ack)      any fault --> CLOSED, handlers.close
 * once
 *
 * Invariants  After handlers.close was called nothing is sent and everything that comes is ignored.
 *             An id has at most one running operation. Every operation ends with error or complete,
 *             or with the connection.
 * Ownership   graphql_ws_free ends what runs, without callbacks. It must not be called inside a
 *             callback of the same connection.
 * Threads     None: the thread of the connection. */

#include "gateway/graphql/engine.h"

#define GRAPHQL_WS_SUBPROTOCOL "graphql-transport-ws"

enum {
    GRAPHQL_WS_CLOSE_ERROR = 4500,        /* no memory */
    GRAPHQL_WS_CLOSE_INVALID = 4400,      /* not a message of the protocol */
    GRAPHQL_WS_CLOSE_UNAUTHORIZED = 4401, /* subscribe before the ack */
    GRAPHQL_WS_CLOSE_FORBIDDEN = 4403,    /* init refused */
    GRAPHQL_WS_CLOSE_SUBPROTOCOL = 4406,
    GRAPHQL_WS_CLOSE_INIT_TIMEOUT = 4408,
    GRAPHQL_WS_CLOSE_DUPLICATE = 4409,
    GRAPHQL_WS_CLOSE_TOO_MANY_INITS = 4429
};

typedef struct graphql_ws graphql_ws_t;

typedef struct graphql_ws_handlers {
    void (*send)(void *context, str_t text); /* borrowed for the call */
    void (*close)(void *context, uint16_t code, str_t reason);
    /* connection_init came; an error refuses it with 4403. payload may be NULL. Optional. */
    err_t (*init)(void *context, const graphql_value_t *payload);
    void *context;
} graphql_ws_handlers_t;

/* root and context are given to every operation.
 *   NO_MEMORY */
err_t graphql_ws_new(const graphql_engine_t *engine, const graphql_ws_handlers_t *handlers,
                     const void *root, void *context, graphql_ws_t **out_ws);
void graphql_ws_free(graphql_ws_t *self);

/* Is the protocol among those of a Sec-WebSocket-Protocol header? If not: accept the upgrade and
 * call graphql_ws_refuse_subprotocol, as the protocol asks. */
bool graphql_ws_is_offered(str_t sec_websocket_protocol);
void graphql_ws_refuse_subprotocol(graphql_ws_t *self);

void graphql_ws_text(graphql_ws_t *self, str_t message);
void graphql_ws_binary(graphql_ws_t *self); /* not allowed: 4400 */
/* The caller's timer, GRAPHQL_WS_INIT_TIMEOUT_MS after the upgrade: 4408 unless init has come. */
void graphql_ws_init_timeout(graphql_ws_t *self);
/* Sends a ping; the pong needs no answer. */
void graphql_ws_ping(graphql_ws_t *self);

bool graphql_ws_is_closed(const graphql_ws_t *self);
size_t graphql_ws_subscription_count(const graphql_ws_t *self);
