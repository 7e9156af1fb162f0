#pragma once
/* partitions.h -- the fence (ARCHITECTURE §5): which node may append to which partition, and at
 * which epoch.
 *
 * `partitions` has an owner and an epoch for each; every batch of the journal joins it, under its
 * node's lock (fence.h). Who takes a partition over sets itself as owner and raises the epoch while
 * it has the old owner's lock alone. So from then on nothing lands that the old owner sends,
 * nothing of it is under way, and what is read of the partition's streams is final. What holds an
 * owner's lock for FENCE_HOLD_MAX_MS is ended.
 *
 * A taking is made in the name of a view (cluster/view.h): one that is not the newest takes
 * nothing. Owner 0 is an installation without a cluster.
 *
 * Threads  One for a connection, which waits for 5 s or more; of epochs: any.
 * Errors  As pg.h. */

#include "runtime/base/partition.h"
#include "storage/postgres/pg.h"

enum { PARTITION_OWNER_ALONE = 0 };

/* ---- the epochs at which this node may append; 0: not at all ---- */

typedef struct partition_epochs partition_epochs_t;

partition_epochs_t *partition_epochs_new(void); /* all 0. NULL: no memory */
void partition_epochs_free(partition_epochs_t *self);
uint64_t partition_epochs_at(const partition_epochs_t *self, uint32_t partition);
/* What is handed to the journal from its return on is refused at any other epoch; 0: it is given
 * away, after what was handed in before has ended. */
void partition_epochs_set(partition_epochs_t *self, uint32_t partition, uint64_t epoch);
/* The database says that it is not so (any more): 0, unless it was set anew meanwhile. */
void partition_epochs_lost(partition_epochs_t *self, uint32_t partition, uint64_t epoch);

/* ---- taking ---- */

typedef struct partition_claim {
    uint32_t partition;
    uint64_t owner, epoch; /* as the taker has read them; then: as they are */
    bool is_taken;         /* out */
} partition_claim_t;

typedef struct partitions_taker {
    uint64_t node;    /* who takes */
    uint64_t version; /* of the view in whose name; 0: whatever it is */
    const ms_log_t *log;
} partitions_taker_t;

/* Takes those whose owner and epoch are still as named, the taker's own among them: each is then
 * the taker's at the epoch after. The others come back as they are. After TIMEOUT read again. The
 * epochs of those that were taken are set, if `epochs` is not NULL.
 *   CONFLICT   the view is not the newest; nothing was taken
 *   BUSY       what an old owner had under way did not end, or others take from it, too; nothing
 *              was taken */
err_t partitions_take(pg_t *pg, const partitions_taker_t *taker, partition_claim_t *claims,
                      size_t count, partition_epochs_t *epochs);
/* Owner and epoch of each, by their number, and the newest view's version, of one moment. */
err_t partitions_read(pg_t *pg, partition_claim_t out_claims[PARTITION_COUNT],
                      uint64_t *out_version);

/* For a node without a cluster, who has made sure that no other one runs (node_lock.h): takes what
 * others had, and notes in the table of members that they are gone. */
err_t partitions_take_alone(pg_t *pg, const ms_log_t *log, partition_epochs_t *epochs);
