#include "gateway/connection.h"

#include "gateway/origin.h"
#include "gateway/server_internal.h"
#include "runtime/base/memory.h"

#include <sys/socket.h>
#include <unistd.h>

static void on_poll(uv_poll_t *poll, int status, int events);

/* ---- opening and closing ---- */

static void link_connection(connection_t *self)
{
    gateway_server_t *server = self->server;
    self->next = server->connections;
    if (self->next != NULL)
        self->next->previous = self;
    server->connections = self;
    server->connection_count++;
    server_count(server, connections_open, 1);
}

static void unlink_connection(connection_t *self)
{
    gateway_server_t *server = self->server;
    if (self->previous != NULL)
        self->previous->next = self->next;
    else
        server->connections = self->next;
    if (self->next != NULL)
        self->next->previous = self->previous;
    server->connection_count--;
    server_count(server, connections_open, (uint64_t)-1);
}

/* As people write it: an IPv4 address that came over an IPv6 socket is one all the same. */
static void write_address(connection_t *self, const struct sockaddr *address)
{
    static const char mapped[] = "::ffff:";
    if (address->sa_family == AF_INET)
        uv_ip4_name((const struct sockaddr_in *)(const void *)address, self->address,
                    sizeof self->address);
    else
        uv_ip6_name((const struct sockaddr_in6 *)(const void *)address, self->address,
                    sizeof self->address);
    size_t skip = sizeof mapped - 1;
    if (strncmp(self->address, mapped, skip) == 0 && strchr(self->address, '.') != NULL)
        memmove(self->address, self->address + skip, strlen(self->address + skip) + 1);
}

err_t connection_open(gateway_server_t *server, int fd, const struct sockaddr *address,
                      peer_t **peer)
{
    connection_t *self = memory_new(sizeof *self);
    if (self == NULL || uv_poll_init(server->loop, &self->poll, fd) != 0) {
        memory_free(self);
        close(fd);
        return self == NULL ? ERR_NO_MEMORY : ERR_IO;
    }
    self->server = server;
    self->fd = fd;
    self->deadline = DEADLINE_NONE;
    self->peer = STEAL(*peer);
    write_address(self, address);
    link_connection(self);
    connection_update(self);
    return ERR_OK;
}

/* The loop's own time to tell those who hold on to it, and to free it. */
static void on_closed(uv_handle_t *handle)
{
    connection_t *self = CONTAINER_OF((uv_poll_t *)handle, connection_t, poll);
    gateway_server_t *server = self->server;
    exchange_t *exchange = STEAL(self->exchange);
    if (exchange != NULL && self->phase == CONNECTION_READING)
        exchange_release(exchange);
    else if (exchange != NULL)
        exchange_detach(exchange);
    websocket_ended(&self->websocket);
    output_deinit(&self->output);
    buf_deinit(&self->unread);
    unlink_connection(self);
    server_forget_later(server, self);
    peers_leave(server->peers, &self->peer);
    memory_free(self);
    server_connection_closed(server);
}

void connection_doom(connection_t *self)
{
    if (self->is_doomed)
        return;
    self->is_doomed = true;
    server_set_deadline(self->server, self, DEADLINE_NONE);
    uv_close((uv_handle_t *)&self->poll, on_closed);
    close(self->fd);
}

/* ---- a request ---- */

