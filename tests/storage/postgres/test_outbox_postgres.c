/* As test_outbox_kill, with the journal in PostgreSQL, where the server dies, too.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "runtime/base/random.h"
#include "storage/postgres/journal_postgres.h"
#include "tests/support/actors/couriers.h"
#include "tests/support/check.h"
#include "tests/support/postgres/postgres.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 4 };

static journal_postgres_t *opened(const char *address)
{
    journal_postgres_t *journal = NULL;
    journal_postgres_options_t options = {.address = address, .timeout_ms = POSTGRES_PATIENCE_MS};
    if (journal_postgres_open(&options, &journal) != ERR_OK)
        _exit(2);
    return journal;
}

static void tell(void *context)
{
    if (write(*(const int *)context, "d", 1) != 1)
        _exit(4);
}

static void live_and_die(const postgres_t *server, const char *meanwhile, uint64_t life,
                         const ms_random_t *random)
{
    int ends[2], status;
    char byte;
    cr_assert(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        couriers_run(journal_postgres_journal(opened(server->address)), life, tell, &ends[1]);
    }
    close(ends[1]);
    cr_assert(read(ends[0], &byte, 1) == 1, "something is delivered in each life");
    if (meanwhile != NULL)
        postgres_do(server, meanwhile);
    struct timespec rest = {0, (long)random_below(random, 60000000)};
    nanosleep(&rest, NULL);
    kill(child, SIGKILL);
    cr_assert(waitpid(child, &status, 0) == child);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    cr_assert(is_killed, "the child ended by itself: %d", status);
    close(ends[0]);
    if (meanwhile != NULL)
        postgres_do(server, "restart");
}

Test(outbox_postgres, what_was_sent_durably_is_taken_once_whoever_is_killed)
{
    postgres_t server POSTGRES_SCOPED = {0};
    const char *scale = getenv("MS_ROUNDS");
    uint64_t kills = KILLS * (uint64_t)(scale == NULL ? 1 : strtoul(scale, NULL, 10));
    random_seed_t seed = {(uint64_t)getpid()};
    ms_random_t random = random_seeded(&seed);
    static const char *const meanwhile[] = {NULL, "kill", NULL, "immediate"};
    postgres_start(&server);

    for (uint64_t life = 1; life <= kills; life++)
        live_and_die(&server, meanwhile[life % COUNT_OF(meanwhile)], life, &random);

    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(server.address);
    buf_t problem BUF_SCOPED = BUF_INIT;
    uint64_t taken = 0;
    cr_assert(couriers_settle(journal_postgres_journal(journal), 120000));
    cr_assert(couriers_agree(journal_postgres_journal(journal), &taken, &problem), "%s",
              buf_terminated(&problem));
    fprintf(stderr, "outbox_postgres: %llu kills, %llu taken\n", (unsigned long long)kills,
            (unsigned long long)taken);
    cr_assert(taken > kills);
}
