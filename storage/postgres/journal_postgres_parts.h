#pragma once
/* journal_postgres_parts.h -- what the files of the PostgreSQL journal share; nobody else includes
 * it.
 *
 * journal_postgres.c         the table of functions: reading, and handing appends to the queue
 * journal_postgres_batch.c   one batch as one transaction
 * journal_postgres_commit.c  the committer: rounds, reconnecting, answers
 * journal_postgres_history.c which server this is, and what a fail-over may have lost
 * journal_postgres_follow.c  the follower: other nodes' commits, and what can't be read yet */

#include "storage/journal/journal_thread.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg_pool.h"

#include <stdatomic.h>

typedef struct journal_postgres_follow journal_postgres_follow_t;

/* The last positions that were acknowledged, one a transaction. */
enum { JOURNAL_POSTGRES_RECENT = 64 };
typedef struct journal_postgres_recent {
    _Atomic uint64_t positions[JOURNAL_POSTGRES_RECENT], count;
} journal_postgres_recent_t;

struct journal_postgres {
    journal_t journal; /* first: what the runtime holds */
    char *address;
    uint64_t node, timeout_ms;
    bool is_read_only;
    ms_random_t random;
    const ms_log_t *log;

    journal_queue_t *queue;
    journal_thread_t committer;
    pg_pool_t *readers;
    journal_postgres_follow_t *follow; /* NULL: read only */

    pg_t *writer; /* the committer's, like what follows */
    relation_batch_t *relations;
    node_lock_t *lock; /* NULL: none */
    uint64_t retry_at_ms;
    uint32_t failures; /* to connect, in a row */
    uint64_t told_head;

    journal_hooks_t hooks;

    _Atomic bool is_up;
    _Atomic uint64_t head;     /* newest known durable position */
    _Atomic uint64_t written;  /* newest of this node's own */
    _Atomic uint64_t timeline; /* of the server that is written to; 0: not known yet */
    _Atomic uint64_t went_back;
    journal_postgres_recent_t recent;
    _Atomic uint64_t readable; /* what the feed showed at the last look */
    _Atomic uint64_t transactions, appends, refused, unknown, retried_batches, reconnects;
};

/* journal_postgres.c */
typedef struct journal_postgres_place {
    char timeline[4], xid[8], ordinal[4];
} journal_postgres_place_t;
/* A position as three parameters: integer, bigint ($N::text::xid8), integer. They borrow `room`. */
void journal_postgres_place(journal_postgres_place_t *room, uint64_t position,
                            pg_parameter_t parameters[3]);
uint64_t journal_postgres_position(int64_t timeline, int64_t xid, int64_t ordinal);
/* The feed's head by the server; the committer, which tells the hooks. */
err_t journal_postgres_look(journal_postgres_t *self, pg_t *connection);
void journal_postgres_saw(journal_postgres_t *self, uint64_t position);
/* This node's own append is durable there. */
void journal_postgres_wrote(journal_postgres_t *self, uint64_t position);
err_t journal_postgres_connect(const journal_postgres_t *self, pg_t **out_connection);

/* journal_postgres_batch.c: the appends of `jobs` (an array) that have no err yet and are the first
 * of their stream or follow it without a gap, as one transaction. Those that must wait for another
 * round keep is_written false and err OK. Fills in how each ended; an error is the transaction's,
 * and nothing was written (or, TIMEOUT, nobody knows). */
typedef struct journal_round {
    journal_job_t **jobs; /* chosen, grouped by stream, each stream's in order */
    size_t count;
} journal_round_t;
err_t journal_postgres_write(journal_postgres_t *self, const journal_round_t *round);
/* Until no transaction of this node that began before is under way: one whose connection was lost
 * may still commit. One that holds out for JOURNAL_POSTGRES_HOLD_MAX_MS is ended. */
err_t journal_postgres_await_own(journal_postgres_t *self);
err_t journal_postgres_write_snapshots(journal_postgres_t *self, const journal_job_t *jobs);

/* journal_postgres_history.c */
/* UNAVAILABLE: it only reads (a standby), or is older than the one that was written to. */
err_t journal_postgres_check_server(const journal_postgres_t *self, pg_t *connection);
/* The committer's, of a new connection to write with, before anybody relies on it: whether another
 * server has taken over, and whether it has what was acknowledged. */
err_t journal_postgres_recognize(journal_postgres_t *self, pg_t *connection);
void journal_postgres_remember(journal_postgres_t *self, uint64_t position);

/* journal_postgres_commit.c */
err_t journal_postgres_commit_start(journal_postgres_t *self);
void journal_postgres_commit_stop(journal_postgres_t *self);

/* journal_postgres_follow.c; a follower that is NULL has nothing to do. */
err_t journal_postgres_follow_start(journal_postgres_t *journal,
                                    const journal_postgres_options_t *options,
                                    journal_postgres_follow_t **out_follow);
void journal_postgres_follow_stop(journal_postgres_follow_t *self);
/* This node has written: the others are told soon. Any thread, never waits. */
void journal_postgres_follow_wrote(journal_postgres_follow_t *self);
/* Somebody read the feed to its end and did not find the head there: the hooks are called when it
 * can be read. Any thread, never waits. */
void journal_postgres_follow_short(journal_postgres_follow_t *self);
void journal_postgres_follow_stats(const journal_postgres_follow_t *self,
                                   journal_postgres_stats_t *out_stats);
/* The newest event that is there, and the newest that the feed shows. */
extern const char journal_postgres_look_sql[];
/* Takes note of its answer. False: the feed does not show yet all that is there. */
bool journal_postgres_looked(journal_postgres_t *self, const PGresult *result);
