#pragma once
/* vault_move.h -- a vault's records from one store to another, wrapped as they are; nobody else
 * uses either meanwhile.
 *
 * The records are copied, VAULT_CHECK last: from then on the target is in use. Then VAULT_MOVED is
 * put into the source, so that nobody takes it for a new one, and its records are removed. Cut
 * short anywhere, the same call ends it; a tombstone on either side wins.
 *
 * Threads  One. Errors  Those of the stores. */

#include "storage/crypt/vault_store.h"

/* CONFLICT: the target holds keys of another installation; nothing of it was changed. Nothing to do
 * where the source was never used or all went already. */
err_t vault_move(vault_store_t *from, vault_store_t *to);
/* Its records went to another store. */
err_t vault_is_moved(vault_store_t *store, bool *out_is_moved);
