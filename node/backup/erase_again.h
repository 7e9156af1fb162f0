#pragma once
/* erase_again.h -- users who were erased after a backup was taken must not come back with it. A
 * restore puts tombstones in the place of their keys (storage/backup); what else belongs to an
 * erasure, their account, sessions and playlists, the node does when it first serves: from the list
 * DATA/erase-again, a user's id a line.
 *
 * Threads  find and keep: any. start: the loop's. */

#include "node/privacy/privacy_node.h"
#include "runtime/journal.h"
#include "storage/crypt/vault_store.h"

/* Users without a key whose account the journal does not have as erased. */
err_t erase_again_find(vault_store_t *store, journal_t *journal, buf_t *out_list,
                       uint64_t *out_count);
/* Nothing for an empty list. */
err_t erase_again_keep(const char *data, str_t list);
/* Puts what is listed among the erasures that were begun, then `done`, in any case. The list goes
 * when all are noted in the audit log; what is left of it, the next start does. */
void erase_again_start(master_rotation_t *self, void (*done)(master_rotation_t *self));
