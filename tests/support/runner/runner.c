/* runner.c -- runs the tests that a program holds: Criterion's tests and assertions, and a runner
 * of our own.
 *
 * Criterion's own serves sockets in threads while it forks a process for each test. Whatever lock
 * such a thread holds at that moment nobody ever gives back in the child: tests hung before they
 * began, under AddressSanitizer in its allocator; and ThreadSanitizer can't follow at all. Here the
 * process that forks has one thread and waits for nothing but its children. What a test says it
 * writes itself, and how it ended is its exit status; a sanitizer's report is a failure, too.
 *
 * The linker takes main and the functions that the macros call from here; what builds an
 * assertion's message is the library's. Of a test's options `.disabled` is known; what is not ends
 * the program. */

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/internal/new_asserts.h>
#include <criterion/logging.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 16, EXIT_TEST_FAILED = 1, EXIT_TEST_SKIPPED = 77, EXIT_USAGE = 2 };

typedef struct criterion_test test_t;

typedef struct job {
    pid_t pid; /* 0: none runs here */
    const test_t *test;
    struct timespec began;
} job_t;

typedef struct run {
    job_t jobs[JOBS_MAX];
    size_t jobs_max, running, passed, failed, skipped;
} run_t;

/* As the library declares them, with what is known of the first argument. */
void criterion_skip_test(const char *format, ...) __attribute__((format(printf, 1, 2)));
void criterion_test_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The linker's names for the sections that Test and ReportHook fill. */
extern test_t *__start_cr_tst[] __attribute__((weak)), *__stop_cr_tst[] __attribute__((weak));
extern void *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));
extern f_report_hook __start_cr_pra[] __attribute__((weak)), __stop_cr_pra[] __attribute__((weak));
extern f_report_hook __start_cr_poa[] __attribute__((weak)), __stop_cr_poa[] __attribute__((weak));

/* ---- in the process of a test ---- */

static int failures; /* written by any thread of the test; none of them counts */

static void say_failed(const char *file, size_t line, const char *message)
{
    __atomic_store_n(&failures, 1, __ATOMIC_RELAXED);
    fprintf(stderr, "%s:%zu: failed: %s\n", file, line, message);
}

/* What was compared, of the parts that are not as they should be. */
static void say_parts(const struct cri_assert_node *tree)
{
    if (tree->params[0].name != NULL) {
        fprintf(stderr, "    %s\n", tree->repr);
        for (const struct cri_assert_param *part = tree->params; part->name != NULL; part++)
            if (part->type == CRI_ASSERT_RT_STR)
                fprintf(stderr, "        %s: %s\n", part->name, (const char *)part->data);
        return;
    }
    if (tree->repr != NULL && tree->nchild == 0)
        fprintf(stderr, "    %s\n", tree->repr);
    for (uint32_t i = 0; i < tree->nchild; i++)
        if (!tree->children[i].pass)
            say_parts(&tree->children[i]);
}

void cri_assert_node_send(const char *file, size_t line, struct cri_assert_node *tree)
{
    flockfile(stderr);
    say_failed(file, line, tree->message == NULL ? "" : tree->message);
    say_parts(tree);
    funlockfile(stderr);
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->passed)
        say_failed(stats->file, stats->line, stats->message);
}

void cri_asserts_passed_incr(void)
{
}

/* Nothing is cleaned up, and nobody looks for what leaks: the test has failed. */
void criterion_abort_test(void)
{
    fflush(NULL);
    _exit(EXIT_TEST_FAILED);
}

void criterion_continue_test(void)
{
}

void criterion_skip_test(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    fflush(NULL);
    _exit(EXIT_TEST_SKIPPED);
}

void criterion_test_die(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    criterion_abort_test();
    abort();
}

void cr_log(enum criterion_severity severity, const char *format, ...)
{
    (void)severity;
    flockfile(stderr);
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    funlockfile(stderr);
}

void criterion_internal_test_setup(void)
{
}

void criterion_internal_test_main(void (*test)(void))
{
    test();
}

void criterion_internal_test_teardown(void)
{
}

static void run_here(const test_t *test)
{
    test->test();
    fflush(NULL);
    if (__atomic_load_n(&failures, __ATOMIC_RELAXED) != 0)
        _exit(EXIT_TEST_FAILED);
    exit(EXIT_SUCCESS); /* a sanitizer that knows of a leak changes that */
}

/* ---- in the runner ---- */

/* What has a test that is not of this file's knowledge would run, and prove less than it says. */
static void require_known(const test_t *test)
{
    const struct criterion_test_extra_data *data = test->data;
    if (data->init != NULL || data->fini != NULL || data->signal != 0 || data->exit_code != 0 ||
        data->timeout > 0 || data->param_ != NULL) {
        fprintf(stderr, "%s: the runner knows no option of a test but .disabled\n",
                data->identifier_);
        exit(EXIT_USAGE);
    }
}

/* A thread of the runner could hold a lock that its children never get. TSan has one of its own,
 * and holds its locks over a fork. */
