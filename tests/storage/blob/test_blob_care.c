/* A blob folder with a store behind it, the sweep and the scrub. The store behind is a folder that
 * can be away. */

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "storage/blob/blob_gc.h"
#include "storage/blob/blob_scrub.h"
#include "storage/blob/blob_sealed.h"
#include "storage/blob/blob_store_folder.h"
#include "storage/blob/blob_upload.h"
#include "storage/file.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a store that can be away ---- */

typedef struct moody {
    blob_store_t store;
    blob_store_t *inner;
    _Atomic bool is_away;
    _Atomic uint32_t puts;
    void (*in_remove)(void *context); /* NULL: nothing */
    void *context;
} moody_t;

static moody_t *moody_of(blob_store_t *store)
{
    return CONTAINER_OF(store, moody_t, store);
}

static err_t mood(blob_store_t *store)
{
    return atomic_load(&moody_of(store)->is_away) ? ERR_UNAVAILABLE : ERR_OK;
}

static err_t moody_put(blob_store_t *store, str_t key, str_t content)
{
    TRY(mood(store));
    atomic_fetch_add(&moody_of(store)->puts, 1);
    return blob_store_put(moody_of(store)->inner, key, content);
}

static err_t moody_get(blob_store_t *store, str_t key, uint64_t offset, size_t size, buf_t *out)
{
    TRY(mood(store));
    return blob_store_get_range(moody_of(store)->inner, key, offset, size, out);
}

static err_t moody_check(blob_store_t *store, str_t key, buf_t *out)
{
    TRY(mood(store));
    return blob_store_check(moody_of(store)->inner, key, out);
}

static err_t moody_find(blob_store_t *store, str_t key, blob_info_t *out_info)
{
    TRY(mood(store));
    return blob_store_find(moody_of(store)->inner, key, out_info);
}

static err_t moody_remove(blob_store_t *store, str_t key)
{
    TRY(mood(store));
    if (moody_of(store)->in_remove != NULL)
        moody_of(store)->in_remove(moody_of(store)->context);
    return blob_store_remove(moody_of(store)->inner, key);
}

static err_t moody_list(blob_store_t *store, str_t prefix, blob_visit_fn visit, void *context)
{
    TRY(mood(store));
    return blob_store_list(moody_of(store)->inner, prefix, visit, context);
}

static err_t moody_tidy(blob_store_t *store, int64_t before_ms, uint64_t *out_count)
{
    TRY(mood(store));
    return blob_store_tidy(moody_of(store)->inner, before_ms, out_count);
}

static void moody_status(blob_store_t *store, blob_store_status_t *out_status)
{
    blob_store_status(moody_of(store)->inner, out_status);
}

static void moody_close(blob_store_t *store)
{
    blob_store_close(moody_of(store)->inner);
}

static const blob_store_table_t moody_table = {moody_put,  moody_get,    moody_check,
                                               moody_find, moody_remove, moody_list,
                                               moody_tidy, moody_status, moody_close};

/* ---- the rig ---- */

typedef struct rig {
    temporary_t folder;
    moody_t behind;
    segment_cache_t *cache;
    blob_upload_t *upload;
    blob_folder_t *blobs;
} rig_t;

static void rig_end(rig_t *self)
{
    blob_upload_free(self->upload);
    blob_folder_close(self->blobs);
    segment_cache_close(self->cache);
    if (self->behind.inner != NULL)
        blob_store_close(&self->behind.store);
    temporary_remove(&self->folder);
}
#define RIG_SCOPED SCOPED(rig_end)

static void open_behind(rig_t *self, uint64_t fresh_for_ms)
{
    temporary_name_t path = temporary_in(&self->folder, "behind");
    temporary_name_t cache = temporary_in(&self->folder, "cache");
    self->behind.store.table = &moody_table;
    check_ok(blob_store_folder_open(&(blob_store_folder_options_t){path.path, false},
                                    &self->behind.inner));
    check_ok(segment_cache_open(cache.path, 1 << 20, &self->cache));
    check_ok(blob_upload_new(
        &(blob_upload_options_t){.wait_min_ms = 1, .fresh_for_ms = fresh_for_ms}, &self->upload));
}

