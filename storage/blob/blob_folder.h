#pragma once
/* blob_folder.h -- files named by what is in them: covers, long lyrics.
 *
 * A blob's name is the SHA-256 of its content in hexadecimal; it lies in FOLDER/ab/cd/abcd.... The
 * same content is stored once. It is written beside and renamed, so a name never leads to half a
 * file. Nothing is deleted here.
 *
 * Threads  Any. These calls block on the disk: offload them.
 * Errors   NOT_FOUND; INVALID: not a hash; LIMIT: larger than BLOB_SIZE_MAX; FULL, FORBIDDEN, IO.
 */

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

enum { BLOB_SIZE_MAX = 64 * 1024 * 1024, BLOB_HASH_SIZE = 64 };

typedef struct blob_hash {
    char text[BLOB_HASH_SIZE + 1];
} blob_hash_t;

typedef struct blob_folder blob_folder_t;

typedef struct blob_folder_options {
    const char *path; /* made when missing */
    bool is_durable;  /* a put returns when it is on the disk */
} blob_folder_options_t;

err_t blob_folder_open(const blob_folder_options_t *options, blob_folder_t **out_folder);
void blob_folder_close(blob_folder_t *self); /* NULL is fine */
void blob_folder_scope_end(blob_folder_t **self);
#define BLOB_FOLDER_SCOPED SCOPED(blob_folder_scope_end)

/* The name that content has, without storing it. */
err_t blob_hash_of(str_t content, blob_hash_t *out_hash);
/* Stores it, or finds that it is there. */
err_t blob_put(blob_folder_t *self, str_t content, blob_hash_t *out_hash);
/* Appends the content. It is checked against its name: CORRUPT. */
err_t blob_get(blob_folder_t *self, str_t hash, buf_t *out);
bool blob_has(blob_folder_t *self, str_t hash);
/* Where it lies or would lie, for open(2) and sendfile; *out_path is in the arena. */
err_t blob_path(const blob_folder_t *self, str_t hash, arena_t *arena, const char **out_path);
/* A derived form under a name of the caller's (`VARIANT` in [a-z0-9._-]): kept beside it, e.g. a
 * cover in another size. */
err_t blob_variant_path(const blob_folder_t *self, str_t hash, str_t variant, arena_t *arena,
                        const char **out_path);
err_t blob_variant_put(blob_folder_t *self, str_t hash, str_t variant, str_t content);
