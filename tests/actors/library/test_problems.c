#include "actors/library/problems.h"

#include "tests/support/check.h"

#include <stdio.h>

static void put(problems_t *problems, uint32_t number, const char *reason)
{
    char path[32];
    snprintf(path, sizeof path, "%u.mp3", number);
    library_problem_t problem = {.path = str_from(path), .reason = str_from(reason)};
    problems_put(problems, &problem);
}

Test(problems, a_path_has_one_and_the_newest_are_kept)
{
    problems_t problems PROBLEMS_SCOPED = {0};

    for (uint32_t i = 0; i < LIBRARY_PROBLEMS_MAX; i++)
        put(&problems, i, "first");
    cr_assert(eq(sz, problems.count, LIBRARY_PROBLEMS_MAX));
    cr_assert(eq(u64, problems.dropped, 0));
    put(&problems, 0, "again");
    cr_assert(eq(sz, problems.count, LIBRARY_PROBLEMS_MAX));
    check_str(problems_at(&problems, LIBRARY_PROBLEMS_MAX - 1).reason, STR("again"));
    put(&problems, LIBRARY_PROBLEMS_MAX, "one more");

    cr_assert(eq(sz, problems.count, LIBRARY_PROBLEMS_MAX));
    cr_assert(eq(u64, problems.dropped, 1));
    check_str(problems_at(&problems, 0).path, STR("2.mp3"));
    cr_assert(problems_has(&problems, STR("0.mp3"), STR("again")));
    cr_assert_not(problems_has(&problems, STR("0.mp3"), STR("first")));
    problems_remove(&problems, STR("0.mp3"));
    problems_remove(&problems, STR("nothing.mp3"));
    cr_assert(eq(sz, problems.count, LIBRARY_PROBLEMS_MAX - 1));
}
