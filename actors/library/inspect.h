#pragma once
/* inspect.h -- what `musicstream inspect FILE` says: the tags seen, the album the file goes to and
 * why, and what it would be recognised by after a move or a new encoding.
 *
 * Threads  None: pure. Errors  Through the buffer; NO_MEMORY shows as a text that ends early. */

#include "media/protocol/media.h"
#include "runtime/base/buf.h"

void inspect_append(const media_file_t *file, str_t path, buf_t *out);
