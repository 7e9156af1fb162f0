#include "storage/catalog/catalog_swap.h"
#include "tests/support/catalog/catalog_help.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct fixture {
    temporary_t folder;
    temporary_name_t path, new_path, old_path;
    catalog_t *catalog;
    arena_t arena;
} fixture_t;

static void fill(fixture_t *self, catalog_t *catalog, uint64_t from, uint64_t to)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    catalog_write_t *writer;
    check_ok(catalog_write_new(catalog, &writer));
    check_ok(kv_write(catalog_kv(catalog), &tx));
    for (uint64_t i = from; i < to; i++) {
        catalog_track_t track = made_track(&self->arena, i);
        check_ok(catalog_put_track(writer, &tx, &track));
    }
    check_ok(catalog_write_flush(writer, &tx));
    check_ok(kv_commit(&tx));
    catalog_write_free(writer);
}

static fixture_t set_up(void)
{
    fixture_t self = {.folder = temporary_new()};
    self.path = temporary_in(&self.folder, "catalog");
    self.new_path = temporary_in(&self.folder, "catalog.new");
    self.old_path = temporary_in(&self.folder, "catalog.old");
    check_ok(catalog_open(self.path.path, 0, NULL, &self.catalog));
    return self;
}

static void tear_down(fixture_t *self)
{
    catalog_close(self->catalog);
    arena_deinit(&self->arena);
    temporary_remove(&self->folder);
}
#define FIXTURE_SCOPED SCOPED(tear_down)

static uint64_t tracks_in(catalog_read_t *read)
{
    catalog_counts_t counts;
    check_ok(catalog_counts(read, &counts));
    return counts.tracks;
}

static uint64_t tracks_of(fixture_t *self)
{
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(self->catalog, &self->arena, &read));
    return tracks_in(&read);
}

static bool is_there(temporary_name_t name)
{
    struct stat info;
    return stat(name.path, &info) == 0;
}

static bool is_gone(temporary_name_t name)
{
    return !is_there(name);
}

static catalog_t *made_anew(fixture_t *self, uint64_t tracks)
{
    catalog_t *fresh = NULL;
    check_ok(catalog_open_new(self->catalog, 0, NULL, &fresh));
    fill(self, fresh, 0, tracks);
    return fresh;
}

Test(catalog_swap, readers_go_over_and_the_old_one_is_removed)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    fill(&self, self.catalog, 0, 2);

    for (uint64_t tracks = 3; tracks < 6; tracks++) {
        catalog_t *fresh = made_anew(&self, tracks);
        cr_assert(tracks_of(&self) == tracks - 1, "the old one is read until then");
        check_ok(catalog_swap(self.catalog, fresh));
        catalog_drop(fresh);

        cr_assert(tracks_of(&self) == tracks);
        cr_assert(is_gone(self.new_path) && is_gone(self.old_path));
    }

    catalog_close(self.catalog);
    check_ok(catalog_open(self.path.path, 0, NULL, &self.catalog));
    cr_assert(tracks_of(&self) == 5, "and it is what the next start finds");
}

typedef struct swapping {
    catalog_t *catalog, *fresh;
    atomic_bool is_done;
} swapping_t;

static void *swap(void *context)
{
    swapping_t *self = context;
    check_ok(catalog_swap(self->catalog, self->fresh));
    atomic_store(&self->is_done, true);
    return NULL;
}

Test(catalog_swap, who_reads_the_old_one_reads_on_and_is_waited_for)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    fill(&self, self.catalog, 0, 2);
    swapping_t swapping = {self.catalog, made_anew(&self, 7), false};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_track_t track;
    pthread_t thread;
    check_ok(catalog_read_begin(self.catalog, &self.arena, &read));
    cr_assert(pthread_create(&thread, NULL, swap, &swapping) == 0);

    while (tracks_of(&self) != 7) /* others see the new one meanwhile */
        continue;
    cr_assert(tracks_in(&read) == 2);
    check_ok(catalog_track(&read, 1, &track));
    cr_assert(atomic_load(&swapping.is_done) == false);

    catalog_read_end(&read);
    pthread_join(thread, NULL);
    cr_assert(atomic_load(&swapping.is_done));
    catalog_drop(swapping.fresh);
}

