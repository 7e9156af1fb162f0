#pragma once
/* blob_store.h -- where blobs lie: a table of functions. blob_store_folder.h is one in a folder,
 * storage/s3/s3_store.h one behind the S3 protocol, blob_sealed.h one that seals what it hands on
 * to another.
 *
 * A key has up to BLOB_KEY_SIZE_MAX bytes of [A-Za-z0-9._-] with '/' between its parts, none of
 * which begins with a dot. A blob appears whole or not at all; putting over one replaces it at
 * once.
 *
 * Threads  Any, many at once. Everything but status blocks: offload it.
 * Errors   INVALID: not a key; NOT_FOUND; LIMIT: more than BLOB_SIZE_MAX; FULL, FORBIDDEN, IO; and
 *          of one that is elsewhere UNAVAILABLE: it is away, which is known at once after the first
 *          that found out; BUSY: more at once than it takes; TIMEOUT. After an error of put or
 *          remove the blob is as before or as asked for. */

#include "runtime/base/buf.h"

enum { BLOB_KEY_SIZE_MAX = 240, BLOB_SIZE_MAX = 64 * 1024 * 1024, BLOB_PROBLEM_SIZE = 200 };

typedef struct blob_store blob_store_t;

typedef struct blob_info {
    str_t key; /* borrowed */
    uint64_t size;
    int64_t modified_ms; /* wall */
} blob_info_t;
/* What it returns ends the list, if it is an error. */
typedef err_t (*blob_visit_fn)(void *context, const blob_info_t *blob);

typedef struct blob_store_status {
    bool is_away;
    char problem[BLOB_PROBLEM_SIZE]; /* why, in words; also of what is over. "": nothing */
    uint64_t gets, puts, removes, failed, retried;
} blob_store_status_t;

typedef struct blob_store_table {
    /* It lasts when this returns, where the store was asked for that. */
    err_t (*put)(blob_store_t *self, str_t key, str_t content);
    /* Appends what there is from `offset` on, at most `size_max` bytes: behind the end, nothing. */
    err_t (*get)(blob_store_t *self, str_t key, uint64_t offset, size_t size_max, buf_t *out);
    /* Appends the whole of it. CORRUPT: it is not what was put; UNSUPPORTED: the store can't tell,
     * and the content is there all the same. */
    err_t (*check)(blob_store_t *self, str_t key, buf_t *out);
    /* out_info->key is `key`. */
    err_t (*find)(blob_store_t *self, str_t key, blob_info_t *out_info);
    /* One that is not there is fine. */
    err_t (*remove)(blob_store_t *self, str_t key);
    /* Each that begins with `prefix` and was there from beginning to end, once, in no order. visit
     * may remove the one it is shown. */
    err_t (*list)(blob_store_t *self, str_t prefix, blob_visit_fn visit, void *context);
    /* Removes what puts that never ended have left, begun before `before_ms` (wall). */
    err_t (*tidy)(blob_store_t *self, int64_t before_ms, uint64_t *out_count);
    void (*status)(blob_store_t *self, blob_store_status_t *out_status);
    void (*close)(blob_store_t *self);
} blob_store_table_t;

struct blob_store {
    const blob_store_table_t *table;
};

void blob_store_close(blob_store_t *self); /* NULL is fine */
void blob_store_scope_end(blob_store_t **self);
#define BLOB_STORE_SCOPED SCOPED(blob_store_scope_end)

err_t blob_store_put(blob_store_t *self, str_t key, str_t content);
/* The whole of it. */
err_t blob_store_get(blob_store_t *self, str_t key, buf_t *out);
err_t blob_store_get_range(blob_store_t *self, str_t key, uint64_t offset, size_t size_max,
                           buf_t *out);
err_t blob_store_check(blob_store_t *self, str_t key, buf_t *out);
err_t blob_store_find(blob_store_t *self, str_t key, blob_info_t *out_info);
err_t blob_store_remove(blob_store_t *self, str_t key);
err_t blob_store_list(blob_store_t *self, str_t prefix, blob_visit_fn visit, void *context);
err_t blob_store_tidy(blob_store_t *self, int64_t before_ms, uint64_t *out_count);
void blob_store_status(blob_store_t *self, blob_store_status_t *out_status);

bool blob_key_is_valid(str_t key);
