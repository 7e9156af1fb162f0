#pragma once
/* checked.h -- values with a checksum (CRC32C) of their key and themselves behind them: LMDB's
 * pages have none, and what rotted on the disk would be a wrong answer.
 *
 * All tables of the index are made of them, but for posting lists and what "meta" holds, which have
 * checksums of their own.
 *
 * Threads  As the transaction. Errors  CORRUPT: not what was written; those of kv.h */

#include "storage/kv.h"

enum { CHECKED_SIZE = 4 };

/* Writes the checksum of the first `size` bytes behind them: the room has CHECKED_SIZE more. */
void checked_seal(str_t key, char *room, size_t size);
/* The value without its checksum; borrows `bytes`. */
err_t checked_open(str_t key, str_t bytes, str_t *out_value);

/* NOT_FOUND */
err_t checked_get(const kv_tx_t *tx, kv_table_t table, str_t key, str_t *out_value);
/* CORRUPT, too, when it is not there. */
err_t checked_get_known(const kv_tx_t *tx, kv_table_t table, str_t key, str_t *out_value);
err_t checked_put(const kv_tx_t *tx, kv_table_t table, str_t key, str_t value);
