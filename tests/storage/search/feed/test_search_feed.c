#include "storage/search/feed/search_feed.h"
#include "storage/search/fold.h"
#include "storage/search/index/index_parts.h"
#include "storage/search/index/search_read.h"
#include "storage/search/index/terms.h"
#include "tests/support/catalog/catalog_rig.h"
#include "tests/support/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 60, SEEDS = 2, DELTA_MAX = 30 };

static const atomic_bool never;

typedef struct rig {
    catalog_rig_t catalog;
    temporary_name_t path;
    search_feed_t *feed;
    uint64_t delta_full;
} rig_t;

static void feed_open(rig_t *self)
{
    const search_feed_options_t options = {.path = self->path.path,
                                           .catalog = self->catalog.catalog,
                                           .lyrics = self->catalog.blobs,
                                           .clock = clock_system(),
                                           .delta_max = DELTA_MAX,
                                           .delta_full = self->delta_full};
    check_ok(search_feed_open(&options, &self->feed));
}

static void rig_init(rig_t *self, uint64_t seed)
{
    catalog_rig_init(&self->catalog, seed);
    self->path = temporary_in(&self->catalog.folder, "search");
    feed_open(self);
}

static void rig_deinit(rig_t *self)
{
    search_feed_close(self->feed);
    catalog_rig_deinit(&self->catalog);
}
#define RIG_SCOPED SCOPED(rig_deinit)

static void catch_up(rig_t *self)
{
    bool is_behind = true;
    while (is_behind)
        check_ok(search_feed_update(self->feed, &is_behind));
}

/* ---- an index against one that is built anew ---- */

typedef struct looking {
    arena_t arena;
    search_read_t read;
} looking_t;

static void looking_end(looking_t *self)
{
    search_read_end(&self->read);
    arena_deinit(&self->arena);
}
#define LOOKING_SCOPED SCOPED(looking_end)

static void look_into(looking_t *self, search_index_t *index)
{
    *self = (looking_t){0};
    check_ok(search_read_begin(index, &self->arena, &self->read));
}

/* Which documents a term finds: a sum, since they have other numbers in another index. */
static uint64_t sum_of(looking_t *self, search_space_t space, str_t term)
{
    roaring_bitmap_t *found = NULL;
    uint64_t sum = 0;
    check_ok(search_postings(&self->read, space, term, &found));
    roaring_uint32_iterator_t *at = roaring_create_iterator(found);
    for (; at->has_value; roaring_advance_uint32_iterator(at)) {
        search_entry_t entry;
        check_ok(search_entry(&self->read, at->current_value, &entry));
        sum += (entry.id * 31 + entry.kind + 1) * 0x9e3779b97f4a7c15u;
    }
    roaring_free_uint32_iterator(at);
    roaring_bitmap_free(found);
    return sum;
}

static void check_words(looking_t *a, looking_t *b, str_t text)
{
    str_t word;
    buf_t title BUF_SCOPED = BUF_INIT;
    terms_title_append(&title, text);
    cr_expect(sum_of(a, SEARCH_SPACE_TITLE, buf_str(&title)) ==
              sum_of(b, SEARCH_SPACE_TITLE, buf_str(&title)));
    while (fold_next_word(&text, &word))
        cr_expect(sum_of(a, SEARCH_SPACE_WORD, word) == sum_of(b, SEARCH_SPACE_WORD, word),
                  "the word %.*s", STR_ARG(word));
}

static bool has_same_text(const search_entry_t *a, const search_entry_t *b)
{
    return str_equal(a->title, b->title) && str_equal(a->artist, b->artist) &&
           str_equal(a->album, b->album) && str_equal(a->others, b->others);
}

static void check_document(looking_t *a, looking_t *b, search_kind_t kind, uint64_t id)
{
    uint32_t one, other;
    search_entry_t entry, wanted;
    str_t lyrics, wanted_lyrics;
    err_t err = search_number(&b->read, kind, id, &other);
    check_err(search_number(&a->read, kind, id, &one), err);
    if (err != ERR_OK)
        return;
    check_ok(search_entry(&a->read, one, &entry));
    check_ok(search_entry(&b->read, other, &wanted));
    cr_assert(has_same_text(&entry, &wanted), "kind %d %llu", (int)kind, (unsigned long long)id);
    cr_assert(entry.year == wanted.year && entry.added_at_ms == wanted.added_at_ms);
    check_ok(search_lyrics(&a->read, one, &lyrics));
    check_ok(search_lyrics(&b->read, other, &wanted_lyrics));
    check_str(lyrics, wanted_lyrics);
    check_words(a, b, entry.title);
    check_words(a, b, entry.artist);
    check_words(a, b, entry.others);
}

