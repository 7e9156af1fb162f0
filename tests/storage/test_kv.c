#include "runtime/base/random.h"
#include "storage/kv.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const tables[] = {"first", "second"};

static kv_t *opened(const temporary_t *folder, kv_options_t options)
{
    temporary_name_t path = temporary_in(folder, "env");
    kv_t *kv = NULL;
    options.path = path.path;
    options.tables = tables;
    options.table_count = COUNT_OF(tables);
    check_ok(kv_open(&options, &kv));
    return kv;
}

static void put_one(kv_t *kv, str_t key, str_t value)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(kv, &tx));
    check_ok(kv_put(&tx, 0, key, value));
    check_ok(kv_commit(&tx));
}

static bool has_one(kv_t *kv, str_t key)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_read(kv, &tx));
    return kv_has(&tx, 0, key);
}

/* What this process has open in that folder, but for what it keeps from its children. */
static unsigned inherited_count(const temporary_t *folder)
{
    unsigned count = 0, seen = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char link[64], target[512];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target);
        if (size < 0 || !str_starts_with(str_of(target, (size_t)size), str_from(folder->path)))
            continue;
        seen++;
        count += (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0 ? 1 : 0;
    }
    cr_assert(seen > 0);
    return count;
}

Test(kv, no_program_that_is_started_inherits_it)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    kv_t *kv = opened(&folder, (kv_options_t){0});
    cr_expect(eq(u32, inherited_count(&folder), 0));
    kv_close(kv);
}

Test(kv, a_transaction_that_is_not_committed_leaves_nothing)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    kv_t *kv KV_SCOPED = opened(&folder, (kv_options_t){0});
    {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(kv, &tx));
        check_ok(kv_put(&tx, 0, STR("a"), STR("1")));
        cr_assert(kv_has(&tx, 0, STR("a")));
    }
    cr_assert(has_one(kv, STR("a")) == false);

    put_one(kv, STR("a"), STR("1"));

    cr_assert(has_one(kv, STR("a")));
    kv_close(STEAL(kv));
    kv = opened(&folder, (kv_options_t){0});
    cr_assert(has_one(kv, STR("a")));
}

Test(kv, a_reader_sees_what_was_when_it_began)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    kv_t *kv KV_SCOPED = opened(&folder, (kv_options_t){0});
    kv_tx_t before KV_TX_SCOPED = {0};
    kv_stats_t stats;
    put_one(kv, STR("a"), STR("1"));
    check_ok(kv_read(kv, &before));
    put_one(kv, STR("b"), STR("2"));
    put_one(kv, STR("c"), STR("3"));

    cr_assert(kv_has(&before, 0, STR("b")) == false);
    check_ok(kv_stats(kv, &stats));
    cr_assert(stats.oldest_reader_lag == 2, "%llu", (unsigned long long)stats.oldest_reader_lag);

    kv_end(&before);
    check_ok(kv_stats(kv, &stats));
    cr_assert(stats.oldest_reader_lag == 0);
    cr_assert(has_one(kv, STR("c")));
}

Test(kv, each_error_is_named)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    kv_t *kv KV_SCOPED = opened(&folder, (kv_options_t){0});
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    static const char large[KV_KEY_SIZE_MAX + 1] = "k";
    str_t value;
    char *room;
    check_ok(kv_write(kv, &tx));
    check_ok(kv_put(&tx, 0, STR("m"), STR("1")));

    check_err(kv_get(&tx, 0, STR("n"), &value), ERR_NOT_FOUND);
    check_err(kv_delete(&tx, 0, STR("n")), ERR_NOT_FOUND);
    check_err(kv_put_new(&tx, 0, STR("m"), STR("2")), ERR_CONFLICT);
    check_err(kv_append(&tx, 0, STR("a"), 1, &room), ERR_CONFLICT);
    check_err(kv_put(&tx, 0, str_of(large, sizeof large), STR("2")), ERR_INVALID);
    check_ok(kv_put(&tx, 0, str_of(large, sizeof large - 1), STR("2")));
    check_err(kv_put(&tx, 0, STR(""), STR("2")), ERR_INVALID);
    check_ok(kv_get(&tx, 0, STR("m"), &value));
    check_str(value, STR("1"));
    check_ok(kv_cursor_open(&tx, 1, &cursor));
    check_err(kv_first(&cursor), ERR_NOT_FOUND);
}

Test(kv, a_file_that_lmdb_did_not_write_is_corrupt)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "env"),
                     file = temporary_in(&folder, "env/data.mdb");
    kv_t *kv = NULL;
    cr_assert(mkdir(path.path, 0700) == 0);
    FILE *out = fopen(file.path, "w");
    for (int i = 0; i < 10000; i++)
        fputc('x', out);
    fclose(out);

    check_err(kv_open(&(kv_options_t){.path = path.path}, &kv), ERR_CORRUPT);
    check_err(kv_open(&(kv_options_t){.path = "/nowhere/at/all"}, &kv), ERR_NOT_FOUND);
}

