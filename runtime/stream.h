#pragma once
/* stream.h -- a stream of messages from one actor to another, with credit: no more are under way
 * than the consumer has said it takes.
 *
 * Both sides keep their end in their own state and hand it what they hear; nothing is allocated.
 * The producer opens with a window; the consumer accepts and so gives that much credit; each item
 * takes one, and what the consumer is done with comes back, half a window at a time. Items are the
 * author's own messages, in order. Either side may close or give up, with a reason; each watches
 * the other, so the death of either ends it. What is heard of a stream that is over, or of another
 * life of it, is recognised by its number and ignored.
 *
 * It cannot stall: the places of items, credits and ends are reserved in the mailboxes beyond their
 * bounds (which the window bounds instead), no overflow policy drops them, and what can't be
 * delivered ends the stream for both. Where there is no memory to give credit or to say that it is
 * over, the actor fails, which ends it too. A state that is rebuilt, restarted or replaced has no
 * stream any more (after a replacement: unless its snapshot holds the end, word for word).
 *
 *     producer: #define ACTOR_ALSO(X) X(stream_credit) X(stream_end) X(actor_down)
 *     consumer: #define ACTOR_ALSO(X) X(stream_begin) X(stream_end) X(actor_down)
 *
 * Items that wait take up the consumer's mailbox: let its bound exceed the windows that it grants,
 * or others are refused meanwhile.
 *
 * The two may be on different nodes: all of this holds, and the loss of a node ends its streams on
 * the other side. An item that finds too much waiting for that node ends the stream, too (BUSY).
 *
 * Threads  The actor's. */

#include "runtime/actor.h"

API_BEGIN

enum { STREAM_WINDOW_MAX = 1024 };

/* What the two tell each other. */
typedef struct stream_begin {
    uint64_t stream, producer;
    uint32_t window, life; /* life: of the producer's state */
    uint32_t losses;       /* the runtime's: of other nodes, until it came */
} stream_begin_t;
typedef struct stream_credit {
    uint64_t stream, consumer;
    uint32_t count, life;
} stream_credit_t;
typedef struct stream_end {
    uint64_t stream;
    uint32_t err;         /* err_t; 0: the producer has closed it */
    bool is_from_runtime; /* something of it could not be delivered */
} stream_end_t;
extern const schema_t stream_begin_schema, stream_credit_schema, stream_end_schema;

/* ---- the producer's end ---- */
typedef struct stream_out {
    uint64_t id; /* 0: not open, or over */
    actor_ref_t consumer;
    actor_monitor_t monitor;
    uint32_t life; /* of the consumer's state */
    uint32_t window, credit;
    uint32_t retired_err;
    uint64_t retired; /* was closed before anybody took it: who does is told; 0: none */
} stream_out_t;

/* Asks `to` to take a stream. Credit comes with the first stream_credit. INVALID: the window is 0
 * or over STREAM_WINDOW_MAX; BUSY: the stream before was closed, and whom it was for has not
 * answered yet; or what the send came to. Refused later, or never heard: a stream_end. */
err_t stream_out_open(context_t *ctx, stream_out_t *self, address_t to, uint32_t window);
static inline uint32_t stream_out_credit(const stream_out_t *self)
{
    return self->credit;
}
/* ON(stream_credit): true: it is of this stream, and there is credit. */
bool stream_out_credited(context_t *ctx, stream_out_t *self, const stream_credit_t *credit);
/* BUSY: no credit; UNAVAILABLE: not open; NO_MEMORY: say it again. Costs a credit only when it is
 * OK. */
#define stream_out_send(ctx, self, item, ...)                                                      \
    stream_out_send_message((ctx), (self), &item##_schema, &__extension__(item##_t){__VA_ARGS__})
err_t stream_out_send_message(context_t *ctx, stream_out_t *self, const schema_t *schema,
                              const void *item);
/* The consumer is told after all items, or when it takes the stream: so go on handing this end what
 * is heard. ERR_OK: that was all of it. Does nothing when it is over. */
void stream_out_close(context_t *ctx, stream_out_t *self, err_t err);
/* ON(stream_end), ON(actor_down): true: this ended the stream. */
bool stream_out_ended(context_t *ctx, stream_out_t *self, const stream_end_t *end);
bool stream_out_down(context_t *ctx, stream_out_t *self, const actor_down_t *down);

/* ---- the consumer's end ---- */
typedef struct stream_in {
    uint64_t id; /* 0: none, or over */
    actor_ref_t producer;
    actor_monitor_t monitor;
    uint32_t life;
    uint32_t window, done; /* done: not given back yet */
} stream_in_t;

/* ON(stream_begin): takes it, watches the producer, gives it the window. CONFLICT: this end has a
 * stream, and the producer is told; INVALID: no such window; UNAVAILABLE: a node was lost since it
 * came from another one. */
err_t stream_in_accept(context_t *ctx, stream_in_t *self, const stream_begin_t *begin);
/* Not taken: the producer is told why. */
void stream_in_refuse(context_t *ctx, const stream_begin_t *begin, err_t err);
/* So many items are done with: in the handler of each, or later. */
void stream_in_done(context_t *ctx, stream_in_t *self, uint32_t count);
/* Gives back what is done with now, before it is half a window. */
void stream_in_flush(context_t *ctx, stream_in_t *self);
/* Gives up; items that are under way still come. */
void stream_in_stop(context_t *ctx, stream_in_t *self, err_t err);
bool stream_in_ended(context_t *ctx, stream_in_t *self, const stream_end_t *end);
bool stream_in_down(context_t *ctx, stream_in_t *self, const actor_down_t *down);

API_END