static void check_facets(looking_t *a, looking_t *b)
{
    static const struct {
        search_space_t space;
        const char *values[6];
    } facets[] = {
        {SEARCH_SPACE_GENRE, {"genre a", "genre b", "genre c", "genre d", "genre e"}},
        {SEARCH_SPACE_MOOD, {"calm", "loud"}},
        {SEARCH_SPACE_LANGUAGE, {"eng", "deu"}},
        {SEARCH_SPACE_FORMAT, {"flac", "mp3"}},
        {SEARCH_SPACE_ROOT, {"root a", "root b"}},
        {SEARCH_SPACE_DECADE, {"1990"}},
    };
    for (size_t i = 0; i < COUNT_OF(facets); i++)
        for (size_t k = 0; k < COUNT_OF(facets[i].values) && facets[i].values[k] != NULL; k++) {
            str_t value = str_from(facets[i].values[k]);
            cr_expect(sum_of(a, facets[i].space, value) == sum_of(b, facets[i].space, value),
                      "%.*s", STR_ARG(value));
        }
}

/* Every document that the catalog ever had a number for. */
static void check_same(rig_t *self, search_index_t *index, search_index_t *wanted)
{
    looking_t a LOOKING_SCOPED, b LOOKING_SCOPED;
    search_index_stats_t stats, wanted_stats;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(search_index_stats(index, &stats));
    check_ok(search_index_stats(wanted, &wanted_stats));
    look_into(&a, index);
    look_into(&b, wanted);
    check_ok(catalog_read_begin(self->catalog.catalog, &self->catalog.arena, &read));
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        cr_assert(stats.documents[kind] == wanted_stats.documents[kind], "kind %d: %d, not %d",
                  (int)kind, (int)stats.documents[kind], (int)wanted_stats.documents[kind]);
        uint64_t id = 0;
        while (catalog_next(&read, kind, id, &id) == ERR_OK)
            check_document(&a, &b, kind, id);
    }
    check_facets(&a, &b);
}

static void check_as_new(rig_t *self)
{
    rig_t anew = {.catalog = self->catalog};
    anew.path = temporary_in(&self->catalog.folder, "anew");
    feed_open(&anew);
    check_ok(search_feed_build(anew.feed, &never));
    check_same(self, search_feed_index(self->feed), search_feed_index(anew.feed));
    search_feed_close(anew.feed);
}

Test(search_feed, after_any_changes_it_is_the_index_that_is_built_anew)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        rig_t self RIG_SCOPED;
        rig_init(&self, seed);
        cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_FIRST);
        check_ok(search_feed_build(self.feed, &never));
        for (int round = 0; round < ROUNDS; round++) {
            catalog_rig_change(&self.catalog);
            if (catalog_rig_below(&self.catalog, 3) == 0)
                catch_up(&self);
            if (search_feed_wants(self.feed) == SEARCH_WANT_DELTA)
                check_ok(search_feed_build(self.feed, &never));
            if (round % 10 != 9)
                continue;
            catch_up(&self);
            check_as_new(&self);
        }
    }
}

/* ---- what it wants ---- */

Test(search_feed, another_catalog_and_a_large_delta_want_a_build)
{
    rig_t self RIG_SCOPED;
    rig_init(&self, 3);
    check_ok(search_feed_build(self.feed, &never));
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    for (int i = 0; i < 200 && search_feed_wants(self.feed) == SEARCH_WANT_NOTHING; i++) {
        catalog_rig_change(&self.catalog);
        catch_up(&self);
    }
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_DELTA);
    check_ok(search_feed_build(self.feed, &never));
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(catalog_kv(self.catalog.catalog), &tx));
        check_ok(catalog_clear(self.catalog.writer, &tx));
        check_ok(kv_commit(&tx));
    }

    catch_up(&self);

    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_CATALOG);
    cr_assert(search_feed_is_ready(self.feed), "the old one answers meanwhile");
    check_ok(search_feed_build(self.feed, &never));
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
    rig_t self RIG_SCOPED;
    pthread_t thread;
    import_t import = {.catalog = &self.catalog};
    search_feed_stats_t stats;
    rig_init(&self, 12);
    search_feed_close(STEAL(self.feed));
    self.delta_full = SEARCH_UPDATE_MAX;
    feed_open(&self);
    check_ok(search_feed_build(self.feed, &never));
    check_true(pthread_create(&thread, NULL, import_on, &import) == 0);

    for (uint64_t builds = 2; builds < 6; builds++) {
        while (search_feed_wants(self.feed) == SEARCH_WANT_NOTHING)
            catch_up(&self);
        cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_DELTA);
        check_ok(search_feed_build(self.feed, &never));
        search_feed_stats(self.feed, &stats);
        cr_expect(eq(u64, stats.builds, builds));
    }

    atomic_store(&import.is_stopped, true);
    pthread_join(thread, NULL);
    check_ok(search_feed_build(self.feed, &never));
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    check_as_new(&self);
}

Test(search_feed, what_was_built_and_updated_is_there_after_closing)
{
    rig_t self RIG_SCOPED;
    rig_init(&self, 4);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_build(self.feed, &never));
    catalog_rig_change(&self.catalog);
    catch_up(&self);
    search_feed_close(STEAL(self.feed));
    catalog_rig_change(&self.catalog);

    feed_open(&self);

    cr_assert(search_feed_is_ready(self.feed) &&
              search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    catch_up(&self);
    check_as_new(&self);
}

