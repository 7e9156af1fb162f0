#include "storage/journal/journal_lmdb_parts.h"

#include "runtime/base/clock.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/memory.h"
#include "runtime/base/thread.h"

enum { IDLE_MS = 1000 };

/* ---- the index and the snapshots: lazy, derived ---- */

static err_t put_heads(journal_lmdb_t *self, const kv_tx_t *tx, uint64_t through)
{
    head_entry_t **entries MEMORY_SCOPED = NULL;
    char value[16];
    size_t count = heads_count(self->heads);
    TRY(heads_sorted(self->heads, &entries));
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->durable.version == 0)
            continue; /* asked for, and refused */
        kv_u64_write(value, entries[i]->durable.version);
        kv_u64_write(value + 8, entries[i]->durable.position);
        TRY(kv_put(tx, TABLE_STREAMS, str_of(entries[i]->stream, entries[i]->stream_size),
                   str_of(value, sizeof value)));
        TRY(journal_put_waiting(tx, entries[i]));
    }
    kv_u64_write(value, through);
    return kv_put(tx, TABLE_STREAMS_META, STR("through"), str_of(value, 8));
}

err_t journal_write_index(journal_lmdb_t *self, uint64_t through)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(kv_write(self->streams_kv, &tx));
    TRY(put_heads(self, &tx, through));
    TRY(kv_commit(&tx));
    atomic_store(&self->indexed_through, through);
    heads_clear(self->heads); /* after the commit: a reader that misses here finds it there */
    return ERR_OK;
}

static err_t put_snapshot(journal_lmdb_t *self, const kv_tx_t *tx, const journal_job_t *job)
{
    const journal_append_t *snapshot = &job->append;
    stream_head_t head;
    /* Only of what is durable, and never an older one over a newer. */
    if (journal_find_head(self, snapshot->stream, &head) != ERR_OK ||
        snapshot->expected_version > head.version)
        return ERR_OK;
    str_t old;
    if (kv_get(tx, TABLE_STATE, snapshot->stream, &old) == ERR_OK && old.size >= 12 &&
        kv_u64_read(old.data + 4) > snapshot->expected_version)
        return ERR_OK;
    buf_t value BUF_SCOPED = BUF_INIT;
    (void)buf_extend(&value, 12); /* the head, below */
    buf_append(&value, snapshot->result);
    TRY(buf_status(&value));
    char *room = value.data;
    kv_u64_write(room + 4, snapshot->expected_version);
    uint32_t crc = crc32c(0, str_slice(buf_str(&value), 4, value.size));
    memcpy(room, &crc, sizeof crc);
    return kv_put(tx, TABLE_STATE, snapshot->stream, buf_str(&value));
}

/* A snapshot that is lost costs time, not data: failures are only logged. */
static void write_snapshots(journal_lmdb_t *self, const journal_job_t *jobs)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    err_t err = ERR_OK;
    for (const journal_job_t *job = jobs; job != NULL && err == ERR_OK; job = job->next) {
        if (job->kind != JOB_SNAPSHOT || self->is_lame)
            continue;
        if (tx.txn == NULL)
            err = kv_write(self->state_kv, &tx);
        if (err == ERR_OK)
            err = put_snapshot(self, &tx, job);
    }
    if (tx.txn != NULL && err == ERR_OK)
        err = kv_commit(&tx);
    self->is_lame |= err == ERR_UNAVAILABLE;
    if (err != ERR_OK)
        log_warning(self->log, "journal", "a snapshot was not written: %s", err_text(err));
}

/* ---- one batch ---- */

typedef struct batch {
    journal_lmdb_t *self;
    journal_job_t *jobs;
    kv_tx_t tx;
    uint64_t position; /* of the newest record in it */
} batch_t;

