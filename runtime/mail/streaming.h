#pragma once
/* streaming.h -- what the runtime does for streams (runtime/stream.h) so that none can stall.
 *
 * All but the begin is marked is_streamed: its place in a mailbox or a stash is reserved, bounded
 * by the window, and no overflow policy drops it. It is for one life of its receiver (message_t.
 * incarnation), and what can't be delivered, a begin too, comes back to its sender as the end of
 * the stream. Who ends by that tells the other side, which may not know.
 *
 * Threads  Any. */

#include "runtime/mail/message.h"
#include "runtime/stream.h"

static inline bool stream_is_of(const message_t *message)
{
    return message->is_streamed || message->schema == &stream_begin_schema;
}

/* The stream that a message is of. */
uint64_t stream_of(const message_t *message);
/* What this begin's producer is told when nobody will take it any more. NULL: no memory. */
[[nodiscard]] message_t *stream_lost(const message_t *begin);
/* Tells the sender of this one, with it, that its stream is over. Takes it. */
void stream_bounce(runtime_t *runtime, message_t *message, err_t err);
/* A durable actor said it, and its journal did not take it: the state that had the stream is
 * undone, and this becomes the stream's end for its receiver, who may not be watching yet. Takes
 * it. NULL: no memory for more than what it was. */
[[nodiscard]] message_t *stream_undone(message_t *message, err_t err);
