/* A disk that is full, for real: a build, an update and a swap say FULL and leave what was there as
 * it was, and go on when there is room. Once with a file system that is too small (ENOSPC), once
 * with files that may not grow (EFBIG). */

#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/small_disk.h"

#include <stdio.h>
#include <sys/stat.h>

enum { DISK_SIZE = 4 << 20, FILE_SIZE_MAX = 1 << 20, DOCUMENTS = 60, BIG = 40000 };

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

typedef struct world {
    rig_t rig;
    search_index_t *index;
    char lyrics[BIG];
} world_t;

/* An index on the small disk, opened. */
static void world_init(world_t *self, const char *folder)
{
    *self = (world_t){0};
    rig_init(&self->rig, 1);
    snprintf(self->rig.path.path, sizeof self->rig.path.path, "%s/search", folder);
    snprintf(self->rig.fresh_path.path, sizeof self->rig.fresh_path.path, "%s/search.new", folder);
    memset(self->lyrics, 'a', sizeof self->lyrics);
    rig_put(&self->rig, DOCUMENTS);
    search_build_options_t options = rig_build_options(&self->rig);
    check_ok(search_build(self->rig.path.path, &options));
    self->index = rig_open(self->rig.path.path);
}

static void world_deinit(world_t *self)
{
    search_index_close(self->index);
    rig_deinit(&self->rig);
}
#define WORLD_SCOPED SCOPED(world_deinit)

static search_change_t big_change(world_t *self, uint64_t number)
{
    return (search_change_t){.document = {.kind = SEARCH_TRACK,
                                          .id = 10000 + number,
                                          .title = STR("Big"),
                                          .lyrics = str_of(self->lyrics, BIG)}};
}

/* Until one is refused; what was taken is the model's, too. Returns how many were taken. */
static uint64_t fill(world_t *self)
{
    for (uint64_t number = 0;; number++) {
        search_change_t change = big_change(self, number);
        err_t err =
            search_index_update(self->index, &change, 1, (search_position_t){5, number + 1});
        if (err != ERR_OK) {
            check_err(err, ERR_FULL);
            return number;
        }
    }
}

static void check_taken(world_t *self, uint64_t taken)
{
    search_index_stats_t stats;
    check_ok(search_index_stats(self->index, &stats));
    cr_assert(eq(u64, stats.delta, taken));
    cr_assert(eq(u64, search_index_position(self->index).position, taken));
}

/* Documents that do not fit, as many as one wants. */
typedef struct flood {
    world_t *world;
    uint64_t number;
} flood_t;

static err_t next_of_flood(void *context, search_document_t *out_document, bool *out_is_there)
{
    flood_t *self = context;
    *out_document = big_change(self->world, self->number++).document;
    *out_is_there = true;
    return ERR_OK;
}

static void check_build_is_refused(world_t *self)
{
    flood_t flood = {.world = self};
    search_build_options_t options = {.source = {.context = &flood, .next = next_of_flood}};

    check_err(search_build(self->rig.fresh_path.path, &options), ERR_FULL);

    cr_assert_not(is_there(self->rig.fresh_path.path));
}

/* In the index there is what the model says and what was taken, then without these. */
static void fill_and_go_on(world_t *self, small_disk_t *disk)
{
    check_build_is_refused(self);
    model_check(&self->rig.model, self->index);

    uint64_t taken = fill(self);
    cr_assert_gt(taken, 2u);
    check_taken(self, taken);
    search_index_close(STEAL(self->index));
    self->index = rig_open(self->rig.path.path);
    check_taken(self, taken);

    small_disk_give_space(disk);
    search_change_t change = big_change(self, taken);
    check_ok(search_index_update(self->index, &change, 1, (search_position_t){5, taken + 1}));
    check_taken(self, taken + 1);
}

/* What is built beside has room now, and takes its place; the refused ones are forgotten. */
static void build_and_swap(world_t *self)
{
    search_build_options_t options = rig_build_options(&self->rig);
    check_ok(search_build(self->rig.fresh_path.path, &options));
    check_ok(search_index_swap(self->index, rig_open(self->rig.fresh_path.path)));
    model_check(&self->rig.model, self->index);
}

Test(search_index_full, a_full_disk_loses_nothing_and_room_is_room)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    small_disk_t disk SMALL_DISK_SCOPED;
    world_t world WORLD_SCOPED;
    temporary_name_t path = temporary_in(&folder, "disk");
    bool is_mounted = small_disk_mount(&disk, path, DISK_SIZE);
    world_init(&world, path.path);
    if (!is_mounted)
        cr_skip_test("a file system can't be mounted here; the next test does without");

    fill_and_go_on(&world, &disk);
    build_and_swap(&world);
}

Test(search_index_full, a_file_that_may_not_grow_loses_nothing_and_room_is_room)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    small_disk_t disk SMALL_DISK_SCOPED;
    world_t world WORLD_SCOPED;
    small_disk_limit(&disk, FILE_SIZE_MAX);
    world_init(&world, folder.path);

    fill_and_go_on(&world, &disk);
    build_and_swap(&world);
}

/* A swap takes no room: it goes through while not a byte is free, and what it replaced is given
 * back. */
Test(search_index_full, a_swap_needs_no_room)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    small_disk_t disk SMALL_DISK_SCOPED;
    world_t world WORLD_SCOPED;
    temporary_name_t path = temporary_in(&folder, "disk");
    bool is_mounted = small_disk_mount(&disk, path, DISK_SIZE);
    world_init(&world, path.path);
    if (!is_mounted)
        cr_skip_test("a file system can't be mounted here");
    search_build_options_t options = rig_build_options(&world.rig);
    check_ok(search_build(world.rig.fresh_path.path, &options));
    search_index_t *fresh = rig_open(world.rig.fresh_path.path);
    cr_assert_gt(fill(&world), 0u);

    check_ok(search_index_swap(world.index, fresh));

    model_check(&world.rig.model, world.index);
    search_change_t change = big_change(&world, 1);
    check_ok(search_index_update(world.index, &change, 1, (search_position_t){5, 1}));
}
