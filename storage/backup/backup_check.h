#pragma once
/* backup_check.h -- reads all of a backup and names what is not what was written: each file against
 * the manifest, each record, the digest of all, each key, each blob against its name.
 *
 * Threads  One.
 * Errors   CORRUPT: something was found; else what kept it from looking. */

#include "storage/backup/backup.h"

typedef struct backup_check_options {
    const aead_key_t *master; /* NULL: whether the keys open is not looked at */
    void (*found)(void *context, const char *sentence);
    backup_progress_fn progress; /* may be NULL */
    void *context;
} backup_check_options_t;

/* Goes on after what it finds; *folder's problem is left empty. */
err_t backup_check(const backup_folder_t *folder, const backup_check_options_t *options);