static void begin_with(rig_t *self, bool has_behind, uint64_t fresh_for_ms)
{
    self->folder = temporary_new();
    temporary_name_t path = temporary_in(&self->folder, "blobs");
    blob_folder_options_t options = {.path = path.path, .area = "art"};
    if (has_behind) {
        open_behind(self, fresh_for_ms);
        options.behind = &self->behind.store;
        options.cache = self->cache;
        options.wake = blob_upload_wake;
        options.wake_context = self->upload;
    }
    check_ok(blob_folder_open(&options, &self->blobs));
    if (has_behind)
        check_ok(blob_upload_start(self->upload, &self->blobs, 1));
}

static void begin(rig_t *self, bool has_behind)
{
    begin_with(self, has_behind, 1000000);
}

static blob_upload_status_t upload_status(const rig_t *self)
{
    blob_upload_status_t status = {0};
    blob_upload_status(self->upload, &status);
    return status;
}

static bool has_sent(const rig_t *self, uint64_t count)
{
    blob_upload_status_t status = upload_status(self);
    return status.sent >= count && status.is_idle;
}

static void wait_until_sent(const rig_t *self, uint64_t count)
{
    wait_until(has_sent(self, count));
}

static err_t count_one(void *context, const blob_info_t *blob)
{
    (void)blob;
    ++*(uint32_t *)context;
    return ERR_OK;
}

static uint32_t count_of(blob_store_t *store)
{
    uint32_t count = 0;
    check_ok(blob_store_list(store, STR(""), count_one, &count));
    return count;
}

static blob_hash_t put(rig_t *self, const char *content)
{
    blob_hash_t hash;
    check_ok(blob_put(self->blobs, str_from(content), &hash));
    return hash;
}

static bool has_whole(rig_t *self, const blob_hash_t *hash, const char *content)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    return blob_get(self->blobs, str_from(hash->text), &out) == ERR_OK &&
           str_equal(buf_str(&out), str_from(content));
}

static void drop_cached(rig_t *self, const char *name)
{
    char key[BLOB_KEY_SIZE_MAX];
    snprintf(key, sizeof key, "art/%s", name);
    segment_cache_remove(self->cache, str_from(key));
}

/* ---- a store behind ---- */

Test(blob_care, what_is_put_goes_behind_and_is_read_from_there)
{
    rig_t rig RIG_SCOPED = {0};
    begin(&rig, true);
    blob_hash_t hash = put(&rig, "cover");
    int fd = -1;
    uint64_t size = 0;
    check_ok(blob_variant_put(rig.blobs, str_from(hash.text), STR("96.webp"), STR("small")));

    wait_until_sent(&rig, 2);

    cr_assert(count_of(blob_folder_local(rig.blobs)) == 0);
    cr_assert(count_of(rig.behind.inner) == 2);
    cr_assert(has_whole(&rig, &hash, "cover"));
    drop_cached(&rig, hash.text);
    char variant[80];
    snprintf(variant, sizeof variant, "%s.96.webp", hash.text);
    drop_cached(&rig, variant);
    check_ok(blob_open(rig.blobs, str_from(hash.text), STR("96.webp"), &fd, &size));
    cr_assert(size == 5);
    close(fd);
    cr_assert(has_whole(&rig, &hash, "cover") && blob_has(rig.blobs, str_from(hash.text)));
    /* Now both are cached: the store may go. */
    atomic_store(&rig.behind.is_away, true);
    check_ok(blob_open(rig.blobs, str_from(hash.text), STR("96.webp"), &fd, &size));
    close(fd);
    cr_assert(has_whole(&rig, &hash, "cover"));
}

