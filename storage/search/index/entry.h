#pragma once
/* entry.h -- a document as it is ranked, as bytes: a head of fixed size, the folded texts, and
 * behind them their sizes, a byte each where all of them are short.
 *
 * Limits   A title, an artist, an album: ENTRY_TEXT_SIZE_MAX bytes; `others` twice as many.
 * Threads  None: pure functions. Errors  CORRUPT: not what was written. */

#include "runtime/base/buf.h"
#include "storage/search/index/search_read.h"

enum { ENTRY_HEAD_SIZE = 12, ENTRY_SIZES_MAX = 8, ENTRY_TEXT_SIZE_MAX = 1024 };

/* Writes the ENTRY_HEAD_SIZE bytes of a head; the texts go behind it: title, artist, album, others;
 * then what entry_append_sizes appends. */
void entry_write_head(char *room, const search_entry_t *entry);
void entry_append_sizes(buf_t *out, const search_entry_t *entry);
void entry_set_popularity(char *bytes, uint32_t popularity);
/* The whole of `bytes`; strings borrow it. */
err_t entry_read(str_t bytes, search_entry_t *out_entry);
