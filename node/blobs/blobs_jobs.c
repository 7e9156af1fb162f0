#include "actors/protocol/roots.h"
#include "node/blobs/blobs_parts.h"

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/thread.h"

void blobs_know(blobs_t *self, catalog_t *catalog, projection_t *projection, journal_t *journal,
                segment_cache_t *segments, runtime_t *runtime)
{
    const ms_clock_t clock = clock_system();
    uint64_t every_s = self->options.config->blobs_tend_s;
    bool is_one_of_many = self->options.config->cluster_key_file[0] != '\0';
    if (every_s > 0 && (self->behind == NULL || is_one_of_many))
        self->tend_at_ms =
            clock_mono_ms(&clock) + MIN(every_s, (uint64_t)BLOBS_TEND_FIRST_S) * 1000;
    self->catalog = catalog;
    self->projection = projection;
    self->journal = journal;
    self->segments = segments;
    self->runtime = runtime;
}

static int64_t now_ms(void)
{
    const ms_clock_t clock = clock_system();
    return clock_wall_ms(&clock);
}

/* ---- the sweep ---- */

static void show_gc(void *context, const blob_gc_report_t *report)
{
    blobs_t *self = context;
    pthread_mutex_lock(&self->lock);
    self->gc = *report;
    pthread_mutex_unlock(&self->lock);
}

static err_t run_gc(blobs_t *self, bool is_dry)
{
    blob_marks_t marks BLOB_MARKS_SCOPED = {0};
    blob_gc_report_t report = {0};
    blob_gc_options_t options = {.marks = &marks,
                                 .before_ms = now_ms() - BLOB_GRACE_MS, /* before the marks */
                                 .is_dry = is_dry,
                                 .is_cancelled = &self->is_cancelled,
                                 .progress = show_gc,
                                 .context = self};
    TRY(blobs_mark(self->catalog, self->projection, self->journal, &self->is_cancelled, &marks));
    for (size_t i = 0; i < BLOBS_FOLDERS; i++) {
        err_t err = blob_gc(self->folders[i], &options, &report);
        show_gc(self, &report);
        TRY(err);
    }
    return ERR_OK;
}

/* ---- the scrub ---- */

static void show_scrub(void *context, const blob_scrub_report_t *report)
{
    blobs_t *self = context;
    pthread_mutex_lock(&self->lock);
    self->scrub = *report;
    pthread_mutex_unlock(&self->lock);
}

static void take_found(void *context, str_t key, bool is_behind, err_t err)
{
    blobs_t *self = context;
    log_error(self->options.log, "blobs", "%.*s%s: %s", STR_ARG(key),
              is_behind ? " (in the bucket)" : "",
              err == ERR_CORRUPT ? "it is damaged, and was put aside" : err_text(err));
    pthread_mutex_lock(&self->lock);
    if (self->found_count < BLOBS_FOUND_MAX) {
        blobs_found_t *found = &self->found[self->found_count++];
        found->is_behind = is_behind;
        found->err = err;
        (void)!str_to_array(key, found->name, sizeof found->name);
    }
    pthread_mutex_unlock(&self->lock);
}

/* Covers and lyrics come from the music files: reading them all again makes what is missing. */
static void make_anew(blobs_t *self)
{
    err_t err = runtime_send(self->runtime, address_of(ROOTS_KIND, ROOTS_KEY), roots_start_scan,
                             .is_full = true);
    if (err != ERR_OK)
        log_warning(self->options.log, "blobs",
                    "what is damaged is made anew by a full scan, which could not be started: %s",
                    err_text(err));
}

/* What rotted is encoded again when somebody wants it. */
static err_t scrub_sound(blobs_t *self, uint64_t rate)
{
    segment_scrub_report_t report = {0};
    err_t err = segment_scrub(self->segments, rate == 0 ? (uint64_t)BLOB_SCRUB_RATE : rate,
                              &self->is_cancelled, &report);
    if (report.rotten > 0)
        log_error(self->options.log, "blobs", "encoded sound: %llu damaged files were dropped",
                  (unsigned long long)report.rotten);
    pthread_mutex_lock(&self->lock);
    self->sound = report;
    pthread_mutex_unlock(&self->lock);
    return err;
}

