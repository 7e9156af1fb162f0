#include "storage/search/index/index_build.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_there(const rig_t *rig, const char *name)
{
    temporary_name_t path = temporary_in(&rig->folder, name);
    struct stat info;
    return stat(path.path, &info) == 0;
}

static void build_new(rig_t *rig)
{
    search_build_options_t options = rig_build_options(rig);
    check_ok(search_build(rig->fresh_path.path, &options));
}

/* PATH with one document, then another in the model only. */
static search_index_t *open_old(rig_t *rig)
{
    rig_put(rig, 1);
    search_build_options_t options = rig_build_options(rig);
    check_ok(search_build(rig->path.path, &options));
    rig_put(rig, 40);
    return rig_open(rig->path.path);
}

Test(search_index_swap, readers_see_the_new_one_and_so_does_who_opens_it_again)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 1);
    search_index_t *index SEARCH_INDEX_SCOPED = open_old(&rig);
    build_new(&rig);

    check_ok(search_index_swap(index, rig_open(rig.fresh_path.path)));

    model_check(&rig.model, index);
    cr_assert_not(is_there(&rig, "search.new"));
    cr_assert_not(is_there(&rig, "search.old"));
    search_change_t changes[4];
    size_t count = rig_change(&rig, changes, COUNT_OF(changes));
    check_ok(search_index_update(index, changes, count, (search_position_t){0, 0}));
    search_index_close(STEAL(index));
    index = rig_open(rig.path.path);
    model_check(&rig.model, index);
}

Test(search_index_swap, one_that_is_refused_leaves_the_old_one)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 2);
    search_index_t *index SEARCH_INDEX_SCOPED = open_old(&rig);
    build_new(&rig);
    temporary_name_t old = temporary_in(&rig.folder, "search.old");
    temporary_name_t foreign = temporary_in(&rig.folder, "search.old/somebody");
    search_index_stats_t stats;
    check_true(mkdir(old.path, 0700) == 0 && mkdir(foreign.path, 0700) == 0);

    cr_assert_neq(search_index_swap(index, rig_open(rig.fresh_path.path)), ERR_OK);

    check_ok(search_index_stats(index, &stats));
    cr_assert(eq(u64, stats.documents[0] + stats.documents[1] + stats.documents[2], 1));
}

static void rename_in(const rig_t *rig, const char *from, const char *to)
{
    temporary_name_t a = temporary_in(&rig->folder, from), b = temporary_in(&rig->folder, to);
    check_true(rename(a.path, b.path) == 0);
}

Test(search_index_swap, wherever_it_was_cut_short_one_whole_index_is_found)
{
    static const struct {
        const char *what;
        bool old_has_gone, new_has_come;
        bool is_new;
    } cases[] = {
        {"before the first name", false, false, false},
        {"between the names", true, false, true},
        {"before what is left is removed", true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t rig RIG_SCOPED;
        rig_init(&rig, 3 + i);
        search_index_stats_t stats;
        search_index_close(open_old(&rig));
        build_new(&rig);
        if (cases[i].old_has_gone)
            rename_in(&rig, "search", "search.old");
        if (cases[i].new_has_come)
            rename_in(&rig, "search.new", "search");

        check_ok(search_swap_settle(rig.path.path));

        search_index_t *index SEARCH_INDEX_SCOPED = rig_open(rig.path.path);
        check_ok(search_index_stats(index, &stats));
        uint64_t count = stats.documents[0] + stats.documents[1] + stats.documents[2];
        cr_assert(eq(int, count > 1, cases[i].is_new), "%s", cases[i].what);
        cr_assert_not(is_there(&rig, "search.new"));
        cr_assert_not(is_there(&rig, "search.old"));
    }
}

/* As a kill in a build leaves it: an environment, and the mark. */
static void unfinish(const rig_t *rig, const char *name)
{
    temporary_name_t mark = temporary_in(&rig->folder, name);
    FILE *file = fopen(mark.path, "w");
    cr_assert_not_null(file);
    (void)fclose(file);
}

Test(search_index_swap, what_a_build_left_unfinished_is_never_taken)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 9);
    search_index_t *index SEARCH_INDEX_SCOPED = open_old(&rig);
    search_index_close(STEAL(index));
    build_new(&rig);
    unfinish(&rig, "search.new/building");
    rename_in(&rig, "search", "elsewhere");

    check_ok(search_swap_settle(rig.path.path));
    cr_assert_not(is_there(&rig, "search.new"));
    cr_assert_not(is_there(&rig, "search"));

    rename_in(&rig, "elsewhere", "search");
    unfinish(&rig, "search/building");
    index = rig_open(rig.path.path);
    search_index_stats_t stats;
    check_ok(search_index_stats(index, &stats));
    cr_assert(eq(u64, stats.documents[0] + stats.documents[1] + stats.documents[2], 0));
    cr_assert_not(index_is_unfinished(rig.path.path));
}

Test(search_index_swap, nothing_is_settled_as_well)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 10);

    check_ok(search_swap_settle(rig.path.path));

    cr_assert_not(is_there(&rig, "search"));
}
