/* explore -- runs the explorer's plans by seed, for as long as wanted: see --help and
 * docs/testing.md. A run that fails is made again in processes of its own and shrunk. */

#include "tests/sim/explore/shrink.h"
#include "tests/sim/explore/world.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, FAILURES_MAX = 5, SEEDS_MAX = 256, SEED_SECONDS_MAX = 120 };

typedef struct request {
    uint64_t from, count, seconds, failures_max;
    uint64_t seeds[SEEDS_MAX];
    size_t seed_count;
    const char *scenario, *trace, *plan, *keep;
    uint32_t change_count;
    bool is_unshrunk;
} request_t;

static const char usage[] =
    "explore SEED...            run these\n"
    "explore --from N --count M run M seeds, N first\n"
    "explore --for 10m          run seeds until so much time is over (s, m, h)\n"
    "  --scenario NAME          not what the seed chooses\n"
    "  --pct D                  priorities with D change points; 0: random choices\n"
    "  --plan FILE              run the plan in the file\n"
    "  --shrink 0               tell what failed as it is\n"
    "  --first N                stop after so many failures; 5\n"
    "  --trace FILE             write every step of one seed or plan to the file (- : here)\n"
    "  --keep FOLDER            write the shrunk plan of each failure into the folder\n"
    "  --scenarios              list them\n";

/* What the parent must know of a child that may die. */
typedef struct board {
    volatile uint64_t seed, done, messages, steps;
} board_t;

static uint64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* Runs seeds until one fails. 0: none. */
static int run_batch(const request_t *request, board_t *board, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        plan_t plan;
        outcome_t outcome;
        board->seed = request->seed_count > 0 ? request->seeds[first + i] : first + i;
        if (!plan_make(board->seed, request->scenario, request->change_count, &plan))
            return 2;
        alarm(SEED_SECONDS_MAX); /* a hang dies of it, and is shrunk like any other failure */
        world_run(&plan, NULL, &outcome);
        board->done++;
        board->messages += outcome.messages;
        board->steps += outcome.steps;
        if (outcome.oracle != ORACLE_NONE)
            return 1;
    }
    return 0;
}

static bool run_in_child(const request_t *request, board_t *board, uint64_t first, uint64_t count)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(run_batch(request, board, first, count));
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void keep(const request_t *request, const plan_t *plan, str_t text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%llu.plan", request->keep, plan->scenario,
             (unsigned long long)plan->seed);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return;
    fwrite(text.data, 1, text.size, file);
    fclose(file);
    printf("kept as %s\n", path);
}

static void report(const request_t *request, uint64_t seed)
{
    plan_t plan;
    shrunk_t shrunk;
    if (!plan_make(seed, request->scenario, request->change_count, &plan))
        return;
    if (request->is_unshrunk)
        plan_tell(&plan, &shrunk);
    else
        plan_shrink(&plan, &shrunk);
    buf_t text BUF_SCOPED = BUF_INIT;
    plan_write(&plan, &text);
    printf("FAILED seed %llu (%s): %s: %s\n", (unsigned long long)seed, plan.scenario,
           oracle_name(shrunk.oracle), shrunk.failure);
    printf("shrunk in %u runs to %u commands, %u faults, %u changes:\n%.*s", shrunk.runs,
           plan.command_count, plan.fault_count, plan.change_count, STR_ARG(buf_str(&text)));
    printf("again: tools/sim %llu --scenario %s --pct %u --trace -\n", (unsigned long long)seed,
           plan.scenario, shrunk.changes_before);
    if (request->keep != NULL)
        keep(request, &plan, buf_str(&text));
}

static int run_many(const request_t *request)
{
    board_t *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        return 2;
    uint64_t begin_s = now_s(), told_s = begin_s;
    uint64_t count = request->seed_count > 0 ? request->seed_count : request->count;
    uint64_t next = request->seed_count > 0 ? 0 : request->from, end = next + count;
    int failures = 0;
    while ((uint64_t)failures < request->failures_max &&
           (request->seconds > 0 ? now_s() - begin_s < request->seconds : next < end)) {
        uint64_t batch = request->seconds > 0 ? BATCH : MIN(end - next, (uint64_t)BATCH);
        uint64_t before = board->done;
        if (run_in_child(request, board, next, batch)) {
            next += batch;
        } else {
            failures++;
            report(request, board->seed);
            next += MAX(board->done - before, UINT64_C(1));
        }
        if (now_s() - told_s >= 10) {
            told_s = now_s();
            printf("%llu seeds, %llu steps, %llu messages, %d failures\n",
                   (unsigned long long)board->done, (unsigned long long)board->steps,
                   (unsigned long long)board->messages, failures);
        }
    }
    printf("%llu seeds, %llu steps, %llu messages in %llu s, %d failures\n",
           (unsigned long long)board->done, (unsigned long long)board->steps,
           (unsigned long long)board->messages, (unsigned long long)(now_s() - begin_s), failures);
    return failures > 0;
}