static void require_one_thread(void)
{
#if !defined(__SANITIZE_THREAD__)
    struct stat tasks;
    if (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink != 3) { /* ., .. and one */
        fprintf(stderr, "the runner has threads when it forks: a hook started one\n");
        exit(EXIT_USAGE);
    }
#endif
}

static void run_start(run_t *self, const test_t *test)
{
    job_t *job = self->jobs;
    while (job->pid != 0)
        job++;
    printf("run     %s\n", test->data->identifier_);
    fflush(NULL);
    require_one_thread();
    clock_gettime(CLOCK_MONOTONIC, &job->began);
    pid_t runner = getpid();
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(EXIT_USAGE);
    }
    if (child == 0) {
        /* A test does not outlive who would have told how it ended. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != runner)
            _exit(EXIT_TEST_FAILED);
        run_here(test);
    }
    job->pid = child;
    job->test = test;
    self->running++;
}

static void count_ended(run_t *self, const job_t *job, int status)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long took_ms =
        (now.tv_sec - job->began.tv_sec) * 1000 + (now.tv_nsec - job->began.tv_nsec) / 1000000;
    const char *name = job->test->data->identifier_;
    if (WIFSIGNALED(status)) {
        self->failed++;
        printf("FAILED  %s: %s, %ld ms\n", name, strsignal(WTERMSIG(status)), took_ms);
    } else if (WEXITSTATUS(status) == EXIT_TEST_SKIPPED) {
        self->skipped++;
        printf("skipped %s\n", name);
    } else if (WEXITSTATUS(status) != EXIT_SUCCESS) {
        self->failed++;
        printf("FAILED  %s: exit status %d, %ld ms\n", name, WEXITSTATUS(status), took_ms);
    } else {
        self->passed++;
        printf("ok      %s, %ld ms\n", name, took_ms);
    }
    fflush(stdout);
}

static void run_wait(run_t *self)
{
    int status;
    pid_t ended = waitpid(-1, &status, 0);
    for (size_t i = 0; i < self->jobs_max; i++) {
        if (ended > 0 && self->jobs[i].pid == ended) {
            count_ended(self, &self->jobs[i], status);
            self->jobs[i].pid = 0;
            self->running--;
        }
    }
}

/* Between two entries of a section there may be room, which is 0. */
static void call_hooks(f_report_hook *hook, f_report_hook *end)
{
    for (; hook < end; hook++)
        if (*hook != NULL)
            (*hook)(NULL);
}

static int run_all(run_t *self, const char *filter, bool here)
{
    if (&__start_cr_sts[0] < &__stop_cr_sts[0]) {
        fprintf(stderr, "the runner knows no TestSuite\n");
        return EXIT_USAGE;
    }
    call_hooks(__start_cr_pra, __stop_cr_pra);
    for (test_t **at = __start_cr_tst; at < __stop_cr_tst; at++) {
        if (*at == NULL || fnmatch(filter, (*at)->data->identifier_, 0) != 0)
            continue;
        require_known(*at);
        if ((*at)->data->disabled) {
            self->skipped++;
            printf("skipped %s\n", (*at)->data->identifier_);
            continue;
        }
        if (here)
            run_here(*at);
        while (self->running == self->jobs_max)
            run_wait(self);
        run_start(self, *at);
    }
    while (self->running > 0)
        run_wait(self);
    call_hooks(__start_cr_poa, __stop_cr_poa);
    printf("%zu passed, %zu failed, %zu skipped\n", self->passed, self->failed, self->skipped);
    if (self->passed + self->failed + self->skipped == 0) {
        fprintf(stderr, "no test is called %s\n", filter);
        return EXIT_USAGE;
    }
    return self->failed == 0 ? EXIT_SUCCESS : EXIT_TEST_FAILED;
}

static size_t jobs_usual(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > JOBS_MAX ? JOBS_MAX : (size_t)processors;
}

int main(int argc, char **argv)
{
    const char *filter = "*";
    run_t run = {.jobs_max = jobs_usual()};
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a line is one write: no other test's gets into it */
    bool here = false, is_list = false, is_wrong = false;
    for (int option; (option = getopt(argc, argv, "f:j:hl")) != -1;) {
        if (option == 'f')
            filter = optarg;
        else if (option == 'j')
            run.jobs_max = strtoul(optarg, NULL, 10);
        else if (option == 'h')
            here = true;
        else if (option == 'l')
            is_list = true;
        else
            is_wrong = true;
    }
    if (is_wrong || optind != argc || run.jobs_max < 1 || run.jobs_max > JOBS_MAX) {
        fprintf(stderr,
                "usage: %s [-f SUITE/NAME] [-j JOBS] [-h] [-l]\n"
                "-f: these, with * and ?; -j: so many at a time, up to %d; -h: the first of them "
                "in this process, for a debugger; "
                "-l: only their names\n",
                argv[0], JOBS_MAX);
        return EXIT_USAGE;
    }
    for (test_t **at = __start_cr_tst; is_list && at < __stop_cr_tst; at++)
        if (*at != NULL)
            puts((*at)->data->identifier_);
    return is_list ? EXIT_SUCCESS : run_all(&run, filter, here);
}
