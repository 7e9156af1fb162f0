#pragma once
/* link.h -- the links of a node to the others: a full mesh over ZeroMQ with CURVE.
 *
 * To each peer there are two lanes, each a connection of its own, so that control never waits
 * behind data. On a lane messages arrive in the order in which they were accepted, each once, while
 * both nodes live and know each other: frames are numbered, kept until they are acknowledged, and
 * sent again after a break. What was accepted and is not known to have arrived when a peer is
 * removed, or the links are stopped, is reported as lost.
 *
 * Many messages share a frame: what is sent while the lane is busy goes with the next one, and one
 * that is not full waits `linger_us` after the last at most. Large messages travel in pieces.
 *
 * Who may connect: the keys of the peers (ZAP), who then proves that it knows the cluster's key and
 * is the node that it says. What may come: link_types.def.
 *
 * Bounds  Once `queue_bytes_max` wait for a peer on a lane: BUSY, the sender's policy decides. On
 * the way and not acknowledged: LINK_WINDOW_*.
 * Ownership  Payloads are copied, or encoded in place. What is received is borrowed from the frame
 * until the handler returns.
 * Threads  One of the links owns all sockets and calls all callbacks; these never block. The
 * functions: any thread, callbacks included (not mesh_stop), and none of them blocks, either.
 * The wire: frame.h. */

#include "cluster/link/cluster_key.h"
#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

typedef struct mesh mesh_t;
typedef struct mesh_link mesh_link_t; /* to one peer */

enum {
    LINK_PEERS_MAX = 1024,
    LINK_ADDRESS_SIZE = 72,
    LINK_MESSAGE_SIZE_MAX = 65 * 1024 * 1024, /* 64 MiB, and what its owner writes before it */
    LINK_CONTROL_SIZE_MAX = 64 * 1024,        /* of a message on the control lane */
    LINK_FRAME_SIZE = 32 * 1024,              /* a frame of that size is full */
    LINK_PIECE_SIZE = 64 * 1024,              /* a larger message travels in pieces */
    LINK_WINDOW_BYTES = 4 * 1024 * 1024,
    LINK_WINDOW_FRAMES = 512,
    LINK_QUEUE_BYTES_USUAL = 16 * 1024 * 1024,
    LINK_OWED_FACTOR = 4,
    LINK_LINGER_US_USUAL = 50,
    LINK_SPIN_US_USUAL = 100,
    LINK_HEARTBEAT_MS_USUAL = 1000,
};

typedef enum link_lane { LINK_CONTROL, LINK_DATA } link_lane_t;
enum { LINK_LANES = 2, LINK_ON_CONTROL = 1 << LINK_CONTROL, LINK_ON_DATA = 1 << LINK_DATA };

typedef enum link_type {
#define LINK_TYPE(name, number, lanes, size_max) LINK_##name = number,
#include "cluster/link/link_types.def"
#undef LINK_TYPE
    LINK_TYPES = 32 /* numbers are below */
} link_type_t;

typedef struct link_message {
    uint64_t from; /* the node */
    link_lane_t lane;
    link_type_t type;
    str_t payload;
} link_message_t;

typedef struct link_handler {
    void (*received)(void *context, const link_message_t *message);
    void *context;
} link_handler_t;

typedef struct link_loss {
    uint64_t node;
    link_lane_t lane;
    uint64_t messages, bytes; /* accepted, and not known to have arrived */
} link_loss_t;

/* May be NULL each. */
typedef struct link_events {
    /* Both lanes reach it, again. */
    void (*up)(void *context, uint64_t node);
    /* A connection broke, or it was removed. What is sent waits. */
    void (*down)(void *context, uint64_t node);
    void (*lost)(void *context, const link_loss_t *loss);
    /* All that could be read was handled: for who gathers work and wakes once. */
    void (*settled)(void *context);
    void *context;
} link_events_t;

typedef struct mesh_options {
    uint64_t node;      /* one start of one node; not 0 */
    const char *listen; /* HOST:PORT, HOST an address of this machine or *; port 0: a free one */
    link_keys_t keys;   /* CURVE, of this start */
    cluster_keys_t cluster_keys;
    link_handler_t handlers[LINK_TYPES]; /* by type; what has none is refused */
    link_events_t events;
    ms_clock_t clock;
    const ms_log_t *log; /* may be NULL */
    /* 0: the usual */
    size_t queue_bytes_max;
    uint32_t linger_us, spin_us, heartbeat_ms;
} mesh_options_t;

