#include "runtime/base/random.h"
#include "storage/blob/segment_scrub.h"
#include "storage/file.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static segment_cache_t *opened(const temporary_t *folder, uint64_t size_max)
{
    segment_cache_t *cache = NULL;
    temporary_name_t path = temporary_in(folder, "segments/");
    check_ok(segment_cache_open(path.path, size_max, &cache));
    return cache;
}

static bool holds(segment_cache_t *cache, const char *name, const char *content)
{
    int fd;
    uint64_t size;
    char bytes[64];
    if (segment_cache_read(cache, str_from(name), &fd, &size) != ERR_OK)
        return false;
    ssize_t got = read(fd, bytes, sizeof bytes);
    close(fd);
    return got == (ssize_t)size && str_equal(str_of(bytes, size), str_from(content));
}

Test(segment_cache, a_scrub_drops_what_rotted_and_nothing_else)
{
    static const _Atomic bool never = false, at_once = true;
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, 1 << 20);
    temporary_name_t file = temporary_in(&folder, "segments/t/2.m4s");
    segment_scrub_report_t report = {0};
    check_ok(segment_cache_put(cache, STR("t/1.m4s"), STR("whole")));
    check_ok(segment_cache_put(cache, STR("t/2.m4s"), STR("rots")));
    int fd = open(file.path, O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && pwrite(fd, "n", 1, 0) == 1 && close(fd) == 0);

    check_err(segment_scrub(cache, 1 << 30, &at_once, &report), ERR_CANCELLED);
    check_ok(segment_scrub(cache, 1 << 30, &never, &report));

    cr_assert(report.seen == 2 && report.rotten == 1);
    cr_assert(holds(cache, "t/1.m4s", "whole"));
    check_true(!segment_cache_has(cache, STR("t/2.m4s")));
    check_ok(segment_cache_put(cache, STR("t/2.m4s"), STR("anew")));
    check_ok(segment_scrub(cache, 1 << 30, &never, &report));
    cr_assert(report.rotten == 1);
}

Test(segment_cache, what_was_put_is_read_and_the_least_used_goes_first)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, 30);
    check_ok(segment_cache_put(cache, STR("t/1.m4s"), STR("0123456789")));
    check_ok(segment_cache_put(cache, STR("t/2.m4s"), STR("1123456789")));
    check_ok(segment_cache_put(cache, STR("t/3.m4s"), STR("2123456789")));
    cr_assert(holds(cache, "t/1.m4s", "0123456789"));

    check_ok(segment_cache_put(cache, STR("t/4.m4s"), STR("x")));

    cr_assert(segment_cache_find(cache, STR("t/1.m4s"), NULL));
    cr_assert(segment_cache_find(cache, STR("t/2.m4s"), NULL) == false);
    temporary_name_t gone = temporary_in(&folder, "segments/t/2.m4s");
    cr_assert(access(gone.path, F_OK) != 0);
    check_ok(segment_cache_put(cache, STR("t/4.m4s"), STR("replaced")));
    cr_assert(holds(cache, "t/4.m4s", "replaced"));
    segment_cache_stats_t stats;
    segment_cache_stats(cache, &stats);
    cr_assert(stats.used == 28 && stats.reserved == 0 && stats.files == 3 && stats.evictions == 1);
}

Test(segment_cache, survives_a_restart_in_its_order_without_what_was_unfinished)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t unfinished = temporary_in(&folder, "segments/.writing-99");
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, 100);
    check_ok(segment_cache_put(cache, STR("a"), STR("aaaaaaaaaa")));
    check_ok(segment_cache_put(cache, STR("b"), STR("bbbbbbbbbb")));
    /* As used long ago, whatever the clock's grain. */
    temporary_name_t old = temporary_in(&folder, "segments/b");
    cr_assert(utimensat(AT_FDCWD, old.path, (struct timespec[2]){{1, 0}, {1, 0}}, 0) == 0);
    check_ok(file_replace(unfinished.path, STR("half"), false));
    segment_cache_close(STEAL(cache));

    cache = opened(&folder, 15);

    cr_assert(holds(cache, "a", "aaaaaaaaaa"));
    cr_assert(segment_cache_find(cache, STR("b"), NULL) == false);
    cr_assert(access(unfinished.path, F_OK) != 0);
}

