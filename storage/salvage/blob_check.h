#pragma once
/* blob_check.h -- the scrub of a blob folder: each file whose name is a hash is read and compared.
 * A cover's other sizes have no checksum, and are left alone.
 *
 * Threads  Any. Errors  IO, FORBIDDEN, NO_MEMORY. */

#include "runtime/base/error.h"

/* path: the folder; one that is missing is fine. damaged: told each file's path. */
err_t blob_check(const char *path, void (*damaged)(void *context, const char *path), void *context,
                 uint64_t *out_count);
