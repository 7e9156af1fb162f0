#pragma once
/* journal_lmdb.h -- the journal of one node, in LMDB (ARCHITECTURE §4, docs of runtime/journal.h).
 *
 * Three environments in one folder:
 *   journal   the truth: every record, keyed by position, appended in order. Synced at each commit.
 *   streams   lazy: the newest position and version of each stream, as of some position.
 *   state     lazy: one snapshot a stream.
 *
 * One committer thread takes what has queued, makes one transaction of it, syncs once, answers all.
 * What the streams index does not know yet is in memory: at most JOURNAL_INDEX_BEHIND records and
 * a batch, then the committer writes the index before it goes on. At open the records after the
 * index are read again, checked, and put back there.
 *
 * Each record has a CRC-32C over position, stream and all else, and the position of its stream's
 * record before. A torn or altered record ends what reads it with CORRUPT, open included.
 *
 * When the disk or the map is full every append of the batch is refused with FULL and reads go on;
 * the next batch tries again. When a commit fails in another way, nobody knows what is on the disk:
 * its appends end unknown, later ones UNAVAILABLE, until the environment was closed, opened and
 * checked again. The committer tries that by itself when an append comes after reopen_after_ms. So
 * it does where what is derived can't be written any more; meanwhile appends are taken.
 *
 * Threads   Open and close from one; all else any. `done` and the commit hooks run on the
 *           committer; they must not block or close, and a hook not hook or unhook.
 * Errors    As runtime/journal.h says; BUSY: JOURNAL_QUEUE_SIZE_MAX is waiting. */

#include "runtime/base/log.h"
#include "runtime/journal.h"
#include "storage/journal/journal_store.h"
#include "storage/kv.h"

enum {
    JOURNAL_QUEUE_SIZE_MAX = 64 * 1024 * 1024, /* of waiting appends; 8 MiB more for snapshots */
    JOURNAL_BATCH_SIZE_MAX = 8 * 1024 * 1024,
    JOURNAL_BATCH_APPENDS_MAX = 4096,
    JOURNAL_LMDB_AT_HAND_MAX = 65536, /* bytes of a snapshot that is read within a turn */
    JOURNAL_INDEX_BEHIND = 16384,     /* records after which the index is written */
    JOURNAL_INDEX_BEHIND_MAX =
        65536,         /* past it, because it can't be written, appends are refused */
    JOURNAL_EPOCH = 1, /* on one node nobody takes over */
};

typedef struct journal_lmdb journal_lmdb_t;

typedef struct journal_lmdb_options {
    const char *path;          /* a folder; made when missing */
    size_t map_size;           /* 0: KV_MAP_SIZE */
    const char *boot_id;       /* NULL: the machine's */
    uint64_t reopen_after_ms;  /* 0: 1000 */
    uint32_t index_behind;     /* 0: JOURNAL_INDEX_BEHIND */
    const kv_faults_t *faults; /* of the journal environment; for tests */
    const ms_log_t *log;
} journal_lmdb_options_t;

/* CORRUPT: damaged; NEWER: another format; the rest as kv_open. */
err_t journal_lmdb_open(const journal_lmdb_options_t *options, journal_lmdb_t **out_journal);
/* Ends every waiting append, writes index and snapshots, and marks them clean. NULL is fine. */
void journal_lmdb_close(journal_lmdb_t *self);
void journal_lmdb_scope_end(journal_lmdb_t **self);
#define JOURNAL_LMDB_SCOPED SCOPED(journal_lmdb_scope_end)

/* What the runtime is given. */
journal_t *journal_lmdb_journal(journal_lmdb_t *self);

/* What a node is given. Its hooks are called after each commit with the newest durable position. */
journal_store_t journal_lmdb_store(journal_lmdb_t *self);

/* After a failed commit: closes, opens, checks. ERR_OK when appends are taken again. */
err_t journal_lmdb_reopen(journal_lmdb_t *self);
/* Reads and checks every record: the scrub. *out_position: of the first bad one, when CORRUPT. */
err_t journal_lmdb_verify(journal_lmdb_t *self, uint64_t *out_position);

typedef struct journal_lmdb_stats {
    uint64_t head, commits, appends, refused, unknown, index_behind, queued_size;
    bool is_failed;
} journal_lmdb_stats_t;
void journal_lmdb_stats(journal_lmdb_t *self, journal_lmdb_stats_t *out_stats);
