#include "gateway/websocket.h"

#include "gateway/origin.h"
#include "gateway/problem.h"
#include "gateway/server_internal.h"
#include "gateway/websocket_codec.h"
#include "runtime/base/memory.h"
#include "runtime/base/text.h"

#include <openssl/sha.h>

enum { WEBSOCKET_KEY_SIZE = 24, WEBSOCKET_REASON_SIZE_MAX = 123 };

struct websocket {
    connection_t *connection;
    const websocket_events_t *events;
    void *user;
    websocket_reader_t reader;
    bool has_sent_close, has_received_close;
    bool is_pinged;    /* a ping is out, and nothing was heard since */
    uint16_t end_code; /* for on_close; 0: not known yet */
    uint8_t reason_size, id_size;
    char reason[WEBSOCKET_REASON_SIZE_MAX + 1];
    char id[HTTP_ID_SIZE_MAX];
};

/* ---- the handshake, RFC 6455 §4.2 ---- */

static bool list_has(str_t list, str_t wanted)
{
    str_t part;
    while (str_next(&list, ',', &part))
        if (str_equal_ignoring_case(str_trim(part), wanted))
            return true;
    return false;
}

/* Any of the headers of that name has it: lists may be spread over several. */
static bool header_lists(const http_request_t *request, const char *name, str_t wanted)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (str_equal_ignoring_case(request->headers[i].name, str_from(name)) &&
            list_has(request->headers[i].value, wanted))
            return true;
    return false;
}

bool http_offers_subprotocol(const http_request_t *request, const char *name)
{
    return header_lists(request, "sec-websocket-protocol", str_from(name));
}

bool http_is_same_origin(const http_request_t *request)
{
    const gateway_server_t *server = exchange_of(request)->server;
    str_t origin = http_header(request, "origin");
    return server != NULL &&
           (origin_is_same(origin, request->scheme, request->host, server->options.public_origins,
                           server->options.public_origin_count) ||
            gateways_has(server->options.gateways, origin));
}

/* 16 bytes in base64. */
static bool is_key(str_t key)
{
    bool is_long = key.size == WEBSOCKET_KEY_SIZE && str_ends_with(key, STR("=="));
    for (size_t i = 0; is_long && i < key.size - 2; i++) {
        char c = key.data[i];
        bool is_fit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '+' || c == '/';
        if (!is_fit)
            return false;
    }
    return is_long;
}

/* 0, or the status to refuse with. */
static int check_handshake(const http_request_t *request)
{
    bool is_upgrade = request->method == METHOD_GET && !exchange_of(request)->is_http10 &&
                      header_lists(request, "connection", STR("upgrade")) &&
                      header_lists(request, "upgrade", STR("websocket"));
    if (!is_upgrade || !str_equal(http_header(request, "sec-websocket-version"), STR("13")))
        return 426;
    if (!is_key(http_header(request, "sec-websocket-key")))
        return 400;
    return http_is_same_origin(request) ? 0 : 403;
}

static void refuse_handshake(http_request_t *request, int status)
{
    buf_t body = BUF_INIT;
    if (status == 426) {
        http_reply_header(request, "Upgrade", STR("websocket"));
        http_reply_header(request, "Sec-WebSocket-Version", STR("13"));
    }
    problem_append_status(&body, status, STR("not a WebSocket handshake that is accepted here"),
                          request->id);
    http_reply_buf(request, status, STR("application/problem+json"), &body);
}

