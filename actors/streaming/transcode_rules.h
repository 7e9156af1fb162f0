#pragma once
/* transcode_rules.h -- which segments are made next: pure.
 *
 * A run is a row of segments that one encoder makes in order; it ends before a segment that is
 * there or in another run. What somebody waits for is an urgent run of its own, so that it is there
 * soon and the worker free for the next; what may be asked for next is made ahead, in one longer
 * run.
 *
 * Threads  None. */

#include "media/protocol/segments.h"

enum {
    TRANSCODE_AHEAD = 3, /* segments that are kept made ahead of the newest asked for */
    /* The same of several nodes, any of which may die: 30 s of SEGMENT_MS. */
    TRANSCODE_AHEAD_MANY = 8,
    TRANSCODE_RUNS_MAX = 3,
    /* Runs that fail in a row, until nobody asks any more: 16 s, longer than it takes until a dead
     * node's folder is found at another. */
    TRANSCODE_FAILED_MAX = 8,
    TRANSCODE_RETRY_MS = 250, /* after the first; then twice as long each time, */
    TRANSCODE_RETRY_MS_MAX = 4000,
};

typedef struct transcode_range {
    uint32_t first, count; /* count 0: none */
} transcode_range_t;

typedef bool (*transcode_has_fn)(const void *context, uint32_t index);

/* The run to start so that [index, index + ahead] is there: it begins with the first of them that
 * is missing. count 0: nothing is missing, or no more runs are allowed. An index past the end gives
 * none. */
transcode_range_t transcode_next_run(uint32_t index, uint32_t ahead, uint32_t segment_count,
                                     const transcode_range_t *runs, size_t run_count,
                                     transcode_has_fn has, const void *context);
/* How long after a run that failed, the `failed`th in a row, another one begins; 0: none does. What
 * another node refused may be had from it, or from another, soon; what can't be encoded here fails
 * the next time, too, unless there was no room to begin. */
uint64_t transcode_retry_ms(err_t err, bool is_fetch, uint32_t failed);
bool transcode_is_in(const transcode_range_t *range, uint32_t index);

/* "4294967297/aac128". INVALID, NOT_FOUND */
err_t transcode_parse_key(str_t key, uint64_t *out_track_id, rendition_t *out_rendition);
