#pragma once
/* backup_restore.h -- a backup into an empty data folder, and its journal into an empty journal.
 *
 * A file `restoring` in the data folder is there from before the first byte until the last one is
 * synced: data_folder_open refuses such a folder, and another restore of the same backup goes on.
 *
 * Threads  One.
 * Errors   Each comes with a sentence in the folder's *problem. */

#include "storage/backup/backup.h"

typedef struct backup_target {
    const char *data;     /* the data folder, open and locked */
    vault_store_t *store; /* of the users' keys: empty, or of a restore that was cut short */
    const aead_key_t *master;
    str_t erased; /* of users who were erased since: ids, a line each; more than the backup's own */
    backup_progress_fn progress; /* may be NULL */
    void *context;
} backup_target_t;

typedef struct restore_report {
    journal_digest_t digest;
    uint64_t users, erased_anew, blobs, damaged_blobs;
} restore_report_t;

/* Nothing in the folder but `keys/master`, `lock` and `format`, or a restore that was cut short of
 * this backup (*out_is_resumed). CONFLICT: something else. It may be missing. */
err_t backup_restore_check_folder(const backup_folder_t *folder, const char *data,
                                  bool *out_is_resumed);
/* Marks the data folder. */
err_t backup_restore_begin(const backup_folder_t *folder, const char *data);
/* The users' keys with what was erased since, the instance, and blobs. A damaged blob is left out:
 * a full scan makes it anew. */
err_t backup_restore_files(const backup_folder_t *folder, const backup_target_t *target,
                           restore_report_t *report);
/* Into a journal that is empty, or goes on; compared at the end by count and digest. */
err_t backup_restore_journal(const backup_folder_t *folder, const backup_target_t *target,
                             journal_t *journal, restore_report_t *report);
/* Takes the mark away: from now on a node may serve it. */
err_t backup_restore_end(const backup_folder_t *folder, const char *data);
