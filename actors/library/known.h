#pragma once
/* known.h -- what the catalog and the list of problems say of each file of a root, packed: so that
 * a scan finds out what changed without asking anybody file by file.
 *
 * A file is known by the hash of its path, its size and stamp by one, too: 24 bytes an entry,
 * whatever its name's length. Two paths with one hash would be one entry: then the later one is
 * read again at each scan, no worse.
 *
 * Threads  One at a time. Errors  NO_MEMORY; LIMIT: past KNOWN_MAX. */

#include "runtime/base/str.h"

enum { KNOWN_MAX = 24 * 1000 * 1000 };

typedef struct known_file {
    uint64_t path_hash;     /* never 0 */
    uint64_t mark;          /* of size and stamp */
    uint64_t track_id : 62; /* 0: could not be read */
    uint64_t is_available : 1;
    uint64_t is_seen : 1;
} known_file_t;

typedef struct known {
    known_file_t *slots; /* open addressing, linear; a power of two of them, at most 3/4 used */
    size_t capacity, count;
} known_t;

void known_deinit(known_t *self);
#define KNOWN_SCOPED SCOPED(known_deinit)

/* A path that is there already is replaced. */
err_t known_add(known_t *self, str_t path, uint64_t size_bytes, int64_t stamp, uint64_t track_id,
                bool is_available);
/* It has this size and stamp (walk.h). */
bool known_is_same(const known_file_t *file, uint64_t size_bytes, int64_t stamp);
/* NULL: not known. Borrowed until the next add. */
known_file_t *known_find(const known_t *self, str_t path);
/* Entries in no order: *cursor starts at 0; NULL at the end. */
known_file_t *known_next(const known_t *self, size_t *cursor);
