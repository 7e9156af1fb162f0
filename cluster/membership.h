#pragma once
/* membership.h -- a node's part in who is in the cluster: a state machine without I/O.
 *
 * It is told what happened (the functions below) and says what is to be done (membership_next):
 * the table's answers and the links' messages come in, reads, writes and probes go out. One who
 * carries that out is enough: `cluster/members/members.h` does it with PostgreSQL and ZeroMQ, a
 * simulation with its own.
 *
 * - A view is read from the table. Every change is a write against the version it was made from;
 *   what is to be written follows anew from each view that is read, so a conflict costs a read.
 * - Each node probes a few others, chosen by rings of hashes, and past a suspect the next one. No
 *   answer three times in a row, and none who vouches for it: a vote. Enough votes: death. A vote,
 *   too, for one who alone has not reached the table for long: its actors can't write.
 * - A lease says how long a node may serve by what it knows. It is renewed by the table's answer
 *   that it is alive, or, while the table is away, by the answers of the others of the last view in
 *   whose view it is alive: of all of them for as long as that lasts, of a majority for
 *   MEMBERSHIP_MAJORITY_LEASES. Counted from when was asked.
 * - A dead member's partitions are free when nothing can renew its lease any more (view.h) and a
 *   lease has passed since that was read (docs/decisions/0024, 0043).
 * - A slow node suspects itself first: its own late ticks and misses that others contradict stretch
 *   its time-outs (Dadgar, Phillips, Currey: Lifeguard, 2018).
 *
 * Times are milliseconds of the caller's clock, which never goes back; only the view has the
 * database's. Ownership  It copies what it is given. Threads  One at a time. */

#include "cluster/view.h"

typedef struct membership membership_t;

enum {
    MEMBERSHIP_LEASE_MS = 3000,
    MEMBERSHIP_LEASE_FAST_MS = 1000,
    MEMBERSHIP_RINGS = 3,        /* each picks one whom to probe, the first two */
    MEMBERSHIP_WATCHES_MAX = 32, /* probed by one node at a time */
    MEMBERSHIP_MISSES_MAX = 3,   /* in a row, then it is suspect */
    MEMBERSHIP_VOUCHES_MAX = 10, /* in a row; then the link between the two is broken for good */
    MEMBERSHIP_HELPERS = 2,      /* asked to probe in one's stead */
    MEMBERSHIP_RELAYS_MAX = 64,  /* probes for others at a time; past it none are taken */
    MEMBERSHIP_HEALTH_MAX = 8,
    MEMBERSHIP_CHANGES_MAX = 64,  /* rows in one write; the rest go with the next */
    MEMBERSHIP_EFFECTS_MAX = 256, /* that may wait to be taken */
    /* In leases: */
    MEMBERSHIP_STALE_LEASES = 10,
    MEMBERSHIP_SILENT_LEASES = 3,    /* of those who are suspect, too, nobody waits for a vote */
    MEMBERSHIP_MAJORITY_LEASES = 20, /* since the table said that it is alive */
    MEMBERSHIP_VOTE_LEASES = 20,
    MEMBERSHIP_FORGET_LEASES = 1200,
    /* Rows of the dead that are kept for people; more are forgotten at once, oldest first, where
     * nothing follows from them any more. */
    MEMBERSHIP_DEAD_KEPT = 64,
    MEMBERSHIP_PREDECESSORS_KEPT = 8, /* of one address, when its next process enters */
};

typedef enum membership_state {
    MEMBERSHIP_STARTING, /* not in the table */
    MEMBERSHIP_JOINING,
    MEMBERSHIP_ACTIVE,
    MEMBERSHIP_LEAVING,
    MEMBERSHIP_STOPPED,
} membership_state_t;

typedef struct membership_options {
    member_t self;     /* its row: status, votes and versions are not looked at */
    uint64_t lease_ms; /* the same in all of the cluster */
} membership_options_t;

