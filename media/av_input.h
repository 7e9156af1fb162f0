#pragma once
/* av_input.h -- an untrusted file opened with libavformat through its descriptor alone.
 *
 * Nothing else can be opened: the format list is closed, io_open refuses, one thread.
 *
 * Ownership  Borrows the descriptor; does not move its offset. Threads    None. */

#include "runtime/base/str.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

enum {
    AV_INPUT_IO_SIZE = 64 * 1024,
    AV_INPUT_PROBE_SIZE = 1024 * 1024,
    AV_INPUT_STREAMS_MAX = 32,
    AV_INPUT_OPEN_SIZE_MAX =
        40 * 1024 * 1024 /* read until the stream is known: a cover, and more */
};

typedef struct av_input {
    int fd;
    int64_t at, size;
    int64_t budget; /* bytes that may still be read; av_input_unbind lifts it */
    AVIOContext *io;
    AVFormatContext *format;
} av_input_t;

/* UNSUPPORTED: no known format; INVALID: damaged; NO_MEMORY. */
err_t av_input_open(av_input_t *self, int fd, const char *name);
void av_input_close(av_input_t *self);
#define AV_INPUT_SCOPED SCOPED(av_input_close)
/* The first audio stream, with its parameters (reads packets only when `needs_all` and something is
 * missing). NULL: there is none. */
AVStream *av_input_audio(av_input_t *self, bool needs_all);
/* From here on the file is decoded, and may be read to its end. */
void av_input_unbind(av_input_t *self);
err_t err_from_av(int code);
