/* Blobs with the n-th allocation failing, n from 1 until none is left to fail: what is done says
 * NO_MEMORY or does its work, nothing else is made of it, and no blob is lost. */

#include "runtime/base/clock.h"
#include "storage/blob/blob_gc.h"
#include "storage/blob/blob_scrub.h"
#include "storage/blob/blob_sealed.h"
#include "storage/blob/blob_store_folder.h"
#include "storage/blob/segment_scrub.h"
#include "storage/file.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"
#include "tests/support/temporary.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT, OLD, ROTTEN, BLOBS };

static const str_t CONTENTS[BLOBS] = {STR_INIT("kept"), STR_INIT("old"), STR_INIT("rotten")};
static const str_t NEW = STR_INIT("new");
static const _Atomic bool never = false;

typedef struct world {
    temporary_t folder;
    temporary_name_t path, behind_path, cache_path;
    blob_hash_t hashes[BLOBS], hash; /* of NEW */
    bool was_put;                    /* NEW */
    blob_store_t *behind;
    segment_cache_t *cache;
    blob_folder_t *blobs;
    uint32_t listed;
    blob_gc_report_t gc;
    blob_scrub_report_t scrub;
    uint32_t found; /* by the scrub, and said */
} world_t;

/* ---- a folder with something in it ---- */

static err_t open_blobs(world_t *self)
{
    blob_folder_options_t options = {
        .path = self->path.path, .area = "art", .behind = self->behind, .cache = self->cache};
    return blob_folder_open(&options, &self->blobs);
}

static err_t open_all(world_t *self)
{
    TRY(blob_store_folder_open(&(blob_store_folder_options_t){self->behind_path.path, false},
                               &self->behind));
    TRY(segment_cache_open(self->cache_path.path, 1 << 20, &self->cache));
    return open_blobs(self);
}

static void close_all(void *context)
{
    world_t *self = context;
    blob_folder_close(STEAL(self->blobs));
    segment_cache_close(STEAL(self->cache));
    blob_store_close(STEAL(self->behind));
}

/* One was put long ago, one has other bytes by now. */
static void fill(world_t *self)
{
    static const struct timespec long_ago[2] = {{0}, {0}};
    arena_t arena ARENA_SCOPED = {0};
    const char *path;
    check_ok(open_blobs(self));
    for (size_t i = 0; i < BLOBS; i++)
        check_ok(blob_put(self->blobs, CONTENTS[i], &self->hashes[i]));
    check_ok(blob_path(self->blobs, str_from(self->hashes[OLD].text), &arena, &path));
    cr_assert(utimensat(AT_FDCWD, path, long_ago, 0) == 0);
    check_ok(blob_path(self->blobs, str_from(self->hashes[ROTTEN].text), &arena, &path));
    check_ok(file_replace(path, STR("rot"), false));
    close_all(self);
}

static void begin(void *context)
{
    world_t *self = context;
    temporary_remove(&self->folder);
    *self = (world_t){.folder = temporary_new()};
    self->path = temporary_in(&self->folder, "blobs");
    self->behind_path = temporary_in(&self->folder, "behind");
    self->cache_path = temporary_in(&self->folder, "cache");
    fill(self);
}

static err_t get_is(world_t *self, str_t hash, str_t content)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    TRY(blob_get(self->blobs, hash, &out));
    return str_equal(buf_str(&out), content) ? ERR_OK : ERR_INTERNAL;
}

/* The file that `open` gave. */
static err_t opened_is(int fd, uint64_t size, str_t content)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    err_t err = file_read_at(fd, 0, (size_t)size, &out);
    close(fd);
    TRY(err);
    return str_equal(buf_str(&out), content) ? ERR_OK : ERR_INTERNAL;
}

static err_t open_is(world_t *self, str_t hash, str_t content)
{
    int fd;
    uint64_t size;
    TRY(blob_open(self->blobs, hash, (str_t){NULL, 0}, &fd, &size));
    return opened_is(fd, size, content);
}

/* ---- what is done ---- */

static err_t put_new(world_t *self)
{
    TRY(blob_put(self->blobs, NEW, &self->hash));
    self->was_put = true;
    return ERR_OK;
}

