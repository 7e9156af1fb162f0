#pragma once
/* vault_files.h -- a vault's store in a folder (0700): a file a subject (0600), written whole,
 * synced and renamed. The bytes of the file before are overwritten and synced then, so that they
 * are gone where the file system writes in place; where it does not (copy on write, the spare
 * blocks of an SSD) they are worth nothing without the master key. Who reads meanwhile has the
 * record from before or after; BUSY: it was replaced again and again while it was read.
 *
 * Threads, errors  As vault_store.h; one process. */

#include "storage/crypt/vault_store.h"

err_t vault_files_open(str_t directory, vault_store_t **out_store);
