#include "gateway/problem.h"
#include "gateway/range.h"
#include "gateway/server_internal.h"
#include "runtime/base/assert.h"

#include <stdio.h>
#include <unistd.h>

/* ---- the head of an answer ---- */

static void append_line(buf_t *out, const char *name, str_t value)
{
    buf_append(out, str_from(name));
    buf_append(out, STR(": "));
    for (size_t i = 0; i < value.size; i++) {
        unsigned char c = (unsigned char)value.data[i];
        buf_append_char(out, c < ' ' || c == 0x7f ? ' ' : (char)c);
    }
    buf_append(out, STR("\r\n"));
}

void http_reply_header(http_request_t *request, const char *name, str_t value)
{
    append_line(&exchange_of(request)->reply_headers, name, value);
}

static bool is_last_answer(const exchange_t *exchange)
{
    const connection_t *connection = exchange->connection;
    const gateway_server_t *server = exchange->server;
    return !exchange->is_keep_alive || server->is_stopping || connection->has_read_end ||
           connection->request_count >= server->limits.requests_per_connection_max;
}

static void begin_head(buf_t *head, gateway_server_t *server, int status)
{
    buf_reset(head);
    buf_append(head, STR("HTTP/1.1 "));
    buf_append_u64(head, (uint64_t)status);
    buf_append_char(head, ' ');
    buf_append(head, str_from(http_status_text(status)));
    append_line(head, "\r\nDate", str_from(server_date(server)));
    buf_append(head, STR("X-Content-Type-Options: nosniff\r\n"));
}

/* The head of the exchange's answer, open for further lines. */
static buf_t *head_of(exchange_t *exchange, int status, str_t content_type, bool is_last)
{
    buf_t *head = &exchange->server->scratch;
    begin_head(head, exchange->server, status);
    append_line(head, "X-Request-Id", exchange->request.id);
    exchange_append_trace(exchange, head);
    buf_append(head, buf_str(&exchange->reply_headers));
    if (!str_is_empty(content_type))
        append_line(head, "Content-Type", content_type);
    if (is_last)
        buf_append(head, STR("Connection: close\r\n"));
    else if (exchange->is_http10)
        buf_append(head, STR("Connection: keep-alive\r\n"));
    return head;
}

static void append_length(buf_t *head, uint64_t size)
{
    buf_append(head, STR("Content-Length: "));
    buf_append_u64(head, size);
    buf_append(head, STR("\r\n"));
}

static err_t queue_head(connection_t *connection, buf_t *head)
{
    buf_append(head, STR("\r\n"));
    TRY(buf_status(head));
    return output_append(&connection->output, buf_str(head));
}

/* ---- the end of an answer ---- */

static void count_status(gateway_server_t *server, int status)
{
    if (status < 200)
        server_count(server, requests_1xx, 1);
    else if (status < 300)
        server_count(server, requests_2xx, 1);
    else if (status < 400)
        server_count(server, requests_3xx, 1);
    else if (status < 500)
        server_count(server, requests_4xx, 1);
    else
        server_count(server, requests_5xx, 1);
}

/* The pattern instead of the path: a path can hold a signature, a query can hold anything. */
static void log_answer(const exchange_t *exchange, int status)
{
    const gateway_server_t *server = exchange->server;
    uint64_t us = (clock_mono_ns(&server->options.clock) - exchange->started_ns) / 1000;
    const char *pattern = exchange->match.pattern;
    log_debug(server->options.log, "gateway", "%s %s %d %lluus peer=%.*s id=%.*s",
              http_method_name(exchange->request.method), pattern == NULL ? "-" : pattern, status,
              (unsigned long long)us, STR_ARG(exchange->request.peer),
              STR_ARG(exchange->request.id));
}

static void record_answer(const exchange_t *exchange, int status)
{
    if (exchange->request.edge == NULL || exchange->match.pattern == NULL)
        return;
    edge_traced(exchange->request.edge,
                &(traced_request_t){.id = exchange->trace.id,
                                    .trace = exchange_trace(exchange),
                                    .status = (uint32_t)status,
                                    .method = http_method_name(exchange->request.method),
                                    .pattern = exchange->match.pattern,
                                    .begin_ns = exchange->started_ns});
}

