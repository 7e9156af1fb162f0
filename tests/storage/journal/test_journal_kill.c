/* Processes that append to a journal in LMDB are killed at random moments (journal_killer.h). Every
 * few rounds it opens as after a reboot, so that the lazy environments are wiped and built again.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "storage/journal/journal_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/journal_killer.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 120 };

typedef struct place {
    const char *path;
    journal_lmdb_t *journal;
} place_t;

static journal_t *open_journal(void *context, bool is_other_boot)
{
    place_t *place = context;
    journal_lmdb_options_t options = {
        .path = place->path, .boot_id = is_other_boot ? "another" : "one", .index_behind = 500};
    return journal_lmdb_open(&options, &place->journal) == ERR_OK
               ? journal_lmdb_journal(place->journal)
               : NULL;
}

static void close_journal(void *context, UNUSED journal_t *journal)
{
    place_t *place = context;
    journal_lmdb_close(place->journal);
}

Test(journal_kill, what_was_acknowledged_is_there_and_what_was_refused_is_not)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    place_t place = {.path = path.path};
    uint64_t rounds = ROUNDS * scale_rounds();

    journal_killed_t killed = journal_kill(&(journal_place_t){open_journal, close_journal, &place},
                                           rounds, scale_number("MS_SEED", (uint64_t)getpid()));

    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;
    uint64_t bad;
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &journal));
    check_ok(journal_lmdb_verify(journal, &bad));
    fprintf(stderr, "journal_kill: %llu kills, %llu durable, %llu refused, %llu unanswered\n",
            (unsigned long long)rounds, (unsigned long long)killed.durable,
            (unsigned long long)killed.refused, (unsigned long long)killed.unanswered);
    cr_assert(killed.durable > rounds / 4 && killed.refused > 0);
}
