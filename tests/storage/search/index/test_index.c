#include "storage/search/index/search_read.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <sys/stat.h>

enum { SMALL_MEMORY = 1 }; /* the least that a build takes: several blocks and runs */

typedef struct fixture {
    temporary_t folder;
    temporary_name_t path;
    model_t model;
    random_seed_t seed;
    ms_random_t random;
} fixture_t;

static void set_up(fixture_t *self, uint64_t seed)
{
    *self = (fixture_t){.folder = temporary_new(), .seed = {seed}};
    self->path = temporary_in(&self->folder, "search");
    self->random = random_seeded(&self->seed);
    model_init(&self->model);
}

static void tear_down(fixture_t *self)
{
    model_deinit(&self->model);
    temporary_remove(&self->folder);
}
#define FIXTURE_SCOPED SCOPED(tear_down)

static void build(fixture_t *self, size_t memory_max)
{
    check_ok(search_build(self->path.path,
                          &(search_build_options_t){.source = model_source(&self->model),
                                                    .position = {3, 4},
                                                    .now_ms = 5,
                                                    .memory_max = memory_max}));
}

static search_index_t *open_index(fixture_t *self)
{
    search_index_t *index = NULL;
    check_ok(search_index_open(&(search_index_options_t){.path = self->path.path}, &index));
    return index;
}

static void put_many(fixture_t *self, uint64_t count)
{
    for (uint64_t id = 1; id <= count; id++)
        model_put(&self->model, &self->random,
                  (search_kind_t)random_below(&self->random, SEARCH_KIND_COUNT),
                  id * 0x9e3779b97f4a7c15u);
}

Test(search_index, one_that_is_new_is_empty)
{
    fixture_t self FIXTURE_SCOPED;
    set_up(&self, 1);

    search_index_t *index SEARCH_INDEX_SCOPED = open_index(&self);

    model_check(&self.model, index);
    cr_assert(eq(u64, search_index_position(index).position, 0));
}

Test(search_index, a_build_has_what_its_source_has)
{
    static const uint64_t counts[] = {0, 1, 30, 1200};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        fixture_t self FIXTURE_SCOPED;
        search_index_stats_t stats;
        set_up(&self, i + 1);
        put_many(&self, counts[i]);

        build(&self, i % 2 == 0 ? SMALL_MEMORY : 0);

        search_index_t *index SEARCH_INDEX_SCOPED = open_index(&self);
        model_check(&self.model, index);
        cr_assert(eq(u64, search_index_position(index).generation, 3));
        cr_assert(eq(u64, search_index_position(index).position, 4));
        check_ok(search_index_stats(index, &stats));
        cr_assert(eq(u64, stats.built_at_ms, 5));
        cr_assert(eq(u64, stats.delta, 0));
    }
}

/* So many random changes in one update, to the model as well. */
static void update(fixture_t *self, search_index_t *index, size_t count, uint64_t position)
{
    search_change_t changes[16];
    for (size_t i = 0; i < count; i++) {
        search_kind_t kind = (search_kind_t)random_below(&self->random, SEARCH_KIND_COUNT);
        uint64_t id = random_below(&self->random, 120);
        bool is_removal = random_below(&self->random, 3) == 0;
        changes[i] =
            (search_change_t){.is_removal = is_removal, .document = {.kind = kind, .id = id}};
        if (is_removal)
            model_remove(&self->model, kind, id);
        else
            changes[i].document = *model_put(&self->model, &self->random, kind, id);
    }
    check_ok(search_index_update(index, changes, count, (search_position_t){9, position}));
}

Test(search_index, updates_are_what_a_list_of_documents_makes_of_them)
{
    for (uint64_t seed = 1; seed <= 3 * scale_rounds(); seed++) {
        fixture_t self FIXTURE_SCOPED;
        set_up(&self, seed);
        for (uint64_t id = 0; seed % 3 != 0 && id < 100; id++)
            model_put(&self.model, &self.random, (search_kind_t)(id % SEARCH_KIND_COUNT), id);
        build(&self, 0);
        search_index_t *index SEARCH_INDEX_SCOPED = open_index(&self);

        for (uint64_t round = 1; round <= 60; round++) {
            update(&self, index, random_below(&self.random, 16), round);
            if (round % 12 == 0)
                model_check(&self.model, index);
        }

        search_index_close(STEAL(index));
        index = open_index(&self);
        model_check(&self.model, index);
        cr_assert(eq(u64, search_index_position(index).position, 60));
    }
}
