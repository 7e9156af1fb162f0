#pragma once
/* http1.h -- HTTP/1.1 (RFC 9112): bytes in, a checked request out. No socket, no clock.
 *
 * The header of a request is first collected whole by a scanner of our own, which keeps the limits
 * and refuses what llhttp would let pass (folded lines, bare line feeds); then llhttp, strict,
 * reads it in one go, so it makes no difference how the bytes were cut. The body follows, as llhttp
 * frames it, within body_size_max.
 *
 *     HEADER -> HEADER_DONE -> BODY -> DONE           feed stops at HEADER_DONE and DONE
 *     any    -> REFUSED                               `status` and `detail` say why
 *
 * Between HEADER_DONE and the next feed the caller may set body_size_max, by route.
 * Ownership  Fills the exchange it was given; keeps a pointer to it and to the limits.
 * Threads    None. */

#include "gateway/exchange.h"

#include <llhttp.h>

typedef enum http1_state {
    HTTP1_HEADER,
    HTTP1_HEADER_DONE,
    HTTP1_BODY,
    HTTP1_DONE,
    HTTP1_REFUSED
} http1_state_t;

typedef struct http1 {
    llhttp_t parser;
    const gateway_limits_t *limits;
    exchange_t *exchange;
    http1_state_t state;
    int status; /* REFUSED: what to answer before closing */
    const char *detail;
    uint64_t content_length, body_size_max;
    uint64_t framed_size; /* bytes of the body as they came, framing included, before this feed */
    const char *feed;     /* where this feed begins */
    uint32_t line_size, blank_size;
    bool is_first_line, is_after_cr, is_complete;
} http1_t;

/* Ready for one request. */
void http1_begin(http1_t *self, const gateway_limits_t *limits, exchange_t *exchange);
/* Takes bytes; returns how many were used: fewer than size only where it stops. */
size_t http1_feed(http1_t *self, const char *data, size_t size);
