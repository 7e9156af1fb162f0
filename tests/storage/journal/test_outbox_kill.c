/* Couriers (tests/support/actors) are killed at a random moment, again and again, on one journal:
 * whatever was sent durably is taken once, in order, and nothing is lost.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "runtime/base/clock.h"
#include "runtime/base/random.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/actors/couriers.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 10 };

static journal_lmdb_t *opened(const char *path, const char *boot_id)
{
    journal_lmdb_t *journal = NULL;
    journal_lmdb_options_t options = {.path = path, .boot_id = boot_id, .index_behind = 50};
    if (journal_lmdb_open(&options, &journal) != ERR_OK)
        _exit(2);
    return journal;
}

static void tell(void *context)
{
    if (write(*(const int *)context, "d", 1) != 1)
        _exit(4);
}

static void live_and_die(const char *path, const char *boot_id, uint64_t life,
                         const ms_random_t *random)
{
    int ends[2], status;
    char byte;
    cr_assert(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        couriers_run(journal_lmdb_journal(opened(path, boot_id)), life, tell, &ends[1]);
    }
    close(ends[1]);
    cr_assert(read(ends[0], &byte, 1) == 1, "something is delivered in each life");
    struct timespec rest = {0, (long)random_below(random, 60000000)};
    nanosleep(&rest, NULL);
    kill(child, SIGKILL);
    cr_assert(waitpid(child, &status, 0) == child);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    cr_assert(is_killed, "the child ended by itself: %d", status);
    close(ends[0]);
}

Test(outbox_kill, what_was_sent_durably_is_taken_once_whenever_it_is_killed)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    const char *scale = getenv("MS_ROUNDS");
    uint64_t kills = KILLS * (uint64_t)(scale == NULL ? 1 : strtoul(scale, NULL, 10));
    random_seed_t seed = {(uint64_t)getpid()};
    ms_random_t random = random_seeded(&seed);

    for (uint64_t life = 1; life <= kills; life++)
        live_and_die(path.path, life % 5 == 0 ? "another" : "one", life, &random);

    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(path.path, "one");
    buf_t problem BUF_SCOPED = BUF_INIT;
    uint64_t taken = 0;
    cr_assert(couriers_settle(journal_lmdb_journal(journal), 120000));
    cr_assert(couriers_agree(journal_lmdb_journal(journal), &taken, &problem), "%s",
              buf_terminated(&problem));
    fprintf(stderr, "outbox_kill: %llu kills, %llu taken\n", (unsigned long long)kills,
            (unsigned long long)taken);
    cr_assert(taken > kills);
}