/* The answer is queued, or could not be. */
static void finish(exchange_t *exchange, int status, bool is_last, err_t err)
{
    connection_t *connection = exchange->connection;
    count_status(exchange->server, status);
    log_answer(exchange, status);
    record_answer(exchange, status);
    exchange_release(exchange);
    if (err != ERR_OK)
        connection_doom(connection);
    connection_answered(connection, is_last);
}

/* Its client or its server is gone: there is nobody to answer. */
static bool is_orphan(exchange_t *exchange)
{
    if (exchange->connection != NULL)
        return false;
    if (exchange->server != NULL)
        server_count(exchange->server, requests_cancelled, 1);
    exchange_release(exchange);
    return true;
}

/* RFC 9110 §8.6, §15.3.5, §15.4.5. */
static bool has_no_content(int status)
{
    return status < 200 || status == 204 || status == 304;
}

/* An answer that could not be made as it was meant: nothing of it is kept. */
static void reply_failure(http_request_t *request, err_t err)
{
    buf_reset(&exchange_of(request)->reply_headers);
    http_reply_error(request, err, NULL);
}

void http_reply_buf(http_request_t *request, int status, str_t content_type, buf_t *taken)
{
    exchange_t *exchange = exchange_of(request);
    buf_t body BUF_SCOPED = STEAL(*taken);
    if (is_orphan(exchange))
        return;
    err_t failed =
        buf_status(&exchange->reply_headers) != ERR_OK ? ERR_INTERNAL : buf_status(&body);
    if (failed != ERR_OK) {
        reply_failure(request, failed);
        return;
    }
    bool is_last = is_last_answer(exchange);
    connection_t *connection = exchange->connection;
    buf_t *head = head_of(exchange, status, content_type, is_last);
    if (!has_no_content(status))
        append_length(head, body.size);
    err_t err = queue_head(connection, head);
    if (err == ERR_OK && !has_no_content(status) && request->method != METHOD_HEAD)
        err = output_append_buf(&connection->output, &body);
    finish(exchange, status, is_last, err);
}

void http_reply(http_request_t *request, int status, str_t content_type, str_t body)
{
    buf_t copy = BUF_INIT;
    buf_append(&copy, body);
    http_reply_buf(request, status, content_type, &copy);
}

void http_reply_error(http_request_t *request, err_t err, const char *detail)
{
    buf_t body = BUF_INIT;
    problem_append(&body, err, str_from(detail), request->id);
    if (buf_status(&body) != ERR_OK)
        buf_deinit(&body);
    char after_s[16];
    int size = snprintf(after_s, sizeof after_s, "%u", problem_retry_after_s(err));
    if (problem_retry_after_s(err) > 0)
        http_reply_header(request, "Retry-After", str_of(after_s, (size_t)size));
    http_reply_buf(request, err_http_status(err), STR("application/problem+json"), &body);
}

void http_abandon(http_request_t *request)
{
    reply_failure(request, ERR_INTERNAL);
}

void http_on_cancel(http_request_t *request, void (*fn)(http_request_t *request, void *context),
                    void *context)
{
    exchange_t *exchange = exchange_of(request);
    exchange->on_cancel = fn;
    exchange->cancel_context = context;
    if (fn != NULL && exchange->connection != NULL && exchange->connection->has_seen_disconnect)
        connection_doom(exchange->connection);
}

bool http_reply_unchanged(http_request_t *request, str_t etag)
{
    http_reply_header(request, "ETag", etag);
    if (!etag_is_listed(http_header(request, "if-none-match"), etag))
        return false;
    http_reply(request, 304, STR(""), STR(""));
    return true;
}

/* ---- files ---- */

