#include "runtime/schedule/offload.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/thread.h"
#include "runtime/durable/durable.h"
#include "runtime/kernel.h"
#include "runtime/memory/hibernate.h"
#include "runtime/schedule/job_queue.h"

enum { LANE_THREADS_MAX = 64 };

typedef struct lane_counters {
    _Atomic uint64_t refused, cancelled, expired;
} lane_counters_t;

typedef struct offload_queue {
    runtime_t *runtime;
    const char *name; /* of its threads */
    uv_mutex_t lock;
    uv_cond_t has_job;
    job_queue_t jobs;
    job_t *running[LANE_THREADS_MAX]; /* by thread */
    bool has_run[OFFLOAD_SIMULATED_THREADS];
    uint32_t thread_count, started_count;
    uv_thread_t threads[LANE_THREADS_MAX];
    bool is_stopping;
    uint64_t tickets;
    _Atomic uint64_t open_count; /* queued, waiting for room, or running */
    lane_counters_t counters;
} offload_queue_t;

struct offload {
    offload_queue_t lanes[OFFLOAD_LANES];
};

job_t *job_new(const void *data, size_t data_size)
{
    job_t *self = memory_new(sizeof *self + data_size);
    if (self == NULL)
        return NULL;
    self->data = self + 1;
    self->data_size = data_size;
    if (data_size > 0)
        memcpy(self->data, data, data_size);
    return self;
}

void job_free(job_t *self)
{
    if (self == NULL)
        return;
    recovery_free(self->recovery);
    hibernation_free(self->hibernation);
    memory_free(self);
}

bool offload_is_cancelled(const void *data)
{
    return atomic_load_explicit(&((const job_t *)data)[-1].is_cancelled, memory_order_relaxed);
}

static void run(job_t *job)
{
    if (job->recovery != NULL)
        job->err = recovery_run(job->recovery);
    else if (job->hibernation != NULL)
        job->err = hibernation_run(job->hibernation);
    else if (job->edge_work != NULL)
        job->err = job->edge_work(job->data);
    else
        job->err = job->actor_work(job->data, job->data_size);
}

void offload_return(job_t *job)
{
    runtime_t *runtime = job->runtime;
    bool is_state = job->recovery != NULL || job->hibernation != NULL;
    job->message.kind = is_state ? MESSAGE_RECOVERED : MESSAGE_JOB;
    if (job->actor == 0)
        scheduler_post(&runtime->schedulers[job->edge_scheduler], &job->message);
    else if (!deliver_system(runtime, job->actor, &job->message))
        job_free(job);
}

/* Gives back one that was queued. Not under the lock. */
static void give_back(offload_queue_t *queue, job_t *job)
{
    offload_return(job);
    atomic_fetch_sub(&queue->open_count, 1);
}

/* To who waits for the room that there is now. */
static void tell_of_room(offload_queue_t *queue)
{
    for (;;) {
        uv_mutex_lock(&queue->lock);
        job_t *waiter = job_queue_take_waiter(&queue->jobs);
        uv_mutex_unlock(&queue->lock);
        if (waiter == NULL)
            return;
        waiter->err = ERR_OK;
        give_back(queue, waiter);
    }
}

/* A job that is not too late, of the thread with this index. Under the lock. */
static job_t *begin(offload_queue_t *queue, uint32_t index)
{
    job_t *job = job_queue_take(&queue->jobs);
    if (job == NULL)
        return NULL;
    job->is_late = job->until_ns != 0 && clock_mono_ns(&queue->runtime->clock) >= job->until_ns;
    if (!job->is_late)
        queue->running[index] = job;
    return job;
}

/* One that has run. Not under the lock. */
static void finish(offload_queue_t *queue, job_t *job, uint32_t index)
{
    uv_mutex_lock(&queue->lock);
    queue->running[index] = NULL; /* who cancels it finds it no more */
    uv_mutex_unlock(&queue->lock);
    give_back(queue, job);
}

