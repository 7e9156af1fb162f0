/* Couriers (tests/support/actors) are killed at a random moment, again and again, on one journal:
 * whatever was sent durably is taken once, in order, and nothing is lost.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "runtime/base/random.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/actors/couriers.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <unistd.h>

enum { KILLS = 10 };

typedef struct place {
    const char *path, *boot_id;
} place_t;

static journal_lmdb_t *opened(const place_t *place)
{
    journal_lmdb_t *journal = NULL;
    journal_lmdb_options_t options = {
        .path = place->path, .boot_id = place->boot_id, .index_behind = 50};
    return journal_lmdb_open(&options, &journal) == ERR_OK ? journal : NULL;
}

static journal_t *open_journal(const void *place)
{
    journal_lmdb_t *journal = opened(place);
    return journal == NULL ? NULL : journal_lmdb_journal(journal);
}

static void live_and_die(const place_t *place, uint64_t life, const ms_random_t *random)
{
    pid_t child = couriers_begin(open_journal, place, life);
    cr_assert(child > 0, "something is delivered in each life");
    cr_assert(couriers_kill(child, random), "the child ended by itself");
}

Test(outbox_kill, what_was_sent_durably_is_taken_once_whenever_it_is_killed)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    uint64_t kills = KILLS * scale_rounds();
    random_seed_t seed = {(uint64_t)getpid()};
    ms_random_t random = random_seeded(&seed);

    for (uint64_t life = 1; life <= kills; life++)
        live_and_die(&(place_t){path.path, life % 5 == 0 ? "another" : "one"}, life, &random);

    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(&(place_t){path.path, "one"});
    cr_assert(journal != NULL);
    buf_t problem BUF_SCOPED = BUF_INIT;
    uint64_t taken = 0;
    cr_assert(couriers_settle(journal_lmdb_journal(journal), 120000));
    cr_assert(couriers_agree(journal_lmdb_journal(journal), &taken, &problem), "%s",
              buf_terminated(&problem));
    fprintf(stderr, "outbox_kill: %llu kills, %llu taken\n", (unsigned long long)kills,
            (unsigned long long)taken);
    cr_assert(taken > kills);
}
