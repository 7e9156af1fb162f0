/* What nothing refers to goes, what is referred to or young stays, whoever writes meanwhile. */

#include "runtime/base/clock.h"
#include "tests/storage/blob/blob_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

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

Test(blob_sweep, a_sweep_takes_what_is_neither_referred_to_nor_young)
{
    for (int has_behind = 0; has_behind < 2; has_behind++) {
        rig_t rig RIG_SCOPED = {0};
        blob_marks_t marks BLOB_MARKS_SCOPED = {0};
        blob_gc_report_t report;
        rig_begin(&rig, has_behind != 0);
        blob_hash_t kept = rig_put(&rig, "kept"), lost = rig_put(&rig, "lost");
        check_ok(blob_variant_put(rig.blobs, str_from(kept.text), STR("96.jpg"), STR("k")));
        check_ok(blob_variant_put(rig.blobs, str_from(lost.text), STR("96.jpg"), STR("l")));
        check_ok(blob_marks_add(&marks, str_from(kept.text)));
        check_ok(blob_marks_add(&marks, str_from(kept.text)));
        check_ok(blob_marks_add(&marks, STR("")));
        check_err(blob_marks_add(&marks, STR("nonsense")), ERR_INVALID);
        blob_marks_end(&marks);
        if (has_behind != 0)
            rig_wait_until_sent(&rig, 4);

        check_ok(sweep(&rig, &marks, 1000, false, &report));
        cr_assert(report.swept == 0 && report.young == 2 && report.referenced == 2);
        check_ok(sweep(&rig, &marks, INT64_MAX, true, &report));
        cr_assert(report.swept == 2 && rig_has_whole(&rig, &lost, "lost"),
                  "a dry one removes nothing");
        check_ok(sweep(&rig, &marks, INT64_MAX, false, &report));
        cr_assert(report.swept == 2 && report.seen == 4 && report.swept_bytes == 5);

        cr_assert(rig_has_whole(&rig, &kept, "kept"));
        cr_assert(blob_has(rig.blobs, str_from(lost.text)) == false);
    }
}

Test(blob_sweep, a_sweep_can_be_ended_and_ends_with_the_store)
{
    rig_t rig RIG_SCOPED = {0};
    blob_marks_t marks = {0};
    blob_gc_report_t report = {0};
    rig_begin(&rig, true);
    rig_put(&rig, "a");
    rig_wait_until_sent(&rig, 1);
    blob_gc_options_t options = {.marks = &marks, .before_ms = INT64_MAX, .is_cancelled = &at_once};
    check_err(blob_gc(rig.blobs, &options, &report), ERR_CANCELLED);
    atomic_store(&rig.behind.is_away, true);
    check_err(sweep(&rig, &marks, INT64_MAX, false, &report), ERR_UNAVAILABLE);
    atomic_store(&rig.behind.is_away, false);
    cr_assert(blob_count_of(rig.behind.inner) == 1);
}

Test(blob_sweep, what_is_put_again_is_as_new)
{
    rig_t rig RIG_SCOPED = {0};
    arena_t arena ARENA_SCOPED = {0};
    blob_marks_t marks = {0};
    blob_gc_report_t report;
    const char *path;
    rig_begin(&rig, false);
    blob_hash_t hash = rig_put(&rig, "same");
    check_ok(blob_path(rig.blobs, str_from(hash.text), &arena, &path));
    cr_assert(utimensat(AT_FDCWD, path, (const struct timespec[2]){{1000, 0}, {1000, 0}}, 0) == 0);

    rig_put(&rig, "same");

    check_ok(sweep(&rig, &marks, 2000000, false, &report));
    cr_assert(report.young == 1 && report.swept == 0);
}

/* Returns when the sender has sent it, or was told to wait. */
static void put_meanwhile(void *context)
{
    const rig_t *rig = context;
    rig_put(context, "again");
    wait_until(rig_upload_status(rig).sent >= 2 || rig_upload_status(rig).waiting != 0);
}

/* The worst moment: the sweep has seen that it is old, and is about to remove it. */
Test(blob_sweep, what_is_put_while_it_is_swept_behind_waits_for_nothing_and_is_there_after)
{
    rig_t rig RIG_SCOPED = {0};
    blob_marks_t marks = {0};
    blob_gc_report_t report;
    rig_begin_with(&rig, true, 0);
    blob_hash_t hash = rig_put(&rig, "again");
    rig_wait_until_sent(&rig, 1);
    rig.behind.context = &rig;
    rig.behind.in_remove = put_meanwhile;

    check_ok(sweep(&rig, &marks, INT64_MAX, false, &report));

    cr_assert(report.swept == 1);
    rig.behind.in_remove = NULL;
    rig_wait_until_sent(&rig, 2);
    rig_drop_cached(&rig, hash.text);
    cr_assert(rig_has_whole(&rig, &hash, "again"));
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
    rig_begin_with(&rig, has_behind, 0); /* the grace has to be longer than what counts as fresh */
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
            cr_assert(rig_has_whole(&rig, &hash, content), "%s", content);
    }
    pthread_mutex_destroy(&race.lock);
}

