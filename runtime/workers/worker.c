#include "runtime/workers/worker.h"

#include "runtime/base/memory.h"
#include "runtime/workers/worker_process.h"

#include <pthread.h>

enum {
    COUNT_DEFAULT = 2,
    QUEUE_DEFAULT = 1024,
    TIMEOUT_DEFAULT_MS = 30000,
    SWEEP_MS = 50, /* how late a job may learn that it waited too long */
    ARGUMENTS_MAX = 16
};
static const uint64_t memory_default = 512ULL << 20;

typedef struct lane {
    worker_item_t *first, *last;
    uint32_t count;
} lane_t;

struct worker_pool {
    uv_loop_t *loop;
    uv_async_t wake;
    uv_timer_t sweep;
    ms_clock_t clock;
    const ms_log_t *log;
    char *arguments[ARGUMENTS_MAX + 2]; /* the first is the program */
    uint32_t queue_max, count, open;    /* open: the pool's own handles and the processes' timers */
    uint64_t memory_max;
    void (*stopped)(void *context);
    void *stopped_context;
    worker_process_t processes[WORKER_COUNT_MAX];

    pthread_mutex_t mutex; /* guards what follows */
    lane_t lanes[WORKER_LANES];
    uint32_t next_id;
    bool is_stopping;
    worker_stats_t stats;
};

/* ---- the queue ---- */

static void push(lane_t *lane, worker_item_t *item)
{
    if (lane->last == NULL)
        lane->first = item;
    else
        lane->last->next = item;
    lane->last = item;
    lane->count++;
}

static worker_item_t *pop(lane_t *lane)
{
    worker_item_t *item = lane->first;
    if (item == NULL)
        return NULL;
    lane->first = item->next;
    if (lane->first == NULL)
        lane->last = NULL;
    lane->count--;
    item->next = NULL;
    return item;
}

static worker_item_t *take(worker_pool_t *self, const bool is_lane_open[WORKER_LANES])
{
    worker_item_t *item = NULL;
    pthread_mutex_lock(&self->mutex);
    for (uint32_t i = 0; i < WORKER_LANES && item == NULL; i++)
        if (is_lane_open[i])
            item = pop(&self->lanes[i]);
    pthread_mutex_unlock(&self->mutex);
    return item;
}

static worker_item_t *take_any(worker_pool_t *self)
{
    static const bool all[WORKER_LANES] = {true, true, true, true};
    return take(self, all);
}

static uint32_t waiting(worker_pool_t *self)
{
    uint32_t count = 0;
    pthread_mutex_lock(&self->mutex);
    for (uint32_t i = 0; i < WORKER_LANES; i++)
        count += self->lanes[i].count;
    pthread_mutex_unlock(&self->mutex);
    return count;
}

/* Takes the jobs out that waited too long. */
static worker_item_t *take_expired(worker_pool_t *self, uint64_t now_ms)
{
    lane_t expired = {0};
    pthread_mutex_lock(&self->mutex);
    for (uint32_t i = 0; i < WORKER_LANES; i++) {
        lane_t kept = {0};
        for (worker_item_t *item; (item = pop(&self->lanes[i])) != NULL;)
            push(item->expires_ms != 0 && item->expires_ms <= now_ms ? &expired : &kept, item);
        self->lanes[i] = kept;
    }
    pthread_mutex_unlock(&self->mutex);
    return expired.first;
}

/* ---- giving out ---- */

static bool is_hopeless(const worker_pool_t *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const worker_process_t *process = &self->processes[i];
        if (process->state != WORKER_WAITING || process->failures < WORKER_FAILURES_MAX)
            return false;
    }
    return true;
}

static worker_process_t *idle_process(worker_pool_t *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->processes[i].state == WORKER_IDLE)
            return &self->processes[i];
    return NULL;
}

static void on_sweep(uv_timer_t *timer);

/* Whether a worker may be given to the lane now (worker.h). */
static bool is_open(const worker_pool_t *self, uint32_t lane)
{
    uint32_t running = 0, idle = 0, most = MAX((self->count - 1) / 2, 1U);
    for (uint32_t i = 0; i < self->count; i++) {
        const worker_process_t *process = &self->processes[i];
        idle += process->state == WORKER_IDLE ? 1 : 0;
        bool is_busy = process->state == WORKER_BUSY && process->item != NULL;
        running += is_busy && process->item->lane == lane ? 1 : 0;
    }
    return lane < WORKER_AHEAD || (running < most && (idle > 1 || self->count == 1));
}

static worker_item_t *take_next(worker_pool_t *self)
{
    bool is_lane_open[WORKER_LANES];
    for (uint32_t i = 0; i < WORKER_LANES; i++)
        is_lane_open[i] = is_open(self, i);
    return take(self, is_lane_open);
}

