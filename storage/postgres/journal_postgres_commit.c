#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/base/thread.h"
#include "storage/journal/journal_lmdb.h"

#include <string.h>

enum { IDLE_MS = 250 };

static uint64_t now_ns(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ns(&clock);
}

static uint64_t now_ms(void)
{
    return now_ns() / 1000000;
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

/* Who has struck us out may be the node that has taken the lock meanwhile. */
static err_t connect(journal_postgres_t *self, bool is_new)
{
    if (self->lock != NULL)
        TRY(node_lock_ask(self->lock));
    return is_new ? journal_postgres_connect(self, &self->writer) : ERR_OK;
}

/* Nothing is under way when there is something to do. */
static err_t ensure_connection(journal_postgres_t *self)
{
    bool is_new = self->writer == NULL || !pg_is_usable(self->writer);
    if (!is_new && !self->is_struck_out)
        return ERR_OK;
    if (is_new && self->writer != NULL)
        lost(self);
    if (is_new && now_ms() < self->retry_at_ms)
        return ERR_UNAVAILABLE;
    err_t err = connect(self, is_new);
    if (err == ERR_OK)
        err = journal_postgres_take_over(self);
    if (err == ERR_OK)
        err = journal_postgres_own_all(self);
    if (err == ERR_OK && is_new)
        err = journal_postgres_recognize(self, self->writer);
    if (err != ERR_OK) {
        lost(self);
        return ERR_UNAVAILABLE;
    }
    self->is_struck_out = false;
    if (!is_new)
        return ERR_OK;
    self->failures = 0;
    atomic_fetch_add(&self->reconnects, 1);
    atomic_store(&self->is_up, true);
    log_info(self->log, "journal", "the database is back");
    return ERR_OK;
}

/* ---- rounds ---- */

static void answer_all(journal_postgres_t *self, journal_job_t *jobs)
{
    journal_jobs_answer(jobs,
                        &(journal_outcomes_t){&self->appends, &self->refused, &self->unknown});
}

/* Before anybody is told how what was under way ended. */
static void look_whether_lost(journal_postgres_t *self)
{
    if (self->writer == NULL || pg_is_usable(self->writer))
        return;
    lost(self);
    for (size_t i = 0; i < self->round_count; i++) {
        journal_round_t *round = &self->rounds[i];
        if (round->is_under_way)
            round->err = ERR_TIMEOUT;
        round->is_under_way = round->has_snapshots = false;
    }
}

static void warn_of_snapshots(journal_postgres_t *self, err_t err)
{
    if (err != ERR_OK) /* costs time at the next activation, no data */
        log_warning(self->log, "journal", "a snapshot was not written: %s", err_text(err));
}

static void send(journal_postgres_t *self, journal_round_t *round)
{
    round->begun_ns = now_ns();
    if (round->err == ERR_OK)
        round->err = ensure_connection(self);
    if (round->err == ERR_OK && round->count > 0)
        round->err = journal_postgres_send(self, round);
    look_whether_lost(self);
    if (self->writer == NULL)
        return;
    warn_of_snapshots(self,
                      journal_postgres_send_snapshots(self, round->jobs, &round->has_snapshots));
    look_whether_lost(self);
}

/* Until it is known how it ended. */
static void await(journal_postgres_t *self, journal_round_t *round)
{
    if (round->is_under_way)
        round->err = journal_postgres_take(self, round);
    look_whether_lost(self);
    if (round->has_snapshots)
        warn_of_snapshots(self, journal_postgres_take_snapshots(self));
    round->has_snapshots = false;
    look_whether_lost(self);
}

/* ---- again ---- */

static bool is_about_content(err_t err)
{
    return err != ERR_OK && err != ERR_TIMEOUT && err != ERR_UNAVAILABLE && err != ERR_FULL &&
           err != ERR_NO_MEMORY;
}

static void write_once(journal_postgres_t *self, journal_round_t *round)
{
    round->err = ensure_connection(self);
    if (round->err == ERR_OK)
        round->err = journal_postgres_send(self, round);
    if (round->is_under_way)
        round->err = journal_postgres_take(self, round);
    look_whether_lost(self);
}

static err_t write_now(journal_postgres_t *self, journal_round_t *round)
{
    for (int i = 0; i < 2; i++) {
        write_once(self, round);
        if (round->err != ERR_STALE)
            return round->err;
        self->is_struck_out = true;
    }
    return round->err = ERR_UNAVAILABLE; /* twice in a row: somebody takes turns with us */
}

/* Something in it raises: one by one, only the culprit is refused. */
static void write_one_by_one(journal_postgres_t *self, const journal_round_t *round)
{
    atomic_fetch_add(&self->retried_batches, 1);
    for (size_t i = 0; i < round->count; i++) {
        journal_round_t one = {.appends = &round->appends[i], .count = 1};
        one.appends[0]->err = write_now(self, &one) == ERR_OK ? one.appends[0]->err : one.err;
    }
}

/* Keeps of a round only what is to be judged again. */
static bool keep_again(journal_round_t *round)
{
    size_t kept = 0;
    for (size_t i = 0; round->has_again && i < round->count; i++) {
        journal_job_t *job = round->appends[i];
        if (job->err != ERR_STALE)
            continue;
        job->err = ERR_OK;
        round->appends[kept++] = job;
    }
    if (round->has_again)
        round->count = kept;
    round->has_again = false;
    return kept > 0;
}

static void retry(journal_postgres_t *self, journal_round_t *round)
{
    if (round->err == ERR_STALE) {
        self->is_struck_out = true;
        IGNORE_ERR(write_now(self, round));
    }
    if (is_about_content(round->err) && round->count > 1) {
        write_one_by_one(self, round);
        round->err = ERR_OK;
    }
}

/* Nothing else is under way. Each time round, what is judged again is less. */
static void write_again(journal_postgres_t *self, journal_round_t *round)
{
    retry(self, round);
    while (round->err == ERR_OK && keep_again(round)) {
        IGNORE_ERR(write_now(self, round));
        retry(self, round);
    }
}

/* ---- two under way ---- */

/* A second one only when it is worth a commit, and a crowd that comes at once as two, so that the
 * server works at one while we work at the other. */
static bool begin_round(journal_postgres_t *self)
{
    size_t count = self->held.count, least = self->second_min;
    bool is_first = self->round_count == 0;
    if (self->round_count == JOURNAL_POSTGRES_ROUNDS || count < (is_first ? 1 : least))
        return false;
    journal_round_t *round = &self->rounds[self->round_count];
    journal_held_choose(&self->held, is_first && count >= 2 * least ? count / 2 : count,
                        is_first ? NULL : &self->rounds[0], round);
    if (round->jobs == NULL) {
        journal_round_deinit(round);
        return false;
    }
    self->round_count++;
    if (!is_first)
        atomic_fetch_add(&self->overlapped, 1);
    send(self, round);
    return true;
}

/* Those who are answered often append again at once: while another round is under way they are
 * waited for, so that the next one has all of them. */
static void end_round(journal_postgres_t *self)
{
    journal_round_t *oldest = &self->rounds[0];
    await(self, oldest);
    if (is_about_content(oldest->err) || oldest->has_again) {
        for (size_t i = 1; i < self->round_count; i++)
            await(self, &self->rounds[i]);
        write_again(self, oldest);
    }
    for (size_t i = 0; oldest->err != ERR_OK && i < oldest->count; i++)
        oldest->appends[i]->err = oldest->err;
    journal_round_t round = *oldest;
    self->round_count--;
    memmove(&self->rounds[0], &self->rounds[1], self->round_count * sizeof round);
    self->rounds[self->round_count] = (journal_round_t){0};
    if (self->round_count > 0)
        journal_queue_expect(self->queue, round.jobs, now_ns() - round.begun_ns);
    answer_all(self, round.jobs);
    journal_round_deinit(&round);
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

/* Other nodes append, too; and /readyz asks, also while nobody does. Beneath a pooler another
 * server may take over while our connection stays. */
static void look_around(journal_postgres_t *self)
{
    if (ensure_connection(self) != ERR_OK)
        return;
    err_t err = journal_postgres_recognize(self, self->writer);
    bool is_known = err == ERR_OK;
    if (is_known)
        err = journal_postgres_look(self, self->writer);
    bool is_ours = self->lock == NULL || node_lock_hold(self->lock) != ERR_CONFLICT;
    if (!is_ours || !is_known || (err != ERR_OK && !pg_is_usable(self->writer)))
        lost(self);
}

/* ---- the thread ---- */

static bool has_room(const journal_postgres_t *self)
{
    return self->held.count < JOURNAL_BATCH_APPENDS_MAX && self->held.size < JOURNAL_BATCH_SIZE_MAX;
}

/* False: there is nothing to do. */
static bool work(journal_postgres_t *self)
{
    bool is_idle = self->round_count == 0 && self->held.count == 0;
    if (has_room(self))
        journal_held_add(&self->held, journal_queue_take(self->queue, is_idle ? IDLE_MS : 0));
    if (begin_round(self))
        return true;
    if (self->round_count == 0)
        return false;
    end_round(self);
    return true;
}

static void *committer_main(void *context)
{
    thread_name("journal");
    journal_postgres_t *self = context;
    for (;;) {
        bool is_idle = !work(self);
        if (is_idle)
            look_around(self);
        tell(self);
        if (is_idle && journal_queue_is_closed(self->queue) && journal_queue_size(self->queue) == 0)
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