Test(segment_cache, what_is_reserved_is_not_given_twice)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, 20);
    segment_write_t first SEGMENT_WRITE_SCOPED = {.fd = -1},
                          second SEGMENT_WRITE_SCOPED = {.fd = -1};
    check_ok(segment_cache_put(cache, STR("old"), STR("0123456789")));

    check_err(segment_cache_write(cache, STR("a"), 21, &first), ERR_FULL);
    cr_assert(segment_cache_find(cache, STR("old"), NULL));
    check_ok(segment_cache_write(cache, STR("a"), 15, &first));
    cr_assert(segment_cache_find(cache, STR("old"), NULL) == false);
    check_err(segment_cache_write(cache, STR("b"), 6, &second), ERR_FULL);
    check_ok(segment_cache_write(cache, STR("b"), 5, &second));
    cr_assert(segment_cache_find(cache, STR("a"), NULL) == false);
    check_ok(file_write_all(first.fd, STR("short")));
    check_ok(segment_write_publish(&first));
    cr_assert(holds(cache, "a", "short"));
    segment_write_drop(&second);
    segment_cache_stats_t stats;
    segment_cache_stats(cache, &stats);
    cr_assert(stats.used == 5 && stats.reserved == 0);
}

Test(segment_cache, more_than_reserved_is_not_published)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, 20);
    segment_write_t write SEGMENT_WRITE_SCOPED = {.fd = -1};
    check_ok(segment_cache_write(cache, STR("a"), 3, &write));
    check_ok(file_write_all(write.fd, STR("four")));

    check_err(segment_write_publish(&write), ERR_LIMIT);

    cr_assert(segment_cache_find(cache, STR("a"), NULL) == false);
    segment_cache_stats_t stats;
    segment_cache_stats(cache, &stats);
    cr_assert(stats.used == 0 && stats.reserved == 0);
}

Test(segment_cache, names_stay_inside_the_folder)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, 20);
    char large[SEGMENT_NAME_SIZE_MAX + 1];
    memset(large, 'n', sizeof large);
    static const char *const bad[] = {"", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a b", "a\n"};

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_err(segment_cache_put(cache, str_from(bad[i]), STR("x")), ERR_INVALID);
    check_err(segment_cache_put(cache, str_of(large, sizeof large), STR("x")), ERR_INVALID);
    check_ok(segment_cache_put(cache, str_of(large, sizeof large - 1), STR("x")));
    int fd;
    uint64_t size;
    check_err(segment_cache_read(cache, STR("../a"), &fd, &size), ERR_INVALID);
    check_err(segment_cache_read(cache, STR("a"), &fd, &size), ERR_NOT_FOUND);
}

/* ---- against a naive twin ---- */

enum { MODEL_NAMES = 12, MODEL_ROUNDS = 2000, MODEL_SIZE_MAX = 100 };

Test(segment_cache, random_use_agrees_with_a_list)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, MODEL_SIZE_MAX);
    random_seed_t seed = {11};
    ms_random_t random = random_seeded(&seed);
    static const char content[40];
    uint64_t sizes[MODEL_NAMES] = {0}, used_at[MODEL_NAMES] = {0}; /* used_at 0: not there */

    for (uint64_t round = 1; round <= MODEL_ROUNDS; round++) {
        uint64_t at = random_below(&random, MODEL_NAMES), size = random_below(&random, 40);
        char name[16];
        snprintf(name, sizeof name, "n%u/x", (unsigned)at);
        if (random_below(&random, 2) == 0) {
            bool is_there = segment_cache_find(cache, str_from(name), NULL);
            cr_assert(is_there == (used_at[at] != 0), "round %llu", (unsigned long long)round);
            used_at[at] = is_there ? round : 0;
            continue;
        }
        check_ok(segment_cache_put(cache, str_from(name), str_of(content, size)));
        for (;;) { /* room is made while the old content still counts */
            uint64_t total = size, oldest = MODEL_NAMES;
            for (uint64_t i = 0; i < MODEL_NAMES; i++) {
                total += used_at[i] == 0 ? 0 : sizes[i];
                if (used_at[i] != 0 && (oldest == MODEL_NAMES || used_at[i] < used_at[oldest]))
                    oldest = i;
            }
            if (total <= MODEL_SIZE_MAX)
                break;
            used_at[oldest] = 0;
        }
        sizes[at] = size;
        used_at[at] = round;
    }
}

/* ---- many threads ---- */

typedef struct worker {
    segment_cache_t *cache;
    uint64_t seed;
    int wrong;
} worker_t;

