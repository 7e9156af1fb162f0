#pragma once
/* channel.h -- frames with file descriptors over a stream socket pair: node and worker process.
 *
 * A frame is a header of CHANNEL_HEADER_SIZE bytes, little-endian, then the payload:
 *     0 u32 magic   4 u32 payload size   8 u32 id   12 u16 kind   14 u8 flags   15 u8 descriptors
 * Its descriptors travel as SCM_RIGHTS with the first bytes of the frame. The kernel hands them
 * over no later than that byte and in order, so the reader keeps a queue of them and each frame
 * takes as many as its header says. A reader that met a wrong magic, a bound or a missing
 * descriptor is broken for good: the peer is to be replaced.
 *
 * Ownership  A reader owns descriptors until channel_take_fds; a writer only borrows them until
 * they are sent. Threads    None. Errors     INVALID broken framing; LIMIT a payload over
 * CHANNEL_PAYLOAD_MAX; IO; UNAVAILABLE the peer closed. */

#include "runtime/base/buf.h"

API_BEGIN

enum {
    CHANNEL_HEADER_SIZE = 16,
    CHANNEL_PAYLOAD_MAX = 48 * 1024 * 1024,
    CHANNEL_FDS_MAX = 64, /* in one frame */
    CHANNEL_MAGIC = 0x314d574d,
    CHANNEL_FLAG_PART = 1 /* more answers to this request follow */
};

typedef struct channel_frame {
    uint32_t id;
    uint16_t kind;
    uint8_t flags;
    uint8_t fd_count;
    str_t payload;
} channel_frame_t;

/* ---- reading ---- */

typedef struct channel_reader {
    buf_t bytes;
    int fds[2 * CHANNEL_FDS_MAX];
    uint32_t fd_count;
    size_t taken; /* bytes of the frame handed out last, dropped at the next call */
    err_t broken;
} channel_reader_t;

void channel_reader_deinit(channel_reader_t *self); /* closes the descriptors nobody took */
/* Gives the reader bytes and descriptors; takes the descriptors, whatever happens. */
err_t channel_reader_push(channel_reader_t *self, str_t bytes, const int *fds, size_t fd_count);
/* The next whole frame, its payload borrowed until the next call of next, push or receive. False:
 * not there yet, or broken (*out_err says which). */
bool channel_reader_next(channel_reader_t *self, channel_frame_t *out_frame, err_t *out_err);
/* Moves the frame's descriptors to the caller, who closes them. The caller of next must do this for
 * every frame with fd_count > 0, before the next call. */
void channel_take_fds(channel_reader_t *self, const channel_frame_t *frame,
                      int out_fds[CHANNEL_FDS_MAX]);
/* One recvmsg from the socket into the reader. BUSY: a non-blocking socket has nothing;
 * UNAVAILABLE: end of stream. */
err_t channel_receive(channel_reader_t *self, int socket);

/* ---- writing ---- */

/* Appends header and payload to *out. LIMIT: payload or descriptors over the bounds. */
err_t channel_encode(buf_t *out, const channel_frame_t *frame);
/* One sendmsg of encoded bytes; the descriptors go with the first byte (pass none when going on
 * after a partial send). *out_sent > 0 on success. BUSY: the socket is full. */
err_t channel_send_some(int socket, str_t bytes, const int *fds, size_t fd_count, size_t *out_sent);
/* The whole frame on a blocking socket. */
err_t channel_send(int socket, const channel_frame_t *frame, const int *fds);

API_END
