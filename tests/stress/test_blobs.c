/* Blobs under ThreadSanitizer: many threads put, get and look at a bucket whose server fails now
 * and then; a folder in front of it is filled, sent, swept and scrubbed, all at once. */

#include "runtime/base/assert.h"
#include "storage/blob/blob_gc.h"
#include "storage/blob/blob_scrub.h"
#include "storage/blob/blob_upload.h"
#include "tests/support/blobs/s3_server.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLERS = 6, ROUNDS = 12, CONTENTS = 5 };

typedef struct stress {
    blob_store_t *bucket;
    segment_cache_t *cache;
    blob_upload_t *upload;
    blob_folder_t *folder;
    uint32_t rounds;
    _Atomic uint32_t left; /* callers */
    _Atomic bool never;
} stress_t;

typedef struct caller {
    stress_t *stress;
    uint32_t number;
} caller_t;

/* What fails may fail; what is got is whole. */
static void *use_bucket(void *context)
{
    const caller_t *self = context;
    blob_store_t *bucket = self->stress->bucket;
    for (uint32_t i = 0; i < self->stress->rounds; i++) {
        char key[32];
        buf_t out BUF_SCOPED = BUF_INIT;
        blob_store_status_t status;
        snprintf(key, sizeof key, "stress/%u", (i + self->number) % CONTENTS);
        err_t err = blob_store_put(bucket, str_from(key), str_from(key));
        ASSERT(err == ERR_OK || err == ERR_UNAVAILABLE || err == ERR_BUSY);
        if (blob_store_get(bucket, str_from(key), &out) == ERR_OK)
            ASSERT(str_equal(buf_str(&out), str_from(key)));
        blob_store_status(bucket, &status);
    }
    atomic_fetch_sub(&self->stress->left, 1);
    return NULL;
}

static void *use_folder(void *context)
{
    const caller_t *self = context;
    for (uint32_t i = 0; i < self->stress->rounds; i++) {
        char content[32];
        blob_hash_t hash;
        buf_t out BUF_SCOPED = BUF_INIT;
        snprintf(content, sizeof content, "content %u", (i + self->number) % CONTENTS);
        ASSERT(blob_put(self->stress->folder, str_from(content), &hash) == ERR_OK);
        ASSERT(blob_variant_put(self->stress->folder, str_from(hash.text), STR("96.jpg"),
                                str_from(content)) == ERR_OK);
        if (blob_get(self->stress->folder, str_from(hash.text), &out) == ERR_OK)
            ASSERT(str_equal(buf_str(&out), str_from(content)));
    }
    atomic_fetch_sub(&self->stress->left, 1);
    return NULL;
}

static void show(void *context, const blob_scrub_report_t *report)
{
    (void)context, (void)report;
}

static void found(void *context, str_t key, bool is_behind, err_t err)
{
    (void)context, (void)key, (void)is_behind;
    ASSERT(err != ERR_CORRUPT);
}

static void look_after(stress_t *self)
{
    blob_marks_t marks BLOB_MARKS_SCOPED = {0};
    blob_gc_report_t gc = {0};
    blob_scrub_report_t scrub = {0};
    blob_upload_status_t status;
    blob_gc_options_t gc_options = {
        .marks = &marks, .before_ms = INT64_MAX, .is_cancelled = &self->never};
    blob_scrub_options_t scrub_options = {
        .is_cancelled = &self->never, .progress = show, .found = found};
    IGNORE_ERR(blob_gc(self->folder, &gc_options, &gc)); /* the bucket may be away */
    IGNORE_ERR(blob_scrub(self->folder, &scrub_options, &scrub));
    blob_upload_status(self->upload, &status);
}

static void begin(stress_t *self, const s3_server_t *server, const temporary_t *folder)
{
    temporary_name_t path = temporary_in(folder, "blobs"), cache = temporary_in(folder, "cache");
    s3_store_options_t options = {
        .wire = {
            .attempts_max = 3, .attempt_timeout_ms = 60000, .wait_min_ms = 1, .away_min_ms = 1}};
    self->bucket = s3_server_store(server->port, "f-500-any-40_f-close-put-20", options);
    ASSERT(segment_cache_open(cache.path, 1 << 16, &self->cache) == ERR_OK);
    ASSERT(blob_upload_new(&(blob_upload_options_t){.wait_min_ms = 1}, &self->upload) == ERR_OK);
    blob_folder_options_t folder_options = {.path = path.path,
                                            .area = "art",
                                            .behind = self->bucket,
                                            .cache = self->cache,
                                            .wake = blob_upload_wake,
                                            .wake_context = self->upload};
    ASSERT(blob_folder_open(&folder_options, &self->folder) == ERR_OK);
    ASSERT(blob_upload_start(self->upload, &self->folder, 1) == ERR_OK);
}

static void end(stress_t *self)
{
    blob_upload_free(self->upload);
    blob_folder_close(self->folder);
    segment_cache_close(self->cache);
    blob_store_close(self->bucket);
}

int main(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    pthread_t threads[CALLERS];
    caller_t callers[CALLERS];
    s3_server_t server;
    stress_t stress = {.left = CALLERS};
    stress.rounds = (uint32_t)(ROUNDS * scale_rounds());
    s3_server_start(&server, 0);
    begin(&stress, &server, &folder);
    for (uint32_t i = 0; i < CALLERS; i++) {
        callers[i] = (caller_t){&stress, i};
        pthread_create(&threads[i], NULL, i % 2 == 0 ? use_bucket : use_folder, &callers[i]);
    }
    while (atomic_load(&stress.left) > 0)
        look_after(&stress);
    for (uint32_t i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    end(&stress);
    s3_server_stop(&server);
    return 0;
}
