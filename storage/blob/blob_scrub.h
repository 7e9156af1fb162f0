#pragma once
/* blob_scrub.h -- reads every blob at a bounded rate and finds those that rotted.
 *
 * A blob is checked against its name, which is the hash of its content; a variant against the
 * checksum that its store keeps, or the seal it is under. One that is damaged is put aside, as
 * FOLDER/.rotten/NAME (the store behind: its bytes are kept there, the object is removed), so that
 * it is missing rather than wrong; if the cache has it whole it is put again.
 *
 * Threads  One a run; on a thread of its own, for it waits.
 * Errors   Those of the stores, of listing; CANCELLED. */

#include "storage/blob/blob_care.h"

#include <stdatomic.h>

enum { BLOB_SCRUB_RATE = 32 * 1024 * 1024 }; /* bytes a second */

typedef struct blob_scrub_report {
    uint64_t seen, bytes, whole, rotten, repaired;
    uint64_t unchecked;  /* no checksum is kept of it */
    uint64_t unreadable; /* reading failed otherwise; left as it is */
} blob_scrub_report_t;

typedef struct blob_scrub_options {
    uint64_t rate; /* bytes a second; 0: BLOB_SCRUB_RATE */
    const _Atomic bool *is_cancelled;
    void (*progress)(void *context, const blob_scrub_report_t *report);
    /* Each that rotted, or could not be read: what was done is in `err` (CORRUPT: put aside). */
    void (*found)(void *context, str_t key, bool is_behind, err_t err);
    void *context;
} blob_scrub_options_t;

/* Adds to *report, also before an error. The folder, and the store behind it if there is one. */
err_t blob_scrub(blob_folder_t *folder, const blob_scrub_options_t *options,
                 blob_scrub_report_t *report);
