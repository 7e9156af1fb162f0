#pragma once
/* blob_gc.h -- removes the blobs that nothing refers to.
 *
 * Mark: the caller collects the hashes of what is referred to. Sweep: what is not among them goes,
 * if it was last put before before_ms. The order that makes it safe: before_ms lies at least
 * BLOB_GRACE_MIN_MS before the marks were begun, and a blob is referred to within that time of
 * its being put (or put again, which renews it: blob_care.h). So what is referred to while marks
 * are collected or after was put too late to be swept, and what was referred to before is marked.
 *
 * Threads  One a run; offload, or a thread of its own.
 * Errors   Those of the folder and of the store behind; CANCELLED; LIMIT: BLOB_MARKS_MAX. */

#include "storage/blob/blob_care.h"

#include <stdatomic.h>

enum {
    BLOB_MARKS_MAX = 16 * 1024 * 1024,
    BLOB_GRACE_MIN_MS = 60 * 60 * 1000,
    BLOB_GRACE_MS = 24 * 60 * 60 * 1000
};

/* A set of hashes. */
typedef struct blob_marks {
    buf_t hashes; /* 32 bytes each; sorted once blob_marks_end was called */
} blob_marks_t;
void blob_marks_deinit(blob_marks_t *self);
#define BLOB_MARKS_SCOPED SCOPED(blob_marks_deinit)
/* An empty hash is none. INVALID: not a hash. */
err_t blob_marks_add(blob_marks_t *self, str_t hash);
void blob_marks_end(blob_marks_t *self);
bool blob_marks_has(const blob_marks_t *self, str_t hash);

typedef struct blob_gc_report {
    uint64_t seen, referenced, young, swept, swept_bytes, unfinished; /* of puts: tidied */
} blob_gc_report_t;

typedef struct blob_gc_options {
    const blob_marks_t *marks; /* ended */
    int64_t before_ms;         /* wall */
    bool is_dry;               /* counts what it would remove */
    const _Atomic bool *is_cancelled;
    void (*progress)(void *context, const blob_gc_report_t *report); /* may be NULL */
    void *context;
} blob_gc_options_t;

/* Adds to *report, also before an error. The folder, and the store behind it if there is one. */
err_t blob_gc(blob_folder_t *folder, const blob_gc_options_t *options, blob_gc_report_t *report);
