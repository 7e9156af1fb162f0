#pragma once
/* server_internal.h -- what the parts of a server share: server.c, connection.c, response.c,
 * websocket.c.
 *
 * The rule that keeps them safe: a connection is never freed inside a callback, nor inside a call
 * of a handler. What goes wrong marks it (connection_doom), libuv's close callback frees it, and
 * only there are hooks told. What a handler's call makes possible (the next pipelined request)
 * waits for the loop too (server_later).
 *
 * Threads  The loop's; counters are read from any. */

#include "gateway/connection.h"
#include "gateway/peers.h"
#include "gateway/server.h"

#include <stdatomic.h>

enum {
    EXCHANGES_KEPT_MAX = 64, /* free ones that a server keeps for the next requests */
    RANDOM_POOL_SIZE = 384,  /* random bytes for correlation ids, fetched at once */
    TRACE_ID_SIZE = 16,      /* of them in one id */
    HTTP_DATE_SIZE = 32
};

typedef struct deadline_list {
    connection_t *first, *last; /* oldest first: all in it wait equally long */
} deadline_list_t;

struct gateway_server {
    gateway_options_t options;
    gateway_limits_t limits;
    const transport_t *transport;
    uv_loop_t *loop;

    int listen_fd;
    uint16_t port;
    uv_poll_t listener;
    uv_timer_t deadline_timer, later_timer, drain_timer;
    bool is_started, is_stopping, is_stopped;
    int handles_open;
    void (*on_stopped)(void *context);
    void *stop_context;

    connection_t *connections;
    uint32_t connection_count;
    peers_t *peers;
    deadline_list_t deadlines[DEADLINE_COUNT];
    connection_t *later; /* what waits for the loop to go on with it */

    exchange_t *exchanges, *free_exchanges;
    uint32_t free_exchange_count;
    buf_t scratch; /* for the head of an answer */
    char *read_buffer;
    char date[HTTP_DATE_SIZE];
    int64_t date_s;
    unsigned char random_pool[RANDOM_POOL_SIZE];
    size_t random_left;
    uint64_t sampled_s; /* in this second so many were to be recorded */
    uint32_t sampled_count;

#define GATEWAY_COUNTER_ATOMIC(name) _Atomic uint64_t name;
    struct {
        GATEWAY_COUNTER_LIST(GATEWAY_COUNTER_ATOMIC)
    } counters;
#undef GATEWAY_COUNTER_ATOMIC
};

/* One writer: a load and a store are enough. */
#define server_count(server, counter, amount)                                                      \
    atomic_store_explicit(                                                                         \
        &(server)->counters.counter,                                                               \
        atomic_load_explicit(&(server)->counters.counter, memory_order_relaxed) + (amount),        \
        memory_order_relaxed)

/* ---- exchanges: server_exchange.c ---- */
exchange_t *exchange_take(gateway_server_t *server, connection_t *connection); /* NULL: no memory */
void exchange_release(exchange_t *self);
/* Its trace: the client's (traceparent), else a new one. Its id: the client's X-Request-Id if it is
 * a good one, else that of the trace. */
void exchange_choose_id(exchange_t *self);
/* What its messages carry. */
uint32_t exchange_trace(const exchange_t *self);
/* Tells the client its trace, where the id does not. Appends a header line, or nothing. */
void exchange_append_trace(const exchange_t *self, buf_t *head);

/* ---- server.c ---- */
/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
const char *server_date(gateway_server_t *server);
/* Puts the connection on the list that the loop takes up next. */
void server_later(gateway_server_t *server, connection_t *connection);
void server_forget_later(gateway_server_t *server, connection_t *connection);
/* Waits with the others of its kind. DEADLINE_NONE: with nobody. */
void server_set_deadline(gateway_server_t *server, connection_t *connection, deadline_t deadline);
void server_connection_closed(gateway_server_t *server);

/* ---- response.c ---- */
/* Answers from inside the gateway and closes after it. The exchange may be a partly read one. */
void response_refuse(connection_t *connection, int status, const char *detail);
/* 404, or 405 and OPTIONS by the methods of the match. */
void response_unrouted(exchange_t *exchange);
