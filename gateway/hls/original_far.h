#pragma once
/* original_far.h -- a track's file that is on another node (original.h). */

#include "gateway/hls/stream.h"

enum { ORIGINAL_ETAG_SIZE = 48 };

/* Answers, now or later. track: in the request's arena. */
void original_far_serve(http_request_t *request, const stream_t *stream,
                        const catalog_track_t *track, str_t content_type);

/* The same whichever node the file is read on. */
str_t original_etag(uint64_t version, uint64_t size, char room[ORIGINAL_ETAG_SIZE]);
