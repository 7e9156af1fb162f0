#pragma once
/* http.h -- what a handler sees: a request, and the ways to answer it.
 *
 * A request is answered exactly once: by http_reply*, http_reply_stream, http_upgrade or
 * http_abandon, inside its handler or later. The answer ends it: nothing of it may be touched
 * after. When its client has gone the answer goes nowhere, but it is still owed: it is what frees
 * the request. A handler that would rather stop its work early sets http_on_cancel.
 *
 *     static void track_got(void *context, const answer_t *answer)
 *     {
 *         http_request_t *request = context;
 *         ... http_reply(request, 200, STR("application/json"), buf_str(&json));
 *     }
 *     static void get_track(http_request_t *request)
 *     {
 *         uint64_t id;
 *         if (http_param_u64(request, "id", &id) != ERR_OK)
 *             http_reply_error(request, ERR_NOT_FOUND, NULL);
 *         else
 *             edge_ask(request->edge, address_of("track", ...), 1000, (str_t){0}, track_got,
 * request,
 * ...);
 *     }
 *
 * Ownership  Every str_t of a request is borrowed and lives as long as the request does; so does
 *            what its arena gives. Strings handed to the functions below are copied.
 * Threads    All on the server's scheduler thread. No callback of a handler is ever run from inside
 *            one of these functions: on_cancel and on_close come from the loop.
 * Errors     Answers have none: what goes wrong on the wire ends the connection. */

#include "gateway/limits.h"
#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/runtime.h"

typedef enum http_method {
    METHOD_GET,
    METHOD_HEAD, /* handlers of GET get it too; the body of their answer is left out */
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_COUNT
} http_method_t;

typedef struct http_field {
    str_t name, value;
} http_field_t;

typedef struct http_request {
    http_method_t method;
    bool is_form; /* Content-Type: application/x-www-form-urlencoded */
    str_t path;   /* as sent, without the query: "/a%20b" */
    str_t query;  /* after the '?', as sent */
    str_t scheme; /* "http" */
    str_t host;   /* "music.example:8484" */
    const http_field_t *headers;
    size_t header_count;
    str_t body;
    str_t id;                   /* the correlation id, also answered as X-Request-Id */
    str_t peer;                 /* "192.0.2.7", "2001:db8::7" */
    const http_field_t *params; /* of the route, decoded */
    size_t param_count;
    arena_t *arena;
    edge_t *edge;        /* the server's, NULL in a test without a runtime */
    void *user;          /* the server's */
    void *route_context; /* the route's */
} http_request_t;

typedef void (*http_handler_fn)(http_request_t *request);

/* ---- reading a request ---- */

const char *http_method_name(http_method_t method);
/* The first header of that name, any case, trimmed; data is NULL when there is none. */
str_t http_header(const http_request_t *request, const char *name);
/* A part in braces of the route's pattern; data is NULL when the route has none of that name. */
str_t http_param(const http_request_t *request, const char *name);
/* The same as a decimal number. NOT_FOUND: none; INVALID, LIMIT as str_to_u64. */
err_t http_param_u64(const http_request_t *request, const char *name, uint64_t *out_value);
/* The first field of that name in the query, decoded; in the body's form too, after the query.
 *   NOT_FOUND  there is none
 *   INVALID    a broken escape
 *   NO_MEMORY  the request's arena is full */
err_t http_query(http_request_t *request, const char *name, str_t *out_value);
/* As above as a decimal number; `fallback` when there is none. INVALID, LIMIT as str_to_u64. */
err_t http_query_u64(http_request_t *request, const char *name, uint64_t fallback,
                     uint64_t *out_value);
/* Takes the next field off *rest (a query or a form body; start with a copy of it). False at the
 * end. A field with a broken escape is given as it was sent. */
bool http_form_next(http_request_t *request, str_t *rest, http_field_t *out_field);
/* data is NULL when there is none. */
str_t http_cookie(const http_request_t *request, const char *name);
/* Accept-Encoding has it with a weight above 0 ("br", "gzip"). */
bool http_accepts_encoding(const http_request_t *request, const char *coding);
/* The Origin header is there and is this server's own (origin.h). */
bool http_is_same_origin(const http_request_t *request);

/* ---- answering ---- */

/* Adds a header to the answer that follows. Control characters become blanks. Content-Length,
 * Connection, Date, X-Request-Id and Transfer-Encoding are the gateway's own business. */
void http_reply_header(http_request_t *request, const char *name, str_t value);
/* content_type may be empty when body is. */
void http_reply(http_request_t *request, int status, str_t content_type, str_t body);
/* Takes the buffer, without a copy; a buffer that failed becomes its error. */
void http_reply_buf(http_request_t *request, int status, str_t content_type, buf_t *body);
/* application/problem+json (RFC 9457) with the status of the error, after the headers that were
 * added; detail may be NULL and never holds a secret or what a person wrote. */
void http_reply_error(http_request_t *request, err_t err, const char *detail);
/* 304 if If-None-Match has this ETag (with its quotes): true, and the request is answered. Else the
 * ETag is added to the answer that follows. */
bool http_reply_unchanged(http_request_t *request, str_t etag);

typedef struct http_file {
    int fd; /* taken: closed when it was sent */
    uint64_t offset, size;
    str_t content_type;
    str_t etag; /* with its quotes; empty: no If-None-Match, no If-Range */
    str_t cache_control;
} http_file_t;
/* Part of a file by sendfile: 200, 206 and 416 (RFC 9110 §14, one range), 304, HEAD. */
void http_reply_file(http_request_t *request, const http_file_t *file);

/* For a handler that will not answer: in on_cancel, or after it. A client still there gets 500. */
void http_abandon(http_request_t *request);
/* `fn` runs once if the client goes away, or respond_ms passes, before the answer. The request is
 * still to be answered or abandoned, there or later. Without a hook, a client that half-closes is
 * still answered. */
void http_on_cancel(http_request_t *request, void (*fn)(http_request_t *request, void *context),
                    void *context);

/* ---- an answer that comes bit by bit: server-sent events, bytes from another node ---- */

typedef struct http_stream http_stream_t;
typedef struct http_stream_events {
    void (*on_writable)(http_stream_t *stream, void *context); /* room again after BUSY; or NULL */
    /* The client went away: the last call, the stream is gone when it returns. Never after
     * http_stream_end. */
    void (*on_close)(http_stream_t *stream, void *context);
} http_stream_events_t;
/* Sends the header; the request lives on until the stream ends. The events table is kept. NULL: the
 * client has gone, and with it the request. */
http_stream_t *http_reply_stream(http_request_t *request, int status, str_t content_type,
                                 const http_stream_events_t *events, void *context);
/* The same with a length that is known: what is written is `size` bytes in all, never more. One
 * that ends before is cut off, so that the client sees that something is missing. */
http_stream_t *http_reply_stream_sized(http_request_t *request, int status, str_t content_type,
                                       uint64_t size, const http_stream_events_t *events,
                                       void *context);
/* BUSY       more than queue_size_max waits: nothing was taken, wait for on_writable
 * CANCELLED  the client has gone; on_close is on its way
 * NO_MEMORY  the same: an answer with a hole is not sent on */
err_t http_stream_write(http_stream_t *stream, str_t data);
void http_stream_end(http_stream_t *stream);
http_request_t *http_stream_request(http_stream_t *stream);
