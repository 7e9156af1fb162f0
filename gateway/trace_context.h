#pragma once
/* trace_context.h -- the headers by which a trace goes from program to program: `traceparent` of a
 * request, `traceresponse` of its answer (W3C Trace Context, level 2).
 *
 *     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *     version, trace id, the caller's span, flags (1: sampled)
 *
 * Threads  None: pure. */

#include "runtime/base/buf.h"
#include "runtime/inside.h"

typedef struct trace_context {
    trace_id_t id;
    bool is_sampled;
} trace_context_t;

enum { TRACE_ID_TEXT_SIZE = 32 };

/* INVALID: not of that form, a version 255, or a number that is zero. What a later version has
 * behind the flags is left out. */
err_t trace_context_parse(str_t header, trace_context_t *out);
/* `span` is ours, of this request. */
void trace_context_append(const trace_context_t *self, uint64_t span, buf_t *out);
void trace_id_write(trace_id_t id, char out[TRACE_ID_TEXT_SIZE]);
