#pragma once
/* segment_scrub.h -- reads every file of a segment cache at a bounded rate; one whose bytes are not
 * those that were published goes, and is encoded again when it is wanted. A sealed cache is left
 * out: what does not open there is dropped when it is read. So is what was published before sums
 * were kept, or on a file system without extended attributes.
 *
 * Threads  Any that may wait. Errors  CANCELLED; those of the folder. */

#include "storage/blob/segment_cache.h"

typedef struct segment_scrub_report {
    uint64_t seen, rotten;
} segment_scrub_report_t;

/* rate: bytes a second. Adds to *report, also before an error. */
err_t segment_scrub(segment_cache_t *cache, uint64_t rate, const _Atomic bool *is_cancelled,
                    segment_scrub_report_t *report);
