#pragma once
/* members_parts.h -- what the files of the driver share; nobody else includes it.
 *
 * members.c        the object, what comes in, who carries out what
 * members_table.c  the table's thread: its connection, statements, news
 * members_state.c  what others want to know */

#include "cluster/members/member_table.h"
#include "cluster/members/members.h"
#include "runtime/base/thread.h"
#include "storage/postgres/pg_listen.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the table's thread has to do, in order: at most one step with the table is under way, its
 * answer leads to at most one TAKE and one step more, and there is one STOP. */
enum { MEMBERS_WORK_MAX = 8 };

typedef struct members_counts {
    _Atomic uint64_t polls, reads, writes, conflicts, failures, table_ms;
} members_counts_t;

struct members {
    /* As they were given: */
    char *address, *first_details;
    ms_clock_t clock;
    const ms_log_t *log;
    member_t row;
    uint64_t node, lease_ms;
    members_links_t links;
    members_node_t hooks;

    pthread_mutex_t lock;     /* of all up to the next blank line */
    pthread_cond_t tick;      /* only to end the ticking */
    membership_t *membership; /* NULL: it has not joined */
    roster_t *roster;         /* NULL: none yet */
    membership_effect_t work[MEMBERS_WORK_MAX];
    uint32_t work_count;
    bool is_stopping;

    _Atomic uint64_t lease_until_ms;
    members_counts_t counts;
    _Atomic bool is_listening;
    pg_patience_t patience;

    int wake_fd;
    thread_slot_t ticker, worker;

    /* Of the table's thread: */
    pg_listen_t *listen; /* or, behind a pooler, */
    pg_t *pooled;
    bool is_away_told;
    size_t change_count;
    membership_change_t changes[MEMBERSHIP_CHANGES_MAX];
};

uint64_t members_timeout_ms(const members_t *self);
/* With the lock; what is to be done is carried out when it is given back. False: it has not joined,
 * there is nothing to enter. */
bool members_enter(members_t *self);
void members_leave_and_carry_out(members_t *self);

/* members_table.c */
/* Opens a connection to ask the table with; the caller's is closed with members_disconnect. */
err_t members_connect(members_t *self, pg_t **out_pg);
void members_disconnect(members_t *self);
void *members_worker_main(void *context);
void members_wake(members_t *self);
