#pragma once
/* follow.h -- keeps a projection up with the journal: steps on an offload thread whenever there is
 * more.
 *
 * Threads  start, wake and stop: the edge's. The journal's hook may call from any. */

#include "runtime/runtime.h"
#include "storage/journal/journal_hooks.h"
#include "storage/projection.h"

#include <uv.h>

enum { FOLLOW_AGAIN_MS = 1000 }; /* after a step that failed, though nothing new came */

typedef struct follow {
    projection_t *projection;
    journal_hooks_t *hooks;
    edge_t *edge;
    const ms_log_t *log;
    const atomic_bool *is_stopped;    /* steps under way end */
    const char *name;                 /* of what follows, in the log; NULL: "catalog" */
    projection_stepped_fn stepped;    /* on the offload thread; may be NULL */
    err_t (*followed)(void *context); /* there too, when nothing more is there; may be NULL */
    void *context;
    atomic_bool is_woken; /* a wake is on its way to the edge */
    bool is_running, is_dirty;
    uv_timer_t again;
} follow_t;

err_t follow_start(follow_t *self);
/* There may be more. */
void follow_wake(follow_t *self);
/* After *is_stopped was set: no step starts any more. One that runs ends before the runtime has
 * drained. */
void follow_stop(follow_t *self);
