#include "storage/s3/s3_wire_parts.h"

#include "runtime/base/memory.h"
#include "runtime/base/thread.h"

#include <stdio.h>

enum { LOOK_MS = 1000 };

static void end_job(s3_wire_t *self, s3_job_t *job)
{
    pthread_mutex_lock(&self->lock);
    s3_request_t *request = job->request;
    if (request->err != ERR_OK && request->err != ERR_NOT_FOUND)
        self->status.failed++;
    else if (request->method == S3_PUT)
        self->status.puts++;
    else if (request->method == S3_DELETE)
        self->status.removes++;
    else if (request->method == S3_GET)
        self->status.gets++;
    if (--job->batch->left == 0) /* from here on the caller may be gone, and the job with it */
        pthread_cond_signal(&job->batch->ended);
    pthread_mutex_unlock(&self->lock);
}

/* ---- away and back ---- */

static void note_back(s3_wire_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool was_away = self->is_away;
    self->is_away = self->is_probing = false;
    self->away_wait_ms = 0;
    pthread_mutex_unlock(&self->lock);
    if (was_away)
        log_info(self->log, "blobs", "the store of blobs is back");
}

static void note_away(s3_wire_t *self, const char *problem)
{
    pthread_mutex_lock(&self->lock);
    bool was_away = self->is_away;
    self->is_away = true;
    self->is_probing = false;
    self->away_wait_ms =
        MIN(MAX(self->away_wait_ms * 2, (uint64_t)self->away_min_ms), (uint64_t)S3_AWAY_MAX_MS);
    self->away_until_ms = clock_mono_ms(&self->clock) + self->away_wait_ms / 2 +
                          random_below(&self->random, self->away_wait_ms / 2 + 1);
    snprintf(self->status.problem, sizeof self->status.problem, "%s", problem);
    pthread_mutex_unlock(&self->lock);
    if (!was_away)
        log_warning(self->log, "blobs", "the store of blobs is away: %s", problem);
}

/* With the lock held: may requests be sent? *out_is_probe: this one, to find out. */
static bool is_open(s3_wire_t *self, bool *out_is_probe)
{
    *out_is_probe = false;
    if (!self->is_away)
        return true;
    if (self->is_probing || clock_mono_ms(&self->clock) < self->away_until_ms)
        return false;
    *out_is_probe = self->is_probing = true;
    return true;
}

/* ---- the thread ---- */

static void retry_later(s3_wire_t *self, s3_job_t *job)
{
    uint64_t most = MIN((uint64_t)self->wait_min_ms << MIN(job->attempt, 16U), S3_WAIT_MAX_MS);
    job->due_ms = clock_mono_ms(&self->clock) + random_below(&self->random, most + 1);
    job->next = self->retries;
    self->retries = job;
    pthread_mutex_lock(&self->lock);
    self->status.retried++;
    pthread_mutex_unlock(&self->lock);
}

/* An attempt has ended. */
static void settle(s3_wire_t *self, s3_job_t *job, bool may_be_repeated, const char *problem)
{
    /* is_away is written by this thread only. */
    if (may_be_repeated && !self->is_away && job->attempt < self->attempts_max) {
        retry_later(self, job);
        return;
    }
    if (may_be_repeated)
        note_away(self, problem);
    else
        note_back(self);
    if (!may_be_repeated && problem[0] != '\0' && job->request->err == ERR_FORBIDDEN) {
        pthread_mutex_lock(&self->lock);
        snprintf(self->status.problem, sizeof self->status.problem, "%s", problem);
        pthread_mutex_unlock(&self->lock);
    }
    end_job(self, job);
}

static void start(s3_wire_t *self, s3_transfer_t *transfer, s3_job_t *job)
{
    job->attempt++;
    err_t err = s3_transfer_begin(self, transfer, job);
    if (err == ERR_OK && curl_multi_add_handle(self->multi, transfer->easy) == CURLM_OK)
        return;
    transfer->job = NULL;
    job->request->err = err == ERR_OK ? ERR_INTERNAL : err;
    pthread_mutex_lock(&self->lock);
    if (job->is_probe)
        self->is_probing = false;
    pthread_mutex_unlock(&self->lock);
    end_job(self, job);
}

