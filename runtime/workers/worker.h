#pragma once
/* worker.h -- a pool of warm child processes that answer frames (runtime/base/channel.h).
 *
 * Each worker is executed with an empty environment and, besides standard error, one open
 * descriptor: its end of a socket pair, as WORKER_FD. It gets one request at a time. It is replaced
 * when it exits, breaks the framing, does not answer within a job's timeout, or has grown past
 * memory_max; the job at hand then fails (INTERNAL or TIMEOUT, with the reason) and no other does.
 * A worker that dies before its first answer is restarted with back-off, WORKER_BACKOFF_MIN_MS
 * doubling to WORKER_BACKOFF_MAX_MS; while every worker is backing off after at least
 * WORKER_FAILURES_MAX such deaths, jobs are refused (UNAVAILABLE).
 *
 * Jobs wait in lanes, served in order of lane, then of arrival. The jobs of WORKER_AHEAD and of
 * WORKER_BACKGROUND are long: neither lane gets more than half of the other workers (but one), and
 * in a pool of two or more neither takes the last free one. So in a pool of three a listener waits
 * neither for a scan nor for what is made ahead, and that not for loudness.
 *
 * Ownership  A job's payload is copied; its descriptors are borrowed until `done`, and the caller
 * closes them. Threads    new, stop: the loop's thread. submit: any. `part` and `done` run on the
 * loop's thread; `done` exactly once a job. */

#include "runtime/base/channel.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

#include <uv.h>

API_BEGIN

enum {
    WORKER_FD = 3,
    WORKER_COUNT_MAX = 16,
    WORKER_BACKOFF_MIN_MS = 50,
    WORKER_BACKOFF_MAX_MS = 10000,
    WORKER_FAILURES_MAX = 3
};

typedef enum worker_lane {
    WORKER_URGENT,
    WORKER_NORMAL, /* short ones */
    WORKER_AHEAD,  /* what will be asked for soon */
    WORKER_BACKGROUND,
    WORKER_LANES
} worker_lane_t;

typedef struct worker_options {
    const char *program;          /* path; copied */
    const char *const *arguments; /* after the name, NULL-terminated; NULL: none; copied */
    uint32_t count;               /* 0: 2 */
    uint32_t queue_max;           /* jobs waiting a lane; 0: 1024 */
    uint64_t memory_max;          /* resident bytes of a worker; 0: 512 MiB */
    ms_clock_t clock;             /* all zero: the machine's */
    const ms_log_t *log;
} worker_options_t;

/* What a job came to. err OK: the answer's kind and payload, borrowed for the call. Otherwise
 * `text` is a sentence about it. */
typedef struct worker_answer {
    err_t err;
    uint16_t kind;
    str_t payload;
    str_t text;
} worker_answer_t;
typedef void (*worker_answer_fn)(void *context, const worker_answer_t *answer);

typedef struct worker_job {
    worker_lane_t lane;
    uint16_t kind;
    str_t payload;
    const int *fds;
    uint32_t fd_count;
    uint32_t timeout_ms; /* from when a worker gets it, and again from each part; 0: 30,000 */
    uint32_t wait_ms;    /* in the queue; then TIMEOUT. 0: no limit */
    void (*began)(void *context); /* a worker has it; on the loop's thread. May be NULL */
    worker_answer_fn part;        /* NULL: parts are dropped */
    worker_answer_fn done;
    void *context;
} worker_job_t;

typedef struct worker_pool worker_pool_t;

err_t worker_pool_new(uv_loop_t *loop, const worker_options_t *options, worker_pool_t **out_pool);
/* Kills the workers, ends all jobs with CANCELLED, then, when the loop has closed its handles,
 * frees the pool and calls `stopped` (may be NULL). No submit may run or come after it. */
void worker_pool_stop(worker_pool_t **pool, void (*stopped)(void *context), void *context);

/* BUSY: the lane is full; LIMIT: payload or descriptors over the channel's bounds; UNAVAILABLE:
 * stopping; NO_MEMORY. On an error `done` is not called. */
err_t worker_pool_submit(worker_pool_t *self, const worker_job_t *job);

typedef struct worker_stats {
    uint64_t answered, failed, timed_out, restarts, outgrown, waiting, running,
        ready;               /* ready: workers */
    uint64_t resident_bytes; /* of all workers, as last seen */
} worker_stats_t;
void worker_pool_stats(worker_pool_t *self, worker_stats_t *out_stats); /* any thread */

API_END
