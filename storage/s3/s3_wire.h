#pragma once
/* s3_wire.h -- requests to one bucket: signed by libcurl (AWS Signature Version 4, the body's
 * SHA-256 signed with it), S3_RUNNING_MAX at once over kept connections, tried again after what
 * passes by itself.
 *
 * A thread of the wire's own drives libcurl; callers wait for theirs. A request that failed for a
 * reason that may pass (no connection, time-out, cut short, 408, 429, 500, 502, 503, 504) is
 * tried again up to attempts_max times, after a wait drawn from 0 to WAIT_MIN * 2^attempt
 * milliseconds, S3_WAIT_MAX_MS at most ("full jitter"). One that failed so to its end makes the
 * server *away*: requests are refused at once from then on, but for one now and then that finds out
 * whether it is back.
 *
 * Redirects are not followed: a signature is for one host. No log line and no problem has a
 * credential in it.
 *
 * Invariant  running + waiting requests <= S3_RUNNING_MAX + S3_WAITING_MAX.
 * Threads    Any, many at once.
 * Errors     UNAVAILABLE: it is away, or stopped; BUSY: S3_WAITING_MAX wait; NOT_FOUND 404;
 *            FORBIDDEN 401, 403; CONFLICT 409, 412; LIMIT 413, or the answer is larger than asked
 *            for; INVALID other 4xx; INTERNAL: libcurl failed; NO_MEMORY. */

#include "runtime/base/arena.h"
#include "runtime/base/log.h"
#include "storage/blob/blob_store.h"
#include "storage/s3/s3_address.h"

enum {
    S3_RUNNING_MAX = 16,
    S3_WAITING_MAX = 256,
    S3_ATTEMPTS_MAX = 5,
    S3_ATTEMPT_TIMEOUT_MS = 10000, /* without a byte; in all, a second more for each MiB */
    S3_WAIT_MIN_MS = 100,
    S3_WAIT_MAX_MS = 5000,
    S3_AWAY_MIN_MS = 1000, /* between two looks whether it is back: doubles */
    S3_AWAY_MAX_MS = 60000,
    S3_ETAG_SIZE = 128
};

typedef enum s3_method { S3_GET, S3_HEAD, S3_PUT, S3_POST, S3_DELETE } s3_method_t;

typedef struct s3_request {
    s3_method_t method;
    str_t key;     /* of the object, behind the address' prefix; empty: the bucket */
    str_t query;   /* NAME=VALUE&..., sorted and encoded */
    str_t body;    /* of PUT and POST */
    bool is_range; /* GET: only these bytes; what is behind the end is not there */
    uint64_t offset, size;
    buf_t *out;      /* gets what is answered; NULL: it is dropped */
    size_t size_max; /* of that */
    /* The answer. */
    err_t err;
    long status; /* of HTTP; 0: none came */
    uint64_t content_size;
    int64_t modified_ms;
    char etag[S3_ETAG_SIZE]; /* as it came, with its quotes */
} s3_request_t;

typedef struct s3_wire_options {
    const s3_address_t *address;         /* copied */
    const s3_credentials_t *credentials; /* copied */
    const ms_log_t *log;                 /* may be NULL; says when it is away and back */
    /* 0: as above. */
    uint32_t attempts_max, attempt_timeout_ms, wait_min_ms, away_min_ms;
} s3_wire_options_t;

typedef struct s3_wire s3_wire_t;
err_t s3_wire_new(const s3_wire_options_t *options, s3_wire_t **out_wire);
/* Ends what runs with UNAVAILABLE. Nobody may ask meanwhile or later. */
void s3_wire_free(s3_wire_t *self);

/* Sends them, some at a time, and waits until each has its answer. The first error of them. */
err_t s3_wire_run(s3_wire_t *self, s3_request_t *requests, size_t count);
void s3_wire_status(s3_wire_t *self, blob_store_status_t *out_status);