/* Not under the lock. */
static void carry_out(offload_queue_t *queue, job_t *job, uint32_t index)
{
    tell_of_room(queue);
    if (job->is_late) {
        job->err = ERR_TIMEOUT;
        count_one(&queue->counters.expired);
        give_back(queue, job);
    } else {
        run(job);
        finish(queue, job, index);
    }
}

static void lane_main(void *context)
{
    offload_queue_t *queue = context;
    uv_mutex_lock(&queue->lock);
    uint32_t index = queue->started_count++;
    thread_name("%s-%u", queue->name, index);
    while (!queue->is_stopping) {
        job_t *job = begin(queue, index);
        if (job == NULL) {
            uv_cond_wait(&queue->has_job, &queue->lock);
            continue;
        }
        uv_mutex_unlock(&queue->lock);
        carry_out(queue, job, index);
        uv_mutex_lock(&queue->lock);
    }
    uv_mutex_unlock(&queue->lock);
}

static err_t lane_start(offload_queue_t *queue, uint32_t thread_count)
{
    for (uint32_t i = 0; i < MIN(thread_count, (uint32_t)LANE_THREADS_MAX); i++) {
        int rc = uv_thread_create(&queue->threads[i], lane_main, queue);
        if (rc != 0)
            return err_from_errno(-rc);
        queue->thread_count++;
    }
    return ERR_OK;
}

err_t offload_new(runtime_t *runtime, const runtime_options_t *options, offload_t **out_offload)
{
    static const uint32_t threads[OFFLOAD_LANES] = {4, 1, 1};
    static const char *const names[OFFLOAD_LANES] = {"file", "compute", "password"};
    static const uint32_t bounds[OFFLOAD_LANES] = {4096, 256, 32};
    offload_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < OFFLOAD_LANES; i++) {
        offload_queue_t *queue = &self->lanes[i];
        queue->runtime = runtime;
        queue->name = names[i];
        queue->jobs.max =
            options->offload_queue_max[i] == 0 ? bounds[i] : options->offload_queue_max[i];
        ASSERT(uv_mutex_init(&queue->lock) == 0 && uv_cond_init(&queue->has_job) == 0);
    }
    err_t err = ERR_OK;
    for (size_t i = 0; i < OFFLOAD_LANES && err == ERR_OK && !options->is_simulated; i++)
        err =
            lane_start(&self->lanes[i],
                       options->offload_threads[i] == 0 ? threads[i] : options->offload_threads[i]);
    if (err != ERR_OK) {
        offload_free(self);
        return err;
    }
    *out_offload = self;
    return ERR_OK;
}

static bool is_any(const job_t *job, const void *what)
{
    (void)job, (void)what;
    return true;
}

static void lane_deinit(offload_queue_t *queue)
{
    uv_mutex_lock(&queue->lock);
    queue->is_stopping = true;
    uv_cond_broadcast(&queue->has_job);
    uv_mutex_unlock(&queue->lock);
    for (uint32_t i = 0; i < queue->thread_count; i++)
        uv_thread_join(&queue->threads[i]);
    job_t *job;
    while ((job = job_queue_take_if(&queue->jobs, is_any, NULL)) != NULL)
        job_free(job);
    for (uint32_t i = 0; i < OFFLOAD_SIMULATED_THREADS; i++)
        job_free(queue->running[i]); /* no thread carries it out */
    uv_cond_destroy(&queue->has_job);
    uv_mutex_destroy(&queue->lock);
}

void offload_free(offload_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < OFFLOAD_LANES; i++)
        lane_deinit(&self->lanes[i]);
    memory_free(self);
}

/* ---- submitting ---- */

uint64_t offload_ticket(offload_t *self, job_t *job)
{
    offload_queue_t *queue = &self->lanes[job->lane];
    uv_mutex_lock(&queue->lock);
    job->ticket = ++queue->tickets * OFFLOAD_LANES + job->lane;
    uv_mutex_unlock(&queue->lock);
    return job->ticket;
}

static bool is_late(const job_t *job, const void *now_ns)
{
    return job->until_ns != 0 && *(const uint64_t *)now_ns >= job->until_ns;
}

