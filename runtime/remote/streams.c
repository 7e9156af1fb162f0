/* streams.c -- streams (runtime/stream.h) between nodes: so that a node's loss ends them for both
 * sides at any moment. From the begin on the producer's end is ready here (CROSSING_STREAM); it is
 * given up for the monitor that the producer has on who took the stream. Who takes one watches its
 * producer first, then looks whether a node was lost since the begin came: if so, the producer has
 * been told that nobody took it. */

#include "runtime/mail/streaming.h"
#include "runtime/remote/envelope.h"
#include "runtime/remote/remote.h"

static err_t put_begin(remote_t *self, uint32_t seat, const message_t *begin, uint64_t stream)
{
    if (begin->sender == 0 || ref_seat(begin->sender) != 0 || stream == 0)
        return ERR_OK; /* passed on: its producer's node has its end */
    message_t *end = stream_lost(begin);
    const crossing_t crossing = {.id = stream,
                                 .kind = CROSSING_STREAM,
                                 .seat = seat,
                                 .prepared = end,
                                 .local = begin->sender};
    err_t err = end == NULL ? ERR_NO_MEMORY : crossings_put(&self->bonds, &crossing, 0);
    if (err != ERR_OK)
        message_free(end);
    return err;
}

err_t remote_stream_leaves(remote_t *self, uint32_t seat, const message_t *message,
                           remote_envelope_t *envelope)
{
    envelope->stream = stream_of(message);
    envelope->life = message->incarnation;
    if (message->schema == &stream_begin_schema)
        return put_begin(self, seat, message, envelope->stream);
    if (message->schema == &stream_end_schema)
        remote_stream_settled(self, envelope->stream);
    return ERR_OK;
}

void remote_stream_settled(remote_t *self, uint64_t stream)
{
    crossing_t crossing;
    if (crossings_take(&self->bonds, stream, 0, CROSSING_STREAM, &crossing))
        message_free(crossing.prepared);
}

bool remote_has_lost(const runtime_t *runtime, const stream_begin_t *begin)
{
    const remote_t *self = runtime->remote;
    return self != NULL && ref_seat(begin->producer) != 0 &&
           begin->losses != (uint32_t)atomic_load(&self->counters.nodes_lost);
}
