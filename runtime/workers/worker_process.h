#pragma once
/* worker_process.h -- one supervised child of a worker pool (worker.h): its process, socket and
 * clock.
 *
 * Edges: DOWN -> IDLE (started) -> BUSY (given a job) -> IDLE (it answered) ...; from IDLE and BUSY
 * to ENDING (killed or gone) and, once process and socket are closed, to WAITING (back-off), then
 * IDLE again. A job ends at the answer, or when the process is gone, with what it died of.
 *
 * Threads  The loop's. */

#include "runtime/workers/worker.h"

typedef enum worker_state {
    WORKER_DOWN,
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_ENDING,
    WORKER_WAITING
} worker_state_t;
typedef enum worker_cause {
    CAUSE_NONE,
    CAUSE_TIMEOUT,
    CAUSE_BROKEN,
    CAUSE_OUTGROWN,
    CAUSE_STOPPED
} worker_cause_t;

typedef struct worker_item worker_item_t;
struct worker_item {
    worker_item_t *next;
    worker_lane_t lane;
    uint32_t timeout_ms;
    uint64_t expires_ms;          /* in the queue; 0: never */
    void (*began)(void *context); /* may be NULL */
    worker_answer_fn part, done;
    void *context;
    buf_t frame; /* encoded */
    uint32_t fd_count;
    int fds[CHANNEL_FDS_MAX]; /* borrowed */
};
void worker_item_free(worker_item_t *item);
void worker_item_end(worker_item_t *item, err_t err, const char *text);

typedef struct worker_process {
    worker_pool_t *pool;
    uv_loop_t *loop;
    _Atomic worker_state_t state; /* worker_pool_stats reads it from any thread */
    worker_cause_t cause;
    uv_process_t process;
    uv_poll_t poll;
    uv_timer_t timer; /* of the job, or of the back-off */
    int socket;
    channel_reader_t reader;
    worker_item_t *item;
    size_t sent; /* bytes of the item's frame */
    uint64_t answered;
    _Atomic uint64_t resident_bytes;
    uint32_t failures; /* deaths in a row before a first answer */
    uint32_t open;     /* handles of process and socket */
    bool has_exited;
    int exit_signal;
    int64_t exit_status;
} worker_process_t;

void worker_process_init(worker_process_t *self, worker_pool_t *pool, uv_loop_t *loop);
void worker_process_start(worker_process_t *self, const char *program, char **arguments);
/* Takes the item; idle processes only. */
void worker_process_give(worker_process_t *self, worker_item_t *item);
void worker_process_end(worker_process_t *self, worker_cause_t cause);
uint64_t worker_backoff_ms(uint32_t failures);

/* What the pool is told. */
typedef enum worker_event {
    WORKER_EVENT_ANSWERED,
    WORKER_EVENT_FAILED,
    WORKER_EVENT_TIMED_OUT,
    WORKER_EVENT_OUTGROWN,
    WORKER_EVENT_RESTART
} worker_event_t;
void worker_pool_note(worker_pool_t *pool, worker_event_t event);
/* It is idle again, or all its handles are closed. */
void worker_pool_process_idle(worker_pool_t *pool, worker_process_t *process);
void worker_pool_process_closed(worker_pool_t *pool, worker_process_t *process);
void worker_pool_process_woken(worker_pool_t *pool, worker_process_t *process);
uint64_t worker_pool_memory_max(const worker_pool_t *pool);
const ms_log_t *worker_pool_log(const worker_pool_t *pool);
