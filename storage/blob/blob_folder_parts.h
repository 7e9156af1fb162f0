#pragma once
/* blob_folder_parts.h -- a blob folder from inside: blob_folder.c puts and gets, blob_care.c looks
 * after it. */

#include "storage/blob/blob_care.h"

#include <pthread.h>
#include <stdatomic.h>

struct blob_folder {
    blob_folder_options_t options; /* path and area are ours */
    char *path, *area;
    blob_store_t *local;
    pthread_mutex_t lock; /* of one name's being put, sent or swept here; nothing far is under it */
    str_t sweeping;       /* a local key that is being swept behind: not to be sent meanwhile */
    _Atomic uint32_t fetching;
};

/* ab/cd/HASH, and with a variant ab/cd/HASH.VARIANT. */
err_t blob_local_key(str_t hash, str_t variant, buf_t *out);
/* AREA/HASH[.VARIANT]: behind, and in the cache. */
err_t blob_far_key(const blob_folder_t *self, str_t local, buf_t *out);
bool blob_is_hash(str_t hash);
bool blob_is_variant(str_t variant);
/* CORRUPT: hash is not the content's. */
err_t blob_check(str_t hash, str_t content);
err_t blob_read_cached(const blob_folder_t *self, str_t far, buf_t *out);
void blob_keep_cached(const blob_folder_t *self, str_t far, str_t content);