static void give_out(worker_pool_t *self)
{
    for (worker_process_t *idle; (idle = idle_process(self)) != NULL;) {
        worker_item_t *item = take_next(self);
        if (item == NULL)
            break;
        worker_process_give(idle, item);
    }
    while (is_hopeless(self)) {
        worker_item_t *item = take_any(self);
        if (item == NULL)
            break;
        worker_item_end(item, ERR_UNAVAILABLE, "no worker can be started");
    }
    if (waiting(self) == 0)
        uv_timer_stop(&self->sweep);
    else if (!uv_is_active((uv_handle_t *)&self->sweep))
        uv_timer_start(&self->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void on_sweep(uv_timer_t *timer)
{
    worker_pool_t *self = timer->data;
    worker_item_t *item = take_expired(self, clock_mono_ms(&self->clock)), *next;
    for (; item != NULL; item = next) {
        next = item->next;
        worker_pool_note(self, WORKER_EVENT_TIMED_OUT);
        worker_item_end(item, ERR_TIMEOUT, "no worker was free in time");
    }
    give_out(self);
}

static void on_wake(uv_async_t *wake)
{
    worker_pool_t *self = wake->data;
    if (!self->is_stopping)
        give_out(self);
}

err_t worker_pool_submit(worker_pool_t *self, const worker_job_t *job)
{
    if (job->fd_count > CHANNEL_FDS_MAX || job->payload.size > CHANNEL_PAYLOAD_MAX)
        return ERR_LIMIT;
    worker_item_t *item = memory_new(sizeof *item);
    if (item == NULL)
        return ERR_NO_MEMORY;
    item->lane = job->lane;
    item->timeout_ms = job->timeout_ms == 0 ? TIMEOUT_DEFAULT_MS : job->timeout_ms;
    item->expires_ms = job->wait_ms == 0 ? 0 : clock_mono_ms(&self->clock) + job->wait_ms;
    item->began = job->began;
    item->part = job->part;
    item->done = job->done;
    item->context = job->context;
    item->fd_count = job->fd_count;
    if (job->fd_count > 0)
        memcpy(item->fds, job->fds, job->fd_count * sizeof *job->fds);

    pthread_mutex_lock(&self->mutex);
    channel_frame_t frame = {++self->next_id, job->kind, 0, (uint8_t)job->fd_count, job->payload};
    lane_t *lane = &self->lanes[job->lane];
    err_t err = self->is_stopping                ? ERR_UNAVAILABLE
                : lane->count >= self->queue_max ? ERR_BUSY
                                                 : channel_encode(&item->frame, &frame);
    if (err == ERR_OK) {
        push(lane, item);
        uv_async_send(&self->wake);
    }
    pthread_mutex_unlock(&self->mutex);
    if (err != ERR_OK)
        worker_item_free(item);
    return err;
}

/* ---- what processes tell ---- */

void worker_pool_note(worker_pool_t *self, worker_event_t event)
{
    pthread_mutex_lock(&self->mutex);
    self->stats.answered += event == WORKER_EVENT_ANSWERED ? 1 : 0;
    self->stats.failed += event == WORKER_EVENT_FAILED ? 1 : 0;
    self->stats.timed_out += event == WORKER_EVENT_TIMED_OUT ? 1 : 0;
    self->stats.outgrown += event == WORKER_EVENT_OUTGROWN ? 1 : 0;
    self->stats.restarts += event == WORKER_EVENT_RESTART ? 1 : 0;
    pthread_mutex_unlock(&self->mutex);
}

void worker_pool_process_idle(worker_pool_t *self, UNUSED worker_process_t *process)
{
    if (!self->is_stopping)
        give_out(self);
}

uint64_t worker_pool_memory_max(const worker_pool_t *self)
{
    return self->memory_max;
}

const ms_log_t *worker_pool_log(const worker_pool_t *self)
{
    return self->log;
}

void worker_pool_process_woken(worker_pool_t *self, worker_process_t *process)
{
    worker_pool_note(self, WORKER_EVENT_RESTART);
    worker_process_start(process, self->arguments[0], self->arguments);
    give_out(self);
}

static void on_backoff_end(uv_timer_t *timer)
{
    worker_process_t *process = timer->data;
    worker_pool_process_woken(process->pool, process);
}

/* ---- stopping ---- */

static void pool_free(worker_pool_t *self)
{
    for (size_t i = 0; i < COUNT_OF(self->arguments); i++)
        memory_free(self->arguments[i]);
    pthread_mutex_destroy(&self->mutex);
    memory_free(self);
}

static void free_when_closed(worker_pool_t *self)
{
    if (self->open > 0)
        return;
    void (*stopped)(void *context) = self->stopped;
    void *context = self->stopped_context;
    pool_free(self);
    if (stopped != NULL)
        stopped(context);
}

static void on_own_closed(uv_handle_t *handle)
{
    worker_pool_t *self = handle->data;
    self->open--;
    free_when_closed(self);
}

static void on_timer_closed(uv_handle_t *handle)
{
    worker_process_t *process = handle->data;
    process->pool->open--;
    free_when_closed(process->pool);
}

void worker_pool_process_closed(worker_pool_t *self, worker_process_t *process)
{
    if (self->is_stopping) {
        if (!uv_is_closing((uv_handle_t *)&process->timer))
            uv_close((uv_handle_t *)&process->timer, on_timer_closed);
        return;
    }
    uint64_t delay_ms = worker_backoff_ms(process->failures);
    if (process->failures > 0)
        log_warning(self->log, "worker",
                    "a worker died %u times at its start, the next try is in %llu ms",
                    process->failures, (unsigned long long)delay_ms);
    uv_timer_start(&process->timer, on_backoff_end, delay_ms, 0);
    give_out(self);
}

void worker_pool_stop(worker_pool_t **pool, void (*stopped)(void *context), void *context)
{
    worker_pool_t *self = STEAL(*pool);
    if (self == NULL)
        return;
    self->stopped = stopped;
    self->stopped_context = context;
    pthread_mutex_lock(&self->mutex);
    self->is_stopping = true;
    pthread_mutex_unlock(&self->mutex);
    for (worker_item_t *item; (item = take_any(self)) != NULL;)
        worker_item_end(item, ERR_CANCELLED, "the workers are being stopped");
    uv_close((uv_handle_t *)&self->wake, on_own_closed);
    uv_close((uv_handle_t *)&self->sweep, on_own_closed);
    for (uint32_t i = 0; i < self->count; i++) {
        worker_process_t *process = &self->processes[i];
        if (process->open > 0)
            worker_process_end(process, CAUSE_STOPPED); /* its timer is closed after it */
        else
            worker_pool_process_closed(self, process);
    }
}

/* ---- starting ---- */

static bool copy_arguments(worker_pool_t *self, const worker_options_t *options)
{
    self->arguments[0] = str_dup_terminated(str_from(options->program));
    bool is_whole = self->arguments[0] != NULL;
    for (size_t i = 0; is_whole && options->arguments != NULL && i < ARGUMENTS_MAX &&
                       options->arguments[i] != NULL;
         i++) {
        self->arguments[i + 1] = str_dup_terminated(str_from(options->arguments[i]));
        is_whole = self->arguments[i + 1] != NULL;
    }
    return is_whole;
}

static void open_handles(worker_pool_t *self)
{
    self->wake.data = self->sweep.data = self;
    uv_timer_init(self->loop, &self->sweep);
    self->open = 2;
    for (uint32_t i = 0; i < self->count; i++) {
        worker_process_init(&self->processes[i], self, self->loop);
        uv_timer_init(self->loop, &self->processes[i].timer);
        self->open++;
    }
}

err_t worker_pool_new(uv_loop_t *loop, const worker_options_t *options, worker_pool_t **out_pool)
{
    worker_pool_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->loop = loop;
    self->count =
        options->count == 0 ? COUNT_DEFAULT : MIN(options->count, (uint32_t)WORKER_COUNT_MAX);
    self->queue_max = options->queue_max == 0 ? QUEUE_DEFAULT : options->queue_max;
    self->memory_max = options->memory_max == 0 ? memory_default : options->memory_max;
    self->clock = options->clock.mono_ns == NULL ? clock_system() : options->clock;
    self->log = options->log;
    pthread_mutex_init(&self->mutex, NULL);
    if (!copy_arguments(self, options) || uv_async_init(loop, &self->wake, on_wake) != 0) {
        pool_free(self);
        return ERR_NO_MEMORY;
    }
    open_handles(self);
    for (uint32_t i = 0; i < self->count; i++)
        worker_process_start(&self->processes[i], self->arguments[0], self->arguments);
    *out_pool = self;
    return ERR_OK;
}

void worker_pool_stats(worker_pool_t *self, worker_stats_t *out_stats)
{
    uint32_t queued = waiting(self);
    pthread_mutex_lock(&self->mutex);
    worker_stats_t stats = self->stats;
    pthread_mutex_unlock(&self->mutex);
    stats.waiting = queued;
    for (uint32_t i = 0; i < self->count; i++) {
        stats.running += self->processes[i].state == WORKER_BUSY ? 1 : 0;
        stats.ready += self->processes[i].state == WORKER_IDLE ? 1 : 0;
        stats.resident_bytes += self->processes[i].resident_bytes;
    }
    *out_stats = stats;
}
