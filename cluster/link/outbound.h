#pragma once
/* outbound.h -- the sending half of a lane: gathers messages into frames, numbers these, and keeps
 * them until they are acknowledged. No sockets: who has one asks for the next frame to send.
 *
 *   written ─► open batch ─► full ones ─► flight: numbered, sent or to be sent again ─►
 * acknowledged
 *
 * Invariants
 * 1. A frame that has a number never changes (broken: what is under way in ZeroMQ's thread changes,
 *    or what is sent again differs).
 * 2. The flight has consecutive numbers; those before `next` were sent on this connection, the rest
 *    are sent before anything newer.
 * 3. What is taken from the batches is taken when the window has room for it and all of the flight
 *    was sent: so the batches grow while the lane is busy.
 * 4. While something that was sent is not acknowledged, the oldest of it is sent again after
 *    OUTBOUND_PATIENCE_MS, then after twice that, and so on: who has it says so once more (broken:
 *    an acknowledgement that was not heard keeps the window, and the node's end, for ever).
 *
 * A message that is larger than a piece is written twice: what the first attempt wrote under the
 * lock, at most a piece, is thrown away, and the second one has memory of its own and no lock. So
 * nobody waits for one that takes long.
 *
 * Ownership  A packet is counted: the flight has one reference, each send under way another.
 * Threads  outbound_write any, under its lock; the rest one. */

#include "cluster/link/frame.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct packet packet_t;
struct packet {
    atomic_uint refs;
    packet_t *next;
    buf_t bytes; /* with room for its head; of a large message its bytes alone */
    uint64_t seq;
    uint64_t sent_ns;  /* 0: not yet, or more than once */
    uint32_t messages; /* that it has, or that it ends */
    uint32_t large;    /* type of the one message that goes in pieces; 0: a batch */
    size_t payload_bytes;
};

void packet_unref(packet_t *packet); /* any thread; NULL is fine */

enum { OUTBOUND_PATIENCE_MS = 500, OUTBOUND_PATIENCE_MS_MAX = 32000 };

typedef struct packets {
    packet_t *first, *last;
} packets_t;

typedef struct outbound_limits {
    size_t queue_bytes_max;
    uint64_t linger_ns;
} outbound_limits_t;

typedef struct outbound {
    /* Whoever sends: under the lock. */
    pthread_mutex_t lock;
    outbound_limits_t limits;
    packets_t full;
    packet_t *open;
    size_t waiting_bytes; /* of payloads, in both */
    size_t usual_size;    /* of the batch before: the next one's first capacity */
    bool is_ended;
    uint64_t written_messages, written_bytes, busy;

    /* Its thread. */
    uint64_t session, seq; /* seq: of the next new frame */
    packets_t flight;
    packet_t *next;    /* to be sent; NULL: all of it was */
    packet_t *large;   /* is being cut */
    size_t cut;        /* bytes of it that are in the flight */
    size_t sent_bytes; /* of frames of the flight before next */
    uint32_t sent_frames;
    bool is_connected; /* welcomed on the connection there is */
    uint64_t last_sent_ns;
    bool has_company;  /* the batch before had more than one message */
    uint64_t moved_ns; /* since then nothing was acknowledged, of what was sent */
    uint64_t patience_ns;
    atomic_uint_least64_t frames, resent; /* counted */
    uint64_t resend_below;                /* frames below were sent before */
    atomic_uint_least64_t unacknowledged;
} outbound_t;

void outbound_init(outbound_t *self, const outbound_limits_t *limits, uint64_t session);
void outbound_deinit(outbound_t *self);

/* As mesh_link_write. *out_is_first: nothing waited before, or a batch became full: its thread is
 * to look. */
err_t outbound_write(outbound_t *self, link_way_t way, link_write_fn *write, void *context,
                     bool *out_is_first);

/* A link_write_fn that copies a str_t. */
err_t outbound_copy(void *payload, buf_t *out);

/* The frame to send now, a reference for the caller; NULL: none, before *out_due_ns (UINT64_MAX:
 * before something happens). NO_MEMORY shows as none: asked again in a while. */
packet_t *outbound_next(outbound_t *self, uint64_t now_ns, uint64_t *out_due_ns);
/* Its connection broke: all that is not acknowledged is to be sent again. */
void outbound_broke(outbound_t *self);
/* The seq of a HELLO. */
uint64_t outbound_oldest(const outbound_t *self);
/* When a frame was sent that is not acknowledged; 0: more than once, or it is none. */
uint64_t outbound_sent_ns(const outbound_t *self, uint64_t seq);
/* The other side has all up to seq, of this session. INVALID: more than was ever sent. */
err_t outbound_acked(outbound_t *self, uint64_t seq, uint64_t now_ns);
/* It is connected, and the other side has all up to seq: what comes after it is sent, again if need
 * be. INVALID: as above. */
err_t outbound_welcomed(outbound_t *self, uint64_t seq, uint64_t now_ns);
/* No more is taken; what was not acknowledged. */
void outbound_end(outbound_t *self, uint64_t *out_messages, uint64_t *out_bytes);
bool outbound_is_idle(outbound_t *self);
