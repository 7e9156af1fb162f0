#pragma once
/* job_queue.h -- the jobs of one lane that wait: three priorities with ageing, a bound, and those
 * who wait for room.
 *
 * Every job draws a number, and its rank is that number and a handicap of its priority: none for
 * HIGH, JOB_HANDICAP_NORMAL, JOB_HANDICAP_LOW. The lowest rank is taken. So a job is overtaken by
 * at most as many later ones as its handicap says, and never starves; each priority for itself
 * keeps its order.
 *
 * Ownership  Jobs are linked, not owned. Threads  Its lane's lock. */

#include "runtime/schedule/offload.h"

enum { JOB_HANDICAP_NORMAL = 64, JOB_HANDICAP_LOW = 512, JOB_PRIORITIES = 3 };
enum { JOB_WAITERS_MAX = 1024 };

typedef struct job_list {
    job_t *first, *last;
    uint32_t count;
} job_list_t;

typedef struct job_queue {
    job_list_t lists[JOB_PRIORITIES];
    job_list_t waiters; /* for room; not counted */
    uint64_t numbers;
    uint32_t count, max;
} job_queue_t;

static inline bool job_queue_has_room(const job_queue_t *self)
{
    return self->count < self->max;
}
/* BUSY. */
err_t job_queue_put(job_queue_t *self, job_t *job);
/* BUSY: JOB_WAITERS_MAX wait. */
err_t job_queue_wait(job_queue_t *self, job_t *job);
/* NULL: none. */
job_t *job_queue_take(job_queue_t *self);
/* The first who waits for room, when there is some; NULL: none. */
job_t *job_queue_take_waiter(job_queue_t *self);
/* Takes out a job that matches, also one that waits for room; NULL: none. */
typedef bool (*job_match_fn)(const job_t *job, const void *what);
job_t *job_queue_take_if(job_queue_t *self, job_match_fn match, const void *what);
