/* The explorer: seeds of every scenario, the plans that failed once, and the explorer itself: one
 * seed is one history, in every process; a failure is found, and shrunk.
 *
 * MS_ROUNDS=n runs more seeds; tools/sim runs as many as one likes and shrinks what fails. */
#include "runtime/base/memory.h"
#include "tests/sim/explore/shrink.h"
#include "tests/sim/explore/world.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { SEEDS = 1000, SEEDS_LONG = 100000, TRACE_SIZE_MAX = 4 << 20 };

static uint64_t seed_count(void)
{
    return scale_rounds() <= 1 ? SEEDS : SEEDS_LONG;
}

static outcome_t check_plan(const plan_t *plan, const char *what)
{
    outcome_t outcome;
    world_run(plan, NULL, &outcome);
    cr_assert(outcome.oracle == ORACLE_NONE,
              "%s: %s: %s; again, and shrunk: tools/sim %llu --scenario %s --pct %u", what,
              oracle_name(outcome.oracle), outcome.failure, (unsigned long long)plan->seed,
              plan->scenario, plan->change_count);
    return outcome;
}

Test(explore, whatever_happens_everything_is_settled)
{
    uint64_t crashes = 0, allocations = 0, appends = 0, absences = 0, replacements = 0, letters = 0;
    uint64_t reordered = 0, torn = 0;
    for (uint64_t seed = 1; seed <= seed_count(); seed++) {
        plan_t plan;
        char what[32];
        snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
        cr_assert(plan_make(seed, NULL, PLAN_CHANGES_DRAWN, &plan));
        outcome_t outcome = check_plan(&plan, what);
        crashes += outcome.crashes;
        allocations += outcome.failed_allocations;
        appends += outcome.append_faults;
        absences += outcome.absences;
        replacements += outcome.replacements;
        letters += outcome.letters;
        reordered += outcome.reordered;
        torn += outcome.torn;
        if (seed % 16 == 0) { /* what the run before left behind changes nothing */
            uint64_t again = check_plan(&plan, what).fingerprint;
            cr_assert(eq(u64, again, outcome.fingerprint), "%s", what);
        }
    }

    bool is_rough = crashes > seed_count() / 20 && allocations > seed_count() / 20 &&
                    appends > seed_count() / 20 && absences > seed_count() / 40 &&
                    replacements > seed_count() / 20 && letters > seed_count() / 4 &&
                    reordered > seed_count() / 20 && torn > seed_count() / 50;
    cr_assert(is_rough,
              "%llu crashes, %llu allocations, %llu appends, %llu absences, %llu new versions, "
              "%llu letters, %llu answers in another order, %llu appends torn",
              (unsigned long long)crashes, (unsigned long long)allocations,
              (unsigned long long)appends, (unsigned long long)absences,
              (unsigned long long)replacements, (unsigned long long)letters,
              (unsigned long long)reordered, (unsigned long long)torn);
}

/* ---- regressions ---- */

static str_t file_text(const char *folder, const char *name, char *room, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL, "%s", path);
    size_t got = fread(room, 1, size, file);
    fclose(file);
    return str_of(room, got);
}

Test(explore, what_failed_once_does_not_fail_again)
{
    char folder[512];
    static char text[65536];
    snprintf(folder, sizeof folder, "%s/tests/sim/regressions", getenv("MS_SOURCE"));
    DIR *dir = opendir(folder);
    cr_assert(dir != NULL, "%s", folder);
    uint32_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!str_ends_with(str_from(entry->d_name), STR(".plan")))
            continue;
        plan_t plan;
        check_ok(plan_read(file_text(folder, entry->d_name, text, sizeof text), &plan));
        (void)check_plan(&plan, entry->d_name);
        count++;
    }
    closedir(dir);

    cr_assert(count > 0);
}

