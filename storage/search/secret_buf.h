#pragma once
/* secret_buf.h -- buffers whose bytes are nobody's to find in memory that was given back: people's
 * words, on their way into an index that lies in memory only (names/name_index.h).
 *
 * A buf_t that grows leaves a copy behind, wherever the heap moved it from: so room is made here,
 * before each append, and what is left is overwritten.
 *
 * Threads  None. Errors  As buf_reserve: through buf_status. */

#include "runtime/base/buf.h"

/* Makes room for `more` bytes after size, as buf_reserve. */
void secret_buf_reserve(buf_t *self, size_t more);
void secret_buf_deinit(buf_t *self);
#define SECRET_BUF_SCOPED SCOPED(secret_buf_deinit)
