#pragma once
/* inspect.h -- what was read from a file, and what the library would group it by, as text for
 * people: pure.
 *
 * Threads  None. Errors  Through the buffer. */

#include "media/protocol/media.h"
#include "runtime/base/buf.h"

void inspect_append(const media_file_t *file, str_t path, buf_t *out);
