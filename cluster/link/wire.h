#pragma once
/* wire.h -- the ZeroMQ sockets of a node's links, as the protocol of frame.h wants them.
 *
 * One ROUTER takes what all peers send. A DEALER a peer and lane sends; it has no queue of its own
 * before it is connected (ZMQ_IMMEDIATE), so that it can be written to exactly while there is a
 * connection, and loses it with what was queued. Whom the ROUTER lets in is asked in ZAP (ZeroMQ
 * RFC 27) on this same thread.
 *
 * A ZeroMQ socket's descriptor says that something may have happened, once: after each send and
 * receive its events are read again, until there are none.
 *
 * Threads  One, but wire_open. */

#include "cluster/link/frame.h"
#include "cluster/link/outbound.h"

typedef struct wire {
    void *context, *router, *zap;
    link_keys_t keys;
    uint32_t heartbeat_ms;
    char address[LINK_ADDRESS_SIZE]; /* bound: host:port */
} wire_t;

/* As mesh_start. */
err_t wire_open(wire_t *self, const mesh_options_t *options);
void wire_close(wire_t *self); /* what was sent before goes out, for a moment */

/* IO: no such address, or no socket is left. */
err_t wire_dial(wire_t *self, const link_peer_t *peer, void **out_dealer);
void wire_hang_up(void **dealer);
int wire_fd(void *socket);
typedef struct wire_events {
    bool is_connected; /* there is a connection, and the handshake was good */
    bool has_more;     /* to receive */
} wire_events_t;
wire_events_t wire_events(void *dealer);

/* One message that came; deinit it also after an error. */
typedef struct wire_message {
    void *parts[2][8]; /* zmq_msg_t: whose it is, of a ROUTER; the frame */
    uint32_t route;    /* of the connection, of a ROUTER */
    str_t bytes;
} wire_message_t;
/* BUSY: there is none; INVALID: one came that is none, and was dropped. */
err_t wire_receive(void *dealer, wire_message_t *out);
err_t wire_receive_routed(wire_t *self, wire_message_t *out);
void wire_message_deinit(wire_message_t *self);
/* Whose key the connection has that it came on; false: it did not say. */
bool wire_message_key(wire_message_t *self, uint8_t out[LINK_KEY_SIZE]);

/* BUSY: not connected, or it does not read. Takes the packet's reference. */
err_t wire_send_packet(void *dealer, packet_t *packet);
err_t wire_send(void *dealer, str_t bytes);
/* Back over a connection; what has no room is dropped. */
void wire_send_back(wire_t *self, uint32_t route, str_t bytes);

/* A question of ZAP's: may this key connect? */
typedef bool wire_may_fn(void *context, const uint8_t key[LINK_KEY_SIZE]);
/* Answers all that wait; how many were refused. */
uint32_t wire_admit(wire_t *self, wire_may_fn *may, void *context);
