#pragma once
/* upkeep.h -- what a node does now and then: once a day new keys when it is time (keyring.h); at
 * its start, and each minute, it wakes who has messages that wait (runtime/outbox.h), a page at a
 * time, and counts these messages; and it keeps up with other nodes' use of the keys
 * (vault_follow, keyring_follow); and has blobs swept and scrubbed (blobs.h).
 *
 * Threads  The edge's; the work runs on an offload thread. */

#include "node/blobs/blobs.h"
#include "node/cluster/cluster_node.h"
#include "node/privacy/privacy_node.h"
#include "runtime/runtime.h"
#include "storage/keys/keyring.h"

#include <stdatomic.h>

enum {
    UPKEEP_EVERY_MS = 24 * 60 * 60 * 1000,
    UPKEEP_WAKE_EVERY_MS = 60 * 1000,
    UPKEEP_TEND_LOOK_MS = 1000, /* whether it is time */
    UPKEEP_WAKE_PAUSE_MS = 100, /* between two pages */
    UPKEEP_WAKE_PAGE = 256,
    UPKEEP_COUNT_MAX = 10000 /* messages that are counted: there are more */
};

typedef struct upkeep {
    keyring_t *keyring;
    journal_t *journal;
    edge_t *edge;
    const ms_log_t *log;
    master_rotation_t *rotation;
    blobs_t *blobs;
    cluster_node_t *cluster; /* NULL: it is alone */
    uv_timer_t timer, waking, following, tending;
    bool is_running;
    uint32_t open_timers;
    uint64_t followed_count; /* one at a time follows */
    bool is_waking, is_wake_wanted;
    _Atomic bool is_called;         /* upkeep_wake */
    buf_t wake_after;               /* the last sender that was woken */
    _Atomic uint64_t waiting, dead; /* messages, as counted last */
    void (*stopped)(void *context);
    void *stopped_context;
} upkeep_t;

/* Once now, then every UPKEEP_EVERY_MS. keyring, journal, edge, log, rotation and blobs are set. */
void upkeep_start(upkeep_t *self);
/* Soon, not in a minute: actors came here, and may have messages that wait. Any thread. */
void upkeep_wake(upkeep_t *self);
/* `stopped` runs once the loop has let go of the timer; work under way ends before the runtime has
 * drained. */
void upkeep_stop(upkeep_t *self, void (*stopped)(void *context), void *context);
/* After the runtime has drained. Nothing where it never started. */
void upkeep_deinit(upkeep_t *self);
