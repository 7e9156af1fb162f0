#include "storage/blob/blob_gc.h"

#include "runtime/base/clock.h"
#include "runtime/base/text.h"

#include <stdlib.h>

enum { MARK_SIZE = 32 };

/* ---- marks ---- */

void blob_marks_deinit(blob_marks_t *self)
{
    buf_deinit(&self->hashes);
}

err_t blob_marks_add(blob_marks_t *self, str_t hash)
{
    str_t whole, variant;
    if (hash.size == 0)
        return ERR_OK;
    if (!blob_name_read(hash, &whole, &variant) || variant.size > 0)
        return ERR_INVALID;
    if (self->hashes.size >= (size_t)BLOB_MARKS_MAX * MARK_SIZE)
        return ERR_LIMIT;
    TRY(hex_decode(&self->hashes, whole));
    return buf_status(&self->hashes);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, MARK_SIZE);
}

/* Also drops what is there twice. */
void blob_marks_end(blob_marks_t *self)
{
    char *marks = self->hashes.data;
    size_t count = self->hashes.size / MARK_SIZE, kept = 0;
    if (count == 0)
        return;
    qsort(marks, count, MARK_SIZE, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(marks + (kept - 1) * MARK_SIZE, marks + i * MARK_SIZE) != 0)
            memmove(marks + kept++ * MARK_SIZE, marks + i * MARK_SIZE, MARK_SIZE);
    self->hashes.size = kept * MARK_SIZE;
}

bool blob_marks_has(const blob_marks_t *self, str_t hash)
{
    char room[MARK_SIZE];
    buf_t mark = {.data = room, .capacity = sizeof room, .size_max = sizeof room};
    if (hex_decode(&mark, hash) != ERR_OK || mark.size != MARK_SIZE)
        return false;
    return self->hashes.size > 0 && bsearch(room, self->hashes.data, self->hashes.size / MARK_SIZE,
                                            MARK_SIZE, compare) != NULL;
}

/* ---- the sweep ---- */

typedef struct sweep {
    blob_folder_t *folder;
    const blob_gc_options_t *options;
    blob_gc_report_t *report;
    bool is_behind;
} sweep_t;

static err_t sweep_one(const sweep_t *self, str_t key, bool *out_is_swept)
{
    int64_t before_ms = self->options->before_ms;
    if (self->options->is_dry) {
        *out_is_swept = true;
        return ERR_OK;
    }
    return self->is_behind ? blob_folder_sweep_behind(self->folder, key, before_ms, out_is_swept)
                           : blob_folder_sweep(self->folder, key, before_ms, out_is_swept);
}

static err_t look_at(void *context, const blob_info_t *blob)
{
    sweep_t *self = context;
    blob_gc_report_t *report = self->report;
    str_t hash, variant;
    bool is_swept = false;
    err_t err = ERR_OK;
    if (atomic_load(self->options->is_cancelled))
        return ERR_CANCELLED;
    if (!blob_name_read(blob->key, &hash, &variant))
        return ERR_OK; /* not ours */
    report->seen++;
    if (blob_marks_has(self->options->marks, hash))
        report->referenced++;
    else if (blob->modified_ms >= self->options->before_ms)
        report->young++;
    else
        err = sweep_one(self, blob->key, &is_swept);
    if (is_swept) {
        report->swept++;
        report->swept_bytes += blob->size;
    }
    if (self->options->progress != NULL)
        self->options->progress(self->options->context, report);
    return err;
}

/* Whatever before_ms says: a put may be under way. */
static err_t tidy(blob_store_t *store, const blob_gc_options_t *options, blob_gc_report_t *report)
{
    const ms_clock_t clock = clock_system();
    int64_t young_ms = clock_wall_ms(&clock) - BLOB_GRACE_MIN_MS;
    uint64_t count = 0;
    if (options->is_dry)
        return ERR_OK;
    err_t err = blob_store_tidy(store, MIN(options->before_ms, young_ms), &count);
    report->unfinished += count;
    return err;
}

err_t blob_gc(blob_folder_t *folder, const blob_gc_options_t *options, blob_gc_report_t *report)
{
    sweep_t sweep = {folder, options, report, false};
    blob_store_t *behind = blob_folder_behind(folder);
    buf_t prefix BUF_SCOPED = BUF_INIT;
    TRY(blob_store_list(blob_folder_local(folder), STR(""), look_at, &sweep));
    TRY(tidy(blob_folder_local(folder), options, report));
    if (behind == NULL)
        return ERR_OK;
    sweep.is_behind = true;
    buf_printf(&prefix, "%s/", blob_folder_area(folder));
    TRY(buf_status(&prefix));
    TRY(blob_store_list(behind, buf_str(&prefix), look_at, &sweep));
    return tidy(behind, options, report);
}
