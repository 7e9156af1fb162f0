#include "tests/sim/explore/shrink.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRY_SECONDS_MAX = 20, RUNS_MAX = 2000 };

static void run_and_tell(const plan_t *plan, int to)
{
    outcome_t outcome;
    alarm(TRY_SECONDS_MAX); /* a hang dies of it */
    if (freopen("/dev/null", "w", stderr) == NULL)
        _exit(1);
    world_run(plan, NULL, &outcome);
    bool is_told = write(to, &outcome.oracle, sizeof outcome.oracle) > 0 &&
                   write(to, outcome.failure, sizeof outcome.failure) > 0;
    _exit(!is_told);
}

oracle_t plan_try(const plan_t *plan, char out_failure[static 256])
{
    int ends[2];
    oracle_t oracle = ORACLE_CRASH;
    snprintf(out_failure, 256, "the process died");
    if (pipe(ends) != 0)
        return ORACLE_NONE;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_and_tell(plan, ends[1]);
    }
    close(ends[1]);
    char failure[256] = "";
    if (read(ends[0], &oracle, sizeof oracle) != (ssize_t)sizeof oracle)
        oracle = ORACLE_CRASH;
    else if (read(ends[0], failure, sizeof failure) == (ssize_t)sizeof failure)
        memcpy(out_failure, failure, sizeof failure);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? oracle : ORACLE_CRASH;
}

typedef struct shrinking {
    plan_t *plan; /* the smallest so far that fails */
    shrunk_t *shrunk;
} shrinking_t;

/* Keeps the smaller plan when it fails in the same way. */
static bool attempt(shrinking_t *self, const plan_t *smaller)
{
    if (self->shrunk->runs++ > RUNS_MAX)
        return false;
    char failure[256];
    if (plan_try(smaller, failure) != self->shrunk->oracle)
        return false;
    *self->plan = *smaller;
    memcpy(self->shrunk->failure, failure, sizeof failure);
    return true;
}

typedef enum part { PART_COMMANDS, PART_FAULTS, PART_CHANGES, PART_COUNT } part_t;

static uint32_t *count_of(plan_t *plan, part_t part)
{
    return part == PART_COMMANDS ? &plan->command_count
           : part == PART_FAULTS ? &plan->fault_count
                                 : &plan->change_count;
}

static void cut(plan_t *plan, part_t part, uint32_t at, uint32_t size)
{
    uint32_t *count = count_of(plan, part), rest = *count - at - size;
    if (part == PART_COMMANDS)
        memmove(&plan->commands[at], &plan->commands[at + size], rest * sizeof plan->commands[0]);
    else if (part == PART_FAULTS)
        memmove(&plan->faults[at], &plan->faults[at + size], rest * sizeof plan->faults[0]);
    else
        memmove(&plan->changes[at], &plan->changes[at + size], rest * sizeof plan->changes[0]);
    *count -= size;
}

/* Takes out halves, then quarters, ... down to single ones. */
static bool shrink_part(shrinking_t *self, part_t part)
{
    bool is_smaller = false;
    for (uint32_t size = (*count_of(self->plan, part) + 1) / 2; size > 0; size /= 2) {
        for (uint32_t at = 0; at + size <= *count_of(self->plan, part);) {
            plan_t smaller = *self->plan;
            cut(&smaller, part, at, size);
            if (attempt(self, &smaller))
                is_smaller = true;
            else
                at += size;
        }
    }
    return is_smaller;
}

static bool shrink_steps(shrinking_t *self)
{
    bool is_smaller = false;
    for (uint32_t i = 0; i < self->plan->command_count; i++) {
        for (uint32_t j = 0; j < self->plan->commands[i].step_count;) {
            plan_t smaller = *self->plan;
            plan_command_t *command = &smaller.commands[i];
            memmove(&command->steps[j], &command->steps[j + 1],
                    (command->step_count - j - 1) * sizeof command->steps[0]);
            command->step_count--;
            if (attempt(self, &smaller))
                is_smaller = true;
            else
                j++;
        }
    }
    return is_smaller;
}

void plan_tell(const plan_t *plan, shrunk_t *out_shrunk)
{
    *out_shrunk = (shrunk_t){.runs = 1, .changes_before = plan->change_count};
    out_shrunk->oracle = plan_try(plan, out_shrunk->failure);
}

void plan_shrink(plan_t *plan, shrunk_t *out_shrunk)
{
    plan_tell(plan, out_shrunk);
    if (out_shrunk->oracle == ORACLE_NONE)
        return;
    shrinking_t shrinking = {plan, out_shrunk};
    bool is_smaller = true;
    while (is_smaller && out_shrunk->runs < RUNS_MAX) {
        is_smaller = false;
        for (uint32_t part = 0; part < PART_COUNT; part++)
            is_smaller |= shrink_part(&shrinking, (part_t)part);
        is_smaller |= shrink_steps(&shrinking);
    }
}
