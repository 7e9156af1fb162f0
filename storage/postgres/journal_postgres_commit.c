#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum { IDLE_MS = 250 };

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

/* ---- the connection ---- */

/* Doubling, half of it chance: nodes that lost the server together do not come back together. */
static uint64_t backoff_ms(journal_postgres_t *self)
{
    uint64_t full = MIN((uint64_t)JOURNAL_POSTGRES_BACKOFF_FIRST_MS << MIN(self->failures, 16U),
                        (uint64_t)JOURNAL_POSTGRES_BACKOFF_MAX_MS);
    return full / 2 + random_below(&self->random, full / 2 + 1);
}

static void lost(journal_postgres_t *self)
{
    if (atomic_exchange(&self->is_up, false))
        log_error(self->log, "journal",
                  "the database is away: writes are refused until it is back");
    pg_close(self->writer);
    self->writer = NULL;
    self->retry_at_ms = now_ms() + backoff_ms(self);
    self->failures++;
}

static err_t ensure_connection(journal_postgres_t *self)
{
    if (self->writer != NULL && pg_is_usable(self->writer))
        return ERR_OK;
    if (self->writer != NULL)
        lost(self);
    if (now_ms() < self->retry_at_ms)
        return ERR_UNAVAILABLE;
    err_t err = self->lock == NULL ? ERR_OK : node_lock_hold(self->lock);
    if (err == ERR_OK)
        err = journal_postgres_connect(self, &self->writer);
    if (err == ERR_OK)
        err = journal_postgres_await_own(self);
    if (err == ERR_OK)
        err = journal_postgres_recognize(self, self->writer);
    if (err != ERR_OK) {
        lost(self);
        return ERR_UNAVAILABLE;
    }
    self->failures = 0;
    atomic_fetch_add(&self->reconnects, 1);
    atomic_store(&self->is_up, true);
    log_info(self->log, "journal", "the database is back");
    return ERR_OK;
}

/* ---- rounds ---- */

typedef struct pending {
    journal_job_t **jobs; /* by stream, then in the order they came */
    size_t count;
} pending_t;

static int by_stream(const void *a, const void *b)
{
    const journal_job_t *x = *(journal_job_t *const *)a, *y = *(journal_job_t *const *)b;
    int order = str_compare(x->append.stream, y->append.stream);
    /* The queue numbers nothing; what came first is what `version`, free until then, says. */
    return order != 0 ? order : x->version < y->version ? -1 : x->version > y->version;
}

static err_t pending_of(journal_job_t *jobs, pending_t *out_pending)
{
    size_t count = 0;
    for (journal_job_t *job = jobs; job != NULL; job = job->next)
        count += job->kind == JOB_APPEND && job->err == ERR_OK;
    journal_job_t **items = memory_new_array(count, sizeof(journal_job_t *));
    if (items == NULL)
        return ERR_NO_MEMORY;
    size_t at = 0;
    for (journal_job_t *job = jobs; job != NULL; job = job->next) {
        if (job->kind != JOB_APPEND || job->err != ERR_OK)
            continue;
        job->version = at;
        items[at++] = job;
    }
    if (count > 0)
        qsort(items, count, sizeof(journal_job_t *), by_stream);
    *out_pending = (pending_t){items, count};
    return ERR_OK;
}

static bool follows(const journal_job_t *before, const journal_job_t *job)
{
    return job->append.epoch == before->append.epoch &&
           job->append.expected_version ==
               before->append.expected_version + before->append.event_count;
}

/* Moves what can be written together to the front; the rest, which contradicts what is written now,
 * waits for the next round, where it will be judged by what is there then. */
static journal_round_t choose(pending_t *pending, journal_job_t **later)
{
    size_t chosen = 0, kept = 0, events = 0;
    bool is_full = false;
    for (size_t i = 0; i < pending->count; i++) {
        journal_job_t *job = pending->jobs[i];
        journal_job_t *before = chosen == 0 ? NULL : pending->jobs[chosen - 1];
        bool is_first = before == NULL || !str_equal(before->append.stream, job->append.stream);
        is_full |= events + job->append.event_count > JOURNAL_POSTGRES_EVENTS_MAX;
        if (!is_full && (is_first || follows(before, job))) {
            events += job->append.event_count;
            pending->jobs[chosen++] = job;
        } else {
            later[kept++] = job;
        }
    }
    for (size_t i = 0; i < kept; i++)
        pending->jobs[chosen + i] = later[i];
    journal_round_t round = {pending->jobs, chosen};
    pending->jobs += chosen;
    pending->count = kept;
    return round;
}

static void end_all(const journal_round_t *round, err_t err)
{
    for (size_t i = 0; i < round->count; i++)
        round->jobs[i]->err = err;
}

