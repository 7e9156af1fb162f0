#pragma once
/* blobs_parts.h -- the blobs of a node from inside: blobs_open.c opens, blobs_jobs.c looks after
 * them. */

#include "node/blobs/blobs.h"
#include "storage/postgres/pg_guard.h"

#include <pthread.h>

enum { BLOBS_FOLDERS = 2 };

typedef struct blobs_found {
    char name[BLOB_KEY_SIZE_MAX + 1];
    bool is_behind;
    err_t err;
} blobs_found_t;

struct blobs {
    blobs_options_t options;
    blob_store_t *behind; /* NULL: none */
    bool is_sealed;
    segment_cache_t *cache;
    blob_upload_t *upload;
    pg_guard_t *guard; /* of the bucket; NULL: without a database nobody else uses it */
    blob_folder_t *folders[BLOBS_FOLDERS]; /* artwork, lyrics */
    catalog_t *catalog;
    projection_t *projection;
    journal_t *journal;
    segment_cache_t *segments;
    runtime_t *runtime;
    pthread_t thread; /* of the job */
    bool has_thread;
    _Atomic bool is_cancelled;
    /* Under the lock. */
    pthread_mutex_t lock;
    bool is_running, has_run, is_stopping, is_tending;
    blobs_job_t job;
    uint64_t tend_at_ms; /* monotonic; 0: never */
    int64_t tended_ms;   /* wall; 0: not yet */
    err_t err;
    int64_t begun_ms, ended_ms; /* wall */
    blob_gc_report_t gc;
    blob_scrub_report_t scrub;
    segment_scrub_report_t sound;
    blobs_found_t found[BLOBS_FOUND_MAX];
    size_t found_count;
};
