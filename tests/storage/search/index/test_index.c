#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

enum { SMALL_MEMORY = 1 }; /* the least that a build takes: several blocks and runs */

/* What the model has, in PATH. */
static void build(rig_t *self, size_t memory_max)
{
    search_build_options_t options = rig_build_options(self);
    options.memory_max = memory_max;
    check_ok(search_build(self->path.path, &options));
}

Test(search_index, one_that_is_new_is_empty)
{
    rig_t self RIG_SCOPED;
    rig_init(&self, 1);

    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(self.path.path);

    model_check(&self.model, index);
    cr_assert(eq(u64, search_index_position(index).position, 0));
}

Test(search_index, a_build_has_what_its_source_has)
{
    static const uint64_t counts[] = {0, 1, 30, 1200};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        rig_t self RIG_SCOPED;
        search_index_stats_t stats;
        rig_init(&self, i + 1);
        rig_put(&self, counts[i]);

        build(&self, i % 2 == 0 ? SMALL_MEMORY : 0);

        search_index_t *index SEARCH_INDEX_SCOPED = rig_open(self.path.path);
        model_check(&self.model, index);
        cr_assert(eq(u64, search_index_position(index).generation, 3));
        cr_assert(eq(u64, search_index_position(index).position, 4));
        check_ok(search_index_stats(index, &stats));
        cr_assert(eq(u64, stats.built_at_ms, 5));
        cr_assert(eq(u64, stats.delta, 0));
    }
}

Test(search_index, updates_are_what_a_list_of_documents_makes_of_them)
{
    for (uint64_t seed = 1; seed <= 3 * scale_rounds(); seed++) {
        rig_t self RIG_SCOPED;
        rig_init(&self, seed);
        for (uint64_t id = 0; seed % 3 != 0 && id < 100; id++)
            model_put(&self.model, &self.random, (search_kind_t)(id % SEARCH_KIND_COUNT), id);
        build(&self, 0);
        search_index_t *index SEARCH_INDEX_SCOPED = rig_open(self.path.path);

        for (uint64_t round = 1; round <= 60; round++) {
            search_change_t changes[16];
            size_t count = rig_change(&self, changes, COUNT_OF(changes));
            check_ok(search_index_update(index, changes, count, (search_position_t){9, round}));
            if (round % 12 == 0)
                model_check(&self.model, index);
        }

        search_index_close(STEAL(index));
        index = rig_open(self.path.path);
        model_check(&self.model, index);
        cr_assert(eq(u64, search_index_position(index).position, 60));
    }
}
