#pragma once
/* members.h -- this node's membership, carried out: membership.h's effects with PostgreSQL, the
 * links and the node.
 *
 * Two threads of its own: one asks the table and listens for news of it, one ticks. The links'
 * messages come in by the functions below, on any thread; what they lead to goes out by the links'
 * hooks, on the thread that called or on one of the two, without a lock held, and never twice at a
 * time for one call. Hooks of the node come from the table's thread, one after the other; a view is
 * acknowledged in the table after `take` has returned.
 *
 * The order of a start: members_open draws this node's number (the journal's `owner`, the links'
 * identity); members_join enters the table. Of an end: members_leave, then members_drained when
 * nothing is served here any more (state STOPPED follows), then members_close. Where `stop` was
 * called, or the table was away: members_say_gone before the end, if nothing is served any more.
 *
 * Leases are of a clock that also runs while the machine sleeps.
 *
 * Ownership  It copies what it is given. Threads  open, join and close: one; all else any.
 * Errors  As pg.h. */

#include "cluster/members/roster.h"
#include "cluster/membership.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

typedef struct members members_t;

/* To `node`, as soon as it can be sent; what can't be sent is dropped. node is a live or joining
 * member, or one whose message is being answered. version: of the own view. */
typedef struct members_links {
    void *context;
    void (*probe)(void *context, uint64_t node, uint64_t sent_ms, uint64_t version);
    void (*answer)(void *context, uint64_t node, uint64_t sent_ms, uint64_t version,
                   bool is_member);
    void (*ask_for)(void *context, uint64_t node, uint64_t about);
    void (*vouch)(void *context, uint64_t node, uint64_t about);
    /* To everybody but oneself who is live or joining. */
    void (*tell_all)(void *context, uint64_t version);
    const char *address; /* where they listen, host:port; NULL: as in the options' row */
} members_links_t;

typedef struct members_node {
    void *context;
    /* There is a new view: addresses and keys for the links, owners. Borrowed; roster_ref keeps it.
     * Not to be waited in: while it runs nobody asks the table. */
    void (*take)(void *context, roster_t *roster);
    /* The table says that this node is dead, or it has left: it serves nothing from now on, and the
     * process ends. Once. */
    void (*stop)(void *context, const char *why);
} members_node_t;

typedef struct members_options {
    const char *address; /* the server itself, without a pooler (else news come by polling) */
    member_t self;       /* node: 0, it is drawn */
    str_t details;       /* a JSON object, at most MEMBER_DETAILS_SIZE_MAX */
    uint64_t lease_ms;   /* the same in all of the cluster; 0: MEMBERSHIP_LEASE_MS */
    ms_clock_t clock;    /* all zero: the machine's, that counts its sleep */
    const ms_log_t *log;
} members_options_t;

/* CONFLICT: the cluster has another lease (the log says which). */
err_t members_open(const members_options_t *options, members_t **out_members);
uint64_t members_node(const members_t *self); /* its number */
/* Once. INVALID: no address, or a longer one than MEMBER_ADDRESS_SIZE. */
err_t members_join(members_t *self, const members_links_t *links, const members_node_t *node);
/* Ends its threads; no hook is called any more. The row stays as it is. NULL is fine. */
void members_close(members_t *self);
void members_scope_end(members_t **self);
#define MEMBERS_SCOPED SCOPED(members_scope_end)

/* ---- from the links: of `node`, whose key was checked; nothing happens before it joins ---- */

void members_probed(members_t *self, uint64_t node, uint64_t sent_ms, uint64_t version);
void members_answered(members_t *self, uint64_t node, uint64_t sent_ms, uint64_t version,
                      bool is_member);
void members_asked_for(members_t *self, uint64_t node, uint64_t about);
void members_vouched(members_t *self, uint64_t about);
void members_told(members_t *self, uint64_t version);
void members_link_lost(members_t *self, uint64_t node);

/* ---- from the node ---- */

/* Two atomic loads and a look at the clock. */
bool members_has_lease(const members_t *self);
/* By members_now_ms; at or past it nothing is served. 0: it has none. */
uint64_t members_lease_until_ms(const members_t *self);
uint64_t members_now_ms(const members_t *self);
/* The newest that was read; one reference for the caller. NULL: none yet. */
roster_t *members_roster(members_t *self);
/* Whether what `node` owned may be taken (membership.h). To be asked again until it may: about once
 * a tick, a thirtieth of a lease. */
bool members_is_free(members_t *self, uint64_t node);

/* It gives its partitions away ... */
void members_leave(members_t *self);
/* ... and has: the table is told that it is gone. */
void members_drained(members_t *self);
/* Nothing is served here any more and never will be: what this node owned is free at once, where
 * the table answers within that time. After `stop`, or at an end without leaving. */
err_t members_say_gone(members_t *self, uint64_t within_ms);
/* That another node runs no more, for certain: an operator's word. What it owned is free at once.
 *   CONFLICT   it is this node, or it answers this one
 *   BUSY       it has used the table in the last MEMBERSHIP_SILENT_LEASES
 *   NOT_FOUND  no such row */
err_t members_forget(members_t *self, uint64_t node);
/* Other details from now on. LIMIT: MEMBER_DETAILS_SIZE_MAX. Others see them in their next view,
 * where the table is there. */
err_t members_describe(members_t *self, str_t details);

typedef struct members_status {
    membership_state_t state;
    uint64_t node, version, lease_ms, lease_left_ms;
    uint32_t health;     /* 0: good, to MEMBERSHIP_HEALTH_MAX */
    bool is_table_away;  /* no answer for a while */
    bool is_listening;   /* else news come with polls */
    uint32_t live_count; /* of the view */
    uint32_t suspect_count;
    uint64_t suspects[MEMBERSHIP_WATCHES_MAX];
    uint64_t polls, reads, writes, conflicts, failures; /* of the table: how often */
    uint64_t table_ms;                                  /* what the newest answer took */
} members_status_t;
void members_status(members_t *self, members_status_t *out_status);
