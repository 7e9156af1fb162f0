#pragma once
/* journal_check.h -- the three environments of an LMDB journal, each checked in a process of its
 * own (worker.h): what a check finds lies in the worker's room, also when it dies.
 *
 * Errors  CORRUPT, and those of opening. */

#include "runtime/base/error.h"

typedef struct journal_check {
    const char *path; /* of the environment */
    size_t map_size;
} journal_check_t;

typedef struct journal_found {
    uint64_t position; /* the last one that was whole */
    uint64_t count;
    const char *noun; /* of what is counted; constant */
    const char *what; /* is wrong; constant; NULL: nothing that has words */
} journal_found_t;

/* worker_fn's; context: journal_check_t, room: journal_found_t. */
/* Every record: checksum, position, versions without a gap. */
err_t journal_check_log(void *context, void *room);
/* Every entry against the log, which was found whole. */
err_t journal_check_index(void *context, void *room);
/* Every snapshot against its checksum. */
err_t journal_check_snapshots(void *context, void *room);
/* room: journal_found_t, position: the log's newest. */
err_t journal_check_head(void *context, void *room);
