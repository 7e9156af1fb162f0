#include "storage/blob/blob_scrub.h"

#include "runtime/base/clock.h"
#include "storage/file.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { NAP_MS = 100 };

typedef struct scrub {
    blob_folder_t *folder;
    blob_store_t *store;
    const blob_scrub_options_t *options;
    blob_scrub_report_t *report;
    ms_clock_t clock;
    uint64_t begun_ms, read;
    bool is_behind;
} scrub_t;

/* ---- the rate ---- */

static bool is_cancelled(const scrub_t *self)
{
    return atomic_load(self->options->is_cancelled);
}

/* Until what was read is no more than the rate allows. */
static void keep_rate(const scrub_t *self)
{
    uint64_t rate = self->options->rate == 0 ? BLOB_SCRUB_RATE : self->options->rate;
    while (!is_cancelled(self)) {
        uint64_t passed_ms = clock_mono_ms(&self->clock) - self->begun_ms;
        uint64_t due_ms = self->read * 1000 / rate;
        if (passed_ms >= due_ms)
            return;
        uint64_t nap_ms = MIN(due_ms - passed_ms, (uint64_t)NAP_MS);
        nanosleep(&(struct timespec){0, (long)nap_ms * 1000000}, NULL);
    }
}

/* ---- one ---- */

/* UNSUPPORTED: nobody can tell. */
static err_t check(const scrub_t *self, str_t key, buf_t *content)
{
    str_t hash, variant;
    blob_hash_t real;
    (void)blob_name_read(key, &hash, &variant);
    err_t err = blob_store_check(self->store, key, content);
    if ((err != ERR_OK && err != ERR_UNSUPPORTED) || variant.size > 0)
        return err;
    TRY(blob_hash_of(buf_str(content), &real));
    return str_equal(str_from(real.text), hash) ? ERR_OK : ERR_CORRUPT;
}

static err_t put_aside(const scrub_t *self, str_t key, str_t content)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/.rotten", blob_folder_path(self->folder));
    (void)buf_terminated(&path);
    TRY(buf_status(&path));
    TRY(file_make_folders(path.data));
    str_t name = str_slice(key, str_find_last(key, '/') + 1, key.size);
    buf_printf(&path, "/%.*s", STR_ARG(name));
    (void)buf_terminated(&path);
    TRY(buf_status(&path));
    TRY(file_replace(path.data, content, false));
    return blob_store_remove(self->store, key);
}

static void take_rotten(scrub_t *self, str_t key, str_t content)
{
    self->report->rotten++;
    err_t err = put_aside(self, key, content);
    if (err == ERR_OK && self->is_behind && blob_folder_restore(self->folder, key) == ERR_OK)
        self->report->repaired++;
    self->options->found(self->options->context, key, self->is_behind,
                         err == ERR_OK ? ERR_CORRUPT : err);
}

static err_t look_at(void *context, const blob_info_t *blob)
{
    scrub_t *self = context;
    blob_scrub_report_t *report = self->report;
    buf_t content BUF_SCOPED = BUF_INIT;
    str_t hash, variant;
    if (is_cancelled(self))
        return ERR_CANCELLED;
    if (!blob_name_read(blob->key, &hash, &variant))
        return ERR_OK; /* not ours */
    err_t err = check(self, blob->key, &content);
    if (err == ERR_UNAVAILABLE)
        return err; /* so would be the next */
    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* swept or sent meanwhile */
    report->seen++;
    report->bytes += content.size;
    self->read += content.size;
    if (err == ERR_OK) {
        report->whole++;
    } else if (err == ERR_UNSUPPORTED) {
        report->unchecked++;
    } else if (err == ERR_CORRUPT) {
        take_rotten(self, blob->key, buf_str(&content));
    } else {
        report->unreadable++;
        self->options->found(self->options->context, blob->key, self->is_behind, err);
    }
    self->options->progress(self->options->context, report);
    keep_rate(self);
    return ERR_OK;
}

err_t blob_scrub(blob_folder_t *folder, const blob_scrub_options_t *options,
                 blob_scrub_report_t *report)
{
    scrub_t scrub = {.folder = folder,
                     .store = blob_folder_local(folder),
                     .options = options,
                     .report = report,
                     .clock = clock_system()};
    buf_t prefix BUF_SCOPED = BUF_INIT;
    scrub.begun_ms = clock_mono_ms(&scrub.clock);
    TRY(blob_store_list(scrub.store, STR(""), look_at, &scrub));
    scrub.store = blob_folder_behind(folder);
    if (scrub.store == NULL)
        return ERR_OK;
    scrub.is_behind = true;
    buf_printf(&prefix, "%s/", blob_folder_area(folder));
    TRY(buf_status(&prefix));
    return blob_store_list(scrub.store, buf_str(&prefix), look_at, &scrub);
}
