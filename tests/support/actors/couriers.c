#include "tests/support/actors/couriers.h"

#include "runtime/base/clock.h"
#include "tests/support/actors/courier.h"
#include "tests/support/patience.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { UNDER_WAY = 100 };

static runtime_t *started(journal_t *journal)
{
    runtime_t *runtime = NULL;
    runtime_options_t options = {.scheduler_count = 2, .journal = journal};
    if (runtime_new(&options, &runtime) != ERR_OK ||
        runtime_register(runtime, &courier_kind, NULL) != ERR_OK ||
        runtime_start(runtime) != ERR_OK)
        _exit(3);
    return runtime;
}

static void wake(runtime_t *runtime)
{
    buf_t after BUF_SCOPED = BUF_INIT;
    do {
        if (runtime_wake_senders(runtime, &after, 2) != ERR_OK)
            return;
    } while (after.size > 0);
}

/* Tells of the first, and waits while enough is under way. */
static void watch(const runtime_t *runtime, uint64_t sent, bool *is_told, int told)
{
    outbox_stats_t stats;
    do {
        outbox_stats(runtime, &stats);
        if (!*is_told && stats.delivered > 0) {
            *is_told = true;
            if (write(told, "d", 1) != 1)
                _exit(4);
        }
    } while (sent > stats.delivered + UNDER_WAY && sched_yield() == 0);
}

static _Noreturn void run(journal_t *journal, uint64_t life, int told)
{
    runtime_t *runtime = started(journal);
    bool is_told = false;
    uint64_t sent = 0;
    wake(runtime);
    for (uint64_t i = 0;; i++) {
        uint64_t from = i % COURIERS, to = (from + 1 + i / COURIERS % (COURIERS - 1)) % COURIERS;
        char sender[] = {(char)('0' + from), 0}, receiver[] = {(char)('0' + to), 0};
        uint32_t how = i % 101 == 0 ? COURIER_HESITATES : COURIER_TAKES;
        err_t err = runtime_send(runtime, address_of("courier", str_from(sender)), courier_send,
                                 .to = str_from(receiver),
                                 .item = life << 40 | i << 4 | from << 2 | to, .how = how);
        sent += err == ERR_OK; /* else a mailbox is full: that one was never there */
        watch(runtime, sent, &is_told, told);
    }
}

pid_t couriers_begin(journal_t *(*open)(const void *context), const void *context, uint64_t life)
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0)
        return -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        journal_t *journal = open(context);
        if (journal == NULL)
            _exit(2);
        run(journal, life, ends[1]);
    }
    close(ends[1]);
    bool is_told = child > 0 && read(ends[0], &byte, 1) == 1;
    close(ends[0]);
    return is_told ? child : -1;
}

bool couriers_kill(pid_t child, const ms_random_t *random)
{
    int status;
    struct timespec life = {0, (long)random_below(random, 60000000)};
    nanosleep(&life, NULL); /* the moment of the kill is what is tested */
    kill(child, SIGKILL);
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGKILL;
}

static err_t count_stream(void *context, str_t stream)
{
    (void)stream;
    ++*(uint64_t *)context;
    return ERR_OK;
}

bool couriers_settle(journal_t *journal, uint64_t timeout_ms)
{
    runtime_t *runtime = started(journal);
    ms_clock_t clock = clock_system();
    uint64_t until_ms = clock_mono_ms(&clock) + timeout_ms, waiting = 1;
    wake(runtime);
    while (waiting > 0 && clock_mono_ms(&clock) < until_ms) {
        struct timespec moment = {0, 2000000};
        nanosleep(&moment, NULL);
        waiting = 0;
        if (journal->table->waiting(journal, STR(""), 100, count_stream, &waiting) != ERR_OK)
            waiting = 1; /* the journal is not up yet */
    }
    if (runtime_drain(runtime, PATIENCE_MS) != ERR_OK)
        waiting = 1;
    runtime_free(runtime);
    return waiting == 0;
}

/* ---- the books ---- */

typedef struct books {
    struct account {
        uint64_t sent, sent_sum, taken, taken_sum, last;
    } accounts[COURIERS][COURIERS]; /* from, to */
    uint64_t taken;
    buf_t *problem;
} books_t;

static void take(books_t *books, uint64_t item, str_t stream)
{
    struct account *account = &books->accounts[item >> 2 & 3][item & 3];
    if (stream.size != 9 || stream.data[8] != (char)('0' + (item & 3)))
        buf_printf(books->problem, "%llx was taken by another; ", (unsigned long long)item);
    if (item <= account->last)
        buf_printf(books->problem, "%llx was taken after %llx; ", (unsigned long long)item,
                   (unsigned long long)account->last);
    account->last = item;
    account->taken++;
    account->taken_sum += item * item;
    books->taken++;
}

static err_t read_one(void *context, const journal_record_t *record)
{
    books_t *books = context;
    arena_t arena ARENA_SCOPED = {0};
    if (str_equal(record->event.name, STR("courier_took"))) {
        courier_took_t took;
        TRY(schema_decode(&courier_took_schema, record->event.payload, &arena, &took));
        take(books, took.item, record->stream);
    } else if (str_equal(record->event.name, STR("courier_sent"))) {
        courier_sent_t sent;
        TRY(schema_decode(&courier_sent_schema, record->event.payload, &arena, &sent));
        struct account *account = &books->accounts[sent.item >> 2 & 3][sent.item & 3];
        account->sent++;
        account->sent_sum += sent.item * sent.item;
    }
    return ERR_OK;
}

bool couriers_agree(journal_t *journal, uint64_t *out_taken, buf_t *problem)
{
    books_t books = {.problem = problem};
    err_t err = journal->table->feed(journal, 0, SIZE_MAX, read_one, &books);
    if (err != ERR_OK)
        buf_printf(problem, "the feed: %s; ", err_text(err));
    for (unsigned from = 0; from < COURIERS; from++) {
        for (unsigned to = 0; to < COURIERS; to++) {
            const struct account *account = &books.accounts[from][to];
            if (account->sent != account->taken || account->sent_sum != account->taken_sum)
                buf_printf(problem, "%u to %u: %llu sent, %llu taken; ", from, to,
                           (unsigned long long)account->sent, (unsigned long long)account->taken);
        }
    }
    *out_taken = books.taken;
    return problem->size == 0;
}