static int run_one(const plan_t *plan, const char *trace)
{
    FILE *file = trace == NULL ? NULL : strcmp(trace, "-") == 0 ? stdout : fopen(trace, "w");
    outcome_t outcome;
    world_run(plan, file, &outcome);
    if (file != NULL && file != stdout)
        fclose(file);
    printf("%s: fingerprint %016llx, %llu steps, %llu messages: %s %s\n", plan->scenario,
           (unsigned long long)outcome.fingerprint, (unsigned long long)outcome.steps,
           (unsigned long long)outcome.messages,
           outcome.oracle == ORACLE_NONE ? "all held" : oracle_name(outcome.oracle),
           outcome.failure);
    return outcome.oracle != ORACLE_NONE;
}

static int run_file(const request_t *request)
{
    static char text[65536];
    FILE *file = fopen(request->plan, "r");
    if (file == NULL) {
        perror(request->plan);
        return 2;
    }
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    plan_t plan;
    if (plan_read(str_of(text, size), &plan) != ERR_OK) {
        fprintf(stderr, "%s is no plan\n", request->plan);
        return 2;
    }
    return run_one(&plan, request->trace);
}

static uint64_t seconds_of(const char *text)
{
    char *unit;
    uint64_t number = strtoull(text, &unit, 10);
    return number * (*unit == 'h' ? 3600 : *unit == 'm' ? 60 : 1);
}

static int list_scenarios(void)
{
    for (size_t i = 0; plan_scenario(i) != NULL; i++)
        puts(plan_scenario(i));
    return 0;
}

/* False: usage. */
static bool parse(int argc, char **argv, request_t *out)
{
    *out = (request_t){.from = 1, .failures_max = FAILURES_MAX, .change_count = PLAN_CHANGES_DRAWN};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-') {
            if (out->seed_count == SEEDS_MAX)
                return false;
            out->seeds[out->seed_count++] = strtoull(word, NULL, 10);
            continue;
        }
        const char *value = i + 1 < argc ? argv[++i] : NULL;
        if (value == NULL)
            return false;
        if (strcmp(word, "--from") == 0)
            out->from = strtoull(value, NULL, 10);
        else if (strcmp(word, "--count") == 0)
            out->count = strtoull(value, NULL, 10);
        else if (strcmp(word, "--for") == 0)
            out->seconds = seconds_of(value);
        else if (strcmp(word, "--scenario") == 0)
            out->scenario = value;
        else if (strcmp(word, "--pct") == 0)
            out->change_count = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(word, "--trace") == 0)
            out->trace = value;
        else if (strcmp(word, "--plan") == 0)
            out->plan = value;
        else if (strcmp(word, "--shrink") == 0)
            out->is_unshrunk = strtoul(value, NULL, 10) == 0;
        else if (strcmp(word, "--first") == 0)
            out->failures_max = strtoull(value, NULL, 10);
        else if (strcmp(word, "--keep") == 0)
            out->keep = value;
        else
            return false;
    }
    return out->plan != NULL || out->seed_count > 0 || out->count > 0 || out->seconds > 0;
}

int main(int argc, char **argv)
{
    static request_t request;
    if (argc == 2 && strcmp(argv[1], "--scenarios") == 0)
        return list_scenarios();
    if (!parse(argc, argv, &request)) {
        fputs(usage, stderr);
        return 2;
    }
    if (request.plan != NULL)
        return run_file(&request);
    if (request.trace == NULL)
        return run_many(&request);
    plan_t plan;
    if (!plan_make(request.seed_count > 0 ? request.seeds[0] : request.from, request.scenario,
                   request.change_count, &plan)) {
        fprintf(stderr, "no such scenario: see explore --scenarios\n");
        return 2;
    }
    return run_one(&plan, request.trace);
}
