#include "runtime/schedule/job_queue.h"

static void list_push(job_list_t *self, job_t *job)
{
    job->next = NULL;
    if (self->last == NULL)
        self->first = job;
    else
        self->last->next = job;
    self->last = job;
    self->count++;
}

static void list_remove_after(job_list_t *self, job_t *before, job_t *job)
{
    if (before == NULL)
        self->first = job->next;
    else
        before->next = job->next;
    if (self->last == job)
        self->last = before;
    job->next = NULL;
    self->count--;
}

static job_t *list_take_if(job_list_t *self, job_match_fn match, const void *what)
{
    job_t *before = NULL;
    for (job_t *job = self->first; job != NULL; before = job, job = job->next) {
        if (match(job, what)) {
            list_remove_after(self, before, job);
            return job;
        }
    }
    return NULL;
}

static uint64_t handicap_of(offload_priority_t priority)
{
    return priority == OFFLOAD_HIGH  ? 0
           : priority == OFFLOAD_LOW ? JOB_HANDICAP_LOW
                                     : JOB_HANDICAP_NORMAL;
}

err_t job_queue_put(job_queue_t *self, job_t *job)
{
    if (!job_queue_has_room(self))
        return ERR_BUSY;
    job->rank = ++self->numbers + handicap_of(job->priority);
    list_push(&self->lists[job->priority], job);
    self->count++;
    return ERR_OK;
}

err_t job_queue_wait(job_queue_t *self, job_t *job)
{
    if (self->waiters.count >= JOB_WAITERS_MAX)
        return ERR_BUSY;
    list_push(&self->waiters, job);
    return ERR_OK;
}

job_t *job_queue_take(job_queue_t *self)
{
    job_list_t *best = NULL;
    for (size_t i = 0; i < JOB_PRIORITIES; i++) {
        job_list_t *list = &self->lists[i];
        if (list->first != NULL && (best == NULL || list->first->rank < best->first->rank))
            best = list;
    }
    if (best == NULL)
        return NULL;
    job_t *job = best->first;
    list_remove_after(best, NULL, job);
    self->count--;
    return job;
}

job_t *job_queue_take_waiter(job_queue_t *self)
{
    job_t *job = job_queue_has_room(self) ? self->waiters.first : NULL;
    if (job != NULL)
        list_remove_after(&self->waiters, NULL, job);
    return job;
}

job_t *job_queue_take_if(job_queue_t *self, job_match_fn match, const void *what)
{
    for (size_t i = 0; i < JOB_PRIORITIES; i++) {
        job_t *job = list_take_if(&self->lists[i], match, what);
        if (job != NULL) {
            self->count--;
            return job;
        }
    }
    return list_take_if(&self->waiters, match, what);
}
