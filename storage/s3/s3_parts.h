#pragma once
/* s3_parts.h -- an upload in parts: begun, its parts sent, completed or taken back.
 *
 * Threads  Any.  Errors  Those of the wire; after one no part of it is left, where the server could
 * still be told so. */

#include "storage/s3/s3_wire.h"

err_t s3_parts_put(s3_wire_t *wire, str_t key, str_t content, size_t part_size);
/* Takes back every upload below `prefix` (whole, with the address') begun before before_ms. */
err_t s3_parts_tidy(s3_wire_t *wire, const s3_address_t *address, int64_t before_ms,
                    uint64_t *out_count);
