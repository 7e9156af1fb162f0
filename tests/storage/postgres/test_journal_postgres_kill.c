/* Processes that append to a journal in PostgreSQL are killed at random moments (journal_killer.h).
 * As a node does, each takes the lock that keeps a second one out.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "storage/postgres/journal_postgres.h"
#include "tests/support/check.h"
#include "tests/support/journal_killer.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/scale.h"

#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 40 };

typedef struct place {
    const char *address;
    journal_postgres_t *journal;
} place_t;

static journal_t *open_journal(void *context, UNUSED bool is_other_boot)
{
    place_t *place = context;
    node_lock_t *lock = NULL;
    node_lock_options_t locking = {.address = place->address, .timeout_ms = POSTGRES_PATIENCE_MS};
    if (node_lock_take(&locking, NULL, &lock) != ERR_OK)
        return NULL;
    journal_postgres_options_t options = {
        .address = place->address, .lock = lock, .timeout_ms = POSTGRES_PATIENCE_MS};
    return journal_postgres_open(&options, &place->journal) == ERR_OK
               ? journal_postgres_journal(place->journal)
               : NULL;
}

static void close_journal(void *context, UNUSED journal_t *journal)
{
    place_t *place = context;
    journal_postgres_close(place->journal);
}

Test(journal_postgres_kill, what_was_acknowledged_is_there_and_what_was_refused_is_not)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    place_t place = {.address = server.address};
    uint64_t rounds = ROUNDS * scale_rounds();

    journal_killed_t killed = journal_kill(&(journal_place_t){open_journal, close_journal, &place},
                                           rounds, scale_number("MS_SEED", (uint64_t)getpid()));

    fprintf(stderr,
            "journal_postgres_kill: %llu kills, %llu durable, %llu refused, %llu unanswered\n",
            (unsigned long long)rounds, (unsigned long long)killed.durable,
            (unsigned long long)killed.refused, (unsigned long long)killed.unanswered);
    cr_assert(killed.durable > rounds / 4 && killed.refused > 0);
}
