#pragma once
/* s3_store.h -- a blob store in a bucket (s3_address.h), over s3_wire.h. A blob is an object;
 * larger ones go in parts, several at once, and what an upload that failed has left is taken back,
 * at once or by tidy.
 *
 * Threads, errors  As blob_store.h, and those of the wire. */

#include "storage/s3/s3_wire.h"

enum {
    S3_PART_SIZE = 8 * 1024 * 1024,      /* the protocol's least is 5 MiB, but for the last */
    S3_MULTIPART_MIN = 2 * S3_PART_SIZE, /* from this size on */
    S3_PARTS_MAX = BLOB_SIZE_MAX / S3_PART_SIZE,
};

typedef struct s3_store_options {
    s3_wire_options_t wire;
    size_t part_size; /* 0: S3_PART_SIZE; at least BLOB_SIZE_MAX / 1000 */
} s3_store_options_t;

err_t s3_store_open(const s3_store_options_t *options, blob_store_t **out_store);
