#pragma once
/* backup_blobs.h -- artwork and lyrics in a backup: files named by their content (blob_folder.h),
 * copied once; what is derived from them (a cover's other sizes) is made anew. The list of them is
 * a file that `sha256sum -c` reads, in the backup's folder.
 *
 * Threads  One; the node may go on adding.
 * Errors   Each comes with a sentence in *problem. CORRUPT: content that is not its name's. */

#include "storage/backup/backup_folder.h"

typedef struct backup_blobs {
    buf_t list;
    uint64_t count, copied;
    uint64_t damaged; /* left out: a rescan makes them anew */
} backup_blobs_t;
void backup_blobs_deinit(backup_blobs_t *self);
#define BACKUP_BLOBS_SCOPED SCOPED(backup_blobs_deinit)

/* Copies what the backup does not have yet out of a data folder. */
err_t backup_blobs_take(const backup_folder_t *folder, const char *data, backup_blobs_t *out_blobs);

/* A line of the list: whether its file is there and is what its name says. */
typedef err_t (*backup_blob_fn)(void *context, str_t name, str_t content);
/* Reads each blob of the list and checks it. A damaged or missing one is told to `damaged` (may be
 * NULL: that is an error) and left out. */
err_t backup_blobs_each(const backup_folder_t *folder, str_t list, backup_blob_fn visit,
                        void (*damaged)(void *context, const char *sentence), void *context);