static bool is_about_content(err_t err)
{
    return err != ERR_TIMEOUT && err != ERR_UNAVAILABLE && err != ERR_FULL && err != ERR_NO_MEMORY;
}

/* Something in it raises: one by one, only the culprit is refused. */
static void write_one_by_one(journal_postgres_t *self, const journal_round_t *round)
{
    atomic_fetch_add(&self->retried_batches, 1);
    for (size_t i = 0; i < round->count; i++) {
        journal_round_t one = {&round->jobs[i], 1};
        err_t err = ensure_connection(self);
        if (err == ERR_OK)
            err = journal_postgres_write(self, &one);
        if (self->writer != NULL && !pg_is_usable(self->writer))
            lost(self); /* before its outcome is told */
        if (err != ERR_OK)
            end_all(&one, err);
    }
}

static void write_round(journal_postgres_t *self, const journal_round_t *round)
{
    err_t err = ensure_connection(self);
    if (err == ERR_OK)
        err = journal_postgres_write(self, round);
    if (err == ERR_OK)
        return;
    if (self->writer != NULL && !pg_is_usable(self->writer))
        lost(self);
    if (is_about_content(err) && round->count > 1)
        write_one_by_one(self, round);
    else
        end_all(round, err);
}

/* ---- a batch ---- */

static void answer(journal_postgres_t *self, const journal_job_t *job)
{
    atomic_fetch_add_explicit(job->err == ERR_OK        ? &self->appends
                              : job->err == ERR_TIMEOUT ? &self->unknown
                                                        : &self->refused,
                              1, memory_order_relaxed);
    bool is_durable = job->err == ERR_OK;
    job->append.done(job->append.done_context, job->err, is_durable ? job->version : 0,
                     is_durable ? job->position : 0);
}

static void answer_all(journal_postgres_t *self, journal_job_t *jobs)
{
    while (jobs != NULL) {
        journal_job_t *job = jobs;
        jobs = job->next;
        if (job->kind == JOB_APPEND)
            answer(self, job);
        memory_free(job);
    }
}

static void refuse_all(journal_job_t *jobs, err_t err)
{
    for (journal_job_t *job = jobs; job != NULL; job = job->next)
        if (job->err == ERR_OK)
            job->err = err;
}

static void process(journal_postgres_t *self, journal_job_t *jobs)
{
    pending_t pending = {NULL, 0};
    err_t err = pending_of(jobs, &pending);
    journal_job_t **all = pending.jobs; /* choose moves on in it */
    journal_job_t **later MEMORY_SCOPED = memory_new_array(pending.count, sizeof(journal_job_t *));
    if (err == ERR_OK && later == NULL)
        err = ERR_NO_MEMORY;
    if (err != ERR_OK)
        refuse_all(jobs, err);
    while (err == ERR_OK && pending.count > 0) {
        journal_round_t round = choose(&pending, later);
        write_round(self, &round);
    }
    if (self->writer != NULL && pg_is_usable(self->writer)) {
        err = journal_postgres_write_snapshots(self, jobs);
        if (err != ERR_OK) /* costs time at the next activation, no data */
            log_warning(self->log, "journal", "a snapshot was not written: %s", err_text(err));
    }
    memory_free(all);
    answer_all(self, jobs);
}

/* Tells the hooks when there is more to read than they were told of. */
static void tell(journal_postgres_t *self)
{
    uint64_t head = atomic_load(&self->head);
    if (head == self->told_head)
        return;
    self->told_head = head;
    journal_hooks_call(&self->hooks, head);
    journal_postgres_follow_wrote(self->follow);
}

/* Other nodes append, too; and /readyz asks, also while nobody does. */
static void look_around(journal_postgres_t *self)
{
    if (ensure_connection(self) != ERR_OK)
        return;
    err_t err = journal_postgres_look(self, self->writer);
    bool is_ours = self->lock == NULL || node_lock_hold(self->lock) != ERR_CONFLICT;
    if (!is_ours || (err != ERR_OK && !pg_is_usable(self->writer)))
        lost(self);
}

/* ---- the thread ---- */

static void *committer_main(void *context)
{
    journal_postgres_t *self = context;
    for (;;) {
        journal_job_t *jobs = journal_queue_take(self->queue, IDLE_MS);
        if (jobs != NULL)
            process(self, jobs);
        else
            look_around(self);
        tell(self);
        if (journal_queue_is_closed(self->queue) && journal_queue_size(self->queue) == 0)
            return NULL;
    }
}

err_t journal_postgres_commit_start(journal_postgres_t *self)
{
    return journal_thread_start(&self->committer, committer_main, self);
}

void journal_postgres_commit_stop(journal_postgres_t *self)
{
    journal_thread_stop(&self->committer, self->queue);
}
