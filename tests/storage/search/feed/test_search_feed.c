#include "storage/search/index/index_parts.h"
#include "tests/storage/search/feed/feed_rig.h"
#include "tests/support/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 60, SEEDS = 2 };

Test(search_feed, after_any_changes_it_is_the_index_that_is_built_anew)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        feed_rig_t self FEED_RIG_SCOPED;
        feed_rig_init(&self, seed);
        cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_FIRST);
        check_ok(search_feed_build(self.feed, &FEED_NEVER));
        for (int round = 0; round < ROUNDS; round++) {
            catalog_rig_change(&self.catalog);
            if (catalog_rig_below(&self.catalog, 3) == 0)
                feed_rig_catch_up(&self);
            if (search_feed_wants(self.feed) == SEARCH_WANT_DELTA)
                check_ok(search_feed_build(self.feed, &FEED_NEVER));
            if (round % 10 != 9)
                continue;
            feed_rig_catch_up(&self);
            feed_rig_check_as_new(&self);
        }
    }
}

/* ---- what it wants ---- */

Test(search_feed, another_catalog_and_a_large_delta_want_a_build)
{
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 3);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    for (int i = 0; i < 200 && search_feed_wants(self.feed) == SEARCH_WANT_NOTHING; i++) {
        catalog_rig_change(&self.catalog);
        feed_rig_catch_up(&self);
    }
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_DELTA);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(catalog_kv(self.catalog.catalog), &tx));
        check_ok(catalog_clear(self.catalog.writer, &tx));
        check_ok(kv_commit(&tx));
    }

    feed_rig_catch_up(&self);

    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_CATALOG);
    cr_assert(search_feed_is_ready(self.feed), "the old one answers meanwhile");
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
}

typedef struct import {
    catalog_rig_t *catalog;
    atomic_bool is_stopped;
} import_t;

static void *import_on(void *context)
{
    import_t *self = context;
    while (!atomic_load(&self->is_stopped)) {
        catalog_rig_change(self->catalog);
        arena_reset(&self->catalog->arena);
    }
    return NULL;
}

/* One change fills a delta here: neither index ever has all. */
Test(search_feed, a_build_ends_while_more_comes_than_it_can_take)
{
    feed_rig_t self FEED_RIG_SCOPED;
    pthread_t thread;
    import_t import = {.catalog = &self.catalog};
    search_feed_stats_t stats;
    feed_rig_init(&self, 12);
    search_feed_close(STEAL(self.feed));
    self.delta_full = SEARCH_UPDATE_MAX;
    feed_rig_open(&self);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    check_true(pthread_create(&thread, NULL, import_on, &import) == 0);

    for (uint64_t builds = 2; builds < 6; builds++) {
        while (search_feed_wants(self.feed) == SEARCH_WANT_NOTHING)
            feed_rig_catch_up(&self);
        cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_DELTA);
        check_ok(search_feed_build(self.feed, &FEED_NEVER));
        search_feed_stats(self.feed, &stats);
        cr_expect(eq(u64, stats.builds, builds));
    }

    atomic_store(&import.is_stopped, true);
    pthread_join(thread, NULL);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    feed_rig_check_as_new(&self);
}

Test(search_feed, what_was_built_and_updated_is_there_after_closing)
{
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 4);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    catalog_rig_change(&self.catalog);
    feed_rig_catch_up(&self);
    search_feed_close(STEAL(self.feed));
    catalog_rig_change(&self.catalog);

    feed_rig_open(&self);

    cr_assert(search_feed_is_ready(self.feed) &&
              search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    feed_rig_catch_up(&self);
    feed_rig_check_as_new(&self);
}

Test(search_feed, one_that_is_stopped_leaves_the_one_before)
{
    const atomic_bool stopped = true;
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 5);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    search_feed_stats_t before, after;
    search_feed_stats(self.feed, &before);

    check_err(search_feed_build(self.feed, &stopped), ERR_CANCELLED);

    search_feed_stats(self.feed, &after);
    cr_assert(after.builds == before.builds && !after.is_building);
    feed_rig_catch_up(&self);
    feed_rig_check_as_new(&self);
}

/* ---- waiting ---- */

static void told(void *context, err_t err)
{
    *(err_t *)context = err;
}

Test(search_feed, who_wrote_waits_until_the_index_has_it)
{
    feed_rig_t self FEED_RIG_SCOPED;
    uint64_t ticket;
    err_t reached = ERR_BUSY, other = ERR_BUSY, never_told = ERR_BUSY;
    feed_rig_init(&self, 6);
    check_err(search_feed_wait(self.feed, told, &reached, &ticket), ERR_UNAVAILABLE);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    check_ok(search_feed_wait(self.feed, told, &reached, &ticket));
    cr_assert(reached == ERR_OK, "there is nothing to wait for");
    for (int i = 0; i < 5; i++)
        catalog_rig_change(&self.catalog);

    reached = ERR_BUSY;
    check_ok(search_feed_wait(self.feed, told, &reached, &ticket));
    check_ok(search_feed_wait(self.feed, told, &never_told, &ticket));
    cr_assert(reached == ERR_BUSY && search_feed_cancel(self.feed, ticket));
    feed_rig_catch_up(&self);
    cr_assert(reached == ERR_OK && never_told == ERR_BUSY);

    for (int i = 0; i < 5; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_wait(self.feed, told, &other, &ticket));
    search_feed_cancel_all(self.feed);
    cr_assert(other == ERR_CANCELLED);
}

