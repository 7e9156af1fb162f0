#pragma once
/* connection.h -- one client's socket: reading, the queue of what is to be sent, its phase.
 *
 *     READING -> RESPONDING -> READING ...     a request is read; a handler has it
 *                RESPONDING -> STREAMING       its answer goes on
 *                RESPONDING -> WEBSOCKET       for good
 *     any     -> LINGERING                     all is said; reads and drops until the client closes
 *     any     -> doomed                        closed; libuv's callback frees it
 *
 * While a handler has a request nothing more is read: pipelined requests wait in the socket.
 * Every entry from the loop ends in connection_update, which sends, and sets the poll mask and the
 * deadline by the phase.
 * Threads  The server's. Internal to the gateway's protocol layer. */

#include "gateway/http1.h"
#include "gateway/output.h"
#include "gateway/peers.h"
#include "gateway/websocket.h"

#include <netinet/in.h>
#include <uv.h>

typedef enum connection_phase {
    CONNECTION_READING,
    CONNECTION_RESPONDING,
    CONNECTION_STREAMING,
    CONNECTION_WEBSOCKET,
    CONNECTION_LINGERING
} connection_phase_t;

typedef enum deadline {
    DEADLINE_HEADER,
    DEADLINE_BODY,
    DEADLINE_RESPOND,
    DEADLINE_IDLE,
    DEADLINE_WRITE,
    DEADLINE_LINGER,
    DEADLINE_PING,
    DEADLINE_PONG,
    DEADLINE_COUNT,
    DEADLINE_NONE = DEADLINE_COUNT
} deadline_t;

struct connection {
    uv_poll_t poll;
    gateway_server_t *server;
    connection_t *previous, *next; /* in the server's list */
    connection_t *later_next;      /* in its list of those to go on with */
    connection_t *deadline_previous, *deadline_next;
    uint64_t deadline_since_ms;
    deadline_t deadline;
    connection_phase_t phase;
    int fd, poll_mask;
    bool is_doomed, is_in_event, is_later;
    bool closes_after_output, has_read_end, has_seen_disconnect;
    bool restarts_deadline; /* progress: the same deadline begins anew */
    uint32_t request_count;
    peer_t *peer;
    exchange_t *exchange; /* being read or answered; NULL between requests */
    websocket_t *websocket;
    http1_t http1;
    buf_t unread; /* what came after the request that is being answered */
    output_t output;
    char address[INET6_ADDRSTRLEN];
};

/* Takes the socket. NO_MEMORY, IO: it was closed. */
err_t connection_open(gateway_server_t *server, int fd, const struct sockaddr *address,
                      peer_t **peer);
/* Closes the socket now, frees later. */
void connection_doom(connection_t *self);
/* Sends what it can and waits for what is next; nothing while inside an event, whose end does it.
 */
void connection_update(connection_t *self);
/* The answer of the exchange is queued whole: on to the next request, or to the end. */
void connection_answered(connection_t *self, bool is_last);
/* What the loop took from the server's list, and what a deadline brought. */
void connection_go_on(connection_t *self);
void connection_expired(connection_t *self);
/* The server stops: idle ones go, WebSockets are told. */
void connection_drain(connection_t *self);

/* ---- websocket.c, for connection.c ---- */
void websocket_input(websocket_t *self, const char *data, size_t size);
void websocket_expired(websocket_t *self, bool has_been_pinged);
void websocket_ended(websocket_t **self); /* on_close, and frees it */
/* What the phase waits for: DEADLINE_PING, _PONG or _LINGER. */
deadline_t websocket_deadline(const websocket_t *self);