static err_t queue_handshake(connection_t *connection, const http_request_t *request,
                             str_t subprotocol)
{
    buf_t key BUF_SCOPED = BUF_INIT, accept BUF_SCOPED = BUF_INIT, head BUF_SCOPED = BUF_INIT;
    unsigned char digest[SHA_DIGEST_LENGTH];
    buf_append(&key, http_header(request, "sec-websocket-key"));
    buf_append(&key, STR("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    TRY(buf_status(&key));
    SHA1((const unsigned char *)key.data, key.size, digest);
    base64_append(&accept, str_of(digest, sizeof digest));
    TRY(buf_status(&accept));
    buf_printf(&head,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %.*s\r\nX-Request-Id: %.*s\r\n",
               STR_ARG(buf_str(&accept)), STR_ARG(request->id));
    if (!str_is_empty(subprotocol))
        buf_printf(&head, "Sec-WebSocket-Protocol: %.*s\r\n", STR_ARG(subprotocol));
    buf_append(&head, STR("\r\n"));
    TRY(buf_status(&head));
    return output_append(&connection->output, buf_str(&head));
}

static websocket_t *websocket_new(connection_t *connection, const http_request_t *request,
                                  const websocket_events_t *events, void *user)
{
    websocket_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->connection = connection;
    self->events = events;
    self->user = user;
    self->id_size = (uint8_t)request->id.size;
    memcpy(self->id, request->id.data, request->id.size);
    websocket_reader_init(&self->reader, connection->server->limits.websocket_message_size_max);
    return self;
}

websocket_t *http_upgrade(http_request_t *request, str_t subprotocol,
                          const websocket_events_t *events, void *user)
{
    exchange_t *exchange = exchange_of(request);
    connection_t *connection = exchange->connection;
    int status = connection == NULL ? 400 : check_handshake(request);
    if (status != 0) {
        refuse_handshake(request, status);
        return NULL;
    }
    websocket_t *self = websocket_new(connection, request, events, user);
    err_t err = self == NULL ? ERR_NO_MEMORY : queue_handshake(connection, request, subprotocol);
    if (err != ERR_OK) {
        memory_free(self);
        http_reply_error(request, err, NULL);
        return NULL;
    }
    connection->websocket = self;
    connection->phase = CONNECTION_WEBSOCKET;
    connection->exchange = NULL;
    server_count(connection->server, requests_1xx, 1);
    server_count(connection->server, websockets_opened, 1);
    server_count(connection->server, websockets_open, 1);
    exchange_release(exchange);
    if (connection->server->is_stopping)
        websocket_close(self, WEBSOCKET_GOING_AWAY, STR("the server stops"));
    connection_update(connection);
    return self;
}

/* ---- sending ---- */

static websocket_frame_t *frame_new(websocket_opcode_t opcode, str_t first, str_t second)
{
    uint8_t header[WEBSOCKET_HEADER_SIZE_MAX];
    size_t header_size = websocket_header(opcode, first.size + second.size, header);
    websocket_frame_t *frame = shared_bytes_new(header_size + first.size + second.size);
    if (frame == NULL)
        return NULL;
    memcpy(frame->data, header, header_size);
    if (first.size > 0)
        memcpy(frame->data + header_size, first.data, first.size);
    if (second.size > 0)
        memcpy(frame->data + header_size + first.size, second.data, second.size);
    return frame;
}

websocket_frame_t *websocket_frame_new(bool is_text, str_t message)
{
    return frame_new(is_text ? OPCODE_TEXT : OPCODE_BINARY, message, STR(""));
}

websocket_frame_t *websocket_frame_ref(websocket_frame_t *self)
{
    return shared_bytes_ref(self);
}

void websocket_frame_unref(websocket_frame_t **frame)
{
    shared_bytes_unref(frame);
}

bool websocket_is_open(const websocket_t *self)
{
    return !self->has_sent_close && !self->has_received_close && !self->connection->is_doomed;
}

static void keep_end(websocket_t *self, uint16_t code, str_t reason)
{
    if (self->end_code != 0)
        return;
    self->end_code = code;
    self->reason_size = (uint8_t)MIN(reason.size, sizeof self->reason);
    if (self->reason_size > 0)
        memcpy(self->reason, reason.data, self->reason_size);
}

/* Queues it and sends; a frame that could not be made or queued ends the connection. */
static void send_frame(websocket_t *self, websocket_frame_t *frame)
{
    connection_t *connection = self->connection;
    if (frame == NULL || output_append_shared(&connection->output, frame) != ERR_OK)
        connection_doom(connection);
    connection_update(connection);
}

static void send_new(websocket_t *self, websocket_opcode_t opcode, str_t first, str_t second)
{
    websocket_frame_t *frame = frame_new(opcode, first, second);
    send_frame(self, frame);
    websocket_frame_unref(&frame);
}

/* The longest start of a reason that fits and ends between two characters. */
static str_t cut_reason(str_t reason)
{
    size_t size = MIN(reason.size, (size_t)WEBSOCKET_REASON_SIZE_MAX);
    while (size > 0 && size < reason.size && ((unsigned char)reason.data[size] & 0xc0) == 0x80)
        size--;
    return str_slice(reason, 0, size);
}

static void send_close(websocket_t *self, uint16_t code, str_t reason)
{
    if (self->has_sent_close)
        return;
    self->has_sent_close = true;
    char bytes[2] = {(char)(code >> 8), (char)(code & 0xff)};
    bool has_code = code != WEBSOCKET_NO_STATUS;
    send_new(self, OPCODE_CLOSE, str_of(bytes, has_code ? 2 : 0),
             has_code ? cut_reason(reason) : STR(""));
}

void websocket_close(websocket_t *self, uint16_t code, str_t reason)
{
    if (!websocket_is_open(self))
        return;
    keep_end(self, code, cut_reason(reason));
    send_close(self, code, reason);
}

static void close_slow(websocket_t *self)
{
    server_count(self->connection->server, websockets_too_slow, 1);
    output_drop_unsent(&self->connection->output);
    websocket_close(self, WEBSOCKET_TRY_LATER, STR("too slow"));
}

void websocket_send_frame(websocket_t *self, websocket_frame_t *frame)
{
    connection_t *connection = self->connection;
    if (!websocket_is_open(self))
        return;
    size_t queue_size_max = connection->server->limits.websocket_queue_size_max;
    bool has_room = frame == NULL || output_is_empty(&connection->output) ||
                    (connection->output.size <= queue_size_max &&
                     frame->size <= queue_size_max - connection->output.size);
    if (!has_room) {
        close_slow(self);
        return;
    }
    server_count(connection->server, websocket_messages_sent, 1);
    send_frame(self, frame);
}

static void send_message(websocket_t *self, bool is_text, str_t message)
{
    websocket_frame_t *frame = websocket_frame_new(is_text, message);
    websocket_send_frame(self, frame);
    websocket_frame_unref(&frame);
}

void websocket_send_text(websocket_t *self, str_t message)
{
    send_message(self, true, message);
}

void websocket_send_binary(websocket_t *self, str_t message)
{
    send_message(self, false, message);
}

/* ---- receiving ---- */

/* Both sides have said Close, or one that broke the protocol was told: the server closes first
 * (§7.1.1). */
static void end_connection(websocket_t *self)
{
    self->connection->closes_after_output = true;
    connection_update(self->connection);
}

static void receive_close(websocket_t *self)
{
    self->has_received_close = true;
    keep_end(self, self->reader.code, self->reader.payload);
    send_close(self, self->reader.code, STR(""));
    end_connection(self);
}

static void receive_failure(websocket_t *self)
{
    keep_end(self, self->reader.code, STR(""));
    send_close(self, self->reader.code, STR(""));
    self->has_received_close = true;
    end_connection(self);
}

static void receive_ping(websocket_t *self)
{
    connection_t *connection = self->connection;
    if (!websocket_is_open(self))
        return;
    /* Pings faster than their pongs are taken: the same slow client. */
    if (connection->output.size > connection->server->limits.websocket_queue_size_max)
        close_slow(self);
    else
        send_new(self, OPCODE_PONG, self->reader.payload, STR(""));
}

static void receive_event(websocket_t *self, websocket_event_t event)
{
    switch (event) {
    case WEBSOCKET_TEXT:
    case WEBSOCKET_BINARY:
        server_count(self->connection->server, websocket_messages_received, 1);
        if (!self->has_sent_close)
            self->events->on_message(self, self->user, event == WEBSOCKET_TEXT,
                                     self->reader.payload);
        break;
    case WEBSOCKET_PING:
        receive_ping(self);
        break;
    case WEBSOCKET_CLOSE:
        receive_close(self);
        break;
    case WEBSOCKET_FAILED:
        receive_failure(self);
        break;
    case WEBSOCKET_PONG:
    case WEBSOCKET_MORE:
        break;
    }
}

void websocket_input(websocket_t *self, const char *data, size_t size)
{
    size_t used = 0;
    self->is_pinged = false;
    self->connection->restarts_deadline |= !self->has_sent_close;
    while (size > 0 && !self->connection->is_doomed && !self->reader.is_ended) {
        websocket_event_t event = websocket_reader_step(&self->reader, data, size, &used);
        data += used;
        size -= used;
        receive_event(self, event);
    }
}

/* ---- waiting, and the end ---- */

deadline_t websocket_deadline(const websocket_t *self)
{
    if (self->has_sent_close || self->has_received_close)
        return DEADLINE_LINGER;
    return self->is_pinged ? DEADLINE_PONG : DEADLINE_PING;
}

void websocket_expired(websocket_t *self, bool has_been_pinged)
{
    if (has_been_pinged) {
        connection_doom(self->connection);
        return;
    }
    self->is_pinged = true;
    send_new(self, OPCODE_PING, STR(""), STR(""));
}

void websocket_ended(websocket_t **ended)
{
    websocket_t *self = STEAL(*ended);
    if (self == NULL)
        return;
    server_count(self->connection->server, websockets_open, (uint64_t)-1);
    uint16_t code = self->end_code == 0 ? WEBSOCKET_ABNORMAL : self->end_code;
    self->events->on_close(self, self->user, code, str_of(self->reason, self->reason_size));
    websocket_reader_deinit(&self->reader);
    memory_free(self);
}

size_t websocket_queue_size(const websocket_t *self)
{
    return self->connection->output.size;
}

void *websocket_user(const websocket_t *self)
{
    return self->user;
}

str_t websocket_id(const websocket_t *self)
{
    return str_of(self->id, self->id_size);
}

edge_t *websocket_edge(const websocket_t *self)
{
    return self->connection->server->options.edge;
}