Test(kv, a_full_map_is_full_and_takes_nothing)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    kv_t *kv KV_SCOPED = opened(&folder, (kv_options_t){.map_size = 256 * 1024});
    static const char large[64 * 1024];
    put_one(kv, STR("small"), STR("1"));
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(kv, &tx));
    err_t err = ERR_OK;
    for (uint64_t i = 0; err == ERR_OK; i++)
        err = kv_put(&tx, 0, str_of(&i, sizeof i), str_of(large, sizeof large));

    check_err(err, ERR_FULL);
    kv_end(&tx);
    cr_assert(has_one(kv, STR("small")));
    put_one(kv, STR("another"), STR("2"));
}

/* ---- lazy environments ---- */

Test(kv, a_lazy_one_outlives_a_kill_and_a_clean_stop_but_not_a_power_cut)
{
    static const struct {
        const char *what, *marker, *boot; /* marker NULL: as it was left */
        bool is_kept;
    } cases[] = {
        {"a clean stop, the same boot", NULL, "one", true},
        {"a clean stop, another boot", NULL, "two", true},
        {"a kill, the same boot", "one", "one", true},
        {"a power cut", "one", "two", false},
        {"a marker cut short", "", "one", false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        temporary_t folder TEMPORARY_SCOPED = temporary_new();
        temporary_name_t marker = temporary_in(&folder, "env/boot");
        kv_t *kv KV_SCOPED = opened(&folder, (kv_options_t){.is_lazy = true, .boot_id = "one"});
        cr_assert(kv_was_wiped(kv) == false);
        put_one(kv, STR("a"), STR("1"));
        kv_close(STEAL(kv));
        if (cases[i].marker != NULL) {
            FILE *out = fopen(marker.path, "w");
            fputs(cases[i].marker, out);
            fclose(out);
        }

        kv = opened(&folder, (kv_options_t){.is_lazy = true, .boot_id = cases[i].boot});

        cr_expect(has_one(kv, STR("a")) == cases[i].is_kept, "%s", cases[i].what);
        cr_expect(kv_was_wiped(kv) != cases[i].is_kept, "%s", cases[i].what);
    }
}

/* ---- failing commits ---- */

typedef struct disk {
    int before, after;
} disk_t;

static int on_commit(void *context, bool is_done)
{
    const disk_t *disk = context;
    return is_done ? disk->after : disk->before;
}

Test(kv, a_commit_ends_with_the_disks_error)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    disk_t disk = {0};
    kv_t *kv KV_SCOPED =
        opened(&folder, (kv_options_t){.faults = &(kv_faults_t){on_commit, &disk}});
    static const struct {
        const char *what;
        disk_t disk;
        err_t want;
        bool is_there;
    } cases[] = {{"full", {ENOSPC, 0}, ERR_FULL, false},
                 {"lost", {EIO, 0}, ERR_IO, false},
                 {"there, but not said", {0, EIO}, ERR_IO, true}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(kv, &tx));
        check_ok(kv_put(&tx, 0, str_from(cases[i].what), STR("1")));
        disk = cases[i].disk;
        err_t err = kv_commit(&tx);
        disk = (disk_t){0};
        cr_expect(err == cases[i].want, "%s: %s", cases[i].what, err_name(err));
        cr_expect(has_one(kv, str_from(cases[i].what)) == cases[i].is_there, "%s", cases[i].what);
    }
}

/* ---- against a naive twin ---- */

enum { MODEL_KEYS = 200, MODEL_ROUNDS = 400 };

Test(kv, random_transactions_agree_with_an_array)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    kv_t *kv KV_SCOPED = opened(&folder, (kv_options_t){.is_lazy = true});
    random_seed_t seed = {5};
    ms_random_t random = random_seeded(&seed);
    uint64_t kept[MODEL_KEYS] = {0}, tried[MODEL_KEYS];

    for (int round = 0; round < MODEL_ROUNDS; round++) {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(kv, &tx));
        memcpy(tried, kept, sizeof tried);
        for (int i = 0; i < 20; i++) {
            char key[8];
            uint64_t at = random_below(&random, MODEL_KEYS), value = 1 + random_below(&random, 99);
            kv_u64_write(key, at);
            if (random_below(&random, 3) == 0) {
                err_t err = kv_delete(&tx, 0, str_of(key, 8));
                cr_assert(err == (tried[at] == 0 ? ERR_NOT_FOUND : ERR_OK));
                tried[at] = 0;
            } else {
                check_ok(kv_put(&tx, 0, str_of(key, 8), str_of(&value, sizeof value)));
                tried[at] = value;
            }
        }
        if (random_below(&random, 4) > 0) {
            check_ok(kv_commit(&tx));
            memcpy(kept, tried, sizeof kept);
        } else {
            kv_end(&tx);
        }

        kv_tx_t read KV_TX_SCOPED = {0};
        kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
        uint64_t seen = 0, count = 0, want = 0, key_at = 0;
        check_ok(kv_read(kv, &read));
        check_ok(kv_cursor_open(&read, 0, &cursor));
        for (err_t err = kv_first(&cursor); err == ERR_OK; err = kv_next(&cursor), seen++) {
            uint64_t value;
            uint64_t at = kv_u64_read(cursor.key.data);
            memcpy(&value, cursor.value.data, sizeof value);
            cr_assert(seen == 0 || at > key_at);
            cr_assert(value == kept[at]);
            key_at = at;
        }
        for (size_t i = 0; i < MODEL_KEYS; i++)
            want += kept[i] != 0 ? 1 : 0;
        check_ok(kv_count(&read, 0, &count));
        cr_assert(seen == want && count == want);
    }
}
