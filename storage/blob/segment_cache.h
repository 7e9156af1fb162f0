#pragma once
/* segment_cache.h -- a cache of files on disk, bounded in bytes, least recently used out first.
 *
 * A file has a name of up to SEGMENT_NAME_SIZE_MAX bytes of [A-Za-z0-9._-] with '/' between
 * folders. Writing reserves space (evicting what was used least), writes beside, then publishes at
 * once: a name leads to a whole file or to nothing. What is being written or read is not evicted;
 * on Linux an open file outlives its name anyway. The folder is read at open, so the cache survives
 * a restart; files that were being written are removed then. Order of use survives by mtime.
 *
 * A sealed cache (segment_cache_seal) keeps its files encrypted (blob_seal.h): what is written and
 * read goes through memory, and publishing and reading cost the cipher. One that does not open is
 * not there.
 *
 * Invariant  used + reserved <= size_max, in bytes on disk.
 * Threads    Any. Calls touch the disk: offload them, save segment_cache_find, which only asks
 *            memory.
 * Errors     FULL: more than size_max, or all of it is being written; NOT_FOUND, INVALID, IO. */

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "storage/blob/blob_seal.h"

enum { SEGMENT_NAME_SIZE_MAX = 200 };

typedef struct segment_cache segment_cache_t;

err_t segment_cache_open(const char *path, uint64_t size_max, segment_cache_t **out_cache);
void segment_cache_close(segment_cache_t *self); /* NULL is fine */
void segment_cache_scope_end(segment_cache_t **self);
#define SEGMENT_CACHE_SCOPED SCOPED(segment_cache_scope_end)

/* Before its first use, on a folder that never held files in clear; the seal is the cache's from
 * here on. */
void segment_cache_seal(segment_cache_t *self, blob_seal_t *seal);
bool segment_cache_is_sealed(const segment_cache_t *self);

const char *segment_cache_path(const segment_cache_t *self);
/* Is it there? Counts as no use. */
bool segment_cache_has(segment_cache_t *self, str_t name);
/* Is it there? Counts as a use. *out_size may be NULL. */
bool segment_cache_find(segment_cache_t *self, str_t name, uint64_t *out_size);
/* Opens it for reading; the caller closes *out_fd. Counts as a use. NOT_FOUND */
err_t segment_cache_read(segment_cache_t *self, str_t name, int *out_fd, uint64_t *out_size);
/* Stores a whole file. One that is there is replaced. */
err_t segment_cache_put(segment_cache_t *self, str_t name, str_t content);

/* In pieces: reserve, write into fd, publish or drop. */
typedef struct segment_write {
    segment_cache_t *cache;
    int fd; /* open for writing; -1: none */
    uint64_t size_reserved, serial;
    char name[SEGMENT_NAME_SIZE_MAX + 1];
} segment_write_t;
err_t segment_cache_write(segment_cache_t *self, str_t name, uint64_t size_max,
                          segment_write_t *out_write);
/* LIMIT: more was written than reserved; nothing is published then. */
err_t segment_write_publish(segment_write_t *write);
void segment_write_drop(segment_write_t *write); /* after publish, nothing */
#define SEGMENT_WRITE_SCOPED SCOPED(segment_write_drop)

/* Removes one; NOT_FOUND is fine. */
void segment_cache_remove(segment_cache_t *self, str_t name);

typedef struct segment_cache_stats {
    uint64_t size_max, used, reserved, files, hits, misses, evictions;
} segment_cache_stats_t;
void segment_cache_stats(segment_cache_t *self, segment_cache_stats_t *out_stats);
