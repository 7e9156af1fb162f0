#include "storage/blob/segment_scrub.h"

#include "storage/blob/blob_store_folder.h"

#include <stdatomic.h>
#include <time.h>

enum { NAP_NS = 100000000 };

typedef struct scrub {
    segment_cache_t *cache;
    blob_store_t *files; /* the cache's folder */
    uint64_t rate;
    const _Atomic bool *is_cancelled;
    segment_scrub_report_t *report;
} scrub_t;

/* As long as reading it may take at that rate, or until it is cancelled. */
static void rest(const scrub_t *self, size_t size)
{
    uint64_t left_ns = (uint64_t)size * 1000000000 / MAX(self->rate, (uint64_t)1);
    while (left_ns > 0 && !atomic_load(self->is_cancelled)) {
        uint64_t nap_ns = MIN(left_ns, (uint64_t)NAP_NS);
        nanosleep(&(struct timespec){0, (long)nap_ns}, NULL);
        left_ns -= nap_ns;
    }
}

static err_t look(void *context, const blob_info_t *file)
{
    const scrub_t *self = context;
    buf_t content BUF_SCOPED = BUF_INIT;
    if (atomic_load(self->is_cancelled))
        return ERR_CANCELLED;
    if (!segment_cache_has(self->cache, file->key)) /* being written, or evicted meanwhile */
        return ERR_OK;
    err_t err = blob_store_check(self->files, file->key, &content);
    if (err == ERR_NO_MEMORY)
        return err;
    self->report->seen++;
    if (err == ERR_CORRUPT) {
        self->report->rotten++;
        segment_cache_remove(self->cache, file->key);
    }
    rest(self, content.size);
    return ERR_OK;
}

err_t segment_scrub(segment_cache_t *cache, uint64_t rate, const _Atomic bool *is_cancelled,
                    segment_scrub_report_t *report)
{
    scrub_t self = {cache, NULL, rate, is_cancelled, report};
    if (segment_cache_is_sealed(cache))
        return ERR_OK;
    TRY(blob_store_folder_open(&(blob_store_folder_options_t){segment_cache_path(cache), false},
                               &self.files));
    err_t err = blob_store_list(self.files, STR(""), look, &self);
    blob_store_close(self.files);
    return err;
}
