#pragma once
/* state_store_file.h -- a state store in one file, for a runtime by itself.
 *
 * Records lie in places of some sizes; the place of a record that was taken is used again, so the
 * file is never longer than what slept at one time, and needs no compaction. When nobody sleeps it
 * is cut to nothing. In memory stands 8 bytes a record (with the air in the table at most 12): half
 * of its key's hash, and where it lies. A record carries its key, and a CRC-32C over everything:
 * one that was written half, or that the disk changed, is CORRUPT, not believed.
 *
 * Reading and writing go to the page cache: the store is quick as long as the machine has memory
 * for it.
 *
 * Limits  STATE_STORE_FILE_MAX bytes in all. Threads  Any. */

#include "runtime/state_store.h"

API_BEGIN

extern const uint64_t STATE_STORE_FILE_MAX; /* 64 GiB: places count in sixteens */

/* Makes the file, or empties what an earlier run left. IO, NO_MEMORY, and as err_from_errno says.
 */
err_t state_store_file_open(const char *path, state_store_t **out_store);
/* The file goes with it. NULL is fine. */
void state_store_file_close(state_store_t *store);

typedef struct state_store_file_stats {
    uint64_t count;
    uint64_t file_bytes;
    uint64_t resident_bytes; /* of the tables */
} state_store_file_stats_t;
void state_store_file_stats(state_store_t *store, state_store_file_stats_t *out_stats);

API_END