/* The header is there: what can be said without the body. */
static void begin_request(connection_t *self)
{
    gateway_server_t *server = self->server;
    exchange_t *exchange = self->exchange;
    http_request_t *request = &exchange->request;
    exchange_choose_id(exchange);
    if (!str_is_empty(request->host) &&
        !host_is_allowed(request->host, server->options.allowed_hosts,
                         server->options.allowed_host_count)) {
        response_refuse(self, 421, "this server does not answer to that Host");
        return;
    }
    if (!str_equal(request->path, STR("*"))) {
        err_t err = routes_match(server->options.routes, request->method, request->path,
                                 request->arena, &exchange->match);
        if (err != ERR_OK) {
            response_refuse(self, err_http_status(err), "the request's target is not valid");
            return;
        }
    }
    const route_t *route = exchange->match.route;
    request->params = exchange->match.params;
    request->param_count = exchange->match.param_count;
    if (route != NULL && route->body_size_max != 0)
        self->http1.body_size_max = route->body_size_max;
    if (!exchange->expects_continue || self->http1.is_complete)
        return;
    if (route == NULL || self->http1.content_length > self->http1.body_size_max) {
        response_refuse(self, route == NULL ? 404 : 413, "the body is not wanted");
        return;
    }
    if (output_append(&self->output, STR("HTTP/1.1 100 Continue\r\n\r\n")) != ERR_OK) {
        connection_doom(self);
        return;
    }
    server_count(server, requests_1xx, 1);
}

static void dispatch(connection_t *self)
{
    exchange_t *exchange = self->exchange;
    self->phase = CONNECTION_RESPONDING;
    self->request_count++;
    gateways_allow_page(self->server->options.gateways, &exchange->request);
    if (exchange->match.route == NULL) {
        response_unrouted(exchange);
        return;
    }
    exchange->request.route_context = exchange->match.route->context;
    edge_t *edge = exchange->request.edge;
    http_handler_fn handler = exchange->match.route->handler;
    uint32_t before = edge == NULL ? 0 : edge_trace(edge, exchange_trace(exchange));
    handler(&exchange->request); /* it may be answered, and gone */
    if (edge != NULL)
        edge_trace(edge, before);
}

static bool begin_exchange(connection_t *self)
{
    self->exchange = exchange_take(self->server, self);
    if (self->exchange == NULL) {
        connection_doom(self);
        return false;
    }
    self->restarts_deadline = true;
    http1_begin(&self->http1, &self->server->limits, self->exchange);
    return true;
}

static bool reads_requests(const connection_t *self)
{
    return !self->is_doomed && self->phase == CONNECTION_READING && !self->closes_after_output &&
           self->output.size < self->server->limits.queue_size_max &&
           self->output.file_count < HTTP_QUEUED_FILES_MAX;
}

/* Takes requests off the data for as long as they are answered at once; returns the bytes used. */
static size_t input_requests(connection_t *self, const char *data, size_t size)
{
    size_t used = 0;
    while (reads_requests(self)) {
        bool goes_on = self->exchange != NULL && self->http1.state == HTTP1_HEADER_DONE;
        if (used == size && !goes_on)
            break;
        if (self->exchange == NULL && !begin_exchange(self))
            break;
        used += http1_feed(&self->http1, data + used, size - used);
        if (self->http1.state == HTTP1_REFUSED)
            response_refuse(self, self->http1.status, self->http1.detail);
        else if (self->http1.state == HTTP1_HEADER_DONE)
            begin_request(self);
        else if (self->http1.state == HTTP1_DONE)
            dispatch(self);
    }
    return used;
}

/* What cannot be used yet is kept: at most one read, because then reading stops. */
static void input(connection_t *self, const char *data, size_t size)
{
    size_t used = 0;
    if (self->phase == CONNECTION_READING)
        used = input_requests(self, data, size);
    if (self->phase == CONNECTION_WEBSOCKET && !self->is_doomed) {
        websocket_input(self->websocket, data + used, size - used);
        used = size;
    }
    if (self->is_doomed || self->phase == CONNECTION_LINGERING || self->closes_after_output)
        return;
    buf_append_bytes(&self->unread, data + used, size - used);
    if (buf_status(&self->unread) != ERR_OK)
        connection_doom(self);
}

void connection_answered(connection_t *self, bool is_last)
{
    self->exchange = NULL;
    self->phase = CONNECTION_READING;
    if (is_last)
        self->closes_after_output = true;
    connection_update(self);
}

/* ---- reading ---- */

