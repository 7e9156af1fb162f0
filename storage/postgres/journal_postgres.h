#pragma once
/* journal_postgres.h -- the journal in PostgreSQL (ARCHITECTURE §4; the contract is
 * runtime/journal.h).
 *
 * A position is (timeline, xid, ordinal) in one number: 8 bits of the server's timeline, which
 * grows with every fail-over, 38 of the transaction's 64-bit id, 18 of the event's place in it. A
 * reader of the feed sees events of transactions below the oldest one still running
 * (pg_snapshot_xmin(pg_current_snapshot())): what commits later lies behind what it has read, so
 * nothing is skipped, whatever order concurrent writers commit in. A transaction that stays open
 * stalls the feed; it never makes it wrong, and who holds it up is logged.
 *
 * Nodes tell each other of their commits by NOTIFY, over a connection of its own beside appends, at
 * most one each JOURNAL_POSTGRES_NOTIFY_MS. It only says: look. While it can't be had, they look
 * four times a second.
 *
 * One committer thread takes what has queued, makes one transaction of it with one statement for
 * all streams (a function of the server, whose plans it keeps), and answers all. A stream's appends
 * in one round are folded into one. A row of `streams` moves only from the version that the append
 * names, and only where `partitions` says that this node owns the stream's partition at the
 * append's epoch (partitions.h): what does not pass comes back, nothing raises; what is not this
 * node's is UNAVAILABLE. A round that raises all the same
 * is tried again append by append, and the one that raises alone is refused. The relations
 * (storage/relations) are written in the same transaction: an event that one of them can't take is
 * such an append.
 *
 * Two rounds are under way at once, on one connection, so that the server works at one while the
 * committer works at the other. They have no stream in common: what follows on a stream of the
 * first waits for the round after, so whatever becomes of the first, the second stands.
 *
 * While the server is away appends are refused at once with UNAVAILABLE; the connection is tried
 * again after a back-off with jitter. When it is lost with answers due, their outcome is unknown
 * (TIMEOUT): the server may still be at it, or find them later in its socket. So before anything is
 * read or appended again, what this node has under way there is waited for, or ended; what the
 * server has not begun will find that its connection was struck out of the list of `writers`; and
 * streams are not read meanwhile: what a read finds is final.
 *
 * Threads   Open and close from one; all else any. `done` runs on the committer.
 * Errors    As runtime/journal.h says; BUSY: the queue is full, or no connection to read with came
 *           free in time. */

#include "runtime/base/log.h"
#include "runtime/base/random.h"
#include "storage/journal/journal_store.h"
#include "storage/postgres/node_lock.h"
#include "storage/postgres/partitions.h"
#include "storage/relations/relations.h"

enum {
    JOURNAL_POSTGRES_EVENTS_MAX = 1 << 18, /* in one transaction: what a position has room for */
    JOURNAL_POSTGRES_ROUNDS = 2,           /* under way at once */
    JOURNAL_POSTGRES_SECOND_MIN = 32,      /* appends that make a second one worth its commit */
    JOURNAL_POSTGRES_PAGE = 1000,          /* events read in one statement */
    JOURNAL_POSTGRES_BACKOFF_FIRST_MS = 100,
    JOURNAL_POSTGRES_BACKOFF_MAX_MS = 5000,
    /* Between two of a node's: each costs every other one a look and reads of the feed. */
    JOURNAL_POSTGRES_NOTIFY_MS = 20,
    JOURNAL_POSTGRES_LOOK_MAX_MS = 250,     /* between two looks at what can't be read yet */
    JOURNAL_POSTGRES_REPLICA_WAIT_MS = 100, /* for a replica that is behind; then the database */
    JOURNAL_POSTGRES_REPLICA_RETRY_MS = 1000,
    JOURNAL_POSTGRES_STALLED_MS = 10000 /* a feed that stands still for so long is logged */
};

typedef struct journal_postgres journal_postgres_t;

typedef struct journal_postgres_options {
    const char *address; /* a connection string or postgres:// URI */
    const char *direct;  /* the same server without a pooler; NULL or empty: address */
    const char *replica; /* to read the feed from, as far as it has it; NULL or empty: none */
    uint64_t node;       /* `owner` in partitions; 0 without a cluster: all is taken */
    /* Of a node of a cluster: at which it may append, as who takes partitions sets them; outlives
     * the journal. NULL: any that the append names (tests). */
    partition_epochs_t *epochs;
    uint64_t timeout_ms;       /* of a statement; 0: 5000 */
    uint32_t second_min;       /* 0: JOURNAL_POSTGRES_SECOND_MIN */
    uint64_t stalled_ms;       /* 0: JOURNAL_POSTGRES_STALLED_MS */
    ms_random_t random;        /* of the back-off; all zero: the kernel's */
    relation_list_t relations; /* all zero: none */
    relation_opener_t opener;  /* of sealed events, for them */
    /* Beside a node that writes: nothing is appended (UNAVAILABLE), nobody's transactions are
     * waited for or ended. */
    bool is_read_only;
    /* That no other node writes; held from here on, asked for at every connection to write with.
     * Taken, whatever happens. NULL: others may write (tests). */
    node_lock_t *lock;
    const ms_log_t *log;
} journal_postgres_options_t;

/* UNAVAILABLE: no server there (it is not tried again); INVALID: the address; the rest as pg.h. The
 * schema must be there: see migrate.h. */
err_t journal_postgres_open(const journal_postgres_options_t *options,
                            journal_postgres_t **out_journal);
/* Ends every waiting append. NULL is fine. */
void journal_postgres_close(journal_postgres_t *self);
void journal_postgres_scope_end(journal_postgres_t **self);
#define JOURNAL_POSTGRES_SCOPED SCOPED(journal_postgres_scope_end)

journal_t *journal_postgres_journal(journal_postgres_t *self);
/* What a node is given. Its hooks are called after each commit of this node, and when a look at the
 * feed finds that another node's has moved it. */
journal_store_t journal_postgres_store(journal_postgres_t *self);
/* Whether the committer has a connection: what /readyz says about durable writes. */
bool journal_postgres_is_up(const journal_postgres_t *self);

typedef struct journal_postgres_stats {
    uint64_t head, transactions, appends, refused, unknown, retried_batches, reconnects,
        queued_size;
    uint64_t replica_position; /* of the newest event that was read from it */
    uint64_t replica_behind_ms, replica_pages, replica_missed; /* missed: read from the database */
    uint64_t went_back;       /* servers that took over without all that was acknowledged */
    uint64_t fenced;          /* appends to partitions that are not this node's (any more) */
    uint64_t overlapped;      /* rounds that were sent while another was under way */
    uint64_t notified, heard; /* NOTIFYs of this node, and how often it looked because of others' */
    uint64_t stalled_ms;      /* for so long there has been something that the feed can't show */
    bool is_listening;        /* else others' commits are found by looking every 250 ms */
} journal_postgres_stats_t;
void journal_postgres_stats(const journal_postgres_t *self, journal_postgres_stats_t *out_stats);
