#pragma once
/* backup_show.h -- what backup and restore say while they work: one line on a terminal, nothing
 * elsewhere. */

#include "storage/backup/backup_check.h"

/* A backup_progress_fn. */
void backup_show(void *context, const char *what, uint64_t done, uint64_t total);
/* Ends the line. */
void backup_show_end(void);

/* Reads all of a backup; what is damaged goes to standard error, a line each. */
err_t backup_show_check(const backup_folder_t *folder, const aead_key_t *master);
