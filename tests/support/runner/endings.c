/* endings.c -- tests that end in every way there is, for check_runner. */

#include "tests/support/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

Test(fails, by_an_assertion)
{
    cr_assert(eq(u64, 6 * 9, 42), "the answer of %d by %d", 6, 9);
    _exit(EXIT_SUCCESS); /* no assertion that failed returns */
}

Test(fails, by_an_expectation)
{
    cr_expect(eq(int, 1, 2), "the first of two");
    cr_expect(eq(int, 3, 4), "the second of two");
}

Test(fails, by_one_of_the_older_assertions)
{
    cr_assert_eq(1, 2, "older");
}

Test(fails, by_a_signal)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler is not what is asked here */
    raise(SIGSEGV);
}

Test(fails, by_its_exit_status)
{
    _exit(3);
}

static void *assert_in_thread(void *argument)
{
    cr_assert(argument != NULL, "said in a thread");
    return NULL;
}

Test(fails, by_another_thread)
{
    pthread_t thread;
    pthread_create(&thread, NULL, assert_in_thread, NULL);
    pthread_join(thread, NULL);
    _exit(EXIT_SUCCESS);
}

/* Where a sanitizer looks for it. */
Test(leaks, what_nobody_frees)
{
    void *volatile lost = malloc(100);
    lost = NULL;
    cr_assert(lost == NULL);
}

Test(passes, with_nothing_wrong)
{
    cr_log_info("a line of its own");
}

Test(skips, with_a_reason)
{
    cr_skip_test("for want of %s", "something");
}

Test(skips, when_disabled, .disabled = true)
{
    abort();
}
