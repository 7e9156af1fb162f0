#pragma once
/* placement.h -- which node owns a partition, as everybody who has the same view computes it.
 *
 * A key hashes to one of 16,384 partitions; a partition belongs to the member with the least cost
 * for it. Rendezvous hashing (Thaler, Ravishankar: A Name-Based Mapping Scheme for Rendezvous,
 * 1996) with weights by the logarithm (Schindelhauer, Schomaker: Weighted Distributed Hash Tables,
 * 2005): the cost is -log2(hash) / weight. Who joins takes its share from each of the others and
 * moves nothing else; what a member that left had goes to the others by their weights.
 *
 * All in integers, so that no two machines' libraries can disagree.
 *
 * Ownership  A placement owns its table. Threads  None: pure; a table is immutable once built. */

#include "cluster/view.h"
#include "runtime/base/partition.h"

enum { PLACEMENT_NONE = 0 };

typedef struct placement {
    uint64_t version;                 /* of the view */
    uint64_t owners[PARTITION_COUNT]; /* nodes; PLACEMENT_NONE: nobody may */
} placement_t;

/* Active members with this role own partitions. 130 KiB: not on a stack. */
void placement_build(placement_t *out, const view_t *view, member_role_t role);
/* Who would own it if the owner were not there: of another zone, if there is one. For copies of
 * what is expensive to fetch. PLACEMENT_NONE: nobody. */
uint64_t placement_second(const view_t *view, member_role_t role, uint32_t partition);
/* For what is placed by itself, such as a folder of music among those nodes that can read it:
 * the best of `nodes` for this key. PLACEMENT_NONE: none of them is active in the view. */
uint64_t placement_among(const view_t *view, const uint64_t *nodes, size_t count, str_t key);
/* For work that one node of a role does for all: the best of the active ones for this key.
 * PLACEMENT_NONE: none has the role. */
uint64_t placement_one(const view_t *view, member_role_t role, str_t key);
/* Of `roles`, those that no active member has. */
uint32_t placement_missing(const view_t *view, uint32_t roles);
/* How many have another owner. */
uint32_t placement_moved(const placement_t *before, const placement_t *after);