Test(blob_care, a_store_that_is_away_delays_and_loses_nothing)
{
    rig_t rig RIG_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    int fd;
    uint64_t size;
    begin(&rig, true);
    blob_hash_t first = put(&rig, "first");
    wait_until_sent(&rig, 1);
    drop_cached(&rig, first.text);
    atomic_store(&rig.behind.is_away, true);

    blob_hash_t second = put(&rig, "second");

    cr_assert(has_whole(&rig, &second, "second"));
    check_err(blob_get(rig.blobs, str_from(first.text), &out), ERR_UNAVAILABLE);
    check_err(blob_open(rig.blobs, str_from(first.text), STR(""), &fd, &size), ERR_UNAVAILABLE);
    wait_until(upload_status(&rig).waiting == 1);
    atomic_store(&rig.behind.is_away, false);
    wait_until_sent(&rig, 2);
    cr_assert(has_whole(&rig, &first, "first") && has_whole(&rig, &second, "second"));
    cr_assert(count_of(rig.behind.inner) == 2);
}

Test(blob_care, what_is_put_again_is_not_sent_again_while_it_is_fresh)
{
    rig_t rig RIG_SCOPED = {0};
    begin(&rig, true);
    put(&rig, "same");
    wait_until_sent(&rig, 1);
    put(&rig, "same");
    wait_until_sent(&rig, 2);
    cr_assert(atomic_load(&rig.behind.puts) == 1);
}

Test(blob_care, a_damaged_copy_is_not_handed_out_where_another_is_whole)
{
    rig_t rig RIG_SCOPED = {0};
    char key[BLOB_KEY_SIZE_MAX];
    buf_t out BUF_SCOPED = BUF_INIT;
    begin(&rig, true);
    blob_hash_t hash = put(&rig, "cover");
    wait_until_sent(&rig, 1);
    snprintf(key, sizeof key, "art/%s", hash.text);

    check_ok(segment_cache_put(rig.cache, str_from(key), STR("covet")));
    cr_assert(has_whole(&rig, &hash, "cover"), "the cache's is damaged");
    check_ok(blob_store_put(rig.behind.inner, str_from(key), STR("covex")));
    cr_assert(has_whole(&rig, &hash, "cover"), "the store's is damaged");
    drop_cached(&rig, hash.text);
    check_err(blob_get(rig.blobs, str_from(hash.text), &out), ERR_CORRUPT);
    cr_assert(out.size == 0);
}

/* ---- the sweep ---- */

static const _Atomic bool never = false;
static const _Atomic bool at_once = true;

static err_t sweep(rig_t *rig, const blob_marks_t *marks, int64_t before_ms, bool is_dry,
                   blob_gc_report_t *report)
{
    blob_gc_options_t options = {
        .marks = marks, .before_ms = before_ms, .is_dry = is_dry, .is_cancelled = &never};
    *report = (blob_gc_report_t){0};
    return blob_gc(rig->blobs, &options, report);
}

Test(blob_care, a_sweep_takes_what_is_neither_referred_to_nor_young)
{
    for (int has_behind = 0; has_behind < 2; has_behind++) {
        rig_t rig RIG_SCOPED = {0};
        blob_marks_t marks BLOB_MARKS_SCOPED = {0};
        blob_gc_report_t report;
        begin(&rig, has_behind != 0);
        blob_hash_t kept = put(&rig, "kept"), lost = put(&rig, "lost");
        check_ok(blob_variant_put(rig.blobs, str_from(kept.text), STR("96.jpg"), STR("k")));
        check_ok(blob_variant_put(rig.blobs, str_from(lost.text), STR("96.jpg"), STR("l")));
        check_ok(blob_marks_add(&marks, str_from(kept.text)));
        check_ok(blob_marks_add(&marks, str_from(kept.text)));
        check_ok(blob_marks_add(&marks, STR("")));
        check_err(blob_marks_add(&marks, STR("nonsense")), ERR_INVALID);
        blob_marks_end(&marks);
        if (has_behind != 0)
            wait_until_sent(&rig, 4);

        check_ok(sweep(&rig, &marks, 1000, false, &report));
        cr_assert(report.swept == 0 && report.young == 2 && report.referenced == 2);
        check_ok(sweep(&rig, &marks, INT64_MAX, true, &report));
        cr_assert(report.swept == 2 && has_whole(&rig, &lost, "lost"), "a dry one removes nothing");
        check_ok(sweep(&rig, &marks, INT64_MAX, false, &report));
        cr_assert(report.swept == 2 && report.seen == 4 && report.swept_bytes == 5);

        cr_assert(has_whole(&rig, &kept, "kept"));
        cr_assert(blob_has(rig.blobs, str_from(lost.text)) == false);
    }
}

