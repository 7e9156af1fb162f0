#include "storage/file.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <sys/stat.h>

typedef struct fixture {
    temporary_t folder;
    temporary_name_t path, new_path, old_path;
    model_t model;
    random_seed_t seed;
    ms_random_t random;
} fixture_t;

static void set_up(fixture_t *self)
{
    *self = (fixture_t){.folder = temporary_new(), .seed = {1}};
    self->path = temporary_in(&self->folder, "search");
    self->new_path = temporary_in(&self->folder, "search.new");
    self->old_path = temporary_in(&self->folder, "search.old");
    self->random = random_seeded(&self->seed);
    model_init(&self->model);
    for (uint64_t id = 1; id <= 20; id++)
        model_put(&self->model, &self->random, SEARCH_TRACK, id);
}

static void tear_down(fixture_t *self)
{
    model_deinit(&self->model);
    temporary_remove(&self->folder);
}
#define FIXTURE_SCOPED SCOPED(tear_down)

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static search_index_t *open_index(const char *path)
{
    search_index_t *index = NULL;
    check_ok(search_index_open(&(search_index_options_t){.path = path}, &index));
    return index;
}

static void build(fixture_t *self, const char *path, uint64_t position)
{
    check_ok(search_build(path, &(search_build_options_t){.source = model_source(&self->model),
                                                          .position = {1, position}}));
}

/* Builds another one beside, and puts it in the place of the first. */
static void replace(fixture_t *self, search_index_t *index, uint64_t position)
{
    build(self, self->new_path.path, position);
    check_ok(search_index_swap(index, open_index(self->new_path.path)));
    model_check(&self->model, index);
    cr_assert(eq(u64, search_index_position(index).position, position));
    cr_assert(is_there(self->path.path));
    cr_assert_not(is_there(self->new_path.path));
    cr_assert_not(is_there(self->old_path.path));
}

/* ---- what a kill leaves ---- */

static void leave(const temporary_name_t *folder, const char *name)
{
    temporary_name_t file = *folder;
    size_t size = strlen(file.path);
    snprintf(file.path + size, sizeof file.path - size, "/%s", name);
    check_ok(file_replace(file.path, STR("1\n"), false));
}

Test(search_index_swap, what_a_killed_build_left_is_in_nobodys_way)
{
    static const struct {
        const char *what;
        const char *files[4];
    } cases[] = {
        {"a folder", {NULL}},
        {"a mark that is not whole", {"building.new"}},
        {"a mark", {"building"}},
        {"files that have their names still", {"building", "spool", "runs"}},
        {"an environment that is begun", {"building", "boot.new", "lock.mdb", "data.mdb"}},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        fixture_t self FIXTURE_SCOPED;
        bool is_first = i % 2 == 0; /* there never was another one */
        set_up(&self);
        if (!is_first)
            build(&self, self.path.path, 7);
        mkdir(self.new_path.path, 0700);
        for (size_t k = 0; k < 4 && cases[i / 2].files[k] != NULL; k++)
            leave(&self.new_path, cases[i / 2].files[k]);

        check_ok(search_swap_settle(self.path.path));

        cr_expect_not(is_there(self.new_path.path), "%s", cases[i / 2].what);
        search_index_t *index SEARCH_INDEX_SCOPED = open_index(self.path.path);
        cr_expect(eq(u64, search_index_position(index).position, is_first ? 0 : 7));
        replace(&self, index, 8);
        replace(&self, index, 9);
    }
}

Test(search_index_swap, a_kill_between_any_two_renames_leaves_the_old_one_or_the_new_one)
{
    static const struct {
        const char *what;
        bool has_path, has_new, has_old;
        uint64_t position;
    } cases[] = {
        {"before the first", true, true, false, 1},
        {"after the first", false, true, true, 2},
        {"after the second", true, false, true, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t self FIXTURE_SCOPED;
        set_up(&self);
        if (cases[i].has_path)
            build(&self, self.path.path, 1);
        if (cases[i].has_new)
            build(&self, self.new_path.path, 2);
        if (cases[i].has_old)
            build(&self, self.old_path.path, 3);

        check_ok(search_swap_settle(self.path.path));

        search_index_t *index SEARCH_INDEX_SCOPED = open_index(self.path.path);
        cr_expect(eq(u64, search_index_position(index).position, cases[i].position));
        cr_expect_not(is_there(self.new_path.path) || is_there(self.old_path.path), "%s",
                      cases[i].what);
        model_check(&self.model, index);
    }
}
