#pragma once
/* encode.h -- segments of a rendition, from a source file.
 *
 * Each segment is a pure function of (source, rendition, index): its encoder starts
 * ENCODE_PREROLL_FRAMES early (over 100 ms) with sound that is dropped again, and sees the sound
 * behind its end. So a segment is the same bytes whoever asks in whatever order, and every join is
 * one between two encoders that heard the same sound around it. The sound is decoded once a run.
 *
 * Threads  None. Errors   See pcm.h and segments.h; FULL, IO: writing an output failed. */

#include "media/protocol/media.h"
#include "media/protocol/segments.h"

enum { ENCODE_PREROLL_FRAMES = 8, ENCODE_SEGMENT_SIZE_MAX = 32 * 1024 * 1024 };

typedef err_t (*encode_done_fn)(void *context, uint32_t index, uint64_t size);

/* outputs: request->count descriptors. `done` is called after each one is written; an error of it
 * ends the run. */
err_t encode_run(const media_encode_t *request, int source, const int *outputs, encode_done_fn done,
                 void *context);
