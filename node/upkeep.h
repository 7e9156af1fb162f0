#pragma once
/* upkeep.h -- what a node does once a day: new keys when it is time (keyring.h).
 *
 * Threads  The edge's; the work runs on an offload thread. */

#include "runtime/runtime.h"
#include "storage/keys/keyring.h"

enum { UPKEEP_EVERY_MS = 24 * 60 * 60 * 1000 };

typedef struct upkeep {
    keyring_t *keyring;
    edge_t *edge;
    const ms_log_t *log;
    uv_timer_t timer;
    bool is_running;
    void (*stopped)(void *context);
    void *stopped_context;
} upkeep_t;

/* Once now, then every UPKEEP_EVERY_MS. keyring, edge and log are set. */
void upkeep_start(upkeep_t *self);
/* `stopped` runs once the loop has let go of the timer; work under way ends before the runtime has
 * drained. */
void upkeep_stop(upkeep_t *self, void (*stopped)(void *context), void *context);
