#pragma once
/* encode_run.h -- one run of an encoder into the segment cache.
 *
 * encode_run_start works on an offload thread: it opens the source, reserves the files and hands
 * the job to the media workers. From there on the run tells its actor: transcode_begun when a
 * worker has it, transcode_made for each segment, once it can be read from the cache, then
 * transcode_ended, exactly once, whatever happens.
 *
 * Ownership  A run belongs to whoever is working on it and frees itself at its end. */

#include "actors/streaming/streaming.h"
#include "actors/streaming/transcode_rules.h"

typedef struct encode_run encode_run_t;

typedef struct encode_run_options {
    const streaming_service_t *service;
    runtime_t *runtime;
    str_t key;       /* of the actor */
    uint64_t serial; /* what the actor calls this run */
    transcode_range_t range;
    rendition_t rendition;
    segment_source_t format;
    str_t path;        /* of the source, whole */
    str_t name_prefix; /* of the segments in the cache: encode_run_name */
    bool is_urgent;    /* somebody waits */
} encode_run_options_t;

/* NULL: no memory. Strings are copied. */
encode_run_t *encode_run_new(const encode_run_options_t *options);
void encode_run_start(encode_run_t *self);
/* For one that was never started. */
void encode_run_free(encode_run_t *self);

/* "PREFIX/INDEX.m4s" */
err_t encode_run_name(str_t prefix, uint32_t index, buf_t *out);