/* ---- what a kill and a disk leave ---- */

/* Each child builds and updates until it is killed at a moment of its own. */
static void live_until_killed(feed_rig_t *self)
{
    feed_rig_open(self);
    for (;;) {
        feed_rig_catch_up(self);
        check_ok(search_feed_build(self->feed, &FEED_NEVER));
    }
}

Test(search_feed, killed_at_any_moment_it_opens_and_goes_on)
{
    feed_rig_t self = {0};
    catalog_rig_init(&self.catalog, 8);
    self.path = temporary_in(&self.catalog.folder, "search");
    for (int i = 0; i < 30; i++)
        catalog_rig_change(&self.catalog);
    for (int round = 0; round < 10; round++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0)
            live_until_killed(&self);
        /* The moment of the kill is what is tested. */
        usleep((useconds_t)(1000 + catalog_rig_below(&self.catalog, 60000)));
        kill(child, SIGKILL);
        cr_assert(waitpid(child, &status, 0) == child);
        bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        cr_assert(is_killed, "round %d: it ended by itself: %x", round, (unsigned)status);
        feed_rig_open(&self);
        if (!search_feed_is_ready(self.feed))
            check_ok(search_feed_build(self.feed, &FEED_NEVER));
        feed_rig_catch_up(&self);
        cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING, "round %d", round);
        feed_rig_check_as_new(&self);
        search_feed_close(STEAL(self.feed));
    }
    catalog_rig_deinit(&self.catalog);
}

static void overwrite(const feed_rig_t *self, off_t at, size_t size)
{
    char file[512], noise[8192];
    snprintf(file, sizeof file, "%s/data.mdb", self->path.path);
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    memset(noise, 0xa5, sizeof noise);
    cr_assert(fd >= 0 && pwrite(fd, noise, MIN(size, sizeof noise), at) > 0);
    close(fd);
}

Test(search_feed, a_file_that_is_no_index_is_thrown_away_and_built)
{
    enum { PAGE = 4096, AT_VERSION = 20 };
    static const struct {
        const char *what;
        off_t at[2];
        size_t size;
    } cases[] = {
        {"both of LMDB's heads", {0, PAGE}, PAGE},
        {"the version in both", {AT_VERSION, PAGE + AT_VERSION}, 4},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        feed_rig_t self FEED_RIG_SCOPED;
        feed_rig_init(&self, 9);
        for (int k = 0; k < 10; k++)
            catalog_rig_change(&self.catalog);
        check_ok(search_feed_build(self.feed, &FEED_NEVER));
        search_feed_close(STEAL(self.feed));
        overwrite(&self, cases[i].at[0], cases[i].size);
        overwrite(&self, cases[i].at[1], cases[i].size);

        feed_rig_open(&self);

        cr_expect(search_feed_wants(self.feed) == SEARCH_WANT_DAMAGED, "%s", cases[i].what);
        cr_expect_not(search_feed_is_ready(self.feed));
        check_ok(search_feed_build(self.feed, &FEED_NEVER));
        feed_rig_check_as_new(&self);
    }
}

/* Every list of documents becomes what no build has written. */
static void damage_postings(const feed_rig_t *self)
{
    kv_t *kv KV_SCOPED = NULL;
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    check_ok(kv_open(&(kv_options_t){.path = self->path.path,
                                     .tables = INDEX_TABLES,
                                     .table_count = TABLE_COUNT},
                     &kv));
    check_ok(kv_write(kv, &tx));
    check_ok(kv_cursor_open(&tx, TABLE_POSTINGS, &cursor));
    for (err_t err = kv_first(&cursor); err == ERR_OK; err = kv_next(&cursor)) {
        char key[KV_KEY_SIZE_MAX];
        memcpy(key, cursor.key.data, cursor.key.size);
        check_ok(kv_put(&tx, TABLE_POSTINGS, str_of(key, cursor.key.size), STR("no list")));
    }
    kv_cursor_close(&cursor);
    check_ok(kv_commit(&tx));
}

static void damage_is_told(void *context)
{
    (*(int *)context)++;
}

Test(search_feed, what_a_question_finds_damaged_is_unavailable_told_once_and_built)
{
    feed_rig_t self FEED_RIG_SCOPED;
    const search_request_t request = {.text = STR("title"), .first = {5, 5, 5}};
    search_found_t found;
    search_feed_stats_t stats;
    int told_count = 0;
    feed_rig_init(&self, 10);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    check_ok(search_feed_ask(self.feed, &self.catalog.arena, &request, &found));
    cr_assert(found.counts[SEARCH_TRACK] > 0);
    search_feed_close(STEAL(self.feed));
    damage_postings(&self);
    feed_rig_open(&self);
    search_feed_on_damage(self.feed, damage_is_told, &told_count);

    for (int i = 0; i < 2; i++)
        check_err(search_feed_ask(self.feed, &self.catalog.arena, &request, &found),
                  ERR_UNAVAILABLE);

    search_feed_stats(self.feed, &stats);
    cr_assert(told_count == 1 && stats.damages == 1);
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_DAMAGED);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    check_ok(search_feed_ask(self.feed, &self.catalog.arena, &request, &found));
    cr_assert(found.counts[SEARCH_TRACK] > 0 && told_count == 1);
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
}