static err_t use_folder(void *context)
{
    world_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    const char *path;
    TRY(open_blobs(self));
    TRY(put_new(self));
    TRY(put_new(self)); /* it is there */
    TRY(blob_variant_put(self->blobs, str_from(self->hash.text), STR("small"), STR("n")));
    TRY(get_is(self, str_from(self->hashes[KEPT].text), CONTENTS[KEPT]));
    TRY(open_is(self, str_from(self->hash.text), NEW));
    return blob_variant_path(self->blobs, str_from(self->hash.text), STR("small"), &arena, &path);
}

static err_t use_sweep(void *context)
{
    world_t *self = context;
    const ms_clock_t clock = clock_system();
    blob_marks_t marks BLOB_MARKS_SCOPED = {0};
    TRY(blob_marks_add(&marks, str_from(self->hashes[KEPT].text)));
    TRY(blob_marks_add(&marks, str_from(self->hashes[ROTTEN].text)));
    blob_marks_end(&marks);
    TRY(open_all(self));
    blob_gc_options_t options = {.marks = &marks,
                                 .before_ms = clock_wall_ms(&clock) - BLOB_GRACE_MS,
                                 .is_cancelled = &never};
    return blob_gc(self->blobs, &options, &self->gc);
}

static void progress(void *context, const blob_scrub_report_t *report)
{
    (void)context, (void)report;
}

static void found(void *context, str_t key, bool is_behind, err_t err)
{
    world_t *self = context;
    (void)key, (void)is_behind;
    self->found++;
    cr_assert(err == ERR_CORRUPT || err == ERR_NO_MEMORY, "%s", err_name(err));
}

static err_t use_scrub(void *context)
{
    world_t *self = context;
    TRY(open_blobs(self));
    blob_scrub_options_t options = {
        .is_cancelled = &never, .progress = progress, .found = found, .context = self};
    return blob_scrub(self->blobs, &options, &self->scrub);
}

static err_t send(void *context, const blob_info_t *blob)
{
    world_t *self = context;
    err_t err = blob_folder_send(self->blobs, blob->key, 0);
    return err == ERR_CORRUPT ? ERR_OK : err; /* the rotten one */
}

static err_t use_behind(void *context)
{
    world_t *self = context;
    char far[BLOB_KEY_SIZE_MAX];
    TRY(open_all(self));
    TRY(put_new(self));
    TRY(blob_store_list(blob_folder_local(self->blobs), STR(""), send, self));
    TRY(get_is(self, str_from(self->hash.text), NEW));
    snprintf(far, sizeof far, "art/%s", self->hash.text);
    segment_cache_remove(self->cache, str_from(far));
    TRY(open_is(self, str_from(self->hash.text), NEW)); /* fetched */
    TRY(get_is(self, str_from(self->hashes[KEPT].text), CONTENTS[KEPT]));
    return blob_folder_restore(self->blobs, str_from(far));
}

static err_t count_one(void *context, const blob_info_t *blob)
{
    world_t *self = context;
    self->listed += str_equal(blob->key, STR("art/a")) || str_equal(blob->key, STR("art/b"));
    return ERR_OK;
}

static err_t stored_is(blob_store_t *store, str_t key, str_t content)
{
    buf_t out BUF_SCOPED = BUF_INIT, part BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
    TRY(blob_store_get(store, key, &out));
    TRY(blob_store_get_range(store, key, 1, 1, &part));
    TRY(blob_store_check(store, key, &again));
    return str_equal(buf_str(&out), content) && str_equal(buf_str(&again), content) &&
                   str_equal(buf_str(&part), str_slice(content, 1, 2))
               ? ERR_OK
               : ERR_INTERNAL;
}

static err_t use_sealed(void *context)
{
    static const blob_keys_t keys = {.content = {{1}},
                                     .name = {[0] = 2, [BLOB_NAME_KEY_SIZE / 2] = 3}};
    world_t *self = context;
    const ms_random_t random = random_system();
    blob_store_t *inner = NULL, *store BLOB_STORE_SCOPED = NULL;
    blob_info_t info;
    TRY(blob_store_folder_open(&(blob_store_folder_options_t){self->behind_path.path, false},
                               &inner));
    TRY(blob_sealed_open(inner, &keys, &random, &store));
    TRY(blob_store_put(store, STR("art/a"), STR("seal")));
    TRY(blob_store_put(store, STR("art/b"), STR("whale")));
    TRY(stored_is(store, STR("art/a"), STR("seal")));
    TRY(blob_store_find(store, STR("art/b"), &info));
    TRY(blob_store_list(store, STR("art/"), count_one, self));
    if (self->listed != 2) /* nothing may be left out */
        return ERR_INTERNAL;
    return blob_store_remove(store, STR("art/a"));
}

