#pragma once
/* backup_folder.h -- the folder of a backup: its manifest, its files, one writer at a time.
 *
 * Files are written beside, synced and renamed, and never changed afterwards; the manifest comes
 * last. So whatever lies here that the manifest does not name is left over from a run that was cut
 * short.
 *
 * Threads  One.
 * Errors   Each comes with a sentence for people in *problem. */

#include "storage/backup/backup_manifest.h"

typedef struct backup_folder {
    const char *path; /* borrowed */
    buf_t *problem;   /* borrowed */
    int lock_fd;      /* -1: only read */
    bool is_new;      /* no manifest yet */
    backup_manifest_t manifest;
    blob_hash_t manifest_hash;
} backup_folder_t;

/* For writing; made when missing.
 *   CONFLICT  somebody else writes it, or it is neither empty nor a backup
 *   CORRUPT, NEWER  its manifest */
err_t backup_folder_write(const char *path, buf_t *problem, backup_folder_t *out_folder);
/* NOT_FOUND: there is no manifest. */
err_t backup_folder_read(const char *path, buf_t *problem, backup_folder_t *out_folder);
void backup_folder_close(backup_folder_t *self);
#define BACKUP_FOLDER_SCOPED SCOPED(backup_folder_close)

/* "FOLDER/NAME". It needs no memory: a name that there was none for must not be taken for a file
 * that is not there. Folders are at most BACKUP_FOLDER_SIZE_MAX long: backup_folder_write and _read
 * and backup_check_folder refuse others (LIMIT). */
enum { BACKUP_PATH_SIZE = 4096, BACKUP_FOLDER_SIZE_MAX = 3800 };
typedef struct backup_path {
    char text[BACKUP_PATH_SIZE];
} backup_path_t;
backup_path_t backup_path(const char *folder, const char *name);
err_t backup_check_folder(const char *folder, buf_t *problem);
/* Appends a file's content, checked against the manifest's length and SHA-256: CORRUPT, NOT_FOUND.
 */
err_t backup_folder_get(const backup_folder_t *self, const backup_file_t *file, buf_t *out);
/* Stores content as the next file of its kind and adds it to the manifest in memory. */
err_t backup_folder_put(backup_folder_t *self, backup_kind_t kind, str_t content);
/* Every file of the manifest is there with its length. */
err_t backup_folder_is_whole(const backup_folder_t *self);
/* Removes what the manifest does not name, its bytes overwritten: keys may be among them. */
void backup_folder_tidy(const backup_folder_t *self, backup_kind_t kind);
/* Writes the manifest, then removes what it does not name. */
err_t backup_folder_publish(backup_folder_t *self);

/* Sets *problem, unless it has a sentence already; gives back `err`. */
err_t backup_say(buf_t *problem, err_t err, const char *format, ...) PRINTF_LIKE(3, 4);
