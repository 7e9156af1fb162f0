#pragma once
/* trace.h (inside) -- the live trace: what happens to some actors, as lines, while somebody reads.
 *
 * A session has a ring of bytes for each scheduler, written by that scheduler alone and emptied by
 * the reader: no lock, no wait; a line that finds no room is lost and counted.
 *  1. A scheduler marks that it is in a session before it looks whether that is open. So a closed
 *     session that nobody is in can be set up anew. (Else: a line for one reader goes to the next.)
 *  2. Sessions live as long as the runtime; opening takes a free one.
 *
 * Threads  trace_begin, trace_end, trace_sent: a scheduler in a turn; trace_failed any. */

#include "runtime/context.h"
#include "runtime/inside.h"

typedef struct trace_hub trace_hub_t;

err_t trace_hub_new(runtime_t *runtime, trace_hub_t **out_hub);
void trace_hub_free(trace_hub_t *self);

/* Around the handling, which takes the message. */
void trace_begin(trace_hub_t *self, const context_t *ctx, const message_t *message,
                 const char *type, uint64_t wait_ns);
void trace_end(trace_hub_t *self, const context_t *ctx, uint64_t took_ns);
/* The actor at hand sends; to the name, or where kind is NULL to ref. */
void trace_sent(trace_hub_t *self, const actor_kind_t *kind, uint64_t ref, const char *type,
                const message_t *message);
void trace_failed(trace_hub_t *self, const actor_t *actor, const char *reason);

trace_hub_t *inside_traces(const runtime_t *runtime);
