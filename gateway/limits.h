#pragma once
/* limits.h -- every bound of the gateway's protocol layer, with its name and its default.
 *
 * One gateway_limits_t belongs to one server, which is one scheduler's: nothing is counted across
 * schedulers. A field that is 0 in gateway_options_t takes the default.
 *
 * Threads  Values. */

#include "runtime/base/attributes.h"

/*  name                      default   what is beyond it */
#define GATEWAY_LIMIT_LIST(X)                                                                      \
    X(connections_max, 8192)              /* accepted and closed at once */                        \
    X(connections_per_address_max, 1024)  /* the same; an IPv6 address counts as its /64 */        \
    X(requests_per_connection_max, 10000) /* the last answer says Connection: close */             \
    X(target_size_max, 8192)              /* 414 */                                                \
    X(header_size_max, 16384)             /* 431: request line and header, with their line ends */ \
    X(body_size_max, 1048576)             /* 413; a route may choose another */                    \
    X(chunk_overhead_size_max, 4096)      /* 400: extensions, trailers, above 8 bytes a byte */    \
    X(request_memory_size_max, 4194304)   /* what one request's arena may hold */                  \
    X(queue_size_max, 4194304)            /* bytes waiting in one connection; see http.h */        \
    X(websocket_message_size_max, 1048576) /* close 1009 */                                        \
    X(websocket_queue_size_max, 1048576)   /* close 1013 */                                        \
    X(header_ms, 10000)  /* 408: from the first byte of a request to the end of its header */      \
    X(body_ms, 60000)    /* 408: from there to the end of its body */                              \
    X(respond_ms, 60000) /* 504: a handler's time to begin its answer */                           \
    X(idle_ms, 65000)    /* closed: nothing between two requests */                                \
    X(write_ms, 20000)   /* closed: the client takes not one byte */                               \
    X(linger_ms, 2000)   /* closed: reading on after the last answer */                            \
    X(websocket_ping_ms, 30000) /* a ping after this long without a sound */                       \
    X(websocket_pong_ms, 15000) /* closed: no sound after the ping */                              \
    X(drain_ms, 5000)           /* closed, busy or not, this long after the stop */

typedef struct gateway_limits {
#define GATEWAY_LIMIT_FIELD(name, value) uint32_t name;
    GATEWAY_LIMIT_LIST(GATEWAY_LIMIT_FIELD)
#undef GATEWAY_LIMIT_FIELD
} gateway_limits_t;

/* Fields of an array or of the stack, fixed when it is built. */
enum {
    HTTP_HEADERS_MAX = 100,             /* 431 */
    HTTP_PARAMS_MAX = 8,                /* parts in braces in one route */
    HTTP_SEGMENTS_MAX = 16,             /* parts of a route's pattern */
    HTTP_REPLY_HEADER_SIZE_MAX = 16384, /* an answer with more of its own becomes 500 */
    HTTP_SAMPLED_MAX = 20,              /* requests a second whose wish to be recorded is granted */
    HTTP_ID_SIZE_MAX = 64,              /* a longer X-Request-Id is replaced */
    HTTP_EVENT_READS_MAX = 4,           /* reads of one connection before the others' turn */
    HTTP_QUEUED_FILES_MAX = 4,    /* files waiting in one connection; further requests wait too */
    HTTP_READ_SIZE = 65536,       /* one read; shared by the connections of a server */
    HTTP_FILE_STEP_SIZE = 1048576 /* bytes of files that one event sends on one connection */
};

/* Replaces every 0 by its default. */
void gateway_limits_complete(gateway_limits_t *limits);