static void *work(void *context)
{
    worker_t *worker = context;
    random_seed_t seed = {worker->seed};
    ms_random_t random = random_seeded(&seed);
    for (int i = 0; i < 400; i++) {
        char name[16], content[32], seen[64];
        unsigned at = (unsigned)random_below(&random, 8);
        int name_size = snprintf(name, sizeof name, "f%u/s", at);
        int size = snprintf(content, sizeof content, "content of %u", at);
        str_t key = str_of(name, (size_t)name_size);
        int fd;
        uint64_t stored;
        if (segment_cache_read(worker->cache, key, &fd, &stored) == ERR_OK) {
            ssize_t got = read(fd, seen, sizeof seen);
            worker->wrong += got != size || memcmp(seen, content, (size_t)size) != 0;
            close(fd);
        } else {
            /* FULL: the others have it all reserved. */
            err_t err = segment_cache_put(worker->cache, key, str_of(content, (size_t)size));
            worker->wrong += err != ERR_OK && err != ERR_FULL;
        }
    }
    return NULL;
}

Test(segment_cache, threads_see_whole_files_only)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened(&folder, 60);
    pthread_t threads[4];
    worker_t workers[4];

    for (uint64_t i = 0; i < 4; i++) {
        workers[i] = (worker_t){cache, i, 0};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        cr_expect(workers[i].wrong == 0, "%d", workers[i].wrong);
    }

    segment_cache_stats_t stats;
    segment_cache_stats(cache, &stats);
    cr_assert(stats.used <= 60 && stats.reserved == 0);
}

/* ---- sealed ---- */

static segment_cache_t *opened_sealed(const temporary_t *folder, uint64_t size_max, uint8_t key)
{
    const ms_random_t random = random_system();
    blob_seal_t *seal = NULL;
    segment_cache_t *cache = opened(folder, size_max);
    check_ok(blob_seal_new(&(aead_key_t){{key}}, &random, &seal));
    segment_cache_seal(cache, seal);
    return cache;
}

Test(segment_cache, a_sealed_one_keeps_nothing_in_clear_and_is_the_same_to_its_user)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "segments/t/1.m4s");
    buf_t file BUF_SCOPED = BUF_INIT;
    uint64_t size = 0;
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened_sealed(&folder, 130, 1);
    segment_write_t write SEGMENT_WRITE_SCOPED = {.fd = -1};

    check_ok(segment_cache_put(cache, STR("t/1.m4s"), STR("0123456789")));
    check_ok(segment_cache_write(cache, STR("t/2.m4s"), 12, &write));
    check_ok(file_write_all(write.fd, STR("abcdefgh")));
    check_ok(segment_write_publish(&write));

    cr_assert(segment_cache_find(cache, STR("t/1.m4s"), &size) && size == 10);
    cr_assert(holds(cache, "t/1.m4s", "0123456789") && holds(cache, "t/2.m4s", "abcdefgh"));
    check_ok(file_read(path.path, 1000, &file));
    cr_assert(file.size == blob_sealed_size(10));
    cr_assert(str_contains(buf_str(&file), STR("0123")) == false);
    check_err(segment_cache_write(cache, STR("t/3.m4s"), 100, &write), ERR_FULL);
    /* What counts is what lies on the disk. */
    check_ok(segment_cache_put(cache, STR("t/3.m4s"), STR("x")));
    cr_assert(segment_cache_find(cache, STR("t/1.m4s"), NULL) == false);
    segment_cache_close(STEAL(cache));
    cache = opened_sealed(&folder, 130, 1);
    cr_assert(holds(cache, "t/2.m4s", "abcdefgh"), "it survives a restart");
}

Test(segment_cache, a_sealed_one_that_does_not_open_is_not_there)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "segments/a");
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = opened_sealed(&folder, 1000, 1);
    buf_t file BUF_SCOPED = BUF_INIT;
    int fd;
    uint64_t size;
    check_ok(segment_cache_put(cache, STR("a"), STR("content")));
    check_ok(segment_cache_put(cache, STR("b"), STR("content")));
    check_ok(file_read(path.path, 1000, &file));
    file.data[40] ^= 1;
    check_ok(file_replace(path.path, buf_str(&file), false));

    check_err(segment_cache_read(cache, STR("a"), &fd, &size), ERR_NOT_FOUND);

    cr_assert(access(path.path, F_OK) != 0 && segment_cache_find(cache, STR("a"), NULL) == false);
    cr_assert(holds(cache, "b", "content"));
    segment_cache_close(STEAL(cache));
    cache = opened_sealed(&folder, 1000, 2); /* another key */
    check_err(segment_cache_read(cache, STR("b"), &fd, &size), ERR_NOT_FOUND);
    segment_cache_stats_t stats;
    segment_cache_stats(cache, &stats);
    cr_assert(stats.used == 0 && stats.reserved == 0);
}
