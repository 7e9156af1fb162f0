#pragma once
/* index_terms.h -- the postings of the delta, which change one number at a time, and the base's
 * documents that are gone.
 *
 * A term's numbers are kept 256 to a key, so that one more rewrites a short value however common
 * the term is. What is gone is kept 65,536 to a key.
 *
 * Threads  As the transaction. Errors  CORRUPT, NO_MEMORY; writing: FULL, IO */

#include "storage/kv.h"

#include <roaring/roaring.h>

/* Adds a term's numbers to a bitmap; *work as search_read_t has it. */
err_t index_term_read(const kv_tx_t *tx, str_t term, roaring_bitmap_t *bitmap, uint64_t *work);
uint64_t index_term_count(const kv_tx_t *tx, str_t term, uint64_t *work);
/* *out_is_changed: it was not there before; it was. */
err_t index_term_add(const kv_tx_t *tx, str_t term, uint32_t number, bool *out_is_changed);
err_t index_term_remove(const kv_tx_t *tx, str_t term, uint32_t number, bool *out_is_changed);

/* NULL: none is. The caller's. */
err_t index_gone_read(const kv_tx_t *tx, roaring_bitmap_t **out_gone);
/* *out_is_new: it was not gone before. */
err_t index_gone_add(const kv_tx_t *tx, uint32_t number, bool *out_is_new);