static err_t run_scrub(blobs_t *self, uint64_t rate)
{
    blob_scrub_report_t report = {0};
    blob_scrub_options_t options = {.rate = rate,
                                    .is_cancelled = &self->is_cancelled,
                                    .progress = show_scrub,
                                    .found = take_found,
                                    .context = self};
    err_t err = ERR_OK;
    for (size_t i = 0; i < BLOBS_FOLDERS && err == ERR_OK; i++)
        err = blob_scrub(self->folders[i], &options, &report);
    show_scrub(self, &report);
    if (report.rotten > report.repaired)
        make_anew(self);
    return err == ERR_OK ? scrub_sound(self, rate) : err;
}

/* ---- both ---- */

static err_t scrub_after(blobs_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->job = BLOBS_SCRUB;
    pthread_mutex_unlock(&self->lock);
    return run_scrub(self, BLOBS_TEND_RATE);
}

/* Rot does not wait until it is known what is referred to. A bucket's reads are paid for. */
static err_t run_tend(blobs_t *self)
{
    err_t swept = run_gc(self, false);
    if (swept == ERR_CANCELLED)
        return swept;
    err_t err = self->behind == NULL ? scrub_after(self) : ERR_OK;
    if (swept != ERR_OK)
        err = swept;
    if (err != ERR_OK && err != ERR_CANCELLED)
        log_warning(self->options.log, "blobs", "the daily sweep and scrub did not end well: %s",
                    err_text(err));
    return err;
}

/* ---- one job at a time ---- */

