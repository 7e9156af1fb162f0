#pragma once
/* inbound.h -- the receiving half of a lane: frames in, messages out, each once and in order. No
 * sockets: who has one is told what to answer.
 *
 * Ownership  It owns the large message that is being put together. Threads  None: one. */

#include "cluster/link/frame.h"

#include <stdatomic.h>

enum {
    INBOUND_ACK_FRAMES = LINK_WINDOW_FRAMES / 4, /* that come before they are acknowledged, */
    INBOUND_ACK_BYTES = LINK_WINDOW_BYTES / 4,   /* at most, */
    INBOUND_ACK_MS = 5,                          /* or so long after the first one */
    INBOUND_WHO_MS = 50,                         /* a hole is complained about once in that time */
};

typedef struct inbound {
    uint64_t from;
    link_lane_t lane;
    const link_handler_t *handlers; /* of LINK_TYPES; borrowed */
    uint64_t session;               /* 0: none yet */
    uint64_t seq;                   /* it has all up to this */
    uint64_t acked;
    size_t unacked_bytes;
    uint64_t unacked_since_ns;
    uint64_t newest_ns; /* when the frame `seq` came */
    uint64_t who_ns;    /* when it complained last */
    /* A large message, so far. */
    char *large;
    uint32_t large_type, large_size, large_filled;
    bool is_large_refused; /* its pieces are counted and dropped */
    /* Counted. */
    atomic_uint_least64_t messages, bytes, frames, gaps, repeats, refused;
} inbound_t;

typedef enum inbound_verdict {
    INBOUND_TAKEN,
    INBOUND_REPEAT, /* had it: acknowledge again */
    INBOUND_GAP,    /* something is missing before it, or memory for it: WHO */
} inbound_verdict_t;

void inbound_init(inbound_t *self, uint64_t from, link_lane_t lane,
                  const link_handler_t handlers[LINK_TYPES]);
void inbound_deinit(inbound_t *self);

/* A greeting, proved: what it has of that session, for the WELCOME. */
uint64_t inbound_greeted(inbound_t *self, uint64_t session, uint64_t oldest);
/* A BATCH or PIECE; hands on what is whole. */
inbound_verdict_t inbound_take(inbound_t *self, const frame_t *frame, uint64_t now_ns);
/* Whether an ACK of `seq` is to be sent now; else when (UINT64_MAX: nothing to acknowledge). */
bool inbound_ack_due(const inbound_t *self, uint64_t now_ns, uint64_t *out_due_ns);
void inbound_acked(inbound_t *self);
/* How long ago the frame came that an ACK speaks of, as it says. */
uint32_t inbound_kept_us(const inbound_t *self, uint64_t now_ns);
/* Whether to complain about a hole now: not for each frame behind it. */
bool inbound_complains(inbound_t *self, uint64_t now_ns);
