#include "runtime/schedule/offload.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/durable/durable.h"
#include "runtime/kernel.h"
#include "runtime/memory/hibernate.h"

enum { LANE_THREADS_MAX = 64 };

typedef struct offload_queue {
    uv_mutex_t lock;
    uv_cond_t has_job;
    job_t *first, **end;
    uint32_t count, max, thread_count;
    uv_thread_t threads[LANE_THREADS_MAX];
    bool is_stopping;
    _Atomic uint64_t open_count; /* queued or running */
} offload_queue_t;

struct offload {
    offload_queue_t lanes[OFFLOAD_LANES];
};

void job_free(job_t *self)
{
    if (self == NULL)
        return;
    if (self->actor_then != NULL)
        memory_free(self->data);
    recovery_free(self->recovery);
    hibernation_free(self->hibernation);
    memory_free(self);
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

/* Under the lock. */
static job_t *take(offload_queue_t *queue)
{
    job_t *job = queue->first;
    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->end = &queue->first;
    queue->count--;
    return job;
}

static void lane_main(void *context)
{
    offload_queue_t *queue = context;
    uv_mutex_lock(&queue->lock);
    while (!queue->is_stopping) {
        job_t *job = take(queue);
        if (job == NULL) {
            uv_cond_wait(&queue->has_job, &queue->lock);
            continue;
        }
        uv_mutex_unlock(&queue->lock);
        run(job);
        offload_return(job);
        atomic_fetch_sub(&queue->open_count, 1);
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

err_t offload_new(const runtime_options_t *options, offload_t **out_offload)
{
    static const uint32_t threads[OFFLOAD_LANES] = {4, 1, 1};
    static const uint32_t bounds[OFFLOAD_LANES] = {4096, 256, 32};
    offload_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < OFFLOAD_LANES; i++) {
        offload_queue_t *queue = &self->lanes[i];
        queue->end = &queue->first;
        queue->max = options->offload_queue_max[i] == 0 ? bounds[i] : options->offload_queue_max[i];
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

static void lane_deinit(offload_queue_t *queue)
{
    uv_mutex_lock(&queue->lock);
    queue->is_stopping = true;
    uv_cond_broadcast(&queue->has_job);
    uv_mutex_unlock(&queue->lock);
    for (uint32_t i = 0; i < queue->thread_count; i++)
        uv_thread_join(&queue->threads[i]);
    job_t *job;
    while ((job = take(queue)) != NULL)
        job_free(job);
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

err_t offload_submit(offload_t *self, job_t *job)
{
    offload_queue_t *queue = &self->lanes[job->lane];
    err_t err = ERR_OK;
    uv_mutex_lock(&queue->lock);
    if (queue->count >= queue->max) {
        err = ERR_BUSY;
    } else {
        job->next = NULL;
        *queue->end = job;
        queue->end = &job->next;
        queue->count++;
        atomic_fetch_add(&queue->open_count, 1);
        uv_cond_signal(&queue->has_job);
    }
    uv_mutex_unlock(&queue->lock);
    return err;
}

uint64_t offload_queued(offload_t *self, offload_lane_t lane)
{
    uv_mutex_lock(&self->lanes[lane].lock);
    uint64_t count = self->lanes[lane].count;
    uv_mutex_unlock(&self->lanes[lane].lock);
    return count;
}

uint64_t offload_open(offload_t *self)
{
    uint64_t count = 0;
    for (size_t i = 0; i < OFFLOAD_LANES; i++)
        count += atomic_load(&self->lanes[i].open_count);
    return count;
}

bool offload_step(offload_t *self, uint64_t choice)
{
    for (size_t i = 0; i < OFFLOAD_LANES; i++) {
        offload_queue_t *queue = &self->lanes[(choice + i) % OFFLOAD_LANES];
        uv_mutex_lock(&queue->lock);
        job_t *job = take(queue);
        uv_mutex_unlock(&queue->lock);
        if (job == NULL)
            continue;
        run(job);
        offload_return(job);
        atomic_fetch_sub(&queue->open_count, 1);
        return true;
    }
    return false;
}
