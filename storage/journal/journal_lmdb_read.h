#pragma once
/* journal_lmdb_read.h -- the feed of an LMDB journal, read beside the node that writes it, or
 * without one: nothing is made or written. Each record is checked as it is read.
 *
 * Threads  One.
 * Errors   NOT_FOUND: no journal there; NEWER: of a later format; CORRUPT: the record after those
 *          that were visited; the rest as kv_open. */

#include "runtime/journal.h"

typedef struct journal_lmdb_read journal_lmdb_read_t;

/* path: the journal's folder. map_size 0: KV_MAP_SIZE. */
err_t journal_lmdb_read_open(const char *path, size_t map_size, journal_lmdb_read_t **out_journal);
void journal_lmdb_read_close(journal_lmdb_read_t *self); /* NULL is fine */
void journal_lmdb_read_scope_end(journal_lmdb_read_t **self);
#define JOURNAL_LMDB_READ_SCOPED SCOPED(journal_lmdb_read_scope_end)

/* Its feed and its head; the rest as journal_feed.h says. */
journal_t *journal_lmdb_read_journal(journal_lmdb_read_t *self);