static err_t use_segments(void *context)
{
    world_t *self = context;
    segment_scrub_report_t report = {0};
    int fd;
    uint64_t size;
    TRY(segment_cache_open(self->cache_path.path, 1 << 20, &self->cache));
    TRY(segment_cache_put(self->cache, STR("7/low/1.m4s"), STR("sound")));
    TRY(segment_cache_put(self->cache, STR("7/low/2.m4s"), STR("silence")));
    TRY(segment_scrub(self->cache, 1 << 30, &never, &report));
    if (report.rotten > 0)
        return ERR_INTERNAL;
    TRY(segment_cache_read(self->cache, STR("7/low/1.m4s"), &fd, &size));
    TRY(opened_is(fd, size, STR("sound")));
    segment_cache_close(STEAL(self->cache));
    TRY(segment_cache_open(self->cache_path.path, 1 << 20, &self->cache));
    return segment_cache_has(self->cache, STR("7/low/2.m4s")) ? ERR_OK : ERR_INTERNAL;
}

/* ---- what is there after it ---- */

static void check_kept(void *context, err_t err)
{
    world_t *self = context;
    (void)err;
    check_ok(open_all(self));
    check_ok(get_is(self, str_from(self->hashes[KEPT].text), CONTENTS[KEPT]));
    if (self->was_put)
        check_ok(get_is(self, str_from(self->hash.text), NEW));
    close_all(self);
}

static void check_sweep(void *context, err_t err)
{
    world_t *self = context;
    check_kept(self, err);
    if (err == ERR_OK)
        check_true(self->gc.seen == BLOBS && self->gc.referenced == 2 && self->gc.swept == 1);
}

/* Each was whole or was told of; the damaged bytes are where they were, or put aside. */
static void check_scrub(void *context, err_t err)
{
    world_t *self = context;
    buf_t aside BUF_SCOPED = BUF_INIT, bytes BUF_SCOPED = BUF_INIT;
    arena_t arena ARENA_SCOPED = {0};
    const char *path;
    check_kept(self, err);
    check_ok(open_blobs(self));
    check_ok(get_is(self, str_from(self->hashes[OLD].text), CONTENTS[OLD]));
    check_ok(blob_path(self->blobs, str_from(self->hashes[ROTTEN].text), &arena, &path));
    buf_printf(&aside, "%s/.rotten/%s", self->path.path, self->hashes[ROTTEN].text);
    if (access(path, F_OK) != 0)
        path = buf_terminated(&aside);
    check_ok(file_read(path, 10, &bytes));
    check_str(buf_str(&bytes), STR("rot"));
    close_all(self);
    if (err == ERR_OK)
        check_true(self->scrub.seen == BLOBS &&
                   self->scrub.whole + self->scrub.unchecked + self->found == BLOBS);
}

/* ---- with each allocation failing ---- */

static void try_all(err_t (*use)(void *context), void (*check)(void *context, err_t err))
{
    world_t world = {.folder = temporary_new()};
    const each_failing_t each = {begin, use, close_all, check, &world};
    buf_t problem BUF_SCOPED = BUF_INIT;
    uint64_t rounds;
    if (access("/dev/shm", W_OK) == 0) /* many folders, none of which has to outlive this */
        (void)setenv("TMPDIR", "/dev/shm", 1);

    bool holds = each_failing_holds(&each, &rounds, &problem);

    temporary_remove(&world.folder);
    cr_assert(holds, "%s", buf_terminated(&problem));
    cr_assert(rounds > 5, "%llu", (unsigned long long)rounds);
}

Test(blob_no_memory, a_folder_says_so_or_does_its_work)
{
    try_all(use_folder, check_kept);
}

Test(blob_no_memory, a_sweep_takes_nothing_that_is_referred_to)
{
    try_all(use_sweep, check_sweep);
}

Test(blob_no_memory, a_scrub_loses_nothing_and_says_what_it_could_not_read)
{
    try_all(use_scrub, check_scrub);
}

Test(blob_no_memory, a_store_behind_gets_it_or_the_folder_keeps_it)
{
    try_all(use_behind, check_kept);
}

Test(blob_no_memory, a_sealed_store_leaves_nothing_out)
{
    try_all(use_sealed, NULL);
}

Test(blob_no_memory, a_cache_of_segments_says_so_or_does_its_work)
{
    try_all(use_segments, NULL);
}
