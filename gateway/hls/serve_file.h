#pragma once
/* serve_file.h -- files of the disk as answers: opened on an offload thread, sent by sendfile. */

#include "gateway/http.h"

/* A file of the segment cache; strings live as long as the request. */
void serve_segment(http_request_t *request, str_t name, str_t cache_control);
/* The file that a track was scanned from, read in place. */
void serve_original(http_request_t *request, uint64_t track_id, int64_t left_s);
/* /artwork/HASH/SIZE: a handler. */
void serve_artwork(http_request_t *request);
