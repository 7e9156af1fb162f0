#pragma once
/* backup_help.h -- a small data folder with all that a backup takes, and backups of it. */

#include "storage/backup/backup_check.h"
#include "storage/backup/backup_restore.h"
#include "storage/crypt/vault.h"
#include "storage/data_folder.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

typedef struct backup_rig {
    temporary_t folder;
    temporary_name_t data, backup, target; /* in it */
    aead_key_t master;
    vault_t *vault;
    uint64_t version; /* of the stream that all events are in */
    buf_t problem;
} backup_rig_t;

/* With a few events, three users and two blobs. */
void rig_open(backup_rig_t *self);
void rig_close(backup_rig_t *self);
#define RIG_SCOPED SCOPED(rig_close)

void rig_append(backup_rig_t *self, size_t count, size_t payload_size);
void rig_prepare_user(backup_rig_t *self, const char *id);
void rig_put_blob(backup_rig_t *self, const char *folder, const char *content);
void rig_erase_user(backup_rig_t *self, const char *id);

/* progress may be NULL. */
err_t rig_backup(backup_rig_t *self, backup_progress_fn progress, backup_report_t *out_report);
/* Reads all of it; *out_found: the sentences, a line each. */
err_t rig_check(backup_rig_t *self, buf_t *out_found);
/* backup_restore_files with the store of the target's keys. */
err_t rig_restore_files(backup_rig_t *self, const backup_folder_t *folder,
                        const backup_target_t *target, restore_report_t *report);
/* Into rig->target; compares its journal and its keys with the ones that stand now. */
err_t rig_restore(backup_rig_t *self, const char *erased, backup_progress_fn progress,
                  restore_report_t *out_report);
/* Ends the test unless the target has all that the rig has now. */
void rig_expect_target(backup_rig_t *self);
/* Ends the test unless the backup is whole and, restored, is what the rig has now. */
void rig_expect_all(backup_rig_t *self);

/* Files below the backup's folder, without the lock: their names, a line each, sorted. */
void rig_files(const backup_rig_t *self, buf_t *out);
/* Flips a bit in the middle of a file of the backup. */
void rig_flip(const backup_rig_t *self, const char *name, size_t at);
