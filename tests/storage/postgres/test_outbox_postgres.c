/* As test_outbox_kill, with the journal in PostgreSQL, where the server dies, too.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "runtime/base/random.h"
#include "storage/postgres/journal_postgres.h"
#include "tests/support/actors/couriers.h"
#include "tests/support/check.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/scale.h"

#include <stdio.h>
#include <unistd.h>

enum { KILLS = 4 };

static journal_postgres_t *opened(const char *address)
{
    journal_postgres_t *journal = NULL;
    journal_postgres_options_t options = {.address = address, .timeout_ms = POSTGRES_PATIENCE_MS};
    return journal_postgres_open(&options, &journal) == ERR_OK ? journal : NULL;
}

static journal_t *open_journal(const void *address)
{
    journal_postgres_t *journal = opened(address);
    return journal == NULL ? NULL : journal_postgres_journal(journal);
}

static void live_and_die(const postgres_t *server, const char *meanwhile, uint64_t life,
                         const ms_random_t *random)
{
    pid_t child = couriers_begin(open_journal, server->address, life);
    cr_assert(child > 0, "something is delivered in each life");
    if (meanwhile != NULL)
        postgres_do(server, meanwhile);
    cr_assert(couriers_kill(child, random), "the child ended by itself");
    if (meanwhile != NULL)
        postgres_do(server, "restart");
}

Test(outbox_postgres, what_was_sent_durably_is_taken_once_whoever_is_killed)
{
    postgres_t server POSTGRES_SCOPED = {0};
    uint64_t kills = KILLS * scale_rounds();
    random_seed_t seed = {(uint64_t)getpid()};
    ms_random_t random = random_seeded(&seed);
    static const char *const meanwhile[] = {NULL, "kill", NULL, "immediate"};
    postgres_start(&server);

    for (uint64_t life = 1; life <= kills; life++)
        live_and_die(&server, meanwhile[life % COUNT_OF(meanwhile)], life, &random);

    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(server.address);
    cr_assert(journal != NULL);
    buf_t problem BUF_SCOPED = BUF_INIT;
    uint64_t taken = 0;
    cr_assert(couriers_settle(journal_postgres_journal(journal), 120000));
    cr_assert(couriers_agree(journal_postgres_journal(journal), &taken, &problem), "%s",
              buf_terminated(&problem));
    fprintf(stderr, "outbox_postgres: %llu kills, %llu taken\n", (unsigned long long)kills,
            (unsigned long long)taken);
    cr_assert(taken > kills);
}
