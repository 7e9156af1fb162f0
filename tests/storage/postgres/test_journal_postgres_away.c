/* The server goes away: stopped, killed in mid-load, back again. */
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/journal_oracle.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/scale.h"

static journal_postgres_t *opened(const postgres_t *server)
{
    journal_postgres_t *journal = NULL;
    check_ok(journal_postgres_open(&(journal_postgres_options_t){.address = server->address,
                                                                 .timeout_ms = POSTGRES_PATIENCE_MS,
                                                                 .second_min = 1},
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
        &(journal_postgres_options_t){.address = server.address, .timeout_ms = 5000}, &journal));
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

enum { ROUNDS = 3, ROUNDS_MAX = 20, ROUND_APPENDS = 400 };

static void wait_for_durable(const journal_oracle_t *oracle)
{
    uint64_t wanted = journal_oracle_counts(oracle).durable + ROUND_APPENDS;
    wait_until(journal_oracle_counts(oracle).durable >= wanted);
}

static void one_round(const postgres_t *server, journal_postgres_t *journal,
                      journal_oracle_t *oracle, const char *action)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    journal_oracle_start(oracle, journal_postgres_journal(journal), true);
    wait_for_durable(oracle);
    postgres_do(server, action);
    postgres_do(server, "restart");
    wait_for_durable(oracle);
    journal_oracle_stop(oracle);
    cr_assert(journal_oracle_holds(oracle, journal_postgres_journal(journal), &problem), "%s: %s",
              action, buf_terminated(&problem));
}

Test(journal_postgres_away, killed_under_load_it_has_all_that_was_acknowledged_and_nothing_else)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(&server);
    journal_oracle_t *oracle JOURNAL_ORACLE_SCOPED = journal_oracle_new();

    /* Go on until one has struck an append under way, as almost each does. */
    uint64_t rounds = ROUNDS * scale_rounds();
    bool is_struck = false;
    for (uint64_t i = 0; i < rounds || (!is_struck && i < ROUNDS_MAX); i++) {
        one_round(&server, journal, oracle, i % 2 == 0 ? "kill" : "immediate");
        is_struck = journal_oracle_counts(oracle).unknown > 0;
    }

    cr_assert(is_struck);
}
