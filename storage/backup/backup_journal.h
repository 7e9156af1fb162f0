#pragma once
/* backup_journal.h -- the records of a backup as a journal's feed: what journal_copy takes.
 *
 * A segment is read whole and checked against the manifest before a record of it is handed out; one
 * lies in memory at a time.
 *
 * Ownership  The folder outlives it. Threads  One.
 * Errors     CORRUPT, NOT_FOUND, NEWER: the folder's *problem names the file and the record. */

#include "runtime/journal.h"
#include "storage/backup/backup_folder.h"

typedef struct backup_journal backup_journal_t;

err_t backup_journal_open(const backup_folder_t *folder, backup_journal_t **out_journal);
void backup_journal_close(backup_journal_t *self); /* NULL is fine */
void backup_journal_scope_end(backup_journal_t **self);
#define BACKUP_JOURNAL_SCOPED SCOPED(backup_journal_scope_end)

/* Its feed and its head; the rest as journal_feed.h says. */
journal_t *backup_journal_journal(backup_journal_t *self);