typedef enum membership_effect_kind {
    /* The table: one at a time, each answered by the function of its name, or membership_away. */
    MEMBERSHIP_DO_POLL,  /* renew seen_ms of the own row, note `version` as acknowledged */
    MEMBERSHIP_DO_READ,  /* all rows */
    MEMBERSHIP_DO_WRITE, /* membership_changes(), if the table is at `version` still */
    /* The links. */
    MEMBERSHIP_DO_PROBE,     /* `node` with `sent_ms` */
    MEMBERSHIP_DO_PROBE_ALL, /* every active and leaving member but oneself, with `sent_ms` */
    MEMBERSHIP_DO_ANSWER,    /* `node`'s probe of `sent_ms`: own `version`, is_member */
    MEMBERSHIP_DO_ASK_FOR,   /* `node` to probe `about` */
    MEMBERSHIP_DO_VOUCH,     /* to `node` that `about` answered */
    MEMBERSHIP_DO_TELL_ALL,  /* that there is `version` */
    /* The node. */
    MEMBERSHIP_DO_TAKE, /* membership_view() is new */
    MEMBERSHIP_DO_STOP, /* the process ends: `why` */
} membership_effect_kind_t;

typedef struct membership_effect {
    membership_effect_kind_t kind;
    uint64_t node, about, sent_ms, version;
    bool is_member;  /* that `node` is alive in the own view */
    const char *why; /* a sentence for the log */
} membership_effect_t;

typedef struct membership_change {
    member_t row;
    bool is_removed;
} membership_change_t;

/* INVALID: no node, address or lease; NO_MEMORY */
err_t membership_new(const membership_options_t *options, uint64_t now_ms,
                     membership_t **out_membership);
void membership_free(membership_t *self);
void membership_scope_end(membership_t **self);
#define MEMBERSHIP_SCOPED SCOPED(membership_scope_end)

/* About thirty times a lease. */
void membership_tick(membership_t *self, uint64_t now_ms);
/* What is to be done next; false: nothing. To be taken until then after each call of the others. */
bool membership_next(membership_t *self, membership_effect_t *out);
/* Of the write that is under way. */
const membership_change_t *membership_changes(const membership_t *self, size_t *out_count);

/* ---- the table ---- */

/* A poll's answer. status 0: no own row. */
void membership_polled(membership_t *self, uint64_t version, member_status_t status,
                       uint64_t now_ms);
void membership_read(membership_t *self, const view_t *view, uint64_t now_ms);
/* Not landed: somebody was quicker. */
void membership_written(membership_t *self, bool is_landed, uint64_t now_ms);
/* What was asked of the table failed, whether it has happened or not. */
void membership_away(membership_t *self, uint64_t now_ms);

/* ---- the links; version: of the other's view ---- */

void membership_probed(membership_t *self, uint64_t node, uint64_t sent_ms, uint64_t version);
void membership_answered(membership_t *self, uint64_t node, uint64_t sent_ms, uint64_t version,
                         bool is_member, uint64_t now_ms);
void membership_asked_for(membership_t *self, uint64_t node, uint64_t about, uint64_t now_ms);
void membership_vouched(membership_t *self, uint64_t about, uint64_t now_ms);
void membership_told(membership_t *self, uint64_t version, uint64_t now_ms);
/* Its connection broke: worth a probe at once, and less patience until it answers. */
void membership_link_lost(membership_t *self, uint64_t node, uint64_t now_ms);

/* ---- the node ---- */

/* It gives its partitions away; then, when all is given: drained. */
void membership_leave(membership_t *self);
void membership_drained(membership_t *self);

membership_state_t membership_state(const membership_t *self);
/* Until the next call of another function. */
const view_t *membership_view(const membership_t *self);
/* It may serve until then; at or past it, not. */
uint64_t membership_lease_until_ms(const membership_t *self);
/* Whether what `node` owned may be served by others: it is dead, past, and a lease ago; or not all
 * can answer it any more, and it did not poll for as long as a majority's answers count. Rows that
 * are not there any more are free. */
bool membership_is_free(const membership_t *self, uint64_t node, uint64_t now_ms);
bool membership_is_table_away(const membership_t *self, uint64_t now_ms);
bool membership_is_suspect(const membership_t *self, uint64_t node);
/* To a probe of this node that was sent in the last MEMBERSHIP_SILENT_LEASES. */
bool membership_does_answer(const membership_t *self, uint64_t node, uint64_t now_ms);
uint32_t membership_health(const membership_t *self); /* 0: good, to MEMBERSHIP_HEALTH_MAX */
