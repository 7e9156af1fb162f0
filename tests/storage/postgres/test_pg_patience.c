/* A server that is silent keeps nobody past the end of the patience. */
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/postgres/postgres.h"

enum { TIMEOUT_MS = 3600000 }; /* of a statement: what ends it here is the patience */

Test(pg_patience, past_its_end_nobody_waits)
{
    /* A statement that would take ten minutes: the patience ends it. */
    static const pg_statement_t sleep = {.sql = "SELECT pg_sleep(600)"}, nothing = {.sql = ""};
    postgres_t server POSTGRES_SCOPED = {0};
    pg_t *pg PG_SCOPED = NULL, *second PG_SCOPED = NULL;
    pg_patience_t patience = {0};
    postgres_start(&server);
    const pg_options_t options = {
        .address = server.address, .timeout_ms = TIMEOUT_MS, .patience = &patience};
    check_ok(pg_open(&options, &pg));
    check_ok(pg_run(pg, &nothing, NULL));

    pg_patience_end(&patience, 100);
    check_err(pg_run(pg, &sleep, NULL), ERR_TIMEOUT);

    check_true(!pg_is_usable(pg)); /* what came of it nobody knows */
    check_err(pg_open(&options, &second), ERR_UNAVAILABLE);
}
