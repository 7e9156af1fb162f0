#include "runtime/base/memory.h"
#include "runtime/state_store_file.h"
#include "tests/support/check.h"
#include "tests/support/state_store_contract.h"
#include "tests/support/temporary.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static state_store_t *open_in(const temporary_t *folder)
{
    state_store_t *store = NULL;
    check_ok(state_store_file_open(temporary_in(folder, "states").path, &store));
    return store;
}

static state_store_file_stats_t stats_of(state_store_t *store)
{
    state_store_file_stats_t stats;
    state_store_file_stats(store, &stats);
    return stats;
}

Test(state_store_file, agrees_with_a_table)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        state_store_contract(store, seed, 3000);
        cr_assert(eq(u64, stats_of(store).count, 0));
        cr_assert(eq(u64, stats_of(store).file_bytes, 0), "empty: it starts anew");
    }
    state_store_file_close(store);
}

Test(state_store_file, what_an_earlier_run_left_is_gone)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "states");
    int fd = open(path.path, O_WRONLY | O_CREAT, 0600);
    cr_assert(eq(i64, write(fd, "something", 9), 9));
    close(fd);

    state_store_t *store = open_in(&folder);
    buf_t value BUF_SCOPED = BUF_INIT;

    check_err(store->table->take(store, STR("k/1"), &value), ERR_NOT_FOUND);
    state_store_file_close(store);
    cr_assert(access(path.path, F_OK) != 0, "the file goes with the store");
}

Test(state_store_file, a_damaged_record_is_not_believed)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);
    check_ok(store->table->put(store, STR("k/1"), STR("the first value of all")));
    check_ok(store->table->put(store, STR("k/2"), STR("another")));
    int fd = open(temporary_in(&folder, "states").path, O_WRONLY);
    cr_assert(eq(i64, pwrite(fd, "X", 1, 16 + 12 + 3 + 4), 1));
    close(fd);
    buf_t value BUF_SCOPED = BUF_INIT;

    check_err(store->table->take(store, STR("k/1"), &value), ERR_CORRUPT);
    check_err(store->table->take(store, STR("k/1"), &value), ERR_NOT_FOUND);
    check_ok(store->table->take(store, STR("k/2"), &value));

    check_str(buf_str(&value), STR("another"));
    state_store_file_close(store);
}

Test(state_store_file, a_refused_put_changes_nothing)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);
    static const char large[100000];
    check_ok(store->table->put(store, STR("k/1"), STR("old")));
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 50000; /* half of it can still be written */
    setrlimit(RLIMIT_FSIZE, &limit);

    err_t err = store->table->put(store, STR("k/1"), str_of(large, sizeof large));
    limit.rlim_cur = before;
    setrlimit(RLIMIT_FSIZE, &limit);

    cr_assert(err != ERR_OK);
    buf_t value BUF_SCOPED = BUF_INIT;
    check_ok(store->table->take(store, STR("k/1"), &value));
    check_str(buf_str(&value), STR("old"));
    state_store_file_close(store);
}

Test(state_store_file, a_sleeper_takes_at_most_16_bytes_of_memory)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);
    char key[32];
    for (uint32_t i = 0; i < 200000; i++) {
        int size = snprintf(key, sizeof key, "kind/%u", i);
        check_ok(store->table->put(store, str_of(key, (size_t)size), STR("0123456789abcdef")));
        if (i < 5000)
            continue;
        state_store_file_stats_t stats = stats_of(store);
        if (i % 1000 == 0)
            cr_assert(le(u64, stats.resident_bytes, 16 * stats.count));
    }
    cr_assert(le(u64, stats_of(store).file_bytes, 200000 * 48));
    state_store_file_close(store);
}

Test(state_store_file, a_damaged_state_does_not_come_back_after_a_newer_one)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);
    check_ok(store->table->put(store, STR("kind/a"), STR("what is damaged")));
    cr_assert(truncate(temporary_in(&folder, "states").path, 20) == 0);

    check_ok(store->table->put(store, STR("kind/a"), STR("what is newer")));
    check_ok(store->table->remove(store, STR("kind/a")));

    cr_assert(store->table->has(store, STR("kind/a")) == false);
    cr_assert(eq(u64, stats_of(store).count, 0));
    state_store_file_close(store);
}

/* Four threads with keys of their own. */
typedef struct worker {
    state_store_t *store;
    uint32_t index;
    pthread_t thread;
    bool is_ok;
} worker_t;

static void *work(void *context)
{
    worker_t *self = context;
    char key[32];
    self->is_ok = true;
    for (uint32_t i = 0; i < 20000; i++) {
        int size = snprintf(key, sizeof key, "%u/%u", self->index, i % 100);
        buf_t value BUF_SCOPED = BUF_INIT;
        str_t name = str_of(key, (size_t)size);
        self->is_ok &= self->store->table->put(self->store, name, name) == ERR_OK;
        self->is_ok &= self->store->table->take(self->store, name, &value) == ERR_OK;
        self->is_ok &= str_equal(buf_str(&value), name);
    }
    return NULL;
}

Test(state_store_file, many_threads_do_not_meet)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);
    worker_t workers[4];
    for (uint32_t i = 0; i < 4; i++) {
        workers[i] = (worker_t){.store = store, .index = i};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        pthread_join(workers[i].thread, NULL);
        cr_assert(workers[i].is_ok);
    }
    cr_assert(eq(u64, stats_of(store).count, 0));
    state_store_file_close(store);
}
