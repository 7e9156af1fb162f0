#pragma once
/* blob_rig.h -- a blob folder, and behind it a store that can be away: a folder, too.
 *
 * Threads  One; the upload has its own. */

#include "storage/blob/blob_gc.h"
#include "storage/blob/blob_scrub.h"
#include "storage/blob/blob_store_folder.h"
#include "storage/blob/blob_upload.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

typedef struct moody {
    blob_store_t store;
    blob_store_t *inner;
    _Atomic bool is_away;
    _Atomic uint32_t puts;
    void (*in_remove)(void *context); /* NULL: nothing */
    void *context;
} moody_t;

typedef struct rig {
    temporary_t folder;
    moody_t behind;
    segment_cache_t *cache;
    blob_upload_t *upload;
    blob_folder_t *blobs;
} rig_t;

/* The store behind and what belongs to it, or none. */
void rig_begin(rig_t *self, bool has_behind);
void rig_begin_with(rig_t *self, bool has_behind, uint64_t fresh_for_ms);
void rig_end(rig_t *self);
#define RIG_SCOPED SCOPED(rig_end)

blob_upload_status_t rig_upload_status(const rig_t *self);
/* At least so many, and nothing waits. */
bool rig_has_sent(const rig_t *self, uint64_t count);
void rig_wait_until_sent(const rig_t *self, uint64_t count);
/* How many a store holds. */
uint32_t blob_count_of(blob_store_t *store);
blob_hash_t rig_put(rig_t *self, const char *content);
bool rig_has_whole(rig_t *self, const blob_hash_t *hash, const char *content);
void rig_drop_cached(rig_t *self, const char *name);