Test(blob_care, a_sweep_can_be_ended_and_ends_with_the_store)
{
    rig_t rig RIG_SCOPED = {0};
    blob_marks_t marks = {0};
    blob_gc_report_t report = {0};
    begin(&rig, true);
    put(&rig, "a");
    wait_until_sent(&rig, 1);
    blob_gc_options_t options = {.marks = &marks, .before_ms = INT64_MAX, .is_cancelled = &at_once};
    check_err(blob_gc(rig.blobs, &options, &report), ERR_CANCELLED);
    atomic_store(&rig.behind.is_away, true);
    check_err(sweep(&rig, &marks, INT64_MAX, false, &report), ERR_UNAVAILABLE);
    atomic_store(&rig.behind.is_away, false);
    cr_assert(count_of(rig.behind.inner) == 1);
}

Test(blob_care, what_is_put_again_is_as_new)
{
    rig_t rig RIG_SCOPED = {0};
    arena_t arena ARENA_SCOPED = {0};
    blob_marks_t marks = {0};
    blob_gc_report_t report;
    const char *path;
    begin(&rig, false);
    blob_hash_t hash = put(&rig, "same");
    check_ok(blob_path(rig.blobs, str_from(hash.text), &arena, &path));
    cr_assert(utimensat(AT_FDCWD, path, (const struct timespec[2]){{1000, 0}, {1000, 0}}, 0) == 0);

    put(&rig, "same");

    check_ok(sweep(&rig, &marks, 2000000, false, &report));
    cr_assert(report.young == 1 && report.swept == 0);
}

/* Returns when the sender has sent it, or was told to wait. */
static void put_meanwhile(void *context)
{
    const rig_t *rig = context;
    put(context, "again");
    wait_until(upload_status(rig).sent >= 2 || upload_status(rig).waiting != 0);
}

/* The worst moment: the sweep has seen that it is old, and is about to remove it. */
Test(blob_care, what_is_put_while_it_is_swept_behind_waits_for_nothing_and_is_there_after)
{
    rig_t rig RIG_SCOPED = {0};
    blob_marks_t marks = {0};
    blob_gc_report_t report;
    begin_with(&rig, true, 0);
    blob_hash_t hash = put(&rig, "again");
    wait_until_sent(&rig, 1);
    rig.behind.context = &rig;
    rig.behind.in_remove = put_meanwhile;

    check_ok(sweep(&rig, &marks, INT64_MAX, false, &report));

    cr_assert(report.swept == 1);
    rig.behind.in_remove = NULL;
    wait_until_sent(&rig, 2);
    drop_cached(&rig, hash.text);
    cr_assert(has_whole(&rig, &hash, "again"));
}

/* Writers put blobs, again and again the same few, and refer to them a moment later; sweeps run all
 * the while, with marks as of their beginning. Whatever is referred to is there, always. The grace
 * is what a writer needs from its put to its reference: here that is known exactly, so no test
 * of time is in it. */
enum { RACE_BLOBS = 12, RACE_WRITERS = 3, RACE_SWEEPS = 25 };

typedef struct race {
    rig_t *rig;
    pthread_mutex_t lock;
    bool is_referred[RACE_BLOBS];     /* "the catalog" */
    int64_t pending_ms[RACE_WRITERS]; /* the oldest put that is not yet referred to; 0: none */
    _Atomic bool is_over;
    _Atomic uint32_t broken, sweeps;
} race_t;

typedef struct race_writer {
    race_t *race;
    uint32_t number;
} race_writer_t;

static int64_t now_ms(void)
{
    const ms_clock_t clock = clock_system();
    return clock_wall_ms(&clock);
}

static void content_of(uint32_t which, char room[32])
{
    snprintf(room, 32, "content %u", which);
}

/* Between a put and its reference, often a whole sweep passes. */
static void let_one_pass(const race_t *race)
{
    uint32_t before = atomic_load(&race->sweeps);
    while (atomic_load(&race->sweeps) < before + 2 && !atomic_load(&race->is_over))
        sched_yield();
}