static s3_job_t *due_retry(s3_wire_t *self, uint64_t now_ms, uint64_t *wait_ms)
{
    for (s3_job_t **link = &self->retries; *link != NULL; link = &(*link)->next) {
        s3_job_t *job = *link;
        if (job->due_ms <= now_ms) {
            *link = job->next;
            return job;
        }
        *wait_ms = MIN(*wait_ms, job->due_ms - now_ms);
    }
    return NULL;
}

static s3_job_t *next_waiting(s3_wire_t *self)
{
    pthread_mutex_lock(&self->lock);
    s3_job_t *job = self->waiting;
    if (job != NULL) {
        self->waiting = job->next;
        self->waiting_count--;
        if (self->waiting == NULL)
            self->waiting_end = &self->waiting;
    }
    pthread_mutex_unlock(&self->lock);
    return job;
}

/* Gives idle handles what is to be done; how long to wait for more. */
static uint64_t start_all(s3_wire_t *self)
{
    uint64_t now_ms = clock_mono_ms(&self->clock),
             wait_ms = MIN(LOOK_MS, self->attempt_timeout_ms / 2 + 1);
    for (size_t i = 0; i < S3_RUNNING_MAX; i++) {
        if (self->transfers[i].job != NULL)
            continue;
        s3_job_t *job = due_retry(self, now_ms, &wait_ms);
        if (job == NULL && (job = next_waiting(self)) == NULL)
            break;
        start(self, &self->transfers[i], job);
    }
    return wait_ms;
}

static void end_transfers(s3_wire_t *self)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(self->multi, &left)) != NULL;) {
        s3_transfer_t *transfer = NULL;
        char problem[BLOB_PROBLEM_SIZE] = "";
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(self->multi, message->easy_handle);
        s3_job_t *job = transfer->job;
        bool may_be_repeated = s3_transfer_end(transfer, code, problem);
        settle(self, job, may_be_repeated, problem);
    }
}

static void refuse(s3_wire_t *self, s3_job_t *job)
{
    job->request->err = ERR_UNAVAILABLE;
    end_job(self, job);
}

static void refuse_all(s3_wire_t *self)
{
    for (size_t i = 0; i < S3_RUNNING_MAX; i++) {
        s3_transfer_t *transfer = &self->transfers[i];
        s3_job_t *job = transfer->job;
        char problem[BLOB_PROBLEM_SIZE];
        if (job == NULL)
            continue;
        curl_multi_remove_handle(self->multi, transfer->easy);
        (void)s3_transfer_end(transfer, CURLE_ABORTED_BY_CALLBACK, problem);
        refuse(self, job);
    }
    while (self->retries != NULL) {
        s3_job_t *job = self->retries;
        self->retries = job->next;
        refuse(self, job);
    }
    for (s3_job_t *job; (job = next_waiting(self)) != NULL;)
        refuse(self, job);
}

static bool is_stopping(s3_wire_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool stopping = self->is_stopping;
    pthread_mutex_unlock(&self->lock);
    return stopping;
}

static void *run_thread(void *context)
{
    thread_name("s3");
    s3_wire_t *self = context;
    while (!is_stopping(self)) {
        int running = 0;
        uint64_t wait_ms = start_all(self);
        curl_multi_perform(self->multi, &running);
        end_transfers(self);
        wait_ms = MIN(wait_ms, start_all(self));
        curl_multi_poll(self->multi, NULL, 0, (int)wait_ms, NULL);
    }
    refuse_all(self);
    return NULL;
}

/* ---- asking ---- */