static void *run_job(void *context)
{
    thread_name("blobs-job");
    blobs_t *self = context;
    err_t err = self->is_tending           ? run_tend(self)
                : self->job == BLOBS_SCRUB ? run_scrub(self, 0)
                                           : run_gc(self, self->job == BLOBS_DRY_GC);
    pthread_mutex_lock(&self->lock);
    self->is_running = false;
    self->err = err;
    self->ended_ms = now_ms();
    if (self->is_tending && err == ERR_OK)
        self->tended_ms = self->ended_ms;
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* With the lock held. */
static err_t start(blobs_t *self, blobs_job_t job)
{
    if (self->is_running)
        return ERR_BUSY;
    if (self->is_stopping || self->catalog == NULL)
        return ERR_UNAVAILABLE;
    if (self->has_thread) /* it has ended: this waits for nothing */
        pthread_join(self->thread, NULL);
    self->has_thread = false;
    self->is_tending = job == BLOBS_TEND;
    self->job = self->is_tending ? BLOBS_GC : job;
    self->gc = (blob_gc_report_t){0};
    self->scrub = (blob_scrub_report_t){0};
    self->sound = (segment_scrub_report_t){0};
    self->found_count = 0;
    self->err = ERR_OK;
    self->begun_ms = now_ms();
    self->ended_ms = 0;
    atomic_store(&self->is_cancelled, false);
    if (thread_start(&self->thread, run_job, self) != ERR_OK)
        return ERR_NO_MEMORY;
    self->has_thread = self->is_running = self->has_run = true;
    return ERR_OK;
}

err_t blobs_run(blobs_t *self, blobs_job_t job)
{
    pthread_mutex_lock(&self->lock);
    err_t err = start(self, job);
    pthread_mutex_unlock(&self->lock);
    return err;
}

void blobs_tend_if_due(blobs_t *self, bool is_chosen)
{
    const ms_clock_t clock = clock_system();
    uint64_t now = clock_mono_ms(&clock);
    pthread_mutex_lock(&self->lock);
    bool is_ours = self->behind == NULL || is_chosen;
    bool is_due = is_ours && self->tend_at_ms != 0 && now >= self->tend_at_ms;
    err_t err = is_due ? start(self, BLOBS_TEND) : ERR_OK;
    if (is_due && err == ERR_OK)
        self->tend_at_ms = now + self->options.config->blobs_tend_s * 1000;
    pthread_mutex_unlock(&self->lock);
}

void blobs_cancel(blobs_t *self)
{
    atomic_store(&self->is_cancelled, true);
}

void blobs_stop(blobs_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    bool has_thread = self->has_thread;
    self->has_thread = false;
    pthread_mutex_unlock(&self->lock);
    blobs_cancel(self);
    if (has_thread)
        pthread_join(self->thread, NULL);
}

/* ---- describing ---- */

static void describe_store(blobs_t *self, json_t *json)
{
    blob_store_status_t status = {0};
    blob_upload_status_t upload = {.is_idle = true};
    segment_cache_stats_t cache = {0};
    if (self->behind != NULL)
        blob_store_status(self->behind, &status);
    if (self->upload != NULL)
        blob_upload_status(self->upload, &upload);
    if (self->cache != NULL)
        segment_cache_stats(self->cache, &cache);
    json_key_str(json, "store", self->behind == NULL ? STR("folder") : STR("s3"));
    json_key_bool(json, "is_encrypted", self->is_sealed);
    json_key_bool(json, "is_away", status.is_away);
    json_key_str(json, "problem", str_from(status.problem));
    json_key_u64(json, "gets", status.gets);
    json_key_u64(json, "puts", status.puts);
    json_key_u64(json, "removes", status.removes);
    json_key_u64(json, "failed", status.failed);
    json_key_u64(json, "retried", status.retried);
    json_key_bool(json, "all_sent", upload.is_idle);
    json_key_u64(json, "sent", upload.sent);
    json_key_u64(json, "waiting", upload.waiting);
    json_key_u64(json, "damaged", upload.damaged);
    json_key_u64(json, "cache_bytes", cache.used);
    json_key_u64(json, "cache_bytes_max", cache.size_max);
}

static void describe_gc(const blob_gc_report_t *gc, json_t *json)
{
    json_key_u64(json, "seen", gc->seen);
    json_key_u64(json, "referenced", gc->referenced);
    json_key_u64(json, "young", gc->young);
    json_key_u64(json, "removed", gc->swept);
    json_key_u64(json, "removed_bytes", gc->swept_bytes);
    json_key_u64(json, "unfinished", gc->unfinished);
}

static void describe_scrub(const blobs_t *self, json_t *json)
{
    const blob_scrub_report_t *scrub = &self->scrub;
    json_key_u64(json, "seen", scrub->seen);
    json_key_u64(json, "bytes", scrub->bytes);
    json_key_u64(json, "whole", scrub->whole);
    json_key_u64(json, "damaged", scrub->rotten);
    json_key_u64(json, "repaired", scrub->repaired);
    json_key_u64(json, "unchecked", scrub->unchecked);
    json_key_u64(json, "unreadable", scrub->unreadable);
    json_key_u64(json, "segments", self->sound.seen);
    json_key_u64(json, "segments_dropped", self->sound.rotten);
    json_key(json, STR("found"));
    json_array_begin(json);
    for (size_t i = 0; i < self->found_count; i++) {
        json_object_begin(json);
        json_key_str(json, "name", str_from(self->found[i].name));
        json_key_bool(json, "is_in_bucket", self->found[i].is_behind);
        json_key_str(json, "problem", str_from(err_name(self->found[i].err)));
        json_object_end(json);
    }
    json_array_end(json);
}

/* With the lock held. */
static void describe_job(const blobs_t *self, json_t *json)
{
    static const char *const names[] = {
        [BLOBS_GC] = "gc", [BLOBS_DRY_GC] = "gc", [BLOBS_SCRUB] = "scrub"};
    json_key(json, STR("job"));
    json_object_begin(json);
    json_key_str(json, "name", str_from(names[self->job]));
    json_key_bool(json, "is_dry", self->job == BLOBS_DRY_GC);
    json_key_bool(json, "is_running", self->is_running);
    json_key_bool(json, "is_by_itself", self->is_tending);
    json_key_i64(json, "begun_at_ms", self->begun_ms);
    json_key_i64(json, "ended_at_ms", self->ended_ms);
    json_key_str(json, "error", self->err == ERR_OK ? STR("") : str_from(err_name(self->err)));
    if (self->job == BLOBS_SCRUB)
        describe_scrub(self, json);
    else
        describe_gc(&self->gc, json);
    json_object_end(json);
}

void blobs_describe(blobs_t *self, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    describe_store(self, &json);
    pthread_mutex_lock(&self->lock);
    json_key_bool(&json, "tends", self->tend_at_ms != 0);
    json_key_i64(&json, "tended_at_ms", self->tended_ms);
    if (self->has_run)
        describe_job(self, &json);
    pthread_mutex_unlock(&self->lock);
    json_object_end(&json);
}
