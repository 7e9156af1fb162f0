#pragma once
/* server.h -- one scheduler's HTTP server: its listener, its connections, its counters.
 *
 * A node has one a scheduler, all listening on the same address (SO_REUSEPORT), sharing nothing but
 * the route table. It needs a libuv loop only: a test runs it on a plain one, with a NULL edge.
 *
 * Life: new and start before the loop runs or on its thread; stop on its thread; free after
 * on_stopped (also inside it), or without it when the server was never started.
 * Ownership  Borrows the options' routes, lists, log and edge: they outlive it.
 * Threads    The loop's. gateway_server_counters: any. */

#include "gateway/gateways.h"
#include "gateway/route.h"
#include "gateway/transport.h"

typedef struct gateway_server gateway_server_t;

typedef struct gateway_options {
    const char *host;    /* an address or a name; NULL: 127.0.0.1 */
    uint16_t port;       /* 0: any free one, see gateway_server_port */
    bool is_port_shared; /* another server of this node listens there already */
    gateway_limits_t limits;
    const routes_t *routes;
    edge_t *edge;
    void *user;         /* request->user */
    ms_clock_t clock;   /* all zero: the machine's */
    ms_random_t random; /* all zero: the kernel's */
    const ms_log_t *log;
    /* Names that Host may have, besides addresses and localhost (RFC 9110 §7.2; against DNS
     * rebinding). None: any. */
    const str_t *allowed_hosts;
    size_t allowed_host_count;
    /* What else counts as our own Origin, as "https://music.example": behind a proxy. */
    const str_t *public_origins;
    size_t public_origin_count;
    gateways_t *gateways;         /* whose pages are ours, too; NULL: none */
    const transport_t *transport; /* NULL: transport_plain */
} gateway_options_t;

/* INVALID: no routes. NO_MEMORY. */
err_t gateway_server_new(uv_loop_t *loop, const gateway_options_t *options,
                         gateway_server_t **out_server);
/* Listens.
 *   CONFLICT   the port is in use, by this program or another
 *   NOT_FOUND  there is no such address here
 *   FORBIDDEN  the port is not for this user */
err_t gateway_server_start(gateway_server_t *self);
uint16_t gateway_server_port(const gateway_server_t *self);

/* Accepts what has queued, closes the listener and idle connections, lets requests finish (their
 * answers say Connection: close), closes WebSockets with 1001, and after drain_ms the rest. Then
 * on_stopped runs, once, from the loop. A second stop does nothing. */
void gateway_server_stop(gateway_server_t *self, void (*on_stopped)(void *context), void *context);
void gateway_server_free(gateway_server_t *self);

/*  name                      what it counts */
#define GATEWAY_COUNTER_LIST(X)                                                                    \
    X(requests_1xx)                                                                                \
    X(requests_2xx)                                                                                \
    X(requests_3xx)                                                                                \
    X(requests_4xx)                                                                                \
    X(requests_5xx)                                                                                \
    X(requests_cancelled) /* the client left before the answer */                                  \
    X(connections_accepted)                                                                        \
    X(connections_refused) /* past connections_max, or per address */                              \
    X(connections_timed_out)                                                                       \
    X(connections_open) /* now */                                                                  \
    X(bytes_received)                                                                              \
    X(bytes_sent)                                                                                  \
    X(websockets_opened)                                                                           \
    X(websockets_open) /* now */                                                                   \
    X(websocket_messages_received)                                                                 \
    X(websocket_messages_sent)                                                                     \
    X(websockets_too_slow) /* closed with 1013 */

typedef struct gateway_counters {
#define GATEWAY_COUNTER_FIELD(name) uint64_t name;
    GATEWAY_COUNTER_LIST(GATEWAY_COUNTER_FIELD)
#undef GATEWAY_COUNTER_FIELD
} gateway_counters_t;
void gateway_server_counters(const gateway_server_t *self, gateway_counters_t *out_counters);
