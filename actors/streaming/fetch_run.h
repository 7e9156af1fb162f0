#pragma once
/* fetch_run.h -- brings a row of segments from another node into the segment cache: from a node
 * that can read the track's folder, where they are made as they are asked for; or else from one
 * that keeps copies.
 *
 * fetch_run_start works on an offload thread, and waits there for each answer. It tells its actor
 * as encode_run does: begun, made for each segment, then ended, exactly once.
 *
 * Ownership  A run belongs to whoever is working on it and frees itself at its end. */

#include "actors/streaming/streaming.h"
#include "actors/streaming/transcode_rules.h"

typedef struct fetch_run fetch_run_t;

typedef struct fetch_run_options {
    const streaming_service_t *service;
    runtime_t *runtime;
    str_t key;       /* of the actor */
    uint64_t serial; /* what the actor calls this run */
    transcode_range_t range;
    str_t root;
    str_t name_prefix; /* of the segments in the cache, here and there: encode_run_name */
} fetch_run_options_t;

/* NULL: no memory. Strings are copied. */
fetch_run_t *fetch_run_new(const fetch_run_options_t *options);
void fetch_run_start(fetch_run_t *self);
/* For one that was never started. */
void fetch_run_free(fetch_run_t *self);

/* Of a segment, for piece_client.h: "/pieces/segment/PREFIX/INDEX". */
err_t fetch_run_target(str_t name_prefix, uint32_t index, bool is_cached_only, buf_t *out);