static void read_end(connection_t *self)
{
    self->has_read_end = true;
    bool is_between = self->phase == CONNECTION_READING && self->exchange == NULL;
    if (is_between && !output_is_empty(&self->output))
        self->closes_after_output = true;
    else
        connection_doom(self);
}

static bool wants_input(const connection_t *self)
{
    if (self->has_read_end)
        return false;
    switch (self->phase) {
    case CONNECTION_READING:
        return reads_requests(self) && self->unread.size == 0;
    case CONNECTION_WEBSOCKET:
        return self->unread.size == 0 &&
               self->output.size < self->server->limits.websocket_queue_size_max;
    case CONNECTION_LINGERING:
        return true;
    case CONNECTION_RESPONDING:
    case CONNECTION_STREAMING:
        break;
    }
    return false;
}

static void receive(connection_t *self)
{
    gateway_server_t *server = self->server;
    const transport_t *transport = server->transport;
    for (int i = 0; i < HTTP_EVENT_READS_MAX && !self->is_doomed && wants_input(self); i++) {
        int64_t got =
            transport->receive(transport->context, self->fd, server->read_buffer, HTTP_READ_SIZE);
        if (got == -EAGAIN)
            return;
        if (got < 0) {
            connection_doom(self);
            return;
        }
        if (got == 0) {
            read_end(self);
            return;
        }
        server_count(server, bytes_received, (uint64_t)got);
        if (self->phase != CONNECTION_LINGERING)
            input(self, server->read_buffer, (size_t)got);
        if (got < HTTP_READ_SIZE)
            return;
    }
}

static bool is_idle(const connection_t *self)
{
    return !self->is_doomed && self->phase == CONNECTION_READING && self->exchange == NULL;
}

void connection_go_on(connection_t *self)
{
    buf_t unread BUF_SCOPED = STEAL(self->unread);
    self->is_in_event = true;
    input(self, unread.data, unread.size);
    if (self->server->is_stopping && is_idle(self)) {
        /* A request may lie in the socket already: closing now would lose it. */
        receive(self);
        self->closes_after_output |= is_idle(self);
    }
    self->is_in_event = false;
    connection_update(self);
}

/* The client will send no more while its request is being answered. With a hook, or in a stream, it
 * is taken for gone; else it may only have closed its half. */
static void on_disconnect(connection_t *self)
{
    self->has_seen_disconnect = true;
    bool is_told = self->phase == CONNECTION_STREAMING ||
                   (self->exchange != NULL && self->exchange->on_cancel != NULL);
    if (is_told)
        connection_doom(self);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    connection_t *self = CONTAINER_OF(poll, connection_t, poll);
    if (status < 0) {
        connection_doom(self);
        return;
    }
    self->is_in_event = true;
    if ((events & UV_READABLE) != 0)
        receive(self);
    if ((events & UV_DISCONNECT) != 0 && !self->is_doomed)
        on_disconnect(self);
    self->is_in_event = false;
    connection_update(self);
}

/* ---- sending, and what to wait for ---- */

static void linger(connection_t *self)
{
    if (self->has_read_end) {
        connection_doom(self);
        return;
    }
    /* Closing with unread bytes resets the connection, and the client may lose the answer (RFC 9112
     * §9.6): so first only our half. */
    shutdown(self->fd, SHUT_WR);
    self->phase = CONNECTION_LINGERING;
    buf_deinit(&self->unread);
}

static void send_output(connection_t *self)
{
    uint64_t sent = 0;
    if (output_is_empty(&self->output))
        return;
    err_t err = output_flush(&self->output, self->server->transport, self->fd, &sent);
    server_count(self->server, bytes_sent, sent);
    if (sent > 0)
        self->restarts_deadline |= self->deadline == DEADLINE_WRITE;
    if (err != ERR_OK)
        connection_doom(self);
}