Test(search_feed, one_that_is_stopped_leaves_the_one_before)
{
    const atomic_bool stopped = true;
    rig_t self RIG_SCOPED;
    rig_init(&self, 5);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_build(self.feed, &never));
    search_feed_stats_t before, after;
    search_feed_stats(self.feed, &before);

    check_err(search_feed_build(self.feed, &stopped), ERR_CANCELLED);

    search_feed_stats(self.feed, &after);
    cr_assert(after.builds == before.builds && !after.is_building);
    catch_up(&self);
    check_as_new(&self);
}

/* ---- waiting ---- */

static void told(void *context, err_t err)
{
    *(err_t *)context = err;
}

Test(search_feed, who_wrote_waits_until_the_index_has_it)
{
    rig_t self RIG_SCOPED;
    uint64_t ticket;
    err_t reached = ERR_BUSY, other = ERR_BUSY, never_told = ERR_BUSY;
    rig_init(&self, 6);
    check_err(search_feed_wait(self.feed, told, &reached, &ticket), ERR_UNAVAILABLE);
    check_ok(search_feed_build(self.feed, &never));
    check_ok(search_feed_wait(self.feed, told, &reached, &ticket));
    cr_assert(reached == ERR_OK, "there is nothing to wait for");
    for (int i = 0; i < 5; i++)
        catalog_rig_change(&self.catalog);

    reached = ERR_BUSY;
    check_ok(search_feed_wait(self.feed, told, &reached, &ticket));
    check_ok(search_feed_wait(self.feed, told, &never_told, &ticket));
    cr_assert(reached == ERR_BUSY && search_feed_cancel(self.feed, ticket));
    catch_up(&self);
    cr_assert(reached == ERR_OK && never_told == ERR_BUSY);

    for (int i = 0; i < 5; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_wait(self.feed, told, &other, &ticket));
    search_feed_cancel_all(self.feed);
    cr_assert(other == ERR_CANCELLED);
}

/* ---- what a kill and a disk leave ---- */

/* Each child builds and updates until it is killed at a moment of its own. */
static void live_until_killed(rig_t *self)
{
    feed_open(self);
    for (;;) {
        catch_up(self);
        check_ok(search_feed_build(self->feed, &never));
    }
}

Test(search_feed, killed_at_any_moment_it_opens_and_goes_on)
{
    rig_t self = {0};
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
        feed_open(&self);
        if (!search_feed_is_ready(self.feed))
            check_ok(search_feed_build(self.feed, &never));
        catch_up(&self);
        cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING, "round %d", round);
        check_as_new(&self);
        search_feed_close(STEAL(self.feed));
    }
    catalog_rig_deinit(&self.catalog);
}

static void overwrite(const rig_t *self, off_t at, size_t size)
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
        rig_t self RIG_SCOPED;
        rig_init(&self, 9);
        for (int k = 0; k < 10; k++)
            catalog_rig_change(&self.catalog);
        check_ok(search_feed_build(self.feed, &never));
        search_feed_close(STEAL(self.feed));
        overwrite(&self, cases[i].at[0], cases[i].size);
        overwrite(&self, cases[i].at[1], cases[i].size);

        feed_open(&self);

        cr_expect(search_feed_wants(self.feed) == SEARCH_WANT_DAMAGED, "%s", cases[i].what);
        cr_expect_not(search_feed_is_ready(self.feed));
        check_ok(search_feed_build(self.feed, &never));
        check_as_new(&self);
    }
}

/* Every list of documents becomes what no build has written. */
static void damage_postings(const rig_t *self)
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
    rig_t self RIG_SCOPED;
    const search_request_t request = {.text = STR("title"), .first = {5, 5, 5}};
    search_found_t found;
    search_feed_stats_t stats;
    int told_count = 0;
    rig_init(&self, 10);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_build(self.feed, &never));
    check_ok(search_feed_ask(self.feed, &self.catalog.arena, &request, &found));
    cr_assert(found.counts[SEARCH_TRACK] > 0);
    search_feed_close(STEAL(self.feed));
    damage_postings(&self);
    feed_open(&self);
    search_feed_on_damage(self.feed, damage_is_told, &told_count);

    for (int i = 0; i < 2; i++)
        check_err(search_feed_ask(self.feed, &self.catalog.arena, &request, &found),
                  ERR_UNAVAILABLE);

    search_feed_stats(self.feed, &stats);
    cr_assert(told_count == 1 && stats.damages == 1);
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_DAMAGED);
    check_ok(search_feed_build(self.feed, &never));
    check_ok(search_feed_ask(self.feed, &self.catalog.arena, &request, &found));
    cr_assert(found.counts[SEARCH_TRACK] > 0 && told_count == 1);
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
}
