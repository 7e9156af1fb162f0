#pragma once
/* blob_look.h -- looks at a blob folder that no node uses: each file whose name is a hash is read
 * and compared, and nothing is changed. blob_scrub.h is what a node does about it.
 *
 * Threads  Any. Errors  IO, FORBIDDEN, NO_MEMORY. */

#include "runtime/base/error.h"

/* path: the folder; one that is missing is fine. damaged: told each file's path. */
err_t blob_look(const char *path, void (*damaged)(void *context, const char *path), void *context,
                uint64_t *out_count);