static void tell_writable(connection_t *self)
{
    exchange_t *exchange = self->exchange;
    if (self->phase != CONNECTION_STREAMING || exchange == NULL || !exchange->wants_room ||
        self->output.size > self->server->limits.queue_size_max / 2)
        return;
    exchange->wants_room = false;
    if (exchange->stream_events->on_writable == NULL)
        return;
    self->is_in_event = true;
    exchange->stream_events->on_writable((http_stream_t *)exchange, exchange->stream_context);
    self->is_in_event = false;
    if (!self->is_doomed)
        send_output(self);
}

static deadline_t deadline_of(const connection_t *self)
{
    if (!output_is_empty(&self->output))
        return DEADLINE_WRITE;
    switch (self->phase) {
    case CONNECTION_READING:
        if (self->exchange == NULL)
            return self->request_count == 0 ? DEADLINE_HEADER : DEADLINE_IDLE;
        return self->http1.state == HTTP1_HEADER ? DEADLINE_HEADER : DEADLINE_BODY;
    case CONNECTION_RESPONDING:
        return DEADLINE_RESPOND;
    case CONNECTION_STREAMING:
        return DEADLINE_NONE;
    case CONNECTION_WEBSOCKET:
        return websocket_deadline(self->websocket);
    case CONNECTION_LINGERING:
        return DEADLINE_LINGER;
    }
    return DEADLINE_IDLE;
}

static void set_mask(connection_t *self)
{
    int mask = wants_input(self) ? UV_READABLE : 0;
    if (!output_is_empty(&self->output))
        mask |= UV_WRITABLE;
    bool is_answering = self->phase == CONNECTION_RESPONDING || self->phase == CONNECTION_STREAMING;
    if (is_answering && !self->has_seen_disconnect)
        mask |= UV_DISCONNECT;
    if (mask == self->poll_mask)
        return;
    self->poll_mask = mask;
    int rc = mask == 0 ? uv_poll_stop(&self->poll) : uv_poll_start(&self->poll, mask, on_poll);
    if (rc != 0)
        connection_doom(self);
}

void connection_update(connection_t *self)
{
    if (self->is_doomed || self->is_in_event)
        return;
    send_output(self);
    if (!self->is_doomed)
        tell_writable(self);
    if (!self->is_doomed && self->closes_after_output && output_is_empty(&self->output) &&
        self->phase != CONNECTION_LINGERING)
        linger(self);
    if (!self->is_doomed)
        set_mask(self);
    if (self->is_doomed)
        return;
    if (self->unread.size > 0 && (reads_requests(self) || self->phase == CONNECTION_WEBSOCKET))
        server_later(self->server, self);
    server_set_deadline(self->server, self, deadline_of(self));
}

/* ---- the end of patience ---- */

static void expire_handler(connection_t *self)
{
    exchange_t *exchange = STEAL(self->exchange);
    self->phase = CONNECTION_READING;
    response_refuse(self, 504, "no answer in time");
    exchange_detach(exchange);
}

void connection_expired(connection_t *self)
{
    deadline_t deadline = self->deadline;
    server_set_deadline(self->server, self, DEADLINE_NONE);
    bool is_partial = self->exchange != NULL;
    if (deadline != DEADLINE_PING)
        server_count(self->server, connections_timed_out, 1);
    self->is_in_event = true;
    if (deadline == DEADLINE_RESPOND)
        expire_handler(self);
    else if (deadline == DEADLINE_PING || deadline == DEADLINE_PONG)
        websocket_expired(self->websocket, deadline == DEADLINE_PONG);
    else if (is_partial && (deadline == DEADLINE_HEADER || deadline == DEADLINE_BODY))
        response_refuse(self, 408, "the request took too long to come");
    else
        connection_doom(self);
    self->is_in_event = false;
    connection_update(self);
}

void connection_drain(connection_t *self)
{
    if (self->phase == CONNECTION_WEBSOCKET)
        websocket_close(self->websocket, WEBSOCKET_GOING_AWAY, STR("the server stops"));
    else if (self->phase == CONNECTION_LINGERING)
        connection_doom(self);
    else if (is_idle(self))
        server_later(self->server, self);
}
