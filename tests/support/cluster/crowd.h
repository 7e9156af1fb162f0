#pragma once
/* crowd.h -- several memberships in one process, one database, and links between them that hand
 * everything over at once or, where they are cut, nothing.
 *
 * Threads  A test's; hooks run on the members' own. Errors  End the test. */

#include "cluster/members/members.h"

#include <pthread.h>

enum { CROWD_MAX = 6, CROWD_LEASE_MS = 1000 };

typedef struct crowd crowd_t;

typedef struct crowd_node {
    crowd_t *crowd;
    members_t *members; /* NULL: it does not run */
    uint64_t node;
    bool is_cut;     /* nothing goes out, nothing comes in */
    bool is_stopped; /* by its own `stop` */
    uint64_t taken;  /* the newest version that it was given */
} crowd_node_t;

struct crowd {
    const char *address;
    pthread_rwlock_t lock;
    crowd_node_t nodes[CROWD_MAX];
};

void crowd_init(crowd_t *self, const char *address);
void crowd_deinit(crowd_t *self);
#define CROWD_SCOPED SCOPED(crowd_deinit)

/* The place is free; its address is always the same. */
void crowd_start(crowd_t *self, size_t at);
err_t crowd_join_without_address(members_t *members);
/* As kill -9: its threads end, its row stays. Until when it had its lease. */
uint64_t crowd_kill(crowd_t *self, size_t at);
void crowd_cut(crowd_t *self, size_t at, bool is_cut);
bool crowd_is_stopped(crowd_t *self, size_t at);
uint64_t crowd_taken(crowd_t *self, size_t at);
members_status_t crowd_status(crowd_t *self, size_t at);
/* As `at` sees it; 0: no row. */
member_status_t crowd_sees(crowd_t *self, size_t at, uint64_t node);
/* Whether `at` has those details of `node`. */
bool crowd_is_told(crowd_t *self, size_t at, uint64_t node, str_t details);
/* All that run are active, in one view of `live`, with a lease. */
bool crowd_is_whole(crowd_t *self, uint32_t live);