static void send_file(exchange_t *exchange, int status, const http_file_t *file, uint64_t offset,
                      uint64_t length)
{
    connection_t *connection = exchange->connection;
    bool is_last = is_last_answer(exchange);
    buf_t *head = head_of(exchange, status, file->content_type, is_last);
    buf_append(head, STR("Accept-Ranges: bytes\r\n"));
    if (status == 206)
        buf_printf(head, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)offset,
                   (unsigned long long)(offset + length - 1), (unsigned long long)file->size);
    append_length(head, length);
    err_t err = queue_head(connection, head);
    bool has_body = err == ERR_OK && exchange->request.method != METHOD_HEAD;
    if (has_body)
        err = output_append_file(&connection->output, file->fd, file->offset + offset, length);
    else
        close(file->fd);
    finish(exchange, status, is_last, err);
}

void http_reply_file(http_request_t *request, const http_file_t *file)
{
    exchange_t *exchange = exchange_of(request);
    if (!str_is_empty(file->cache_control))
        http_reply_header(request, "Cache-Control", file->cache_control);
    bool is_answered = (!str_is_empty(file->etag) && http_reply_unchanged(request, file->etag)) ||
                       is_orphan(exchange);
    if (is_answered) {
        close(file->fd);
        return;
    }
    if (buf_status(&exchange->reply_headers) != ERR_OK) {
        close(file->fd);
        reply_failure(request, ERR_INTERNAL);
        return;
    }
    uint64_t offset = 0, length = file->size;
    range_result_t range = RANGE_WHOLE;
    /* Range means something for GET only (RFC 9110 §14.2). */
    if (request->method == METHOD_GET &&
        range_is_current(http_header(request, "if-range"), file->etag))
        range = range_parse(http_header(request, "range"), file->size, &offset, &length);
    if (range == RANGE_UNSATISFIABLE) {
        close(file->fd);
        http_reply_header(
            request, "Content-Range",
            arena_printf(request->arena, "bytes */%llu", (unsigned long long)file->size));
        http_reply(request, 416, STR(""), STR(""));
        return;
    }
    send_file(exchange, range == RANGE_PART ? 206 : 200, file, offset, length);
}

/* ---- streams ---- */

static exchange_t *exchange_of_stream(http_stream_t *stream)
{
    return (exchange_t *)stream;
}

/* Chunked, sized, or for HTTP/1.0 neither: then its end is the connection's. */
static http_stream_t *begin_stream(exchange_t *exchange, int status, str_t content_type,
                                   const http_stream_events_t *events, void *context)
{
    connection_t *connection = exchange->connection;
    exchange->stream_events = events;
    exchange->stream_context = context;
    exchange->on_cancel = NULL;
    exchange->is_chunked = !exchange->is_sized && !exchange->is_http10;
    if (exchange->is_http10 && !exchange->is_sized)
        exchange->is_keep_alive = false;
    buf_t *head = head_of(exchange, status, content_type, is_last_answer(exchange));
    if (exchange->is_chunked)
        buf_append(head, STR("Transfer-Encoding: chunked\r\n"));
    if (exchange->is_sized)
        append_length(head, exchange->stream_left);
    count_status(exchange->server, status);
    log_answer(exchange, status);
    connection->phase = CONNECTION_STREAMING;
    if (queue_head(connection, head) != ERR_OK)
        connection_doom(connection);
    connection_update(connection);
    return (http_stream_t *)exchange;
}

http_stream_t *http_reply_stream(http_request_t *request, int status, str_t content_type,
                                 const http_stream_events_t *events, void *context)
{
    exchange_t *exchange = exchange_of(request);
    return is_orphan(exchange) ? NULL
                               : begin_stream(exchange, status, content_type, events, context);
}

http_stream_t *http_reply_stream_sized(http_request_t *request, int status, str_t content_type,
                                       uint64_t size, const http_stream_events_t *events,
                                       void *context)
{
    exchange_t *exchange = exchange_of(request);
    if (is_orphan(exchange))
        return NULL;
    exchange->is_sized = true;
    exchange->stream_left = size;
    return begin_stream(exchange, status, content_type, events, context);
}

static err_t queue_chunk(exchange_t *exchange, str_t data)
{
    output_t *output = &exchange->connection->output;
    if (!exchange->is_chunked)
        return output_append(output, data);
    buf_t *scratch = &exchange->server->scratch;
    buf_reset(scratch);
    buf_printf(scratch, "%zx\r\n", data.size);
    buf_append(scratch, data);
    buf_append(scratch, STR("\r\n"));
    TRY(buf_status(scratch));
    return output_append(output, buf_str(scratch));
}

