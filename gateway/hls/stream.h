#pragma once
/* stream.h -- what the handlers of this folder share: who may fetch which track, and answering with
 * a file that is opened off the loop. */

#include "gateway/api.h"
#include "media/protocol/segments.h"

/* A request for a track's sound that may be answered. */
typedef struct stream {
    uint64_t track_id;
    str_t track, rendition; /* as in the path */
    int64_t expires_at_ms, now_ms;
} stream_t;

/* Checks that the token is signed for this rendition; on false the request is answered. */
bool stream_admit(http_request_t *request, str_t rendition, stream_t *out_stream);
/* The track, its strings in the request's arena. On false the request is answered. */
bool stream_track(http_request_t *request, const stream_t *stream, catalog_track_t *out_track);
segment_source_t stream_source(const catalog_track_t *track);
/* "public, max-age=N, immutable", with what is left of the token's life. */
str_t stream_cache_control(http_request_t *request, const stream_t *stream);
void stream_allow_any_origin(http_request_t *request);

/* Opens on the offload pool, then answers with the file. `open_fn` runs there: it may use what
 * `data` leads to, and nothing of the request. Header lines that were added stay. */
typedef struct stream_file {
    http_request_t *request;
    err_t (*open)(struct stream_file *self); /* sets fd and size, may set file.etag */
    const char *path;
    str_t name; /* in the segment cache, or of the blob */
    str_t variant;
    segment_cache_t *segments;
    const api_t *api; /* of a cover */
    int fd;
    uint64_t size;
    char etag[64];    /* room for an open function that makes one */
    http_file_t file; /* all but fd and size */
} stream_file_t;
void stream_send(const stream_file_t *file);
