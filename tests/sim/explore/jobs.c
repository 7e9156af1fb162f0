#include "tests/sim/explore/jobs.h"

#include <stdlib.h>

void jobs_deinit(jobs_t *self)
{
    free(self->records);
    *self = (jobs_t){0};
}

uint64_t jobs_add(jobs_t *self, const job_record_t *record)
{
    self->records =
        ledger_grown(self->records, self->count, &self->capacity, sizeof *self->records);
    self->records[self->count++] = *record;
    return self->count;
}

static void wrong(jobs_t *self, uint64_t job, const char *what)
{
    ledger_fail(self->ledger, ORACLE_JOB, "job %llu of state %llu %s", (unsigned long long)job,
                (unsigned long long)self->records[job - 1].serial, what);
}

void jobs_cancel(jobs_t *self, uint64_t job)
{
    self->records[job - 1].is_cancelled = true;
}

void jobs_run(jobs_t *self, uint64_t job, bool is_told)
{
    job_record_t *record = &self->records[job - 1];
    /* A durable state that is rebuilt keeps its jobs. */
    bool is_orphan = !record->is_durable && ledger_is_over(self->ledger, record->serial);
    if (record->has_run || record->is_for_room)
        wrong(self, job, "runs twice, or has no work");
    if (record->is_done)
        wrong(self, job, "runs after its end");
    if (record->is_cancelled && !is_told)
        wrong(self, job, "runs although it was cancelled, and does not know");
    if (is_orphan && !is_told)
        wrong(self, job, "runs for nobody, and does not know");
    record->has_run = true;
}

void jobs_end(jobs_t *self, uint64_t job, err_t err)
{
    job_record_t *record = &self->records[job - 1];
    bool is_refusal = err == ERR_CANCELLED || err == ERR_TIMEOUT || err == ERR_BUSY;
    if (record->is_done)
        wrong(self, job, "ends twice");
    if (err == ERR_OK && !record->has_run && !record->is_for_room)
        wrong(self, job, "is done and never ran");
    if (err != ERR_OK && record->has_run)
        wrong(self, job, "ran and is not done");
    /* Of a durable actor: what its append came to. */
    if (err != ERR_OK && !is_refusal && !record->is_durable)
        wrong(self, job, "ended with what no job ends with");
    if (err == ERR_CANCELLED && !record->is_cancelled)
        wrong(self, job, "was cancelled by nobody");
    if (err == ERR_TIMEOUT && !record->has_limit && !record->is_durable)
        wrong(self, job, "is too late, and had time");
    record->is_done = true;
}
