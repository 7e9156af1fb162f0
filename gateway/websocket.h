#pragma once
/* websocket.h -- a WebSocket (RFC 6455) at the server's end of a connection.
 *
 * http_upgrade turns a request into one. From then on messages come through on_message, whole and
 * checked (masked, UTF-8, within websocket_message_size_max); pings are answered by the gateway.
 * The end is on_close, always, exactly once, from the loop and never inside a call of yours; after
 * it the socket is gone.
 *
 * A frame to many is made once and shared: websocket_frame_new, websocket_send_frame to each,
 * websocket_frame_unref. A client too slow to take what is sent (websocket_queue_size_max) loses
 * what waits and is closed with 1013.
 *
 * Ownership  The gateway owns the socket. Messages are borrowed for the call.
 * Threads    The server's scheduler thread; frames too.
 * Errors     Sending on a socket that is closing does nothing. */

#include "gateway/http.h"

/* RFC 6455 §7.4.1. 1005 and 1006 are only reported, never sent. */
enum {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_NO_STATUS = 1005,
    WEBSOCKET_ABNORMAL = 1006,
    WEBSOCKET_INVALID_TEXT = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_INTERNAL = 1011,
    WEBSOCKET_TRY_LATER = 1013
};

typedef struct websocket websocket_t;
typedef struct shared_bytes websocket_frame_t;

typedef struct websocket_events {
    void (*on_message)(websocket_t *socket, void *user, bool is_text, str_t message);
    /* code: the client's, ours if we closed first, or 1005, 1006. */
    void (*on_close)(websocket_t *socket, void *user, uint16_t code, str_t reason);
} websocket_events_t;

/* The client offers this subprotocol. */
bool http_offers_subprotocol(const http_request_t *request, const char *name);

/* Answers the request with 101 and gives the socket; or answers it with the error (400, 403 for an
 * Origin that is not ours, 426 for another version) and gives NULL. Either way the request is gone.
 * subprotocol: empty for none. The events table is kept. */
websocket_t *http_upgrade(http_request_t *request, str_t subprotocol,
                          const websocket_events_t *events, void *user);

void websocket_send_text(websocket_t *self, str_t message); /* UTF-8: the caller sees to it */
void websocket_send_binary(websocket_t *self, str_t message);
/* Shares the frame; the caller keeps its own reference. */
void websocket_send_frame(websocket_t *self, websocket_frame_t *frame);
/* Sends Close once; the client's answer, or linger_ms, ends the connection. The reason is cut to
 * 123 bytes. */
void websocket_close(websocket_t *self, uint16_t code, str_t reason);

bool websocket_is_open(const websocket_t *self); /* false from the first Close on, either side's */
size_t websocket_queue_size(const websocket_t *self); /* bytes that wait for the client */
void *websocket_user(const websocket_t *self);
str_t websocket_id(const websocket_t *self); /* the correlation id of its request */
edge_t *websocket_edge(const websocket_t *self);

/* A text or binary message, ready for the wire. NULL: no memory. */
websocket_frame_t *websocket_frame_new(bool is_text, str_t message);
websocket_frame_t *websocket_frame_ref(websocket_frame_t *self);
void websocket_frame_unref(websocket_frame_t **frame);