static err_t find_entry(batch_t *batch, str_t stream, head_entry_t **out_entry)
{
    journal_lmdb_t *self = batch->self;
    stream_head_t head = {0};
    *out_entry = heads_entry(self->heads, stream);
    if (*out_entry != NULL)
        return ERR_OK;
    err_t err = journal_find_head(self, stream, &head);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_entry = heads_add(self->heads, stream, head);
    return *out_entry == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static err_t put_record(batch_t *batch, const journal_append_t *append, size_t index,
                        stream_head_t *head)
{
    bool is_last = index + 1 == append->event_count;
    stored_record_t stored = {
        .record = {.stream = append->stream,
                   .version = head->version + 1,
                   .position = batch->position + 1,
                   .wall_ms = append->wall_ms,
                   .event = append->events[index],
                   .command_id = append->command_id,
                   .result = is_last ? append->result : (str_t){NULL, 0}},
        .previous = head->position,
        .epoch = append->epoch,
    };
    char key[8], *room;
    kv_u64_write(key, stored.record.position);
    TRY(kv_append(&batch->tx, TABLE_LOG, str_of(key, sizeof key), journal_record_size(&stored),
                  &room));
    journal_record_write(&stored, room);
    batch->position++;
    journal_waiting_t waiting = journal_waiting_after(append->events[index].name);
    if (waiting == JOURNAL_WAITING_AS_BEFORE)
        waiting = head->waiting;
    *head = (stream_head_t){stored.record.version, stored.record.position, waiting};
    return ERR_OK;
}

/* An error here ends the whole batch; a refusal is the job's own. */
static err_t put_append(batch_t *batch, journal_job_t *job)
{
    const journal_append_t *append = &job->append;
    head_entry_t *entry;
    TRY(find_entry(batch, append->stream, &entry));
    if (append->epoch < JOURNAL_EPOCH || append->expected_version != entry->pending.version) {
        job->err = ERR_CONFLICT;
        return ERR_OK;
    }
    stream_head_t head = entry->pending;
    for (size_t i = 0; i < append->event_count; i++)
        TRY(put_record(batch, append, i, &head));
    heads_touch(batch->self->heads, entry, head);
    job->is_written = true;
    job->version = head.version;
    job->position = head.position;
    return ERR_OK;
}

static err_t put_batch(batch_t *batch)
{
    for (journal_job_t *job = batch->jobs; job != NULL; job = job->next)
        if (job->kind == JOB_APPEND && job->err == ERR_OK)
            TRY(put_append(batch, job));
    return ERR_OK;
}

/* True: the log ends where it did, so nothing of a failed commit can be seen or come back. */
static bool is_unchanged(journal_lmdb_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    if (kv_write(self->log_kv, &tx) != ERR_OK || kv_cursor_open(&tx, TABLE_LOG, &cursor) != ERR_OK)
        return false;
    err_t err = kv_last(&cursor);
    uint64_t head = err == ERR_OK ? kv_u64_read(cursor.key.data) : 0;
    return (err == ERR_OK || err == ERR_NOT_FOUND) && head == atomic_load(&self->head);
}

static void fail_from_now_on(journal_lmdb_t *self, err_t err)
{
    ms_clock_t clock = clock_system();
    self->failed_at_ms = clock_mono_ms(&clock);
    atomic_store(&self->is_failed, true);
    log_error(self->log, "journal", "a commit failed (%s): no writes until it is opened again",
              err_text(err));
}

/* What a failed commit means for its appends. */
static err_t verdict_of(journal_lmdb_t *self, err_t err)
{
    if ((err == ERR_FULL || err == ERR_NO_MEMORY) && is_unchanged(self))
        return err; /* refused */
    fail_from_now_on(self, err);
    return ERR_TIMEOUT; /* unknown */
}

static void settle(batch_t *batch, err_t verdict)
{
    journal_lmdb_t *self = batch->self;
    if (verdict == ERR_OK) {
        heads_keep(self->heads);
        atomic_store_explicit(&self->head, batch->position, memory_order_release);
        atomic_fetch_add(&self->commits, 1);
        return;
    }
    heads_undo(self->heads);
    for (journal_job_t *job = batch->jobs; job != NULL; job = job->next)
        if (job->kind == JOB_APPEND && job->err == ERR_OK)
            job->err = verdict;
}

static void run_batch(batch_t *batch)
{
    journal_lmdb_t *self = batch->self;
    err_t err = self->log_kv == NULL ? ERR_UNAVAILABLE : kv_write(self->log_kv, &batch->tx);
    batch->position = atomic_load(&self->head);
    if (err == ERR_OK)
        err = put_batch(batch);
    if (err != ERR_OK) { /* before the commit: nothing was written */
        bool is_usable = err == ERR_FULL || err == ERR_NO_MEMORY;
        kv_end(&batch->tx);
        settle(batch, is_usable ? err : ERR_UNAVAILABLE);
        if (!is_usable)
            fail_from_now_on(self, err);
        return;
    }
    if (batch->position == atomic_load(&self->head)) {
        kv_end(&batch->tx); /* all refused */
        return;
    }
    err = kv_commit(&batch->tx);
    settle(batch, err == ERR_OK ? ERR_OK : verdict_of(self, err));
}

/* ---- answers ---- */

static void answer_all(journal_lmdb_t *self, journal_job_t *jobs)
{
    journal_jobs_answer(jobs,
                        &(journal_outcomes_t){&self->appends, &self->refused, &self->unknown});
}

/* ---- the thread ---- */

static void refuse_all(journal_job_t *jobs, err_t err)
{
    for (journal_job_t *job = jobs; job != NULL; job = job->next)
        if (job->err == ERR_OK)
            job->err = err;
}

/* Keeps the index close behind. An error: too far behind to go on. */
static err_t keep_index(journal_lmdb_t *self, uint64_t behind_max)
{
    uint64_t head = atomic_load(&self->head);
    uint64_t behind = head - atomic_load(&self->indexed_through);
    size_t count = heads_count(self->heads); /* refused appends add heads, too */
    bool is_far = behind > JOURNAL_INDEX_BEHIND_MAX || count > JOURNAL_INDEX_BEHIND_MAX;
    if (!is_far && (behind <= behind_max || self->is_lame))
        return ERR_OK;
    err_t err = journal_write_index(self, head);
    self->is_lame |= err == ERR_UNAVAILABLE;
    if (err != ERR_OK)
        log_warning(self->log, "journal", "the index was not written: %s", err_text(err));
    return is_far ? err : ERR_OK;
}

static bool needs_reopening(const journal_lmdb_t *self)
{
    return atomic_load(&self->is_failed) || self->is_lame;
}

/* When something needs it, and not too often. */
static void try_reopen(journal_lmdb_t *self)
{
    ms_clock_t clock = clock_system();
    if (!needs_reopening(self))
        return;
    uint64_t now = clock_mono_ms(&clock);
    if (now - self->failed_at_ms < self->reopen_after_ms)
        return;
    self->failed_at_ms = now;
    IGNORE_ERR(journal_lmdb_reopen(self)); /* logged there; the appends are refused then */
}

static void process(journal_lmdb_t *self, journal_job_t *jobs)
{
    ms_clock_t clock = clock_system();
    uint64_t begin_ns = clock_mono_ns(&clock);
    batch_t batch = {.self = self, .jobs = jobs};
    try_reopen(self);
    pthread_rwlock_rdlock(&self->environments);
    uint64_t before = atomic_load(&self->head);
    err_t err =
        atomic_load(&self->is_failed) ? ERR_UNAVAILABLE : keep_index(self, self->index_behind);
    if (err == ERR_OK)
        run_batch(&batch);
    else
        refuse_all(jobs, err);
    write_snapshots(self, jobs);
    bool is_new = atomic_load(&self->head) != before;
    pthread_rwlock_unlock(&self->environments);
    journal_queue_expect(self->queue, jobs, clock_mono_ns(&clock) - begin_ns);
    answer_all(self, jobs);
    if (is_new)
        journal_hooks_call(&self->hooks, atomic_load(&self->head));
}

static void *committer_main(void *context)
{
    thread_name("journal");
    journal_lmdb_t *self = context;
    for (;;) {
        uint64_t wait_ms = needs_reopening(self) ? self->reopen_after_ms : IDLE_MS;
        journal_job_t *jobs = journal_queue_take(self->queue, MIN(wait_ms, (uint64_t)IDLE_MS));
        if (jobs != NULL) {
            process(self, jobs);
            continue;
        }
        try_reopen(self); /* nobody may append while /readyz says that we can't store */
        pthread_rwlock_rdlock(&self->environments);
        if (!atomic_load(&self->is_failed))
            IGNORE_ERR(keep_index(self, 0)); /* logged there; tried again */
        pthread_rwlock_unlock(&self->environments);
        if (journal_queue_is_closed(self->queue) && journal_queue_size(self->queue) == 0)
            return NULL;
    }
}

err_t journal_commit_start(journal_lmdb_t *self)
{
    return journal_thread_start(&self->committer, committer_main, self);
}

void journal_commit_stop(journal_lmdb_t *self)
{
    journal_thread_stop(&self->committer, self->queue);
}
