#pragma once
/* blobs.h -- the blobs of a node: covers and lyrics in the data folder or behind it in a bucket, as
 * the configuration says, and what looks after them: sending, the sweep of what nothing refers to,
 * and the scrub.
 *
 *     --blobs ""      DATA/artwork and DATA/lyrics are where they lie
 *     --blobs s3://   there they wait to be sent; DATA/blobs keeps what was used, --blobs-cache-mb
 *     --encrypt-blobs what is sent is sealed (storage/blob/blob_sealed.h); it stays so once it was.
 *                     The keys lie in DATA/keys/blobs and in the bucket, sealed by the vault for
 * the subject "blobs", so that a new master key wraps them, too
 *
 * Threads  open, start and close: one. The rest: any.
 * Errors   Of opening, with a sentence in *problem. */

#include "actors/library/library_projection.h"
#include "node/config.h"
#include "storage/blob/blob_gc.h"
#include "storage/blob/blob_scrub.h"
#include "storage/blob/blob_upload.h"
#include "storage/blob/segment_scrub.h"
#include "storage/crypt/vault.h"

#include "runtime/runtime.h"

/* What looking after a bucket is called where one node of several does it. */
#define BLOBS_WORK "blobs"

enum {
    BLOBS_FOUND_MAX = 100,
    BLOBS_TEND_FIRST_S = 3600, /* at most; a node that is started daily tends, too */
    BLOBS_TEND_RATE = 4 << 20  /* bytes a second */
};

typedef struct blobs blobs_t;

/* NULL paths are not allowed; all is borrowed. */
typedef struct blobs_options {
    const config_t *config;
    const ms_log_t *log;
    vault_t *vault;
    const char *artwork, *lyrics, *cache, *keys; /* paths; keys: the file */
    char **environment;
} blobs_options_t;

err_t blobs_open(const blobs_options_t *options, buf_t *problem, blobs_t **out_blobs);
void blobs_close(blobs_t *self); /* NULL is fine; ends what runs */

blob_folder_t *blobs_artwork(blobs_t *self);
blob_folder_t *blobs_lyrics(blobs_t *self);
/* Is there something behind the data folder? Then opening one may wait for it. */
bool blobs_are_far(const blobs_t *self);

/* What the sweep needs to know what is referred to, and the scrub to have made anew what rotted,
 * and to read encoded sound, too. Before blobs_run. */
void blobs_know(blobs_t *self, catalog_t *catalog, projection_t *projection, journal_t *journal,
                segment_cache_t *segments, runtime_t *runtime);

/* BLOBS_TEND: a sweep, then a slow scrub, whatever the sweep came to. */
typedef enum blobs_job { BLOBS_GC, BLOBS_DRY_GC, BLOBS_SCRUB, BLOBS_TEND } blobs_job_t;
/* BUSY: another one runs. */
err_t blobs_run(blobs_t *self, blobs_job_t job);
/* Every now and then: begins BLOBS_TEND when --blobs-tend-s have passed since the last, or since
 * the start BLOBS_TEND_FIRST_S. A bucket is tended by one node of a cluster, which share a journal
 * (is_chosen: this one), and not by a node that is alone: others may have references to what lies
 * there that it does not know. */
void blobs_tend_if_due(blobs_t *self, bool is_chosen);
void blobs_cancel(blobs_t *self);
/* Ends a job and what is being sent: before the runtime goes. */
void blobs_stop(blobs_t *self);
/* Where they lie, how that is, and the job that runs or ran last: JSON. */
void blobs_describe(blobs_t *self, buf_t *out);

/* blobs_marks.c: every hash that the catalog has, once it is as new as the journal. TIMEOUT;
 * CANCELLED. */
err_t blobs_mark(catalog_t *catalog, projection_t *projection, journal_t *journal,
                 const _Atomic bool *is_cancelled, blob_marks_t *out_marks);
