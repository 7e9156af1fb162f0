#pragma once
/* journal_postgres_parts.h -- what the files of the PostgreSQL journal share; nobody else includes
 * it.
 *
 * journal_postgres.c         the table of functions: reading, and handing appends to the queue
 * journal_postgres_rounds.c  which appends go together
 * journal_postgres_batch.c   a round as one transaction
 * journal_postgres_fence.c   which partitions may be written, and at which epoch
 * journal_postgres_commit.c  the committer: two rounds under way, reconnecting, answers
 * journal_postgres_feed.c    the feed, from a replica where there is one
 * journal_postgres_history.c which server this is, and what a fail-over may have lost
 * journal_postgres_follow.c  the follower: other nodes' commits, and what can't be read yet */

#include "storage/journal/journal_thread.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg_pool.h"

#include <stdatomic.h>

typedef struct journal_postgres_follow journal_postgres_follow_t;
typedef struct journal_postgres_replica journal_postgres_replica_t;

/* journal_postgres_rounds.c: what has been taken from the queue and is not under way yet. */
typedef struct journal_held {
    journal_job_t *first, **last; /* in the order they came; last: where the next one goes */
    size_t count, size;
} journal_held_t;

/* What goes to the server as one transaction, and is answered together. */
typedef struct journal_round {
    journal_job_t *jobs; /* in the order they came */
    /* The appends among them that are written: by stream, each stream's in order. */
    journal_job_t **appends;
    size_t count;
    size_t statement_count;
    uint64_t begun_ns;
    bool is_under_way, has_snapshots; /* sent, and its answer is due; theirs */
    bool has_again;                   /* some of its appends (STALE) are to be judged again */
    err_t err;                        /* of all its appends */
} journal_round_t;

/* The last positions that were acknowledged, one a transaction. */
enum { JOURNAL_POSTGRES_RECENT = 64 };
typedef struct journal_postgres_recent {
    _Atomic uint64_t positions[JOURNAL_POSTGRES_RECENT], count;
} journal_postgres_recent_t;

struct journal_postgres {
    journal_t journal; /* first: what the runtime holds */
    char *address;
    uint64_t node, timeout_ms;
    pg_patience_t patience; /* of all its connections; ends while the node stops */
    uint32_t second_min;
    bool is_read_only;
    partition_epochs_t *epochs; /* NULL: none are asked for */
    partition_epochs_t *alone;  /* the same, owned, without a cluster */
    ms_random_t random;
    const ms_log_t *log;

    journal_queue_t *queue;
    journal_thread_t committer;
    pg_pool_t *readers;
    journal_postgres_replica_t *replica; /* NULL: none */
    journal_postgres_follow_t *follow;   /* NULL: read only */

    pg_t *writer; /* the committer's, like what follows */
    relation_batch_t *relations;
    node_lock_t *lock;  /* NULL: none */
    int64_t writer_id;  /* of the connection, in `writers`; 0: none yet */
    bool is_struck_out; /* it has to be entered again */
    uint64_t retry_at_ms;
    uint32_t failures; /* to connect, in a row */
    journal_held_t held;
    journal_round_t rounds[JOURNAL_POSTGRES_ROUNDS]; /* the oldest first */
    size_t round_count;
    uint64_t told_head;

    journal_hooks_t hooks;

    _Atomic bool is_up;
    _Atomic uint64_t head;     /* newest known durable position */
    _Atomic uint64_t written;  /* newest of this node's own */
    _Atomic uint64_t timeline; /* of the server that is written to; 0: not known yet */
    _Atomic uint64_t history;  /* the same, once nothing is read from the one before any more */
    _Atomic uint64_t went_back;
    journal_postgres_recent_t recent;
    _Atomic uint64_t readable; /* what the feed showed at the last look */
    _Atomic uint64_t transactions, appends, refused, unknown, retried_batches, reconnects,
        overlapped, fenced;
};

/* journal_postgres.c */
typedef struct journal_postgres_place {
    char timeline[4], xid[8], ordinal[4];
} journal_postgres_place_t;
/* An event as journal_postgres_record_at takes it apart; it borrows the result. */
#define JOURNAL_POSTGRES_COLUMNS                                                                   \
    "stream, version, timeline, xid::text::bigint, ordinal, wall_ms, name, payload, command_id, "  \
    "result"
journal_record_t journal_postgres_record_at(const PGresult *result, int row);
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

/* journal_postgres_rounds.c */
void journal_held_init(journal_held_t *self);
void journal_held_add(journal_held_t *self, journal_job_t *jobs);
/* Moves what can be written together into a round: of the first `count_max` that are held, of no
 * stream that `beside` (NULL: none) writes, and of each stream what follows without a gap. What
 * contradicts that stays, to be judged by what is there then. A round without jobs: nothing can be
 * written now. NO_MEMORY is the round's err, and that of each append in it. */
void journal_held_choose(journal_held_t *self, size_t count_max, const journal_round_t *beside,
                         journal_round_t *out_round);
/* The jobs are somebody else's by now. */
void journal_round_deinit(journal_round_t *self);

/* journal_postgres_batch.c: a round in two halves; between them the server works, and another round
 * may be sent. Fills in how each append ended; an error is that of all, and nothing was written
 * (or, TIMEOUT, nobody knows). STALE: others took this connection for lost. */
err_t journal_postgres_send(journal_postgres_t *self, journal_round_t *round);
err_t journal_postgres_take(journal_postgres_t *self, journal_round_t *round);
/* The snapshots among these jobs, as a transaction of their own. */
err_t journal_postgres_send_snapshots(journal_postgres_t *self, const journal_job_t *jobs,
                                      bool *out_is_sent);
err_t journal_postgres_take_snapshots(journal_postgres_t *self);
/* A new connection to write with: from now on nothing lands that the lost ones before it have sent.
 * What of it has begun is waited for; what holds out for FENCE_HOLD_MAX_MS (fence.h) is ended. */
err_t journal_postgres_take_over(journal_postgres_t *self);
void journal_postgres_leave(journal_postgres_t *self);

/* journal_postgres_fence.c */
uint64_t journal_postgres_epoch(journal_t *journal, str_t stream);
/* UNAVAILABLE: its partition is not at that epoch here. Any thread. */
err_t journal_postgres_may_append(journal_postgres_t *self, const journal_append_t *append);
/* The server says so. */
void journal_postgres_fenced(journal_postgres_t *self, const journal_append_t *append);
/* Without a cluster: of a new connection to write with, under the lock of the node. */
err_t journal_postgres_own_all(journal_postgres_t *self);

/* journal_postgres_feed.c */
err_t journal_postgres_feed(journal_t *journal, uint64_t after_position, size_t count_max,
                            journal_visit_fn visit, void *context);
err_t journal_postgres_replica_new(const journal_postgres_t *journal, const char *address,
                                   journal_postgres_replica_t **out_replica);
void journal_postgres_replica_free(journal_postgres_replica_t *self);
void journal_postgres_replica_stats(const journal_postgres_replica_t *self,
                                    journal_postgres_stats_t *out_stats);

/* journal_postgres_history.c */
/* UNAVAILABLE: it only reads (a standby), or is older than the one that was written to. */
err_t journal_postgres_check_server(const journal_postgres_t *self, pg_t *connection);
/* The committer's, of a new connection to write with, before anybody relies on it, and now and then
 * of one that lasts: whether another server has taken over, and whether it has what was
 * acknowledged. UNAVAILABLE: it is an older one. */
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
