#pragma once
/* blob_upload.h -- sends what blob folders hold to the stores behind them, on a thread of its own:
 * what lies there is what has to be sent, so it goes on after a kill, and a folder that was filled
 * before there was a store is sent, too. While a store is away it looks again after
 * BLOB_UPLOAD_WAIT_MIN_MS, which doubles.
 *
 * Threads  new, start and free: one, start and free while nobody wakes. wake, status: any. */

#include "runtime/base/log.h"
#include "storage/blob/blob_care.h"

enum {
    BLOB_UPLOAD_WAIT_MIN_MS = 1000,
    BLOB_UPLOAD_WAIT_MAX_MS = 60000,
    BLOB_UPLOAD_FOLDERS_MAX = 4
};

typedef struct blob_upload blob_upload_t;

typedef struct blob_upload_options {
    const ms_log_t *log;
    uint32_t wait_min_ms;  /* 0: as above */
    uint64_t fresh_for_ms; /* one in the store that is younger is not sent again */
} blob_upload_options_t;

typedef struct blob_upload_status {
    bool is_idle;           /* all that could be sent is */
    uint64_t sent, waiting; /* waiting: as of the last look */
    uint64_t damaged;       /* stay where they are */
} blob_upload_status_t;

err_t blob_upload_new(const blob_upload_options_t *options, blob_upload_t **out_upload);
/* Folders are borrowed. */
err_t blob_upload_start(blob_upload_t *self, blob_folder_t *const *folders, size_t count);
/* Something was put. For blob_folder_options_t. */
void blob_upload_wake(void *self);
void blob_upload_status(blob_upload_t *self, blob_upload_status_t *out_status);
void blob_upload_free(blob_upload_t *self); /* NULL is fine; waits for the one that is being sent */