err_t http_stream_write(http_stream_t *stream, str_t data)
{
    exchange_t *exchange = exchange_of_stream(stream);
    connection_t *connection = exchange->connection;
    if (connection == NULL || connection->is_doomed)
        return ERR_CANCELLED;
    if (str_is_empty(data) || exchange->request.method == METHOD_HEAD)
        return ERR_OK;
    if (connection->output.size >= exchange->server->limits.queue_size_max) {
        exchange->wants_room = true;
        return ERR_BUSY;
    }
    ASSERT(!exchange->is_sized || data.size <= exchange->stream_left);
    err_t err = queue_chunk(exchange, data);
    if (err == ERR_OK && exchange->is_sized)
        exchange->stream_left -= data.size;
    if (err != ERR_OK)
        connection_doom(connection);
    connection_update(connection);
    return err;
}

void http_stream_end(http_stream_t *stream)
{
    exchange_t *exchange = exchange_of_stream(stream);
    connection_t *connection = exchange->connection;
    exchange->stream_events = NULL;
    if (is_orphan(exchange))
        return;
    bool is_last = is_last_answer(exchange), is_chunked = exchange->is_chunked;
    bool has_body = exchange->request.method != METHOD_HEAD;
    err_t err =
        is_chunked && has_body ? output_append(&connection->output, STR("0\r\n\r\n")) : ERR_OK;
    if (exchange->is_sized && has_body && exchange->stream_left > 0)
        err = ERR_IO; /* what is not whole must not look so */
    exchange_release(exchange);
    if (err != ERR_OK)
        connection_doom(connection);
    connection_answered(connection, is_last);
}

http_request_t *http_stream_request(http_stream_t *stream)
{
    return &exchange_of_stream(stream)->request;
}

/* ---- answers of the gateway's own ---- */

void response_refuse(connection_t *connection, int status, const char *detail)
{
    gateway_server_t *server = connection->server;
    exchange_t *exchange = STEAL(connection->exchange);
    buf_t body BUF_SCOPED = BUF_INIT;
    str_t id = exchange == NULL ? STR("") : exchange->request.id;
    problem_append_status(&body, status, str_from(detail), id);
    buf_t *head = &server->scratch;
    begin_head(head, server, status);
    if (!str_is_empty(id))
        append_line(head, "X-Request-Id", id);
    buf_append(head, STR("Content-Type: application/problem+json\r\nConnection: close\r\n"));
    append_length(head, body.size);
    err_t err = queue_head(connection, head);
    if (err == ERR_OK && (exchange == NULL || exchange->request.method != METHOD_HEAD))
        err = output_append_buf(&connection->output, &body);
    count_status(server, status);
    if (exchange != NULL) {
        log_answer(exchange, status);
        exchange_release(exchange);
    }
    if (err != ERR_OK)
        connection_doom(connection);
    connection_answered(connection, true);
}

static void add_allow(http_request_t *request, uint32_t methods)
{
    buf_t list BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < METHOD_COUNT; i++)
        if ((methods & 1u << i) != 0)
            buf_printf(&list, "%s%s", list.size == 0 ? "" : ", ",
                       http_method_name((http_method_t)i));
    http_reply_header(request, "Allow", buf_str(&list));
}

void response_unrouted(exchange_t *exchange)
{
    http_request_t *request = &exchange->request;
    bool is_server = str_equal(request->path, STR("*"));
    uint32_t methods = is_server ? (1u << METHOD_COUNT) - 1 : exchange->match.allowed;
    if (methods == 0) {
        http_reply_error(request, ERR_NOT_FOUND, NULL);
        return;
    }
    add_allow(request, methods | 1u << METHOD_OPTIONS);
    if (request->method == METHOD_OPTIONS) {
        http_reply(request, 204, STR(""), STR(""));
        return;
    }
    buf_t body = BUF_INIT;
    problem_append_status(&body, 405, STR(""), request->id);
    http_reply_buf(request, 405, STR("application/problem+json"), &body);
}
