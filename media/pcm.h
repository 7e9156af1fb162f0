#pragma once
/* pcm.h -- a file's sound as samples in one form and rate, from any sample on.
 *
 * Sample 0 is the first that is heard: the encoder's delay is taken off. Starting at sample n gives
 * the same samples as reading there from 0: decoding begins PCM_PREROLL_MS earlier (bit reservoir,
 * overlap, filters) and resampling on a grid that both rates share. Where a container's clock is
 * coarser than a sample, reading starts at 0 whatever was asked. After the end comes silence, as
 * after damage that lasts.
 *
 * Ownership  Borrows the descriptor. Threads    None.
 * Errors     UNSUPPORTED no decoder; INVALID nothing in it can be decoded; NO_MEMORY. */

#include "media/av_input.h"

#include <libavutil/audio_fifo.h>
#include <libswresample/swresample.h>

enum { PCM_PREROLL_MS = 400, PCM_PACKETS_BAD_MAX = 256 };

typedef struct pcm_form {
    enum AVSampleFormat format;
    uint32_t sample_rate, channels; /* 0: as the source */
} pcm_form_t;

typedef struct pcm {
    pcm_form_t form;
    av_input_t input;
    AVStream *stream;
    AVCodecContext *decoder;
    SwrContext *converter;
    AVAudioFifo *fifo; /* in the wanted form */
    AVPacket *packet;
    AVFrame *frame, *converted;
    int64_t origin;    /* of the stream's clock, at sample 0 */
    int64_t position;  /* of the frame at hand, in source samples; before 0 lies the delay */
    uint64_t skip_in;  /* source samples before this one are dropped */
    uint64_t skip_out; /* then so many of the output */
    uint32_t bad_packets;
    bool is_ended, may_seek;
} pcm_t;

err_t pcm_open(pcm_t *self, int fd, const char *name, const pcm_form_t *form, uint64_t start);
void pcm_close(pcm_t *self);
#define PCM_SCOPED SCOPED(pcm_close)
/* Whether decoding from the middle gives the same bits, not only the same sound (AAC's noise and
 * Opus' slow filters do not). */
bool pcm_is_exact(const pcm_t *self);
/* The next `count` samples into planes of that room (one, where the form is interleaved). */
err_t pcm_read(pcm_t *self, void *const *planes, uint32_t count);
/* Up to `count`; *out_count less only at the end. */
err_t pcm_read_some(pcm_t *self, void *const *planes, uint32_t count, uint32_t *out_count);
