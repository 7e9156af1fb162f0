#pragma once
/* jobs.h -- what became of each job on the offload pool: its work runs once at most, and not at all
 * once it was cancelled before; its end says what was.
 *
 * Memory comes from libc. */

#include "runtime/actor.h"
#include "tests/sim/explore/ledger.h"

typedef struct job_record {
    uint64_t serial;
    bool is_for_room, has_limit, is_durable;
    bool is_cancelled, has_run, is_done;
} job_record_t;

typedef struct jobs {
    ledger_t *ledger;
    job_record_t *records; /* by number - 1 */
    uint64_t count, capacity;
} jobs_t;

void jobs_deinit(jobs_t *self);
/* Its number. */
uint64_t jobs_add(jobs_t *self, const job_record_t *record);
void jobs_cancel(jobs_t *self, uint64_t job);
/* Its work begins; is_told: it can see that it was cancelled. */
void jobs_run(jobs_t *self, uint64_t job, bool is_told);
void jobs_end(jobs_t *self, uint64_t job, err_t err);
