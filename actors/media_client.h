#pragma once
/* media_client.h -- what services ask of the media workers, typed. In actors/ itself because
 * library and streaming both use it.
 *
 * Every call comes in two forms: with a `done` that runs on the pool's loop thread (keep it short:
 * send a message to the actor), and NAME_wait, which blocks: for offload threads only, never for
 * the loop's. Descriptors stay the caller's and must stay open until done.
 *
 * Ownership  What done is given is borrowed for the call; the _wait forms put it into the arena.
 * Threads    Any. Errors     Besides those of worker_pool_submit (through done, too): INTERNAL the
 * worker died of it, TIMEOUT it hung, and what the worker refuses with, always with a sentence in
 * `text`. */

#include "media/protocol/media.h"
#include "media/protocol/segments.h"
#include "runtime/workers/worker.h"

enum {
    MEDIA_PROBE_TIMEOUT_MS = 20000,
    MEDIA_PROBE_ONE_TIMEOUT_MS = 8000, /* a file alone, after its batch failed */
    MEDIA_ENCODE_TIMEOUT_MS = 15000,   /* a segment */
    MEDIA_LOUDNESS_TIMEOUT_MS = 240000,
    MEDIA_ARTWORK_TIMEOUT_MS = 15000
};

typedef struct media_client {
    worker_pool_t *pool;
} media_client_t;

typedef struct media_input {
    int fd;     /* read-only */
    str_t name; /* the file's name, for its ending */
} media_input_t;

/* Up to MEDIA_BATCH_MAX files: always one media_file_t a file, in order. When a worker dies or
 * hangs over a batch, its files are tried one by one, and the one that does it carries the reason.
 * err is not OK only when nothing could be asked (UNAVAILABLE, BUSY, CANCELLED, NO_MEMORY, LIMIT).
 */
typedef void (*media_probe_fn)(void *context, err_t err, const media_probed_t *probed);
err_t media_client_probe(const media_client_t *self, worker_lane_t lane,
                         const media_input_t *inputs, size_t count, media_probe_fn done,
                         void *context);
err_t media_client_probe_wait(const media_client_t *self, worker_lane_t lane,
                              const media_input_t *inputs, size_t count, arena_t *arena,
                              media_probed_t *out_probed);

typedef struct media_encode_job {
    media_input_t source;
    rendition_t rendition;
    segment_source_t format;      /* as probed */
    uint32_t first, count;        /* segments; count <= MEDIA_RUN_MAX */
    const int *outputs;           /* writable, empty files or memfds, one a segment */
    void (*began)(void *context); /* a worker has it. May be NULL */
} media_encode_job_t;

/* `segment` runs as soon as that one is wholly written. */
typedef void (*media_segment_fn)(void *context, uint32_t index, uint64_t size);
typedef void (*media_done_fn)(void *context, err_t err, str_t text);
err_t media_client_encode(const media_client_t *self, worker_lane_t lane,
                          const media_encode_job_t *job, media_segment_fn segment,
                          media_done_fn done, void *context);
err_t media_client_encode_wait(const media_client_t *self, worker_lane_t lane,
                               const media_encode_job_t *job, media_segment_fn segment,
                               void *context);

/* The tracks of one album (or one track) together; always in the background lane. */
typedef void (*media_loudness_fn)(void *context, err_t err,
                                  const media_loudness_measured_t *measured, str_t text);
err_t media_client_loudness(const media_client_t *self, const media_input_t *inputs, size_t count,
                            media_loudness_fn done, void *context);
err_t media_client_loudness_wait(const media_client_t *self, const media_input_t *inputs,
                                 size_t count, arena_t *arena,
                                 media_loudness_measured_t *out_measured);

typedef struct media_artwork_job {
    media_input_t source; /* an image, or with is_embedded an audio file */
    bool is_embedded;
    const uint64_t *sizes; /* longest side in pixels: each as WebP and as JPEG */
    uint32_t size_count;
} media_artwork_job_t;
typedef void (*media_artwork_fn)(void *context, err_t err, const media_artwork_made_t *made,
                                 str_t text);
err_t media_client_artwork(const media_client_t *self, worker_lane_t lane,
                           const media_artwork_job_t *job, media_artwork_fn done, void *context);
/* *out_reason (may be NULL): the sentence of an error, in the arena. */
err_t media_client_artwork_wait(const media_client_t *self, worker_lane_t lane,
                                const media_artwork_job_t *job, arena_t *arena,
                                media_artwork_made_t *out_made, str_t *out_reason);
