#pragma once
/* entry.h -- a document as it is ranked, as bytes: a head of fixed size and the folded texts.
 *
 * Limits   A title, an artist, an album: ENTRY_TEXT_SIZE_MAX bytes; `others` twice as many.
 * Threads  None: pure functions. Errors  CORRUPT: not what was written. */

#include "runtime/base/buf.h"
#include "storage/search/index/search_read.h"

enum { ENTRY_HEAD_SIZE = 20, ENTRY_TEXT_SIZE_MAX = 1024 };

/* Writes the ENTRY_HEAD_SIZE bytes of a head; the texts go behind it: title, artist, album, others.
 * added_at_ms is kept elsewhere: it is not in there. */
void entry_write_head(char *room, const search_entry_t *entry);
void entry_set_popularity(char *bytes, uint32_t popularity);
/* The whole of `bytes`; strings borrow it. added_at_ms becomes 0. */
err_t entry_read(str_t bytes, search_entry_t *out_entry);
/* How long the entry is that `bytes` start with. */
err_t entry_size(str_t bytes, size_t *out_size);
