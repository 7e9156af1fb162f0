#pragma once
/* far_blob.h -- covers and lyrics that a scan made on another node: fetched from there when they
 * are first asked for, and kept in this node's folder. With a bucket all nodes have the same, and
 * nothing is fetched.
 *
 * Threads  An offload thread. */

#include "gateway/api.h"

/* As blob_open and blob_get; NOT_FOUND: on none of the nodes that were asked. area: "artwork",
 * "lyrics". */
err_t far_blob_open(const api_t *api, const char *area, str_t hash, str_t variant, int *out_fd,
                    uint64_t *out_size);
err_t far_blob_get(const api_t *api, const char *area, str_t hash, buf_t *out);
