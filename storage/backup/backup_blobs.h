#pragma once
/* backup_blobs.h -- artwork and lyrics in a backup: files named by their content, and a cover's
 * other sizes beside it (blob_folder.h), copied once. The list of them is a file that
 * `sha256sum -c` reads in the backup's folder, in the order of its names.
 *
 * Threads  One; the node may go on adding.
 * Errors   Each comes with a sentence in *problem. CORRUPT: a list that is none. */

#include "storage/backup/backup_folder.h"

typedef struct backup_blobs {
    buf_t list;
    uint64_t count, copied;
    uint64_t damaged; /* content that is not its name's; left out: a rescan makes them anew */
} backup_blobs_t;
void backup_blobs_deinit(backup_blobs_t *self);
#define BACKUP_BLOBS_SCOPED SCOPED(backup_blobs_deinit)

/* Copies what the backup does not have yet out of a data folder. before: the list of the backup
 * before. */
err_t backup_blobs_take(const backup_folder_t *folder, const char *data, str_t before,
                        backup_blobs_t *out_blobs);

/* name: "artwork/ab/cd/HASH". */
typedef err_t (*backup_blob_fn)(void *context, str_t name, str_t content);
/* Reads each file of the list and checks it. A damaged or missing one is told to `damaged` and left
 * out. */
err_t backup_blobs_each(const backup_folder_t *folder, str_t list, backup_blob_fn visit,
                        void (*damaged)(void *context, const char *sentence), void *context);

/* One line of the list, "SHA256  NAME"; false: it is none, or leads elsewhere. */
bool backup_blobs_parse(str_t line, str_t *out_sha256, str_t *out_name);