typedef struct link_peer {
    uint64_t node;
    char address[LINK_ADDRESS_SIZE]; /* host:port, terminated */
    uint8_t public_key[LINK_KEY_SIZE];
} link_peer_t;

/* The node listens when it returns.
 *   INVALID       no node, no address, no cluster key
 *   CONFLICT      somebody else listens there
 *   UNAVAILABLE   this machine has no such address
 *   NO_MEMORY, IO */
err_t mesh_start(const mesh_options_t *options, mesh_t **out_mesh);
/* Sends what waits, `flush_ms` at most; then reports what is lost, and ends. Takes *mesh;
 * references to peers may be given back before or after. */
void mesh_stop(mesh_t **mesh, uint64_t flush_ms);
/* host:port that it listens at, with the port that was chosen; borrowed. */
const char *mesh_address(const mesh_t *self);

/* The peers are these from now on (oneself among them is skipped): who is new is connected to and
 * let in, who is missing is not any more. A node never comes back under its number, nor with
 * another key; another address is taken. All or nothing: LIMIT; NO_MEMORY; INVALID: a node twice,
 * no address */
err_t mesh_set_peers(mesh_t *self, const link_peer_t *peers, size_t count);

/* ---- sending ----
 * All of them:
 *   BUSY          too much waits for that peer on that lane; nothing was sent
 *   NOT_FOUND     no such peer (any more)
 *   LIMIT         larger than the type or the lane allows
 *   INVALID       not a type for this lane
 *   NO_MEMORY */

typedef struct link_way {
    link_lane_t lane;
    link_type_t type;
    /* An answer or a signal, of which there are no more than were asked for: refused only past
     * LINK_OWED_FACTOR times the bound. */
    bool is_owed;
} link_way_t;

/* Appends a message to *out, where it goes on its way from, and nothing else: a lock is held. Is
 * called a second time, without the lock, where the message is larger than LINK_PIECE_SIZE: what it
 * wrote at first was thrown away. An error gives back what was written, and is the caller's result.
 */
typedef err_t link_write_fn(void *context, buf_t *out);

/* A reference, for who sends often; NULL: no such peer. */
mesh_link_t *mesh_find(mesh_t *self, uint64_t node);
void mesh_link_unref(mesh_link_t *link); /* NULL is fine */
uint64_t mesh_link_node(const mesh_link_t *link);
bool mesh_link_is_up(const mesh_link_t *link);
err_t mesh_link_send(mesh_link_t *link, link_way_t way, str_t payload);
err_t mesh_link_write(mesh_link_t *link, link_way_t way, link_write_fn *write, void *context);

/* The same by number. */
err_t mesh_send(mesh_t *self, uint64_t node, link_way_t way, str_t payload);
err_t mesh_write(mesh_t *self, uint64_t node, link_way_t way, link_write_fn *write, void *context);

/* ---- looking ---- */

typedef struct link_lane_stats {
    uint64_t sent_messages, sent_bytes, sent_frames; /* bytes: of payloads */
    uint64_t received_messages, received_bytes, received_frames;
    uint64_t waiting_bytes;  /* not sent yet */
    uint64_t unacknowledged; /* frames */
    /* It can't be reached, or has not acknowledged what was sent, and said nothing for so long. */
    uint64_t quiet_ms;
    uint64_t busy;          /* messages that were refused for want of room */
    uint64_t resent_frames; /* after a break, or nothing was heard of them for long */
    uint64_t gaps,
        repeats;      /* frames that came too early, and once more: none was handed on twice */
    uint64_t refused; /* messages received that no handler takes, or that are no messages */
} link_lane_stats_t;

typedef struct link_stats {
    uint64_t node;
    bool is_up;
    uint64_t breaks;   /* how often it went down */
    uint64_t round_us; /* there and back, smoothed; 0: not known yet */
    link_lane_stats_t lanes[LINK_LANES];
} link_stats_t;

typedef struct mesh_stats {
    uint64_t strangers;    /* connections with a key that is no peer's */
    uint64_t unproved;     /* greetings that did not prove who sends them */
    uint64_t garbage;      /* frames that are none */
    uint64_t lost;         /* messages that were reported as lost, of peers that were removed */
    uint64_t wakes, spins; /* of the thread: from sleep, and what came while it looked on before */
    uint64_t spun_us;      /* that it looked on */
} mesh_stats_t;

/* How many peers there are; up to `count` of them, ascending by node, in `out`. */
size_t mesh_peer_stats(mesh_t *self, link_stats_t *out, size_t count);
void mesh_stats(const mesh_t *self, mesh_stats_t *out);
