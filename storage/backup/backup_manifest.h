#pragma once
/* backup_manifest.h -- what a backup holds: its files with lengths and SHA-256, how far into the
 * journal's feed it goes, and a digest of what it should be when it is restored. JSON, so that
 * another machine can check it without us; its last line is the SHA-256 of the lines before.
 *
 * Names of files follow from their kind and number, so that a manifest can't lead anywhere else.
 *
 * Ownership  The manifest owns its files.
 * Errors     CORRUPT: not such JSON, or altered; NEWER: of a later version; LIMIT:
 *            BACKUP_FILES_MAX; NO_MEMORY. */

#include "storage/blob/blob_folder.h"
#include "storage/journal/journal_copy.h"

enum {
    BACKUP_FORMAT = 1,
    BACKUP_FILES_MAX = 1 << 16,
    BACKUP_NAME_SIZE = 32,
    BACKUP_WORD_SIZE = 32,
    BACKUP_MANIFEST_SIZE_MAX = 24 << 20
};

typedef enum backup_kind {
    BACKUP_JOURNAL, /* journal/NNNNNNNN.records: backup_segment.h */
    BACKUP_KEYS,    /* keys/NNNNNNNN.keys: backup_keys.h */
    BACKUP_ERASED,  /* erased/NNNNNNNN.txt: a user's id a line */
    BACKUP_BLOBS,   /* blobs/NNNNNNNN.sha256: as sha256sum(1) reads it */
    BACKUP_KINDS
} backup_kind_t;

typedef struct backup_file {
    backup_kind_t kind;
    uint32_t number; /* of its kind, from 1 */
    uint64_t size;
    blob_hash_t sha256;
} backup_file_t;

typedef struct backup_manifest {
    uint64_t number; /* of this backup in its folder, from 1 */
    int64_t made_at_ms;
    char program[BACKUP_WORD_SIZE], backend[BACKUP_WORD_SIZE];
    char instance[BACKUP_WORD_SIZE], master[BACKUP_WORD_SIZE]; /* names of both */
    blob_hash_t previous; /* the manifest before; empty: the first one */
    uint64_t position;    /* of the newest record */
    uint64_t last;        /* its digest: is this still the same journal? */
    journal_digest_t digest;
    uint64_t users, erased, blobs;
    backup_file_t *files; /* by kind, then number */
    size_t file_count, file_capacity;
} backup_manifest_t;

void backup_manifest_deinit(backup_manifest_t *self);
#define BACKUP_MANIFEST_SCOPED SCOPED(backup_manifest_deinit)

/* "journal/00000001.records" */
void backup_file_name(backup_kind_t kind, uint32_t number, char room[BACKUP_NAME_SIZE]);
/* The kind and number that a name has; false: it is none of ours. */
bool backup_file_parse(str_t name, backup_kind_t *out_kind, uint32_t *out_number);

/* LIMIT, NO_MEMORY. */
err_t backup_manifest_add(backup_manifest_t *self, const backup_file_t *file);
/* The one with the highest number; NULL: none. */
const backup_file_t *backup_manifest_newest(const backup_manifest_t *self, backup_kind_t kind);
bool backup_manifest_has(const backup_manifest_t *self, backup_kind_t kind, uint32_t number);
/* Forgets the older ones of a kind that is written whole each time. */
void backup_manifest_keep_newest(backup_manifest_t *self, backup_kind_t kind);

void backup_manifest_write(const backup_manifest_t *self, buf_t *out);
err_t backup_manifest_read(str_t text, backup_manifest_t *out_manifest);