/* Those whose time is over make room for others. */
static void expire(offload_queue_t *queue)
{
    uint64_t now_ns = clock_mono_ns(&queue->runtime->clock);
    for (;;) {
        uv_mutex_lock(&queue->lock);
        job_t *job = job_queue_has_room(&queue->jobs)
                         ? NULL
                         : job_queue_take_if(&queue->jobs, is_late, &now_ns);
        uv_mutex_unlock(&queue->lock);
        if (job == NULL)
            return;
        job->err = ERR_TIMEOUT;
        count_one(&queue->counters.expired);
        give_back(queue, job);
    }
}

static err_t put(offload_queue_t *queue, job_t *job)
{
    uv_mutex_lock(&queue->lock);
    err_t err = ERR_OK;
    if (job->is_for_room && !job_queue_has_room(&queue->jobs))
        err = job_queue_wait(&queue->jobs, job);
    else if (!job->is_for_room)
        err = job_queue_put(&queue->jobs, job);
    bool is_over = job->is_for_room && job_queue_has_room(&queue->jobs);
    if (err == ERR_OK) {
        atomic_fetch_add(&queue->open_count, 1);
        uv_cond_signal(&queue->has_job);
    }
    uv_mutex_unlock(&queue->lock);
    if (err == ERR_OK && is_over)
        give_back(queue, job);
    return err;
}

err_t offload_submit(offload_t *self, job_t *job)
{
    offload_queue_t *queue = &self->lanes[job->lane];
    if (atomic_load(&job->is_cancelled)) {
        count_one(&queue->counters.cancelled);
        return ERR_CANCELLED;
    }
    if (!offload_has_room(self, job->lane))
        expire(queue);
    err_t err = put(queue, job);
    if (err != ERR_OK)
        count_one(&queue->counters.refused);
    return err;
}

/* ---- cancelling ---- */

static bool has_ticket(const job_t *job, const void *ticket)
{
    return job->ticket == *(const uint64_t *)ticket;
}

static bool is_of_actor(const job_t *job, const void *actor)
{
    bool is_state = job->recovery != NULL || job->hibernation != NULL;
    return job->actor == *(const uint64_t *)actor && !is_state;
}

/* Takes out a queued one, or marks those that run. Under the lock. */
static job_t *cancel_one(offload_queue_t *queue, job_match_fn match, const void *what,
                         bool *out_is_marked)
{
    job_t *job = job_queue_take_if(&queue->jobs, match, what);
    for (uint32_t i = 0; i < LANE_THREADS_MAX && job == NULL; i++) {
        if (queue->running[i] == NULL || !match(queue->running[i], what))
            continue;
        atomic_store(&queue->running[i]->is_cancelled, true);
        *out_is_marked = true;
    }
    return job;
}

bool offload_cancel(offload_t *self, uint64_t ticket)
{
    offload_queue_t *queue = &self->lanes[ticket % OFFLOAD_LANES];
    bool is_marked = false;
    uv_mutex_lock(&queue->lock);
    job_t *job = cancel_one(queue, has_ticket, &ticket, &is_marked);
    uv_mutex_unlock(&queue->lock);
    if (job != NULL) {
        job->err = ERR_CANCELLED;
        count_one(&queue->counters.cancelled);
        give_back(queue, job);
        tell_of_room(queue);
    }
    return job != NULL || is_marked;
}

void offload_cancel_actor(offload_t *self, uint64_t actor)
{
    for (size_t i = 0; i < OFFLOAD_LANES; i++) {
        offload_queue_t *queue = &self->lanes[i];
        job_t *job = NULL;
        do {
            bool is_marked = false;
            uv_mutex_lock(&queue->lock);
            job = cancel_one(queue, is_of_actor, &actor, &is_marked);
            uv_mutex_unlock(&queue->lock);
            if (job == NULL)
                break;
            count_one(&queue->counters.cancelled);
            atomic_fetch_sub(&queue->open_count, 1);
            job_free(job);
        } while (true);
        tell_of_room(queue);
    }
}

/* ---- looking ---- */

