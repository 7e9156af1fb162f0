#include "storage/journal/journal_queue.h"

#include "runtime/base/memory.h"
#include "tests/support/check.h"

#include <pthread.h>

enum { LONG_MS = 60 * 1000, LONG_BATCH_NS = 2 * JOURNAL_GATHER_NS_MAX };

static void queue_scope_end(journal_queue_t **queue)
{
    journal_queue_free(*queue);
}
#define QUEUE_SCOPED SCOPED(queue_scope_end)

static journal_queue_t *queue_new(void)
{
    journal_queue_t *queue = NULL;
    check_ok(journal_queue_new(&queue));
    return queue;
}

static void push(journal_queue_t *queue, size_t count)
{
    const journal_event_t event = {STR("noted"), STR("x")};
    const journal_append_t append = {
        .stream = STR("note/1"), .epoch = 1, .events = &event, .event_count = 1};
    for (size_t i = 0; i < count; i++)
        check_ok(journal_queue_append(queue, &append));
}

/* So many appends are answered. */
static void expect_after(journal_queue_t *queue, size_t answered)
{
    journal_job_t jobs[8] = {0};
    for (size_t i = 0; i + 1 < answered; i++)
        jobs[i].next = &jobs[i + 1];
    journal_queue_expect(queue, jobs, LONG_BATCH_NS);
}

static size_t take(journal_queue_t *queue)
{
    size_t count = 0;
    for (journal_job_t *job = journal_queue_take(queue, LONG_MS), *next; job != NULL; job = next) {
        next = job->next;
        memory_free(job);
        count++;
    }
    return count;
}

Test(journal_queue, nobody_waits_for_those_who_are_there)
{
    journal_queue_t *queue QUEUE_SCOPED = queue_new();
    push(queue, 3);
    expect_after(queue, 2);
    push(queue, 2);

    check_true(take(queue) == 5);
}

Test(journal_queue, what_is_waited_for_in_vain_holds_nobody_up_for_good)
{
    journal_queue_t *queue QUEUE_SCOPED = queue_new();

    for (int i = 0; i < 4 * JOURNAL_GATHER_SKIPS_MAX; i++) {
        push(queue, 1);
        expect_after(queue, 5);
        check_true(take(queue) == 1);
    }
}

static void *push_four(void *queue)
{
    push(queue, 4);
    return NULL;
}

/* However late they come: who was answered and comes again is taken. */
Test(journal_queue, who_comes_while_it_waits_is_taken)
{
    journal_queue_t *queue QUEUE_SCOPED = queue_new();
    size_t taken = 0;

    for (int i = 0; i < 100; i++) {
        pthread_t pusher;
        push(queue, 1);
        expect_after(queue, 4);
        cr_assert(pthread_create(&pusher, NULL, push_four, queue) == 0);
        for (taken = 0; taken < 5;)
            taken += take(queue);
        pthread_join(pusher, NULL);
        check_true(taken == 5);
    }
}

static void *close_it(void *queue)
{
    journal_queue_close(queue);
    return NULL;
}

Test(journal_queue, closing_ends_the_wait)
{
    journal_queue_t *queue QUEUE_SCOPED = queue_new();
    pthread_t closer;
    expect_after(queue, 5);
    cr_assert(pthread_create(&closer, NULL, close_it, queue) == 0);

    check_true(take(queue) == 0);
    pthread_join(closer, NULL);
}
