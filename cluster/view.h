#pragma once
/* view.h -- who is in the cluster: the rows of the membership table, and what follows from them
 * alone.
 *
 * Every change of a status or a vote raises the table's version by one (compare-and-set), so views
 * are totally ordered and two nodes with the same version see the same rows. A row belongs to one
 * start of a node; a restart is another row. Death is final.
 *
 *   joining -> active -> leaving -> dead          (any -> dead)
 *
 * The upper bits of a version are its history (view_history): a server that took over without the
 * newest changes goes back to what it knows, and says so by versions above all that were given out.
 * Whoever was dead there may be alive here, and the other way round.
 *
 * The protocol is that of Orleans' membership table (dotnet/orleans, "Cluster management in
 * Orleans"), with leases and acknowledgements beside it (docs/decisions/0024).
 *
 * Ownership  A view owns its rows. Threads  None: pure functions. Errors  NO_MEMORY. */

#include "runtime/base/str.h"

enum {
    VIEW_MEMBERS_MAX = 1024, /* rows, the dead that are still remembered among them */
    MEMBER_VOTES_MAX = 4,
    MEMBER_ADDRESS_SIZE = 72,
    MEMBER_ZONE_SIZE = 32,
    MEMBER_KEY_SIZE = 32,
    MEMBER_WEIGHT_MAX = 10000,
    MEMBER_WEIGHT_USUAL = 100,
    VIEW_HISTORY_SHIFT = 40, /* as ms_view_version in storage/migrations/0011_members.sql */
};

typedef enum member_status {
    MEMBER_JOINING = 1,
    MEMBER_ACTIVE,
    MEMBER_LEAVING,
    MEMBER_DEAD,
} member_status_t;

typedef enum member_role {
    MEMBER_GATEWAY = 1 << 0,
    MEMBER_ACTORS = 1 << 1,
    MEMBER_MEDIA = 1 << 2,
    MEMBER_BATCH = 1 << 3,
} member_role_t;
enum { MEMBER_ROLES_ALL = MEMBER_GATEWAY | MEMBER_ACTORS | MEMBER_MEDIA | MEMBER_BATCH };

/* It runs no more, for certain: it left by itself, its successor has its address, or an operator
 * said so. As member_t.acknowledged. */
#define MEMBER_GONE UINT64_MAX

typedef struct member_vote {
    uint64_t node;  /* who suspects it */
    uint64_t at_ms; /* by the database's clock */
} member_vote_t;

typedef struct member {
    uint64_t node; /* one start of one node; ascending with time, never 0, never used again */
    member_status_t status;
    uint32_t roles;        /* member_role_t */
    uint32_t weight;       /* of its share */
    uint32_t level;        /* of events that it understands */
    uint64_t joined, died; /* versions in which it became active, and dead; 0: it has not */
    uint64_t acknowledged; /* the newest version that it has taken, as the table knows */
    uint64_t seen_ms;      /* when it last wrote that it is there, by the database's clock */
    uint32_t vote_count;
    member_vote_t votes[MEMBER_VOTES_MAX]; /* oldest first */
    uint8_t key[MEMBER_KEY_SIZE];          /* CURVE, public */
    char address[MEMBER_ADDRESS_SIZE];     /* host:port of its links, terminated */
    char zone[MEMBER_ZONE_SIZE];
} member_t;

typedef struct view {
    uint64_t version;
    uint64_t read_ms; /* when, by the database's clock */
    uint32_t count;
    member_t *members; /* ascending by node */
} view_t;

void view_deinit(view_t *self);
#define VIEW_SCOPED SCOPED(view_deinit)
/* *out is as before after an error. */
err_t view_copy(view_t *out, const view_t *from);
/* A row, replaced or put where it belongs. LIMIT: VIEW_MEMBERS_MAX; NO_MEMORY */
err_t view_put(view_t *self, const member_t *member);
void view_remove(view_t *self, uint64_t node);

/* The n-th server that took over; 0: none did. */
static inline uint64_t view_history(uint64_t version)
{
    return version >> VIEW_HISTORY_SHIFT;
}
/* NULL: no such row. */
const member_t *view_find(const view_t *self, uint64_t node);
/* Active or leaving: it serves, probes, votes. */
bool member_is_live(const member_t *self);
uint32_t view_live_count(const view_t *self);
/* More than half of the live. */
uint32_t view_majority(const view_t *self);
/* Its row was not refreshed for so long: dead with the whole cluster, or cut off from the database.
 * Who joins need not reach it, and it counts for no votes. */
bool view_is_stale(const view_t *self, const member_t *member, uint64_t stale_ms);

/* Votes that count: of live members, and younger than that. */
uint32_t view_votes(const view_t *self, const member_t *member, uint64_t vote_ms);
/* How many it takes: two, or half of the live (without the stale) rounded up where that is less. */
uint32_t view_votes_needed(const view_t *self, uint64_t stale_ms);

/* Whether nothing can renew the lease of a dead member any more. A node that is cut off from the
 * database keeps its lease by the answers of a majority of its last view. So in each view in which
 * it was alive and which may be its last one, those who have not acknowledged its death, itself
 * among them, must be no majority. */
bool view_is_past(const view_t *self, const member_t *dead);
/* Whether not all can answer it any more: in each of those views somebody else knows of its death.
 */
bool view_is_witnessed(const view_t *self, const member_t *dead);
/* Whether that is so of all its dead. */
bool view_is_settled(const view_t *self);
/* When the last one died of whom it is not so; 0: it is settled. Rows of who joined in that version
 * or later say nothing about any of them. */
uint64_t view_unsettled(const view_t *self);
