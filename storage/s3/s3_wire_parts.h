#pragma once
/* s3_wire_parts.h -- the wire from inside: s3_wire.c has the thread, the retries and the breaker;
 * s3_transfer.c one request as libcurl sees it. */

#include "storage/s3/s3_wire.h"

#include "runtime/base/clock.h"
#include "runtime/base/random.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

/* One caller's requests. */
typedef struct s3_batch {
    size_t left;
    pthread_cond_t ended;
} s3_batch_t;

/* A request on its way: waiting, running, or waiting to be tried again. */
typedef struct s3_job {
    struct s3_job *next;
    s3_request_t *request;
    s3_batch_t *batch;
    uint32_t attempt;
    uint64_t due_ms; /* to be tried again */
    bool is_probe;   /* finds out whether the server is back */
} s3_job_t;

/* One of the handles, and what it needs for one attempt. */
typedef struct s3_transfer {
    CURL *easy;
    s3_job_t *job; /* NULL: idle */
    struct curl_slist *headers;
    buf_t url, failure; /* failure: what an error says */
    const s3_wire_t *wire;
    size_t sent, before;      /* before: of request->out, before this attempt */
    uint64_t moved, moved_ms; /* bytes in both directions, and when that last changed */
    bool is_too_large;
} s3_transfer_t;

struct s3_wire {
    s3_address_t address;
    s3_credentials_t credentials;
    const ms_log_t *log;
    ms_clock_t clock;
    ms_random_t random;
    uint32_t attempts_max, attempt_timeout_ms, wait_min_ms, away_min_ms;
    CURLM *multi;
    s3_transfer_t transfers[S3_RUNNING_MAX];
    pthread_t thread;
    bool has_curl, has_thread;
    /* The thread's alone. */
    s3_job_t *retries;
    /* Under the lock. */
    pthread_mutex_t lock;
    s3_job_t *waiting, **waiting_end;
    size_t waiting_count;
    bool is_stopping, is_away, is_probing;
    uint64_t away_until_ms, away_wait_ms;
    blob_store_status_t status;
};

/* Makes the handle ready for job's next attempt. */
err_t s3_transfer_begin(s3_wire_t *wire, s3_transfer_t *self, s3_job_t *job);
/* Fills in the request's answer. True: it may pass by itself. *problem in words. */
bool s3_transfer_end(s3_transfer_t *self, CURLcode code, char problem[BLOB_PROBLEM_SIZE]);
void s3_transfer_deinit(s3_transfer_t *self);