bool offload_has_room(offload_t *self, offload_lane_t lane)
{
    uv_mutex_lock(&self->lanes[lane].lock);
    bool has_room = job_queue_has_room(&self->lanes[lane].jobs);
    uv_mutex_unlock(&self->lanes[lane].lock);
    return has_room;
}

bool runtime_offload_has_room(runtime_t *self, offload_lane_t lane)
{
    return offload_has_room(self->offload, lane);
}

uint64_t offload_queued(offload_t *self, offload_lane_t lane)
{
    uv_mutex_lock(&self->lanes[lane].lock);
    uint64_t count = self->lanes[lane].jobs.count;
    uv_mutex_unlock(&self->lanes[lane].lock);
    return count;
}

void offload_stats(offload_t *self, runtime_stats_t *stats)
{
    for (size_t i = 0; i < OFFLOAD_LANES; i++) {
        stats->offload_queued[i] = offload_queued(self, (offload_lane_t)i);
        stats->offload_refused[i] = atomic_load(&self->lanes[i].counters.refused);
        stats->offload_cancelled[i] = atomic_load(&self->lanes[i].counters.cancelled);
        stats->offload_expired[i] = atomic_load(&self->lanes[i].counters.expired);
    }
}

uint64_t offload_open(offload_t *self)
{
    uint64_t count = 0;
    for (size_t i = 0; i < OFFLOAD_LANES; i++)
        count += atomic_load(&self->lanes[i].open_count);
    return count;
}

/* ---- without threads ---- */

static bool idle_thread(const offload_queue_t *queue, uint32_t *out_thread)
{
    for (uint32_t i = 0; i < OFFLOAD_SIMULATED_THREADS; i++) {
        if (queue->running[i] == NULL) {
            *out_thread = i;
            return true;
        }
    }
    return false;
}

bool offload_may_begin(offload_t *self, offload_lane_t lane)
{
    uint32_t thread;
    return offload_queued(self, lane) > 0 && idle_thread(&self->lanes[lane], &thread);
}

static job_t *begin_here(offload_queue_t *queue, uint32_t thread)
{
    uv_mutex_lock(&queue->lock);
    job_t *job = begin(queue, thread);
    uv_mutex_unlock(&queue->lock);
    return job;
}

void offload_begin(offload_t *self, offload_lane_t lane)
{
    offload_queue_t *queue = &self->lanes[lane];
    uint32_t thread;
    job_t *job = idle_thread(queue, &thread) ? begin_here(queue, thread) : NULL;
    if (job != NULL && job->is_late)
        carry_out(queue, job, thread);
    else if (job != NULL)
        tell_of_room(queue);
}

bool offload_has_begun(const offload_t *self, offload_lane_t lane, uint32_t thread)
{
    return self->lanes[lane].running[thread] != NULL;
}

void offload_go_on(offload_t *self, offload_lane_t lane, uint32_t thread)
{
    offload_queue_t *queue = &self->lanes[lane];
    job_t *job = queue->running[thread];
    bool has_run = queue->has_run[thread];
    queue->has_run[thread] = !has_run;
    if (has_run)
        finish(queue, job, thread);
    else
        run(job);
}

/* False: none has begun in this lane. */
static bool finish_begun(offload_t *self, offload_lane_t lane)
{
    for (uint32_t thread = 0; thread < OFFLOAD_SIMULATED_THREADS; thread++) {
        bool has_begun = offload_has_begun(self, lane, thread);
        while (offload_has_begun(self, lane, thread))
            offload_go_on(self, lane, thread);
        if (has_begun)
            return true;
    }
    return false;
}

bool offload_step(offload_t *self, uint64_t choice)
{
    for (size_t i = 0; i < OFFLOAD_LANES; i++) {
        offload_lane_t lane = (offload_lane_t)((choice + i) % OFFLOAD_LANES);
        if (finish_begun(self, lane))
            return true;
        job_t *job = begin_here(&self->lanes[lane], 0);
        if (job == NULL)
            continue;
        carry_out(&self->lanes[lane], job, 0);
        return true;
    }
    return false;
}
