#include "storage/journal/journal_copy.h"

#include "storage/journal/journal_lmdb.h"
#include "storage/postgres/journal_postgres.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

static journal_lmdb_t *lmdb_in(const temporary_t *folder, const char *name)
{
    temporary_name_t path = temporary_in(folder, name);
    journal_lmdb_t *journal = NULL;
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &journal));
    return journal;
}

static journal_postgres_t *postgres_in(const postgres_t *server)
{
    journal_postgres_t *journal = NULL;
    check_ok(
        journal_postgres_open(&(journal_postgres_options_t){.address = server->address,
                                                            .timeout_ms = POSTGRES_PATIENCE_MS},
                              &journal));
    return journal;
}

static void fill(journal_t *journal)
{
    journal_subject_t subject = {.journal = journal};
    buf_t problem BUF_SCOPED = BUF_INIT;
    cr_assert(journal_contract_holds(&subject, &problem), "%s", buf_terminated(&problem));
    for (uint64_t seed = 1; seed <= 4; seed++)
        cr_assert(journal_model_holds(&subject, seed, 500, &problem));
}

static void check_equal(journal_t *a, journal_t *b)
{
    journal_digest_t one, other;
    check_ok(journal_digest(a, &one));
    check_ok(journal_digest(b, &other));
    cr_assert(one.count > 3000 && one.count == other.count && one.sum == other.sum,
              "%llu and %llu records", (unsigned long long)one.count,
              (unsigned long long)other.count);
}

Test(journal_copy, goes_from_lmdb_to_postgres_and_back)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_lmdb_t *first JOURNAL_LMDB_SCOPED = lmdb_in(&folder, "first");
    journal_lmdb_t *last JOURNAL_LMDB_SCOPED = lmdb_in(&folder, "last");
    journal_postgres_t *middle JOURNAL_POSTGRES_SCOPED = postgres_in(&server);
    fill(journal_lmdb_journal(first));

    check_ok(
        journal_copy(journal_lmdb_journal(first), journal_postgres_journal(middle), NULL, NULL));
    check_ok(
        journal_copy(journal_postgres_journal(middle), journal_lmdb_journal(last), NULL, NULL));

    check_equal(journal_lmdb_journal(first), journal_postgres_journal(middle));
    check_equal(journal_lmdb_journal(first), journal_lmdb_journal(last));
}

/* Cut short by its own target: the server is killed while it is copied to. */
typedef struct cut {
    const postgres_t *server;
    bool is_done;
} cut_t;

static void cut_once(void *context, uint64_t count)
{
    cut_t *cut = context;
    if (count < 2000 || cut->is_done)
        return;
    cut->is_done = true;
    postgres_do(cut->server, "kill");
}

Test(journal_copy, goes_on_where_it_was_cut_short)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_lmdb_t *from JOURNAL_LMDB_SCOPED = lmdb_in(&folder, "from");
    journal_postgres_t *to JOURNAL_POSTGRES_SCOPED = postgres_in(&server);
    fill(journal_lmdb_journal(from));
    cut_t cut = {.server = &server};

    err_t err =
        journal_copy(journal_lmdb_journal(from), journal_postgres_journal(to), cut_once, &cut);
    cr_assert(cut.is_done && err != ERR_OK, "%s", err_name(err));
    postgres_do(&server, "restart");
    wait_until(journal_postgres_is_up(to));
    check_ok(journal_copy(journal_lmdb_journal(from), journal_postgres_journal(to), NULL, NULL));

    check_equal(journal_lmdb_journal(from), journal_postgres_journal(to));
}

Test(journal_copy, a_target_that_holds_something_else_is_refused)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    journal_lmdb_t *from JOURNAL_LMDB_SCOPED = lmdb_in(&folder, "from");
    journal_lmdb_t *to JOURNAL_LMDB_SCOPED = lmdb_in(&folder, "to");
    journal_subject_t one = {.journal = journal_lmdb_journal(from)};
    journal_subject_t other = {.journal = journal_lmdb_journal(to)};
    check_ok(journal_append_wait(&one, STR("s/1"), 0, STR("mine")).err);
    check_ok(journal_append_wait(&other, STR("s/1"), 0, STR("another's")).err);

    cr_assert_eq(journal_copy(one.journal, other.journal, NULL, NULL), ERR_CONFLICT);
}