static void *write_and_refer(void *context)
{
    const race_writer_t *writer = context;
    race_t *race = writer->race;
    for (uint32_t i = writer->number; !atomic_load(&race->is_over); i += 5) {
        uint32_t which = i % RACE_BLOBS;
        char content[32];
        blob_hash_t hash;
        content_of(which, content);
        pthread_mutex_lock(&race->lock);
        race->pending_ms[writer->number] = now_ms();
        pthread_mutex_unlock(&race->lock);
        if (blob_put(race->rig->blobs, str_from(content), &hash) != ERR_OK)
            atomic_fetch_add(&race->broken, 1);
        if (i % 4 == 0)
            let_one_pass(race);
        pthread_mutex_lock(&race->lock);
        race->is_referred[which] = true;
        race->pending_ms[writer->number] = 0;
        bool is_there = blob_has(race->rig->blobs, str_from(hash.text));
        pthread_mutex_unlock(&race->lock);
        if (!is_there)
            atomic_fetch_add(&race->broken, 1);
        pthread_mutex_lock(&race->lock);
        race->is_referred[which] = i % 3 != 0; /* some are given up */
        pthread_mutex_unlock(&race->lock);
    }
    return NULL;
}

/* Marks, and how far back a put may lie that is not marked: the grace, made exact. */
static int64_t mark_all(race_t *race, blob_marks_t *marks)
{
    pthread_mutex_lock(&race->lock);
    int64_t before_ms = now_ms();
    for (uint32_t i = 0; i < RACE_WRITERS; i++)
        if (race->pending_ms[i] != 0)
            before_ms = MIN(before_ms, race->pending_ms[i]);
    for (uint32_t i = 0; i < RACE_BLOBS; i++) {
        char content[32];
        blob_hash_t hash;
        content_of(i, content);
        if (race->is_referred[i] && (blob_hash_of(str_from(content), &hash) != ERR_OK ||
                                     blob_marks_add(marks, str_from(hash.text)) != ERR_OK))
            atomic_fetch_add(&race->broken, 1);
    }
    pthread_mutex_unlock(&race->lock);
    blob_marks_end(marks);
    return before_ms - 10; /* a file's time comes from a clock that ticks every few ms */
}

static void race(bool has_behind)
{
    rig_t rig RIG_SCOPED = {0};
    begin_with(&rig, has_behind, 0); /* the grace has to be longer than what counts as fresh */
    race_t race = {.rig = &rig};
    pthread_t threads[RACE_WRITERS];
    race_writer_t writers[RACE_WRITERS];
    uint64_t swept = 0;
    pthread_mutex_init(&race.lock, NULL);
    for (uint32_t i = 0; i < RACE_WRITERS; i++) {
        writers[i] = (race_writer_t){&race, i};
        pthread_create(&threads[i], NULL, write_and_refer, &writers[i]);
    }
    for (uint32_t i = 0; i < RACE_SWEEPS || (swept == 0 && i < 100000); i++) {
        blob_marks_t marks BLOB_MARKS_SCOPED = {0};
        blob_gc_report_t report;
        int64_t before_ms = mark_all(&race, &marks);
        check_ok(sweep(&rig, &marks, before_ms, false, &report));
        swept += report.swept;
        atomic_fetch_add(&race.sweeps, 1);
    }
    atomic_store(&race.is_over, true);
    for (uint32_t i = 0; i < RACE_WRITERS; i++)
        pthread_join(threads[i], NULL);
    cr_assert(atomic_load(&race.broken) == 0, "%u", atomic_load(&race.broken));
    for (uint32_t i = 0; i < RACE_BLOBS; i++) {
        char content[32];
        blob_hash_t hash;
        content_of(i, content);
        check_ok(blob_hash_of(str_from(content), &hash));
        if (race.is_referred[i])
            cr_assert(has_whole(&rig, &hash, content), "%s", content);
    }
    pthread_mutex_destroy(&race.lock);
}

Test(blob_care, what_is_referred_to_is_never_swept_while_writers_race_it)
{
    race(false);
    race(true);
}

/* ---- the scrub ---- */

