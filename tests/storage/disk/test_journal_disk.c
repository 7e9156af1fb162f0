/* The disk under the journal fails: writes, short writes, syncs, opening and mapping, one kind
 * after the other and all together, under load. What was acknowledged is there, what was refused is
 * not, and when the disk works again so does the journal, by itself.
 *
 * libfiu's preload library makes the calls fail; it stands in front of the C library for this
 * program only (tests/CMakeLists.txt). It sees liblmdb's pwrite, writev, write, pread, fdatasync,
 * ftruncate, open and mmap. It cannot see what is read through the map: a page that can't be read
 * there is a SIGBUS (see tests/e2e/damage.test.mjs). A program with a main: Criterion's own pipes
 * would fail, too. MS_SEED=n draws the failures anew. */

#define FIU_ENABLE
#include "runtime/base/assert.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/journal_oracle.h"
#include "tests/support/patience.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <fiu-control.h>
#include <fiu.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEALTHY = 60, FAILING = 12 };

typedef struct fault {
    const char *what;
    const char *points[4]; /* of libfiu */
    float probability;
} fault_t;

static const fault_t faults[] = {
    {"writes", {"posix/io/rw/pwrite", "posix/io/rw/writev", "posix/io/rw/write"}, 0.1F},
    {"short writes", {"posix/io/rw/pwrite/reduce", "posix/io/rw/writev/reduce"}, 0.1F},
    {"syncs", {"posix/io/sync/fdatasync", "posix/io/sync/fsync"}, 0.2F},
    {"syncs, and opening again",
     {"posix/io/sync/fdatasync", "posix/io/oc/open", "posix/io/rw/pread", "posix/mm/mmap"},
     0.3F},
    {"growing", {"posix/io/rw/ftruncate", "posix/io/rw/pwrite", "posix/mm/msync"}, 0.1F},
    {"all of it", {"posix/io/rw/*", "posix/io/sync/*", "posix/io/oc/*", "posix/mm/mmap"}, 0.03F},
};

static void begin_to_fail(const fault_t *fault)
{
    for (size_t i = 0; i < COUNT_OF(fault->points) && fault->points[i] != NULL; i++)
        ASSERT(fiu_enable_random(fault->points[i], 1, NULL, 0, fault->probability) == 0);
}

static void end_to_fail(const fault_t *fault)
{
    for (size_t i = 0; i < COUNT_OF(fault->points) && fault->points[i] != NULL; i++)
        ASSERT(fiu_disable(fault->points[i]) == 0);
}

static uint64_t hurt(const journal_oracle_t *oracle)
{
    journal_oracle_counts_t counts = journal_oracle_counts(oracle);
    return counts.refused + counts.unknown;
}

static void wait_for_durable(const journal_oracle_t *oracle)
{
    uint64_t wanted = journal_oracle_counts(oracle).durable + HEALTHY;
    wait_until(journal_oracle_counts(oracle).durable >= wanted);
}

static void check_oracle(journal_oracle_t *oracle, journal_lmdb_t *journal, const char *what)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    if (journal_oracle_holds(oracle, journal_lmdb_journal(journal), &problem))
        return;
    fprintf(stderr, "%s: %s\n", what, buf_terminated(&problem));
    abort();
}

static journal_lmdb_t *opened(const char *path)
{
    journal_lmdb_t *journal = NULL;
    /* The index is written often, so that it fails, too. */
    journal_lmdb_options_t options = {.path = path, .reopen_after_ms = 5, .index_behind = 50};
    ASSERT(journal_lmdb_open(&options, &journal) == ERR_OK);
    return journal;
}

static void fail_and_recover(const fault_t *fault, const char *path, journal_oracle_t *oracle)
{
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(path);
    journal_oracle_start(oracle, journal_lmdb_journal(journal), true);
    wait_for_durable(oracle);
    uint64_t before = hurt(oracle);

    begin_to_fail(fault);
    wait_until(hurt(oracle) >= before + FAILING);
    end_to_fail(fault);

    wait_for_durable(oracle); /* by itself */
    journal_oracle_stop(oracle);
    check_oracle(oracle, journal, fault->what);
}

int main(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    journal_oracle_t *oracle JOURNAL_ORACLE_SCOPED = journal_oracle_new();
    fiu_init(0);
    fiu_set_prng_seed((unsigned)scale_number("MS_SEED", 1));

    for (uint64_t round = 0; round < scale_rounds(); round++) {
        for (size_t i = 0; i < COUNT_OF(faults); i++) {
            fail_and_recover(&faults[i], path.path, oracle);
            journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(path.path);
            uint64_t bad;
            check_oracle(oracle, journal, "opened again");
            ASSERT(journal_lmdb_verify(journal, &bad) == ERR_OK);
        }
    }
    journal_oracle_counts_t counts = journal_oracle_counts(oracle);
    fprintf(stderr, "journal_disk: %llu durable, %llu refused, %llu unknown, %llu of them there\n",
            (unsigned long long)counts.durable, (unsigned long long)counts.refused,
            (unsigned long long)counts.unknown, (unsigned long long)counts.landed);
    ASSERT(counts.refused > 0 && counts.unknown > 0);
    return EXIT_SUCCESS;
}
