#pragma once
/* backup.h -- a backup of a data folder, while its node serves or not: what came to the journal
 * since the last one, the users' keys as they are now, new blobs.
 *
 * The order is what makes it consistent: the journal up to a position first, then the keys, so that
 * each record's key is there; then blobs, which nothing removes; then the manifest. Cut short
 * anywhere, the backup before stands as it was, and the next run takes over what was written.
 *
 * Threads  One.
 * Errors   Each comes with a sentence in *problem. CONFLICT: the folder has the backup of another
 *          journal; FORBIDDEN: not the master key of the users' keys; CORRUPT: the journal, or the
 *          backup, is damaged. */

#include "storage/backup/backup_folder.h"
#include "storage/crypt/aead.h"
#include "storage/crypt/vault_store.h"

/* what: "records", "blobs"; total 0: nobody knows. */
typedef void (*backup_progress_fn)(void *context, const char *what, uint64_t done, uint64_t total);

typedef struct backup_source {
    journal_t *journal;   /* as it is stored, sealed: its feed and its head are used */
    const char *backend;  /* "lmdb", "postgres": positions mean something in one only */
    const char *data;     /* the data folder */
    vault_store_t *store; /* of the users' keys */
    const aead_key_t *master;
    const char *master_name, *program;
    backup_progress_fn progress; /* may be NULL */
    void *context;
} backup_source_t;

typedef struct backup_report {
    uint64_t new_records, new_segments, adopted_segments, new_blobs, damaged_blobs, size;
} backup_report_t;

/* Into a folder that is open for writing. */
err_t backup_make(backup_folder_t *folder, const backup_source_t *source,
                  backup_report_t *out_report);
