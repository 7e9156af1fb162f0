#pragma once
/* catalog_keeper.h -- keeps the catalog up with the journal (follow.h), has it built anew beside
 * itself when its format is another (again and again, until that succeeds: an outdated one takes
 * nothing new), when a listener was erased whose plays it counted, when somebody asks, or when that
 * was cut short before, and says how far it is.
 *
 * Threads  start, stop, rebuild: the edge's. is_whole, describe and append_metrics: any. */

#include "node/catalog/catalog_build.h"
#include "node/follow.h"

enum {
    CATALOG_KEEPER_JOBS = 2,        /* of OFFLOAD_FILE at a time: a build, and who follows */
    CATALOG_AGAIN_MS = 30000,       /* after a build that failed, where the catalog is outdated */
    CATALOG_AGAIN_MS_MAX = 3600000, /* after recounts in vain, each of which doubles it */
};

/* How far something is that goes from one position of the feed to its head. */
typedef struct catalog_progress {
    _Atomic uint64_t from, at; /* 0: nothing yet */
    atomic_uint told_percent;  /* in the log */
} catalog_progress_t;

typedef struct catalog_keeper {
    /* Given. */
    catalog_build_t build; /* but is_stopped, stepped and context */
    journal_hooks_t *hooks;
    edge_t *edge;
    const ms_log_t *log;
    bool has_unfinished;          /* a build was cut short before */
    uint32_t again_ms;            /* 0: CATALOG_AGAIN_MS */
    void (*moved)(void *context); /* after a step, on its thread, and after a build, on the edge's;
                                     NULL: nobody asks */
    void *moved_context;
    uint64_t whole_at; /* the position from which on it holds all that was there at the start */

    follow_t follow;
    uv_timer_t again;
    bool is_again_due;              /* the timer's, on the edge: a recount waits for it, too */
    uint64_t pause_ms;              /* of the timer; 0: the last build was not in vain */
    catalog_progress_t first, anew; /* until whole_at; of a build beside */
    atomic_bool is_building, is_stopped;
    atomic_uint builds;   /* that ended */
    atomic_int build_err; /* err_t of the last one */
} catalog_keeper_t;

err_t catalog_keeper_start(catalog_keeper_t *self);
/* Nothing starts any more; what runs ends soon, before the runtime has drained. */
void catalog_keeper_stop(catalog_keeper_t *self);
/* BUSY: it is being built already. */
err_t catalog_keeper_rebuild(catalog_keeper_t *self);

/* Readers see all that was in the journal when the node started, or what an older version made of
 * it. */
bool catalog_keeper_is_ready(const catalog_keeper_t *self);
/* Of what goes on: a build beside it, or the first one. */
uint32_t catalog_keeper_percent(const catalog_keeper_t *self);
/* {"is_building", "is_ready", "percent", "builds", "err"}: the last two are of builds that ended.
 */
void catalog_keeper_describe(const catalog_keeper_t *self, buf_t *out);
void catalog_keeper_append_metrics(const catalog_keeper_t *self, buf_t *out);
