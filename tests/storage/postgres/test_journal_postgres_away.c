/* The server goes away: stopped, killed in mid-load, back again. */
#include "runtime/base/memory.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/scale.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static journal_postgres_t *opened(const postgres_t *server)
{
    journal_postgres_t *journal = NULL;
    check_ok(
        journal_postgres_open(&(journal_postgres_options_t){.address = server->address,
                                                            .timeout_ms = POSTGRES_PATIENCE_MS},
                              &journal));
    return journal;
}

static err_t append_one(journal_postgres_t *journal, uint64_t expected)
{
    journal_subject_t subject = {.journal = journal_postgres_journal(journal)};
    return journal_append_wait(&subject, STR("away/1"), expected, STR("x")).err;
}

static err_t keep_version(void *context, const journal_record_t *record)
{
    *(uint64_t *)context = record->version;
    return ERR_OK;
}

static err_t read_version(journal_postgres_t *journal, const char *stream, uint64_t *out_version)
{
    journal_t *j = journal_postgres_journal(journal);
    *out_version = 0;
    return j->table->read(j, str_from(stream), 0, keep_version, out_version);
}

Test(journal_postgres_away, is_refused_at_once_and_recovers_by_itself)
{
    postgres_t server POSTGRES_SCOPED = {0};
    uint64_t version = 0;
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(&server);
    check_ok(append_one(journal, 0));

    postgres_do(&server, "stop");
    err_t first = append_one(journal, 1); /* finds out: it may have been on its way */
    cr_assert(first == ERR_TIMEOUT || first == ERR_UNAVAILABLE, "%s", err_name(first));
    for (int i = 0; i < 100; i++)
        cr_assert_eq(append_one(journal, 1), ERR_UNAVAILABLE);
    cr_assert_not(journal_postgres_is_up(journal));
    cr_assert_eq(read_version(journal, "away/1", &version), ERR_UNAVAILABLE);

    postgres_do(&server, "restart");
    wait_until(journal_postgres_is_up(journal)); /* also while nobody appends */
    check_ok(append_one(journal, 1));
    check_ok(read_version(journal, "away/1", &version));
    cr_assert_eq(version, 2);
}

/* ---- what is still under way ---- */

/* The server stalls at an append for longer than its connection waits. */
Test(journal_postgres_away, an_append_that_was_given_up_does_not_land_behind_a_read)
{
    postgres_t server POSTGRES_SCOPED = {0};
    pg_t *other PG_SCOPED = NULL;
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = NULL;
    uint64_t version = 0;
    postgres_start(&server);
    check_ok(pg_open(&(pg_options_t){.address = server.address, .timeout_ms = POSTGRES_PATIENCE_MS},
                     &other));
    check_ok(journal_postgres_open(
        &(journal_postgres_options_t){.address = server.address, .timeout_ms = 2000}, &journal));
    check_ok(append_one(journal, 0));

    check_ok(pg_run_script(other, "BEGIN; SELECT 1 FROM streams FOR UPDATE"));
    check_err(append_one(journal, 1), ERR_TIMEOUT);
    err_t err = ERR_UNAVAILABLE;
    wait_until((err = read_version(journal, "away/1", &version)) != ERR_UNAVAILABLE);
    check_ok(err);
    uint64_t read = version;
    check_ok(pg_run_script(other, "COMMIT")); /* now it could go on */
    check_ok(append_one(journal, 1));         /* and end behind this */
    check_ok(read_version(journal, "away/1", &version));

    cr_assert_eq(read, 1);
    cr_assert_eq(version, 2, "what was read as not there came after all");
}

/* ---- killed under load ---- */

enum { STREAMS = 8, ROUNDS_DEFAULT = 3, ROUND_APPENDS = 500 };

typedef struct load {
    journal_postgres_t *journal;
    uint32_t stream;
    _Atomic uint64_t *done_count;
    _Atomic bool *is_over;
    uint64_t acknowledged; /* version */
    uint64_t unknown;      /* the version it would be, or 0 */
} load_t;

/* Appends until it is told to end, or an outcome is unknown: then only a look tells the version. */
static void *run_load(void *context)
{
    load_t *load = context;
    journal_subject_t subject = {.journal = journal_postgres_journal(load->journal)};
    char stream[32];
    int size = snprintf(stream, sizeof stream, "load/%u", load->stream);
    while (!atomic_load(load->is_over)) {
        append_result_t result = journal_append_wait(&subject, str_of(stream, (size_t)size),
                                                     load->acknowledged, STR("payload"));
        if (result.err == ERR_OK) {
            cr_assert_eq(result.version, load->acknowledged + 1);
            load->acknowledged = result.version;
            atomic_fetch_add(load->done_count, 1);
        } else if (result.err == ERR_TIMEOUT) {
            load->unknown = load->acknowledged + 1;
            return NULL;
        } else {
            cr_assert_eq(result.err, ERR_UNAVAILABLE, "%s", err_name(result.err));
        }
    }
    return NULL;
}

static void one_round(const postgres_t *server, journal_postgres_t *journal, load_t *loads)
{
    pthread_t threads[STREAMS];
    _Atomic uint64_t done_count = 0;
    _Atomic bool is_over = false;
    for (uint32_t i = 0; i < STREAMS; i++) {
        loads[i].done_count = &done_count;
        loads[i].is_over = &is_over;
        pthread_create(&threads[i], NULL, run_load, &loads[i]);
    }
    wait_until(atomic_load(&done_count) >= ROUND_APPENDS);
    postgres_do(server, "kill");
    atomic_store(&is_over, true);
    for (uint32_t i = 0; i < STREAMS; i++)
        pthread_join(threads[i], NULL);
    postgres_do(server, "restart");
    wait_until(journal_postgres_is_up(journal));
}

static void check_round(journal_postgres_t *journal, load_t *loads)
{
    for (uint32_t i = 0; i < STREAMS; i++) {
        char stream[32];
        uint64_t version = 0;
        snprintf(stream, sizeof stream, "load/%u", i);
        check_ok(read_version(journal, stream, &version));
        bool is_right = version == loads[i].acknowledged || version == loads[i].unknown;
        cr_assert(is_right, "%s: %llu are there, %llu were acknowledged, %llu unknown", stream,
                  (unsigned long long)version, (unsigned long long)loads[i].acknowledged,
                  (unsigned long long)loads[i].unknown);
        loads[i].acknowledged = version;
        loads[i].unknown = 0;
    }
}

Test(journal_postgres_away, killed_under_load_it_has_all_that_was_acknowledged_and_nothing_else)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(&server);
    load_t loads[STREAMS] = {0};
    for (uint32_t i = 0; i < STREAMS; i++)
        loads[i] = (load_t){.journal = journal, .stream = i};

    for (int i = 0; i < ROUNDS_DEFAULT * (int)scale_rounds(); i++) {
        one_round(&server, journal, loads);
        check_round(journal, loads);
    }
}