typedef struct reader {
    catalog_t *catalog;
    atomic_bool *is_over;
    uint64_t reads;
} reader_t;

static void *read_on(void *context)
{
    reader_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    while (!atomic_load(self->is_over)) {
        catalog_read_t read CATALOG_READ_SCOPED = {0};
        catalog_track_t track;
        arena_reset(&arena);
        check_ok(catalog_read_begin(self->catalog, &arena, &read));
        uint64_t count = tracks_in(&read);
        check_ok(catalog_track(&read, count, &track)); /* of the same moment */
        self->reads++;
    }
    return NULL;
}

Test(catalog_swap, readers_on_other_threads_never_see_half_of_it)
{
    enum { READERS = 3, SWAPS = 20 };
    fixture_t self FIXTURE_SCOPED = set_up();
    atomic_bool is_over = false;
    reader_t readers[READERS];
    pthread_t threads[READERS];
    fill(&self, self.catalog, 0, 2);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader_t){self.catalog, &is_over, 0};
        cr_assert(pthread_create(&threads[i], NULL, read_on, &readers[i]) == 0);
    }

    for (uint64_t i = 0; i < SWAPS; i++) {
        catalog_t *fresh = made_anew(&self, 1 + i % 5);
        check_ok(catalog_swap(self.catalog, fresh));
        catalog_drop(fresh);
    }
    atomic_store(&is_over, true);

    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    cr_assert(tracks_of(&self) == 1 + (SWAPS - 1) % 5);
}

Test(catalog_swap, a_start_after_a_kill_finds_one_whole_catalog_and_no_remains)
{
    static const struct {
        const char *what;
        bool has_path, has_new, has_old; /* what the kill left */
        bool want_new;                   /* unfinished, to go on with */
    } cases[] = {
        {"before the swap", true, true, false, true},
        {"the old one has no name any more", false, true, true, false},
        {"the new one has its name", true, false, true, false},
        {"the old one is removed", true, false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t self FIXTURE_SCOPED = set_up();
        bool has_new = false;
        fill(&self, self.catalog, 0, 2);
        catalog_close(STEAL(self.catalog));
        catalog_t *other;
        if (cases[i].has_new || cases[i].has_old) {
            const char *name =
                cases[i].has_new && cases[i].has_path ? self.new_path.path : self.old_path.path;
            check_ok(catalog_open(name, 0, NULL, &other));
            catalog_close(other);
        }
        if (!cases[i].has_path)
            cr_assert(rename(self.path.path, self.new_path.path) == 0);

        check_ok(catalog_swap_settle(self.path.path, &has_new));

        cr_expect(has_new == cases[i].want_new, "%s", cases[i].what);
        cr_expect(is_there(self.new_path) == cases[i].want_new, "%s", cases[i].what);
        cr_expect(is_there(self.path) && is_gone(self.old_path), "%s", cases[i].what);
        check_ok(catalog_open(self.path.path, 0, NULL, &self.catalog));
        cr_expect(tracks_of(&self) == 2, "%s", cases[i].what);
    }
}

Test(catalog_swap, a_folder_that_cannot_be_named_leaves_both_as_they_were)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    fill(&self, self.catalog, 0, 2);
    catalog_t *fresh = made_anew(&self, 3);
    FILE *file;
    temporary_name_t inside;
    cr_assert(mkdir(self.old_path.path, 0700) == 0);
    inside = temporary_in(&self.folder, "catalog.old/not-ours");
    file = fopen(inside.path, "w");
    cr_assert(file != NULL && fclose(file) == 0);

    cr_expect(catalog_swap(self.catalog, fresh) != ERR_OK);

    cr_expect(tracks_of(&self) == 2 && is_there(self.new_path) && is_there(self.path));
    cr_assert(remove(inside.path) == 0);
    check_ok(catalog_swap(self.catalog, fresh));
    catalog_drop(fresh);
    cr_expect(tracks_of(&self) == 3);
}
