#pragma once
/* blob_care.h -- a blob folder from behind the counter: sending what waits to the store behind it,
 * sweeping what nothing refers to, putting aside what is damaged.
 *
 * One sweep of a folder at a time.
 *
 * Invariant  A blob that was put or renewed at or after a sweep's `before_ms` is not swept: put and
 *            sweep of a folder exclude each other.
 * Threads    Any; offload.
 * Errors     As blob_folder.h. */

#include "storage/blob/blob_folder.h"

const char *blob_folder_area(const blob_folder_t *self);
const char *blob_folder_path(const blob_folder_t *self);
/* What the folder itself holds, by "ab/cd/HASH[.VARIANT]". */
blob_store_t *blob_folder_local(blob_folder_t *self);
/* NULL: there is none. Its keys are "AREA/HASH[.VARIANT]". */
blob_store_t *blob_folder_behind(blob_folder_t *self);

/* The last part of either key. False: it is no blob's. */
bool blob_name_read(str_t key, str_t *out_hash, str_t *out_variant);

/* Sends a local one to the store behind, if it is not there since fresh_ms (wall), and moves it
 * into the cache. One that vanished meanwhile is fine. BUSY: a sweep
 * has it; CORRUPT: it is not what its name says; it
 * stays. */
err_t blob_folder_send(blob_folder_t *self, str_t key, int64_t fresh_ms);

/* Removes one that was last put before before_ms (wall): of the folder, or of the store behind. */
err_t blob_folder_sweep(blob_folder_t *self, str_t key, int64_t before_ms, bool *out_is_swept);
err_t blob_folder_sweep_behind(blob_folder_t *self, str_t key, int64_t before_ms,
                               bool *out_is_swept);
/* Puts one into the store behind again from the cache, if it is whole there; a variant is taken as
 * it is. NOT_FOUND, CORRUPT. */
err_t blob_folder_restore(blob_folder_t *self, str_t key);
