#pragma once
/* scan_state.h -- the state of `scan/ROOT`, shared by its two files: scan_actor.c, which begins and
 * ends runs and tells how they do, and scan_stages.c, which takes a run through its stages.
 *
 *     ROOT -> PROBLEMS -> LOAD -> LIST -> WATCH -> SETTLE -> READ -> PLAN -> COVERS -> LOUDNESS ->
 * FINISH
 *
 * scan_advance starts all that the stage allows; every answer comes back through a function that
 * advances again. An answer for a run that was given up finds another one and is dropped. */

#include "actors/library/problems.h"
#include "actors/library/scan_run.h"
#include "actors/library/watch.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/scan.h"

enum {
    SCAN_ASK_TIMEOUT_MS = 30000,
    SCAN_RETRY_MS = 100,
    SCAN_RETRIES_MAX = 100, /* in a row */
    SCAN_REPORT_MS = 90,
    SCAN_READS_MAX = 3,  /* READ jobs under way: what keeps two media workers busy */
    SCAN_HELD_MAX = 8,   /* READ jobs done that the library has not taken yet */
    SCAN_COVERS_MAX = 2, /* COVER jobs under way */
    SCAN_JOBS_MAX = SCAN_READS_MAX + SCAN_COVERS_MAX + 2,
    SCAN_SETTLE_MAX = 1024,   /* tracks in one command */
    SCAN_WATCH_TURN = 256,    /* folders that begin to be watched in one turn */
    SCAN_WATCH_MS = 500,      /* from a change to the look at it, and on to the next look */
    SCAN_WATCH_WAIT_MAX = 10, /* turns that a change waits for the next one at most */
};

typedef enum stage {
    STAGE_ROOT,
    STAGE_PROBLEMS,
    STAGE_LOAD,
    STAGE_LIST,
    STAGE_WATCH,
    STAGE_SETTLE,
    STAGE_READ,
    STAGE_PLAN,
    STAGE_COVERS,
    STAGE_LOUDNESS,
    STAGE_FINISH
} stage_t;

typedef enum tick { TICK_RETRY = 1, TICK_WATCH, TICK_GO_ON } tick_t;

typedef struct scan {
    uint64_t serial;
    scan_run_t *run; /* NULL: none */
    stage_t stage;
    scan_job_t *jobs[SCAN_JOBS_MAX]; /* under way, of whatever run */
    scan_job_t *held[SCAN_HELD_MAX]; /* READ jobs that are done, oldest first */
    size_t held_count;
    uint32_t reads, covers, loudnesses; /* of this run, under way */
    bool is_stepping; /* a job is under way beside which nothing may run, or the next turn */
    uint32_t asking;  /* asks of this run, under way */
    bool is_retrying;
    uint32_t retries;
    size_t next; /* file, cover or album to be started; in WATCH, folder */
    size_t walk_problem_next;
    size_t added_jobs; /* of `held`, in the command under way */

    /* What the status says. */
    uint64_t files_done, files_known, files_changed, files_failed, files_gone;
    int64_t started_ms, finished_ms;
    uint64_t reported_ms;
    uint32_t reported_phase;
    bool is_readable;
    problems_t problems;

    /* Started again as soon as this run allows. */
    bool has_next, next_is_full, next_is_whole;
    watch_t watch;
    watch_touched_t touched;
    uint32_t watch_waits;
    bool is_watch_armed; /* a tick or an actor_readable comes */
    buf_t carried;       /* of uint64_t: tracks whose covers a run that was cut short still owes */
} scan_t;

/* ---- scan_actor.c ---- */

/* Tells roots/all, at once when the phase is new, else at most every SCAN_REPORT_MS. */
void scan_report(scan_t *self, context_t *ctx);
void scan_note_problem(scan_t *self, context_t *ctx, str_t path, str_t reason);
/* The run is over; the next one begins if one is wanted. */
void scan_end(scan_t *self, context_t *ctx);
void scan_fail(scan_t *self, context_t *ctx, err_t err);
/* Tries again a little later what may succeed then. */
void scan_retry_or_fail(scan_t *self, context_t *ctx, err_t err);
bool scan_may_pass(err_t err);

/* ---- scan_stages.c ---- */

void scan_advance(scan_t *self, context_t *ctx);
/* Enters a stage. */
void scan_go(scan_t *self, context_t *ctx, stage_t stage);
