#pragma once
/* state_store_lmdb.h -- a state store (runtime/state_store.h) in a lazy LMDB environment of its
 * own: memory-mapped, so what sleeps there needs no memory that the kernel could not have back.
 *
 * A write waits for the writer before it, so put, take and remove go to the offload pool; `has` is
 * a read. The environment is emptied when it is opened: what slept in an earlier run is gone.
 *
 * Threads  Any. Errors  As kv.h. */

#include "runtime/state_store.h"

err_t state_store_lmdb_open(const char *path, state_store_t **out_store);
/* Values may be `more` bytes over STATE_STORE_VALUE_MAX: for a store around it that adds to them.
 */
void state_store_lmdb_allow(state_store_t *store, size_t more);
/* NULL is fine. Nobody uses it any more. */
void state_store_lmdb_close(state_store_t *store);
