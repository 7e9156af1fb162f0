#pragma once
/* blob_folder.h -- files named by what is in them: covers, long lyrics.
 *
 * A blob's name is the SHA-256 of its content in hexadecimal; it lies in FOLDER/ab/cd/abcd.... The
 * same content is stored once. It is written beside and renamed, so a name never leads to half a
 * file.
 *
 * With a store behind it (`behind`: a bucket), that is where blobs lie, as AREA/abcd...; the folder
 * holds those that wait to be sent there (blob_upload.h), the cache those that were used. So a put
 * never waits for the store, and what is here or in the cache can be had while it is away.
 *
 * What nothing refers to and what is damaged: blob_care.h.
 *
 * Threads  Any. These calls block on the disk, and with a store behind it on that: offload them.
 * Errors   NOT_FOUND; INVALID: not a hash; LIMIT: larger than BLOB_SIZE_MAX; FULL, FORBIDDEN, IO;
 *          UNAVAILABLE: it is in the store, which is away; BUSY: BLOB_FETCH_MAX wait for it. */

#include "runtime/base/arena.h"
#include "storage/blob/blob_store.h"
#include "storage/blob/segment_cache.h"

enum { BLOB_HASH_SIZE = 64, BLOB_FETCH_MAX = 12 };

typedef struct blob_hash {
    char text[BLOB_HASH_SIZE + 1];
} blob_hash_t;

typedef struct blob_folder blob_folder_t;

/* Where other nodes put into the store behind, too: taken around each look at a blob there and what
 * is then done with it. Else a sweep here removes what was put there anew a moment ago. An error of
 * `lock` is that of what was asked for. */
typedef struct blob_guard {
    err_t (*lock)(void *context, str_t hash);
    void (*unlock)(void *context, str_t hash);
    void *context;
} blob_guard_t;

typedef struct blob_folder_options {
    const char *path;            /* made when missing; copied */
    bool is_durable;             /* a put returns when it is on the disk */
    const char *area;            /* what the store behind calls it; copied */
    blob_store_t *behind;        /* NULL: the folder is where blobs lie; borrowed */
    segment_cache_t *cache;      /* with a store behind; borrowed */
    blob_guard_t guard;          /* of the store behind; all NULL: nobody else uses it */
    void (*wake)(void *context); /* something was put; may be NULL */
    void *wake_context;
} blob_folder_options_t;

err_t blob_folder_open(const blob_folder_options_t *options, blob_folder_t **out_folder);
void blob_folder_close(blob_folder_t *self); /* NULL is fine */
void blob_folder_scope_end(blob_folder_t **self);
#define BLOB_FOLDER_SCOPED SCOPED(blob_folder_scope_end)

/* The name that content has, without storing it. */
err_t blob_hash_of(str_t content, blob_hash_t *out_hash);
/* Stores it, or finds that it is there; either makes it new again to a sweep. */
err_t blob_put(blob_folder_t *self, str_t content, blob_hash_t *out_hash);
/* Appends the content. It is checked against its name: CORRUPT, if no other copy is whole. */
err_t blob_get(blob_folder_t *self, str_t hash, buf_t *out);
bool blob_has(blob_folder_t *self, str_t hash);
/* Opens it, or a variant of it (empty: none), for sendfile; the caller closes *out_fd. */
err_t blob_open(blob_folder_t *self, str_t hash, str_t variant, int *out_fd, uint64_t *out_size);
/* Where it lies or would lie in the folder; *out_path is in the arena. */
err_t blob_path(const blob_folder_t *self, str_t hash, arena_t *arena, const char **out_path);
/* A derived form under a name of the caller's (`VARIANT` in [a-z0-9._-]): kept beside it, e.g. a
 * cover in another size. */
err_t blob_variant_path(const blob_folder_t *self, str_t hash, str_t variant, arena_t *arena,
                        const char **out_path);
err_t blob_variant_put(blob_folder_t *self, str_t hash, str_t variant, str_t content);
