#pragma once
/* original.h -- the file of a track itself, by ranges: from the folder, or, where that is on
 * another node, piece by piece from there.
 *
 * A piece that was fetched is kept in the segment cache, as "TRACK/VERSION/original/NUMBER". While
 * a client takes its bytes, one piece and what waits in its connection are in memory. */

#include "gateway/http.h"

/* GET /audio/{token}/{track}/original */
void original_serve(http_request_t *request);

/* For an offload thread. version: piece_file_version of what was opened. UNAVAILABLE: it is gone,
 * or no plain file. */
err_t original_open(const char *path, int *out_fd, uint64_t *out_size, uint64_t *out_version);