Test(explore, a_plan_reads_back_as_it_was_written)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        plan_t plan, back;
        buf_t text BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
        cr_assert(plan_make(seed, NULL, PLAN_CHANGES_DRAWN, &plan));

        plan_write(&plan, &text);
        check_ok(plan_read(buf_str(&text), &back));
        plan_write(&back, &again);

        check_str(buf_str(&again), buf_str(&text));
    }
    plan_t plan;
    check_err(plan_read(STR("command 1 ask 4 jump:0:0:0\n"), &plan), ERR_INVALID);
    check_err(plan_read(STR("fault fire 1 1\n"), &plan), ERR_INVALID);
    check_err(plan_read(STR("command 1 ask 99\n"), &plan), ERR_INVALID);
}

/* ---- one seed, one history ---- */

/* What the program prints for a seed, run in a process of its own. */
static size_t trace_of(const char *seed, const char *scenario, char *room)
{
    char command[1024];
    snprintf(command, sizeof command, "%s/tests/sim.explore %s --scenario %s --trace -",
             getenv("MS_BUILD"), seed, scenario);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe != NULL);
    size_t size = fread(room, 1, TRACE_SIZE_MAX, pipe);
    int status = pclose(pipe);
    bool is_fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    cr_assert(is_fine, "%s", command);
    return size;
}

/* Where a program of its own is loaded: another place each time, where the system does so. */
static uint64_t address_of_another(void)
{
    uint64_t address = 0;
    FILE *pipe = popen("awk '/stack/ { print \"0x\" substr($1, 1, 12) }' /proc/self/maps", "r");
    char line[64] = "";
    cr_assert(pipe != NULL && fgets(line, sizeof line, pipe) != NULL);
    address = strtoull(line, NULL, 16);
    pclose(pipe);
    return address;
}

Test(explore, two_processes_write_the_same_trace)
{
    char *first = malloc(TRACE_SIZE_MAX), *second = malloc(TRACE_SIZE_MAX);
    static const char *const seeds[] = {"7", "8", "21"};
    for (size_t scenario = 0; plan_scenario(scenario) != NULL; scenario++) {
        for (size_t i = 0; i < COUNT_OF(seeds); i++) {
            size_t size = trace_of(seeds[i], plan_scenario(scenario), first);
            size_t again = trace_of(seeds[i], plan_scenario(scenario), second);
            bool is_same = size > 1000 && size == again && memcmp(first, second, size) == 0;
            cr_assert(is_same, "seed %s of %s: %zu and %zu bytes", seeds[i],
                      plan_scenario(scenario), size, again);
        }
    }
    size_t size = trace_of("7", "everything", first);
    size_t size_of_other = trace_of("8", "everything", second);
    bool is_other = size != size_of_other || memcmp(first, second, size) != 0;
    cr_assert(is_other, "another seed, another history");
    bool is_moving = address_of_another() != address_of_another();
    cr_assert(is_moving, "addresses are drawn anew each time");
    free(first);
    free(second);
}

/* ---- the explorer finds ---- */

/* A timer's run that does not end: the oracle is the step limit. Here a plan that must fail in a
 * known way: it names an answer that no handler gives. */
Test(explore, a_failure_is_shrunk_to_what_it_takes)
{
    plan_t plan;
    shrunk_t shrunk;
    cr_assert(plan_make(11, "everything", 3, &plan));
    plan.commands[plan.command_count / 2].means = MEANS_ASK;
    plan.commands[plan.command_count / 2].target = 0;
    plan.commands[plan.command_count / 2].step_count = 2;
    plan.commands[plan.command_count / 2].steps[0] = (plan_step_t){ACT_wrong, 0, 0, 0};
    plan.commands[plan.command_count / 2].steps[1] = (plan_step_t){ACT_send, 3, 0, 0};

    plan_shrink(&plan, &shrunk);

    cr_assert(shrunk.oracle == ORACLE_ANSWER, "%s", shrunk.failure);
    cr_assert(eq(u32, plan.command_count, 1));
    cr_assert(eq(u32, plan.commands[0].step_count, 1));
    cr_assert(eq(u32, plan.fault_count, 0));
    cr_assert(eq(u32, plan.change_count, 0));
}
