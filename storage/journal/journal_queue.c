#include "storage/journal/journal_queue.h"

#include "runtime/base/memory.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/journal/journal_record.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { SNAPSHOTS_SIZE_MAX = 8 * 1024 * 1024 };

struct journal_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    journal_job_t *first, **last;
    size_t appends_size, snapshots_size;
    bool is_closed, is_asleep;
    size_t count, wake_at; /* jobs; how many wake who is asleep */
    struct {
        size_t wanted; /* jobs; 0: none are expected */
        uint64_t wait_ns;
        uint32_t skips, skips_next;
    } gather;
};

err_t journal_queue_new(journal_queue_t **out_queue)
{
    journal_queue_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->filled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->last = &self->first;
    *out_queue = self;
    return ERR_OK;
}

void journal_queue_free(journal_queue_t *self)
{
    if (self == NULL)
        return;
    while (self->first != NULL) {
        journal_job_t *job = self->first;
        self->first = job->next;
        memory_free(job);
    }
    pthread_cond_destroy(&self->filled);
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

static err_t push(journal_queue_t *self, journal_job_t *job)
{
    bool is_append = job->kind == JOB_APPEND;
    size_t size_max = is_append ? JOURNAL_QUEUE_SIZE_MAX : SNAPSHOTS_SIZE_MAX;
    pthread_mutex_lock(&self->lock);
    size_t *total = is_append ? &self->appends_size : &self->snapshots_size;
    err_t err = self->is_closed                 ? ERR_UNAVAILABLE
                : *total + job->size > size_max ? ERR_BUSY
                                                : ERR_OK;
    bool is_sleeper = false;
    if (err == ERR_OK) {
        *total += job->size;
        *self->last = job;
        self->last = &job->next;
        self->count++;
        is_sleeper = self->is_asleep && self->count >= self->wake_at;
        self->is_asleep = self->is_asleep && !is_sleeper;
    }
    pthread_mutex_unlock(&self->lock);
    if (is_sleeper)
        pthread_cond_signal(&self->filled);
    if (err != ERR_OK)
        memory_free(job);
    return err;
}

/* An append that can never be written. */
static err_t check(const journal_append_t *append)
{
    if (append->stream.size == 0 || append->event_count == 0)
        return ERR_INVALID;
    if (append->stream.size > JOURNAL_STREAM_SIZE_MAX || append->event_count > JOURNAL_EVENTS_MAX ||
        append->command_id.size > UINT8_MAX)
        return ERR_LIMIT;
    size_t size = append->result.size;
    for (size_t i = 0; i < append->event_count; i++) {
        if (append->events[i].name.size > JOURNAL_NAME_SIZE_MAX ||
            append->events[i].payload.size > JOURNAL_APPEND_SIZE_MAX)
            return ERR_LIMIT;
        size += append->events[i].name.size + append->events[i].payload.size;
    }
    return size > JOURNAL_APPEND_SIZE_MAX ? ERR_LIMIT : ERR_OK;
}

static str_t copy_to(char **at, str_t s)
{
    char *copy = *at;
    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    *at += s.size;
    return str_of(copy, s.size);
}

static size_t size_with(size_t events, const journal_append_t *append)
{
    size_t size = sizeof(journal_job_t) + events * sizeof(journal_event_t) + append->stream.size +
                  append->command_id.size + append->result.size;
    for (size_t i = 0; i < events; i++)
        size += append->events[i].name.size + append->events[i].payload.size;
    return size;
}

static journal_job_t *job_new(job_kind_t kind, const journal_append_t *append, err_t err)
{
    journal_append_t kept = *append;
    if (err != ERR_OK) { /* only its answer matters */
        kept.stream = (str_t){NULL, 0};
        kept.command_id = (str_t){NULL, 0};
        kept.result = (str_t){NULL, 0};
        kept.event_count = 0;
    }
    size_t size = size_with(kept.event_count, &kept);
    journal_job_t *job = memory_new(size);
    if (job == NULL)
        return NULL;
    job->kind = kind;
    job->size = size;
    job->err = err;
    job->append = kept;
    journal_event_t *events = (journal_event_t *)(void *)(job + 1);
    char *at = (char *)(events + kept.event_count);
    for (size_t i = 0; i < kept.event_count; i++) {
        events[i].name = copy_to(&at, append->events[i].name);
        events[i].payload = copy_to(&at, append->events[i].payload);
    }
    job->append.events = events;
    job->append.stream = copy_to(&at, kept.stream);
    job->append.command_id = copy_to(&at, kept.command_id);
    job->append.result = copy_to(&at, kept.result);
    return job;
}

err_t journal_queue_append(journal_queue_t *self, const journal_append_t *append)
{
    journal_job_t *job = job_new(JOB_APPEND, append, check(append));
    return job == NULL ? ERR_NO_MEMORY : push(self, job);
}

err_t journal_queue_snapshot(journal_queue_t *self, str_t stream, uint64_t version, uint64_t epoch,
                             str_t state)
{
    if (stream.size == 0 || stream.size > JOURNAL_STREAM_SIZE_MAX || version == 0 ||
        state.size > SNAPSHOTS_SIZE_MAX)
        return ERR_LIMIT;
    journal_append_t as_append = {
        .stream = stream, .expected_version = version, .epoch = epoch, .result = state};
    journal_job_t *job = job_new(JOB_SNAPSHOT, &as_append, ERR_OK);
    return job == NULL ? ERR_NO_MEMORY : push(self, job);
}

/* Until there are `count` jobs. */
static void wait_for_jobs(journal_queue_t *self, size_t count, uint64_t wait_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ns / 1000000000);
    until.tv_nsec += (long)(wait_ns % 1000000000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int rc = 0;
    while (self->count < count && !self->is_closed && rc != ETIMEDOUT) {
        self->wake_at = count;
        self->is_asleep = true;
        rc = pthread_cond_timedwait(&self->filled, &self->lock, &until);
    }
    self->is_asleep = false;
}

static size_t count_appends(const journal_job_t *jobs)
{
    size_t count = 0;
    for (; jobs != NULL; jobs = jobs->next)
        count += jobs->kind == JOB_APPEND ? 1 : 0;
    return count;
}

void journal_queue_expect(journal_queue_t *self, const journal_job_t *jobs, uint64_t took_ns)
{
    size_t answered = count_appends(jobs);
    pthread_mutex_lock(&self->lock);
    self->gather.wanted = MIN(self->count + answered, (size_t)JOURNAL_BATCH_APPENDS_MAX);
    self->gather.wait_ns = MIN(took_ns / 2, (uint64_t)JOURNAL_GATHER_NS_MAX);
    pthread_mutex_unlock(&self->lock);
}

/* For those who were answered just now. */
static void gather(journal_queue_t *self)
{
    size_t wanted = STEAL(self->gather.wanted), before = self->count;
    if (wanted <= before)
        return;
    if (self->gather.skips > 0) {
        self->gather.skips--;
        return;
    }
    wait_for_jobs(self, wanted, self->gather.wait_ns);
    bool is_in_vain = before > 0 && self->count - before < (wanted - before + 1) / 2;
    self->gather.skips_next =
        is_in_vain ? MIN(2 * self->gather.skips_next + 1, (uint32_t)JOURNAL_GATHER_SKIPS_MAX) : 0;
    self->gather.skips = self->gather.skips_next;
}

journal_job_t *journal_queue_take(journal_queue_t *self, uint64_t wait_ms)
{
    pthread_mutex_lock(&self->lock);
    gather(self);
    wait_for_jobs(self, 1, wait_ms * 1000000);
    journal_job_t *first = self->first, **end = &self->first;
    size_t size = 0, count = 0;
    while (*end != NULL && count < JOURNAL_BATCH_APPENDS_MAX &&
           (count == 0 || size + (*end)->size <= JOURNAL_BATCH_SIZE_MAX)) {
        size_t *total = (*end)->kind == JOB_APPEND ? &self->appends_size : &self->snapshots_size;
        *total -= (*end)->size;
        size += (*end)->size;
        count++;
        end = &(*end)->next;
    }
    if (first != NULL) {
        journal_job_t *rest = *end;
        *end = NULL;
        self->first = rest;
        self->count -= count;
        if (rest == NULL)
            self->last = &self->first;
    }
    pthread_mutex_unlock(&self->lock);
    return first;
}

void journal_queue_close(journal_queue_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_closed = true;
    pthread_mutex_unlock(&self->lock);
    pthread_cond_signal(&self->filled);
}

bool journal_queue_is_closed(journal_queue_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool is_closed = self->is_closed;
    pthread_mutex_unlock(&self->lock);
    return is_closed;
}

uint64_t journal_queue_size(journal_queue_t *self)
{
    pthread_mutex_lock(&self->lock);
    uint64_t size = self->appends_size + self->snapshots_size;
    pthread_mutex_unlock(&self->lock);
    return size;
}

/* ---- answering ---- */

static void answer(const journal_job_t *job, const journal_outcomes_t *outcomes)
{
    bool is_durable = job->err == ERR_OK;
    atomic_fetch_add_explicit(is_durable                ? outcomes->durable
                              : job->err == ERR_TIMEOUT ? outcomes->unknown
                                                        : outcomes->refused,
                              1, memory_order_relaxed);
    job->append.done(job->append.done_context, job->err, is_durable ? job->version : 0,
                     is_durable ? job->position : 0);
}

void journal_jobs_answer(journal_job_t *jobs, const journal_outcomes_t *outcomes)
{
    while (jobs != NULL) {
        journal_job_t *job = jobs;
        jobs = job->next;
        if (job->kind == JOB_APPEND)
            answer(job, outcomes);
        memory_free(job);
    }
}
