#pragma once
/* backup_segment.h -- records of a journal's feed as one file of a backup; bytes only, no file.
 *
 *     head    "MSBACKUP" · format u32 · 0 u32 · after u64: the position before its first record
 *     record  size u32 · position u64 · size bytes as journal_record.h has them
 *
 * Little endian, positions grow, the file ends with its last record. A record has its checksum, so
 * a file that was altered can be named to the record; the manifest has the file's own.
 *
 * Ownership  A read record borrows the bytes.
 * Errors     CORRUPT, NEWER: a later format. */

#include "storage/journal/journal_record.h"

enum {
    BACKUP_SEGMENT_FORMAT = 1,
    BACKUP_SEGMENT_HEAD = 24,
    BACKUP_RECORD_HEAD = 12,
    BACKUP_SEGMENT_FULL = 16 << 20, /* bytes, past which the next one begins */
    /* One record more than full, and then some. */
    BACKUP_SEGMENT_SIZE_MAX = BACKUP_SEGMENT_FULL + 2 * JOURNAL_APPEND_SIZE_MAX
};

/* Through the buffer's status. */
void backup_segment_begin(buf_t *out, uint64_t after);
void backup_segment_add(buf_t *out, const journal_record_t *record);

typedef struct backup_segment {
    str_t bytes;
    size_t at; /* of the next record: what is damaged begins here */
    uint64_t after, last;
} backup_segment_t;

err_t backup_segment_open(str_t bytes, backup_segment_t *out_segment);
/* NOT_FOUND: that was the last one. */
err_t backup_segment_next(backup_segment_t *self, journal_record_t *out_record);
