#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/migrate.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/postgres/postgres.h"

static journal_postgres_t *opened(const postgres_t *server)
{
    journal_postgres_t *journal = NULL;
    check_ok(
        journal_postgres_open(&(journal_postgres_options_t){.address = server->address}, &journal));
    return journal;
}

static journal_subject_t subject_of(journal_postgres_t *journal)
{
    return (journal_subject_t){.journal = journal_postgres_journal(journal)};
}

Test(journal_postgres, keeps_the_contract)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(&server);
    journal_subject_t subject = subject_of(journal);
    buf_t problem BUF_SCOPED = BUF_INIT;

    cr_assert(journal_contract_holds(&subject, &problem), "%s", buf_terminated(&problem));
    for (uint64_t seed = 1; seed <= 4; seed++)
        cr_assert(journal_model_holds(&subject, seed, 300, &problem), "seed %llu: %s",
                  (unsigned long long)seed, buf_terminated(&problem));
}
