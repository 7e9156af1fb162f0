#pragma once
/* storage_check.h -- reads all that lies in a data folder and names what is damaged: each record of
 * the journal, its index and snapshots, the catalog, covers and lyrics, keys. Environments are read
 * in a process of their own (worker.h).
 *
 * What is derived can be thrown away: a repair does that, and the next start builds it anew. The
 * journal, the keys, covers and lyrics it never touches.
 *
 * Threads  One, and the caller has no others; no node runs on the folder.
 * Errors   CORRUPT: something is damaged, and was told; the rest kept it from looking. */

#include "storage/crypt/aead.h"
#include "storage/crypt/vault_store.h"

typedef struct storage_check_options {
    const char *data;
    size_t map_size;
    bool has_journal;         /* false: it is in a database */
    bool is_repair;           /* removes what is derived and damaged */
    vault_store_t *keys;      /* in a database; NULL: those of the data folder, if it has some */
    const aead_key_t *master; /* NULL: whether the keys open is not looked at */
    void (*say)(void *context, const char *sentence);
    void *context;
} storage_check_options_t;

err_t storage_check(const storage_check_options_t *options);

/* Before a folder that was left without a goodbye is used: every page of its environments is read,
 * in processes of their own. What is derived and damaged is removed, and said. No record is looked
 * into: the scrub and `storage check` do. Uses data, map_size, has_journal, say and context.
 * CORRUPT: the journal; it was said. */
err_t storage_check_left(const storage_check_options_t *options);

/* The same of one environment that is derived, by its name: of what no checksum of LMDB's guards,
 * and nobody should end for, however it was left. */
err_t storage_check_derived(const storage_check_options_t *options, const char *name);

/* The newest position by LMDB's own account, read in a process of its own; 0: it can't say. path:
 * the journal's folder. */
uint64_t storage_check_head(const char *path, size_t map_size);
