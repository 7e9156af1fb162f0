#pragma once
/* journal_lmdb_parts.h -- what the files of the LMDB journal share; nobody else includes it.
 *
 * journal_lmdb.c     the table of functions: reading, and handing appends to the queue
 * journal_waiting.c  which streams have messages that wait
 * journal_commit.c   the committer: batches, the index, snapshots, answers
 * journal_recover.c  opening: what the index misses is read again; checks; reopening
 *
 * Threads  `environments` is held shared by whoever uses an environment and exclusively while the
 *          journal environment is closed and opened again. Heads change only on the committer, or
 *          under it exclusively. */

#include "storage/journal/journal_heads.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/journal/journal_queue.h"
#include "storage/journal/journal_record.h"
#include "storage/journal/journal_thread.h"

#include <pthread.h>
#include <stdatomic.h>

enum { JOURNAL_FORMAT = 1, JOURNAL_TAIL_CHECKED = 1024 };

/* tables of `journal` */
enum { TABLE_LOG, TABLE_META, JOURNAL_TABLE_COUNT };
/* tables of `streams`: name -> version, position (8 bytes each, big endian); "through" in meta;
 * name -> nothing, where messages wait */
enum { TABLE_STREAMS, TABLE_STREAMS_META, TABLE_WAITING, STREAMS_TABLE_COUNT };
/* table of `state`: stream -> crc u32, version u64, bytes */
enum { TABLE_STATE, STATE_TABLE_COUNT };

struct journal_lmdb {
    journal_t journal; /* first: what the runtime holds */
    char *path, *boot_id;
    size_t map_size;
    uint64_t reopen_after_ms;
    uint32_t index_behind;
    kv_faults_t faults;
    const ms_log_t *log;

    pthread_rwlock_t environments;
    kv_t *log_kv, *streams_kv, *state_kv; /* NULL while they can't be opened again */

    heads_t *heads;
    journal_queue_t *queue;
    journal_thread_t committer;

    journal_hooks_t hooks;

    _Atomic uint64_t head; /* newest durable position; release after commit, acquire by readers */
    _Atomic uint64_t indexed_through;
    _Atomic bool is_failed;
    bool is_lame;          /* what is derived takes no writes until it is opened again */
    uint64_t failed_at_ms; /* the committer's, both */
    _Atomic uint64_t commits, appends, refused, unknown;
};

/* journal_lmdb.c: from heads or index. NOT_FOUND: no such stream. */
err_t journal_find_head(journal_lmdb_t *self, str_t stream, stream_head_t *out_head);

/* journal_waiting.c */
err_t journal_list_waiting(journal_t *journal, str_t after, size_t count_max,
                           journal_stream_fn visit, void *context);
/* What the entry knows goes into the index. */
err_t journal_put_waiting(const kv_tx_t *tx, const head_entry_t *entry);

/* journal_commit.c */
err_t journal_commit_start(journal_lmdb_t *self);
void journal_commit_stop(journal_lmdb_t *self); /* after everything queued was answered */
/* Writes all heads into the index, as of `through`, and forgets them. The committer, or nobody. */
err_t journal_write_index(journal_lmdb_t *self, uint64_t through);

/* journal_recover.c: with no other thread inside. */
err_t journal_open_environments(journal_lmdb_t *self);
void journal_close_environments(journal_lmdb_t *self);
