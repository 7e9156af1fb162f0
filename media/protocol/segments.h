#pragma once
/* segments.h -- how a rendition of a track is cut, from numbers alone: no encoding, no file.
 *
 * A rendition is a row of coded frames of `frame_samples` each. The first `priming_samples` decoded
 * samples are the encoder's delay and the last `padding_samples` fill the last frame up; what lies
 * between is the track, to the sample. Segment k covers the frames [frame_begin, frame_end); no
 * frame is cut or shortened, also not the last (only FLAC's last frame is as short as the track
 * ends, so FLAC has neither priming nor padding). Segment 0 is about SEGMENT_FIRST_MS long, the
 * others about SEGMENT_MS; a tail under SEGMENT_TAIL_MS joins the segment before it. All AAC
 * renditions of a track are cut at the same places, so a player may switch between them.
 *
 * Threads  None: pure functions.
 * Errors   UNSUPPORTED: a rate, channel or bit count that no rendition can carry; INVALID: no
 * samples; LIMIT: longer than SEGMENTS_MAX. */

#include "runtime/base/buf.h"

enum {
    SEGMENT_FIRST_MS = 1000,
    SEGMENT_MS = 4000,
    SEGMENT_TAIL_MS = 500,
    SEGMENTS_MAX = 65536, /* 72 hours */
    AAC_FRAME_SAMPLES = 1024,
    AAC_PRIMING_SAMPLES = 1024, /* of libavcodec's native encoder */
    FLAC_FRAME_SAMPLES = 4096
};

typedef enum rendition {
    RENDITION_AAC_64,
    RENDITION_AAC_128,
    RENDITION_AAC_256,
    RENDITION_FLAC,
    RENDITION_COUNT
} rendition_t;

/* "aac64", "aac128", "aac256", "flac": as in URLs. NOT_FOUND. */
const char *rendition_name(rendition_t rendition);
err_t rendition_from_name(str_t name, rendition_t *out_rendition);
/* Of RFC 6381, for CODECS= in a playlist: "mp4a.40.2", "fLaC". */
const char *rendition_codecs(rendition_t rendition);
/* For BANDWIDTH=, bit/s with packaging. Lossless is what the source's PCM would take at most. */
uint32_t rendition_bandwidth(rendition_t rendition, uint32_t sample_rate, uint32_t channels,
                             uint32_t bits);

/* What the probe says of a source. */
typedef struct segment_source {
    uint32_t sample_rate, channels, bits; /* bits 0: lossy */
    uint64_t total_samples;
} segment_source_t;

typedef struct segment_plan {
    rendition_t rendition;
    uint32_t sample_rate; /* of the rendition: AAC is 44.1 or 48 kHz, FLAC as the source */
    uint32_t channels;    /* AAC: at most 2 */
    uint32_t bits;        /* of FLAC: 16 or 24 */
    uint32_t bit_rate;    /* asked of the encoder; 0: lossless */
    uint32_t frame_samples, priming_samples, padding_samples;
    uint64_t total_samples; /* of the track at the rendition's rate */
    uint64_t frame_count;
    uint32_t first_frames, next_frames; /* frames in segment 0; in the others */
    uint32_t segment_count;
} segment_plan_t;

typedef struct segment {
    uint64_t frame_begin, frame_end;
    uint64_t start_samples; /* frame_begin * frame_samples: the tfdt, in units of the sample rate */
    uint64_t duration_samples; /* whole frames */
} segment_t;

err_t segment_plan(rendition_t rendition, const segment_source_t *source, segment_plan_t *out_plan);
segment_t segment_at(const segment_plan_t *plan, uint32_t index); /* index < segment_count */
/* The segment in which sample `sample` of the track (priming not counted) starts to be heard. */
uint32_t segment_find(const segment_plan_t *plan, uint64_t sample);
/* For #EXTINF and EXT-X-TARGETDURATION. */
double segment_seconds(const segment_plan_t *plan, uint32_t index);
uint32_t segment_target_seconds(const segment_plan_t *plan);