typedef struct finding {
    uint32_t count, behind;
    char name[BLOB_KEY_SIZE_MAX + 1];
} finding_t;

static void note(void *context, str_t key, bool is_behind, err_t err)
{
    finding_t *self = context;
    self->count++;
    self->behind += is_behind ? 1 : 0;
    cr_assert(err == ERR_CORRUPT && str_to_array(key, self->name, sizeof self->name));
}

static void show_nothing(void *context, const blob_scrub_report_t *report)
{
    (void)context, (void)report;
}

static blob_scrub_report_t scrub(rig_t *rig, finding_t *finding)
{
    blob_scrub_report_t report = {0};
    blob_scrub_options_t options = {
        .is_cancelled = &never, .progress = show_nothing, .found = note, .context = finding};
    check_ok(blob_scrub(rig->blobs, &options, &report));
    return report;
}

static void flip_a_bit(const char *path)
{
    char byte;
    FILE *file = fopen(path, "r+");
    cr_assert(file != NULL && fread(&byte, 1, 1, file) == 1);
    byte = (char)(byte ^ 4);
    cr_assert(fseek(file, 0, SEEK_SET) == 0 && fwrite(&byte, 1, 1, file) == 1);
    fclose(file);
}

Test(blob_care, a_scrub_finds_a_bit_that_rotted_and_puts_it_aside)
{
    rig_t rig RIG_SCOPED = {0};
    arena_t arena ARENA_SCOPED = {0};
    finding_t finding = {0};
    const char *cover, *small;
    begin(&rig, false);
    blob_hash_t whole = put(&rig, "whole"), hash = put(&rig, "rotten");
    check_ok(blob_variant_put(rig.blobs, str_from(hash.text), STR("96.jpg"), STR("small")));
    check_ok(blob_path(rig.blobs, str_from(hash.text), &arena, &cover));
    check_ok(blob_variant_path(rig.blobs, str_from(hash.text), STR("96.jpg"), &arena, &small));
    blob_scrub_report_t report = scrub(&rig, &finding);
    cr_assert(report.seen == 3 && report.bytes == 16 && report.rotten == 0 && finding.count == 0);
    bool has_sums = report.whole == 3; /* not every file system keeps attributes */

    flip_a_bit(cover);
    flip_a_bit(small);
    report = scrub(&rig, &finding);

    cr_assert(report.rotten == (has_sums ? 2 : 1) && finding.count == report.rotten);
    cr_assert(str_contains(str_from(finding.name), str_from(hash.text)));
    cr_assert(access(cover, F_OK) != 0 && has_whole(&rig, &whole, "whole"));
    temporary_name_t aside = temporary_in(&rig.folder, "blobs/.rotten");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", aside.path, hash.text);
    cr_assert(access(path, F_OK) == 0);
    put(&rig, "rotten"); /* made anew, it is there again */
    cr_assert(has_whole(&rig, &hash, "rotten"));
    report = scrub(&rig, &finding);
    cr_assert(report.rotten == 0, "what was put aside is not looked at again");
}

Test(blob_care, a_scrub_looks_behind_and_repairs_from_the_cache)
{
    rig_t rig RIG_SCOPED = {0};
    finding_t finding = {0};
    char key[BLOB_KEY_SIZE_MAX];
    begin(&rig, true);
    blob_hash_t hash = put(&rig, "cover"), other = put(&rig, "other");
    wait_until_sent(&rig, 2);
    drop_cached(&rig, other.text);
    snprintf(key, sizeof key, "art/%s", hash.text);
    check_ok(blob_store_put(rig.behind.inner, str_from(key), STR("rotten")));
    snprintf(key, sizeof key, "art/%s", other.text);
    check_ok(blob_store_put(rig.behind.inner, str_from(key), STR("rotten")));

    blob_scrub_report_t report = scrub(&rig, &finding);

    cr_assert(report.rotten == 2 && report.repaired == 1 && finding.behind == 2);
    drop_cached(&rig, hash.text);
    cr_assert(has_whole(&rig, &hash, "cover"));
    cr_assert(blob_has(rig.blobs, str_from(other.text)) == false, "missing, not wrong");
}
