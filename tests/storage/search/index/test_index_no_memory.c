/* A build, an update and a look with the n-th allocation failing, n from 1 until none is left to
 * fail: each says NO_MEMORY or does its work, no block is left, and the index is what it was, or
 * what it was to become. */

#include "storage/search/index/search_read.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"

typedef struct world {
    rig_t rig;
    search_index_t *index;
    search_change_t changes[2];
} world_t;

static void check_each(const each_failing_t *failing)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    uint64_t rounds;
    bool holds = each_failing_holds(failing, &rounds, &problem);
    cr_assert(holds, "%s", buf_terminated(&problem));
    cr_assert_gt(rounds, 3u);
}

/* ---- a build ---- */

static err_t build(void *context)
{
    world_t *world = context;
    search_build_options_t options = {.source = model_source(&world->rig.model)};
    return search_build(world->rig.path.path, &options);
}

static void check_built(void *context, err_t err)
{
    world_t *world = context;
    if (err != ERR_OK)
        return;
    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(world->rig.path.path);
    model_check(&world->rig.model, index);
}

Test(search_index_no_memory, a_build)
{
    world_t world = {0};
    rig_init(&world.rig, 1);
    rig_put(&world.rig, 12);

    check_each(&(each_failing_t){.use = build, .check = check_built, .context = &world});

    rig_deinit(&world.rig);
}

/* ---- an update ---- */

static err_t update(void *context)
{
    world_t *world = context;
    return search_index_update(world->index, world->changes, COUNT_OF(world->changes),
                               (search_position_t){1, 1});
}

/* The first is gone and the last has another content, or neither. */
static void check_updated(void *context, err_t err)
{
    world_t *world = context;
    search_index_stats_t stats;
    uint64_t position = search_index_position(world->index).position;
    cr_assert(eq(u64, position, err == ERR_OK ? 1 : 4));
    check_ok(search_index_stats(world->index, &stats));
    if (err == ERR_OK)
        model_check(&world->rig.model, world->index);
}

Test(search_index_no_memory, an_update)
{
    world_t world = {0};
    rig_init(&world.rig, 2);
    rig_put(&world.rig, 12);
    model_document_t *first = &world.rig.model.documents[0];
    model_document_t *last = &world.rig.model.documents[11];
    search_build_options_t options = rig_build_options(&world.rig);
    check_ok(search_build(world.rig.path.path, &options));
    world.index = rig_open(world.rig.path.path);
    world.changes[0] = (search_change_t){.is_removal = true, .document = first->document};
    first->is_there = false;
    last->document.title = STR("Quite new");
    last->document.plays = 0;
    world.changes[1] = (search_change_t){.document = last->document};

    check_each(&(each_failing_t){.use = update, .check = check_updated, .context = &world});

    search_index_close(world.index);
    rig_deinit(&world.rig);
}

/* ---- opening, and a look ---- */

static err_t open_and_look(void *context)
{
    world_t *world = context;
    arena_t arena ARENA_SCOPED = {0};
    search_index_t *index SEARCH_INDEX_SCOPED = NULL;
    search_read_t read SEARCH_READ_SCOPED = {0};
    roaring_bitmap_t *bitmap = NULL;
    TRY(search_index_open(&(search_index_options_t){.path = world->rig.path.path}, &index));
    TRY(search_read_begin(index, &arena, &read));
    TRY(search_everything(&read, &bitmap));
    roaring_bitmap_free(bitmap);
    TRY(search_postings(&read, SEARCH_SPACE_WORD, STR("love"), &bitmap));
    roaring_bitmap_free(bitmap);
    return ERR_OK;
}

Test(search_index_no_memory, a_look)
{
    world_t world = {0};
    rig_init(&world.rig, 3);
    rig_put(&world.rig, 12);
    search_build_options_t options = rig_build_options(&world.rig);
    check_ok(search_build(world.rig.path.path, &options));

    check_each(&(each_failing_t){.use = open_and_look, .context = &world});

    rig_deinit(&world.rig);
}