/* ---- another node over the same bucket ---- */

typedef struct other_node {
    rig_t *rig;
    blob_folder_t *blobs;
    blob_hash_t hash;
    pthread_t thread;
    bool has_guard;
    _Atomic bool has_come, is_sent;
    err_t err;
} other_node_t;

static pthread_mutex_t guarded = PTHREAD_MUTEX_INITIALIZER;

static err_t lock_guard(void *context, str_t hash)
{
    (void)hash;
    if (context != NULL)
        atomic_store((_Atomic bool *)context, true);
    pthread_mutex_lock(&guarded);
    return ERR_OK;
}

static void unlock_guard(void *context, str_t hash)
{
    (void)context, (void)hash;
    pthread_mutex_unlock(&guarded);
}

static err_t refuse_lock(void *context, str_t hash)
{
    (void)context, (void)hash;
    return ERR_UNAVAILABLE;
}

static blob_folder_t *open_node(rig_t *rig, const char *name, blob_guard_t guard)
{
    blob_folder_t *blobs = NULL;
    temporary_name_t path = temporary_in(&rig->folder, name);
    const blob_folder_options_t options = {.path = path.path,
                                           .area = "artwork",
                                           .behind = &rig->behind.store,
                                           .cache = rig->cache,
                                           .guard = guard};
    check_ok(blob_folder_open(&options, &blobs));
    return blobs;
}

static void *send_it(void *context)
{
    other_node_t *self = context;
    buf_t key BUF_SCOPED = BUF_INIT;
    buf_printf(&key, "%.2s/%.2s/%s", self->hash.text, self->hash.text + 2, self->hash.text);
    self->err = blob_folder_send(self->blobs, buf_str(&key), 1);
    atomic_store(&self->is_sent, true);
    return NULL;
}

/* The sweep has found it old, and is about to remove it: the other node, which has put it again,
 * sends it now, or, where it is kept from that, comes as far as it can. */
static void meanwhile(void *context)
{
    other_node_t *self = context;
    cr_assert(pthread_create(&self->thread, NULL, send_it, self) == 0);
    wait_until(atomic_load(self->has_guard ? &self->has_come : &self->is_sent));
}

Test(blob_sweep, what_another_node_puts_again_is_not_swept_behind_its_back)
{
    rig_t rig RIG_SCOPED = {0};
    blob_marks_t none BLOB_MARKS_SCOPED = {0};
    blob_gc_report_t report = {0};
    rig_begin(&rig, true);
    other_node_t other = {.rig = &rig, .has_guard = true};
    const blob_guard_t here = {lock_guard, unlock_guard, NULL};
    const blob_guard_t there = {lock_guard, unlock_guard, &other.has_come};
    blob_folder_t *sweeping BLOB_FOLDER_SCOPED = open_node(&rig, "sweeping", here);
    other.blobs = open_node(&rig, "other", there);
    check_ok(blob_put(other.blobs, STR("cover"), &other.hash));
    buf_t far BUF_SCOPED = BUF_INIT;
    buf_printf(&far, "artwork/%s", other.hash.text);
    check_ok(blob_store_put(rig.behind.inner, buf_str(&far), STR("cover")));
    rig.behind.in_remove = meanwhile;
    rig.behind.context = &other;

    blob_gc_options_t options = {.marks = &none, .before_ms = INT64_MAX, .is_cancelled = &never};
    check_ok(blob_gc(sweeping, &options, &report));
    pthread_join(other.thread, NULL);
    rig.behind.in_remove = NULL;

    check_ok(other.err);
    cr_assert(report.swept == 1);
    cr_assert(blob_count_of(rig.behind.inner) == 1);
    blob_folder_close(other.blobs);
}

Test(blob_sweep, without_the_others_word_nothing_behind_is_changed)
{
    rig_t rig RIG_SCOPED = {0};
    blob_marks_t none BLOB_MARKS_SCOPED = {0};
    blob_gc_report_t report = {0};
    rig_begin(&rig, true);
    blob_hash_t there;
    buf_t far BUF_SCOPED = BUF_INIT;
    check_ok(blob_hash_of(STR("there"), &there));
    buf_printf(&far, "artwork/%s", there.text);
    check_ok(blob_store_put(rig.behind.inner, buf_str(&far), STR("there")));
    other_node_t other = {.rig = &rig};
    blob_folder_t *blobs BLOB_FOLDER_SCOPED =
        open_node(&rig, "other", (blob_guard_t){refuse_lock, NULL, NULL});
    blob_gc_options_t options = {.marks = &none, .before_ms = INT64_MAX, .is_cancelled = &never};

    check_err(blob_gc(blobs, &options, &report), ERR_UNAVAILABLE);
    other.blobs = blobs;
    check_ok(blob_put(blobs, STR("waits"), &other.hash));
    send_it(&other);

    check_err(other.err, ERR_UNAVAILABLE);
    cr_assert(blob_count_of(rig.behind.inner) == 1);
    cr_assert(blob_has(blobs, str_from(other.hash.text)));
}

Test(blob_sweep, what_is_referred_to_is_never_swept_while_writers_race_it)
{
    race(false);
    race(true);
}
