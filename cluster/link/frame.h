#pragma once
/* frame.h -- the wire form of what goes over a link, and its reader.
 *
 * A frame is one ZeroMQ message. Numbers are little-endian.
 *
 *     0 u8[2] "ML"   2 u8 version   3 u8 kind   4 u32 count   8 u64 seq   16 the rest
 *
 * From who sends (DEALER) to who receives (ROUTER), on a connection of one lane:
 *     HELLO   count: lane. seq: of the oldest frame that it has still, or the next one.
 *             u64 from, u64 to, u64 session, u64 number, u8[32] proof
 *     BATCH   count messages: u32 (type << 24 | size), its bytes
 *     PIECE   of one message: count is its size. u32 type, u32 offset, bytes. Its pieces follow
 *             each other; the last one ends it.
 * Back:
 *     WELCOME seq: the newest frame of that session that it has. u64 number, u8[32] proof
 *     ACK     seq: it has all up to this. count: microseconds since it has
 *     WHO     there was no greeting on this connection that is good still
 *
 * BATCH and PIECE are numbered from 1 in a session, without holes: what comes twice is dropped,
 * what comes too early is, too, and asked for again with a WHO. A session is one stream of frames
 * from one node to another on a lane, however many connections it takes; its number is drawn at
 * random.
 *
 * Everything that is read here came from outside: nothing of it is believed before it is checked.
 *
 * Ownership  What is read is borrowed. Threads  None. */

#include "cluster/link/link.h"

enum {
    FRAME_VERSION = 1,
    FRAME_HEAD_SIZE = 16,
    FRAME_RECORD_SIZE = 4,
    FRAME_PIECE_HEAD_SIZE = FRAME_HEAD_SIZE + 8,
    FRAME_PROOF_SIZE = 32,
    FRAME_HELLO_SIZE = FRAME_HEAD_SIZE + 32 + FRAME_PROOF_SIZE,
    FRAME_WELCOME_SIZE = FRAME_HEAD_SIZE + 8 + FRAME_PROOF_SIZE,
    /* Nothing that is sent is larger: a batch that is almost full, and one message more. */
    FRAME_SIZE_MAX = FRAME_HEAD_SIZE + LINK_FRAME_SIZE + FRAME_RECORD_SIZE + LINK_PIECE_SIZE,
};

typedef enum frame_kind {
    FRAME_HELLO = 1,
    FRAME_BATCH,
    FRAME_PIECE,
    FRAME_WELCOME,
    FRAME_ACK,
    FRAME_WHO,
} frame_kind_t;

typedef struct frame {
    frame_kind_t kind;
    uint32_t count;
    uint64_t seq;
    str_t body; /* what follows the head */
} frame_t;

/* INVALID: too short, too long, another version or kind, or not of its kind's size. */
err_t frame_read(str_t bytes, frame_t *out);
/* Over what frame_read would read. */
void frame_head(uint8_t out[FRAME_HEAD_SIZE], frame_kind_t kind, uint32_t count, uint64_t seq);

typedef struct frame_record {
    uint32_t type; /* not checked */
    str_t bytes;
} frame_record_t;

/* Takes the next one off a BATCH's rest. NOT_FOUND: that was all; INVALID: it does not end well. */
err_t frame_next(str_t *rest, frame_record_t *out);
/* Over FRAME_RECORD_SIZE bytes. */
void frame_record(char *out, uint32_t type, size_t size);

typedef struct frame_piece {
    uint32_t type, offset;
    str_t bytes;
} frame_piece_t;
/* INVALID: no bytes, or past the end of the message. */
err_t frame_piece(const frame_t *frame, frame_piece_t *out);

/* How large a message of that type may be on that lane; 0: it may not go there. */
size_t frame_size_max(uint32_t type, link_lane_t lane);

static inline uint32_t frame_u32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t frame_u64(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}
