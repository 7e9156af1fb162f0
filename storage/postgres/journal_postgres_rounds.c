#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/memory.h"
#include "storage/journal/journal_lmdb.h"

#include <stdlib.h>

/* ---- what is held ---- */

void journal_held_init(journal_held_t *self)
{
    *self = (journal_held_t){.last = &self->first};
}

static void add_one(journal_held_t *self, journal_job_t *job)
{
    job->next = NULL;
    *self->last = job;
    self->last = &job->next;
    self->count++;
    self->size += job->size;
}

void journal_held_add(journal_held_t *self, journal_job_t *jobs)
{
    while (jobs != NULL) {
        journal_job_t *job = jobs;
        jobs = job->next;
        add_one(self, job);
    }
}

static journal_job_t *remove_first(journal_held_t *self)
{
    journal_job_t *job = self->first;
    self->first = job->next;
    if (self->first == NULL)
        self->last = &self->first;
    self->count--;
    self->size -= job->size;
    return job;
}

/* `before` goes in front. */
static void put_back(journal_held_t *self, journal_held_t *before)
{
    if (before->first == NULL)
        return;
    *before->last = self->first;
    self->last = self->first == NULL ? before->last : self->last;
    self->first = before->first;
    self->count += before->count;
    self->size += before->size;
}

/* ---- by stream ---- */

static int compare(const journal_job_t *a, const journal_job_t *b)
{
    return str_compare(a->append.stream, b->append.stream);
}

static int by_stream(const void *a, const void *b)
{
    const journal_job_t *x = *(journal_job_t *const *)a, *y = *(journal_job_t *const *)b;
    int order = compare(x, y);
    /* The queue numbers nothing; what came first is what `version`, free until then, says. */
    return order != 0 ? order : x->version < y->version ? -1 : x->version > y->version;
}

static bool is_append(const journal_job_t *job)
{
    return job->kind == JOB_APPEND && job->err == ERR_OK;
}

static err_t sort_appends(const journal_held_t *jobs, journal_round_t *round)
{
    round->appends = memory_new_array(jobs->count, sizeof(journal_job_t *));
    if (round->appends == NULL)
        return ERR_NO_MEMORY;
    for (journal_job_t *job = jobs->first; job != NULL; job = job->next) {
        if (!is_append(job))
            continue;
        job->version = round->count;
        round->appends[round->count++] = job;
    }
    if (round->count > 0)
        qsort(round->appends, round->count, sizeof(journal_job_t *), by_stream);
    return ERR_OK;
}

/* ---- choosing ---- */

static bool follows(const journal_job_t *before, const journal_job_t *job)
{
    return job->append.epoch == before->append.epoch &&
           job->append.expected_version ==
               before->append.expected_version + before->append.event_count;
}

/* Both are sorted: *at moves on in the other round. */
static bool is_beside(const journal_round_t *beside, const journal_job_t *job, size_t *at)
{
    if (beside == NULL)
        return false;
    while (*at < beside->count && compare(beside->appends[*at], job) < 0)
        ++*at;
    return *at < beside->count && compare(beside->appends[*at], job) == 0;
}

/* Keeps those of the sorted ones that go together. */
static void choose(journal_round_t *round, const journal_round_t *beside)
{
    size_t chosen = 0, events = 0, at = 0;
    bool is_full = false;
    for (size_t i = 0; i < round->count; i++) {
        journal_job_t *job = round->appends[i];
        journal_job_t *before = chosen == 0 ? NULL : round->appends[chosen - 1];
        bool is_first = before == NULL || compare(before, job) != 0;
        is_full |= events + job->append.event_count > JOURNAL_POSTGRES_EVENTS_MAX;
        if (is_full || (is_first ? is_beside(beside, job, &at) : !follows(before, job)))
            continue;
        events += job->append.event_count;
        job->is_chosen = true;
        round->appends[chosen++] = job;
    }
    round->count = chosen;
}

/* The first of the held ones, as many as a batch may have. */
static void cut(journal_held_t *held, size_t count_max, journal_held_t *batch)
{
    while (held->first != NULL && batch->count < count_max &&
           (batch->count == 0 || batch->size + held->first->size <= JOURNAL_BATCH_SIZE_MAX))
        add_one(batch, remove_first(held));
}

/* An append that was wrong from the start is answered behind what came before it. */
static bool is_ready(const journal_job_t *job, bool is_behind)
{
    return job->is_chosen || job->kind == JOB_SNAPSHOT || (job->err != ERR_OK && !is_behind);
}

void journal_held_choose(journal_held_t *self, size_t count_max, const journal_round_t *beside,
                         journal_round_t *out_round)
{
    journal_round_t round = {0};
    journal_held_t batch, ready, kept;
    journal_held_init(&batch);
    journal_held_init(&ready);
    journal_held_init(&kept);
    cut(self, MIN(count_max, (size_t)JOURNAL_BATCH_APPENDS_MAX), &batch);
    round.err = sort_appends(&batch, &round);
    if (round.err == ERR_OK)
        choose(&round, beside);
    while (batch.first != NULL) {
        journal_job_t *job = remove_first(&batch);
        bool is_taken = round.err != ERR_OK || is_ready(job, kept.first != NULL);
        if (is_append(job) && round.err != ERR_OK)
            job->err = round.err; /* it is not in `appends`, where a round's error is told */
        add_one(is_taken ? &ready : &kept, job);
    }
    put_back(self, &kept);
    round.jobs = ready.first;
    *out_round = round;
}

void journal_round_deinit(journal_round_t *self)
{
    memory_free(self->appends);
    *self = (journal_round_t){0};
}