/* With the lock held. */
static err_t admit(s3_wire_t *self, s3_job_t *jobs, size_t count, s3_batch_t *batch)
{
    bool is_probe;
    if (self->is_stopping)
        return ERR_UNAVAILABLE;
    if (self->waiting_count + count > S3_WAITING_MAX)
        return ERR_BUSY;
    if (!is_open(self, &is_probe))
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < count; i++) {
        jobs[i].batch = batch;
        jobs[i].is_probe = is_probe;
        *self->waiting_end = &jobs[i];
        self->waiting_end = &jobs[i].next;
    }
    self->waiting_count += count;
    batch->left = count;
    return ERR_OK;
}

static err_t wait_for(s3_wire_t *self, s3_job_t *jobs, size_t count)
{
    s3_batch_t batch = {.left = 0};
    pthread_cond_init(&batch.ended, NULL);
    pthread_mutex_lock(&self->lock);
    err_t err = admit(self, jobs, count, &batch);
    if (err == ERR_OK)
        curl_multi_wakeup(self->multi);
    while (batch.left > 0)
        pthread_cond_wait(&batch.ended, &self->lock);
    pthread_mutex_unlock(&self->lock);
    pthread_cond_destroy(&batch.ended);
    for (size_t i = 0; err == ERR_OK && i < count; i++)
        err = jobs[i].request->err;
    return err;
}

err_t s3_wire_run(s3_wire_t *self, s3_request_t *requests, size_t count)
{
    s3_job_t *jobs MEMORY_SCOPED = memory_new_array(count, sizeof *jobs);
    if (jobs == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        requests[i].err = ERR_UNAVAILABLE;
        requests[i].status = 0;
        jobs[i].request = &requests[i];
    }
    return wait_for(self, jobs, count);
}

void s3_wire_status(s3_wire_t *self, blob_store_status_t *out_status)
{
    pthread_mutex_lock(&self->lock);
    *out_status = self->status;
    out_status->is_away = self->is_away;
    pthread_mutex_unlock(&self->lock);
}

/* ---- making ---- */

static uint32_t or_else(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static err_t make(s3_wire_t *self)
{
    /* Counted, and safe among threads, since libcurl 7.84. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_INTERNAL;
    self->has_curl = true;
    self->multi = curl_multi_init();
    if (self->multi == NULL)
        return ERR_NO_MEMORY;
    if (thread_start(&self->thread, run_thread, self) != ERR_OK)
        return ERR_NO_MEMORY;
    self->has_thread = true;
    return ERR_OK;
}

err_t s3_wire_new(const s3_wire_options_t *options, s3_wire_t **out_wire)
{
    s3_wire_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->address = *options->address;
    self->credentials = *options->credentials;
    self->log = options->log;
    self->clock = clock_system();
    self->random = random_system();
    self->attempts_max = or_else(options->attempts_max, S3_ATTEMPTS_MAX);
    self->attempt_timeout_ms = or_else(options->attempt_timeout_ms, S3_ATTEMPT_TIMEOUT_MS);
    self->wait_min_ms = or_else(options->wait_min_ms, S3_WAIT_MIN_MS);
    self->away_min_ms = or_else(options->away_min_ms, S3_AWAY_MIN_MS);
    self->waiting_end = &self->waiting;
    pthread_mutex_init(&self->lock, NULL);
    err_t err = make(self);
    if (err != ERR_OK) {
        s3_wire_free(self);
        return err;
    }
    *out_wire = self;
    return ERR_OK;
}

void s3_wire_free(s3_wire_t *self)
{
    if (self == NULL)
        return;
    if (self->has_thread) {
        pthread_mutex_lock(&self->lock);
        self->is_stopping = true;
        curl_multi_wakeup(self->multi);
        pthread_mutex_unlock(&self->lock);
        pthread_join(self->thread, NULL);
    }
    for (size_t i = 0; i < S3_RUNNING_MAX; i++)
        s3_transfer_deinit(&self->transfers[i]);
    if (self->multi != NULL)
        curl_multi_cleanup(self->multi);
    if (self->has_curl)
        curl_global_cleanup();
    pthread_mutex_destroy(&self->lock);
    s3_credentials_wipe(&self->credentials);
    memory_free(self);
}
