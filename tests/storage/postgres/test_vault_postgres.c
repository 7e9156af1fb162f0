/* The users' keys in PostgreSQL, used by one node and by two. */

#include "storage/file.h"
#include "storage/postgres/pg.h"
#include "storage/postgres/vault_postgres.h"
#include "tests/support/check.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/vault/vault_contract.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static vault_store_t *open_at(void *address)
{
    vault_store_t *store = NULL;
    check_ok(vault_postgres_open(
        &(vault_postgres_options_t){.address = address, .timeout_ms = POSTGRES_PATIENCE_MS},
        &store));
    return store;
}

static vault_medium_t medium_of(postgres_t *server)
{
    return (vault_medium_t){open_at, server->address};
}

static pg_t *connected(const postgres_t *server)
{
    pg_t *pg = NULL;
    check_ok(pg_open(
        &(pg_options_t){.address = server->address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    return pg;
}

static void keeps_contract(const vault_medium_t *medium)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    bool holds = vault_contract_holds(medium, &problem);
    cr_assert(holds, "%s", buf_terminated(&problem));
}

Test(vault_postgres, keeps_the_contract_also_through_pgbouncer_in_transaction_mode)
{
    postgres_t server POSTGRES_SCOPED = {0};
    char address[512];
    postgres_start(&server);
    postgres_start_bouncer(&server, address, sizeof address);
    vault_medium_t direct = medium_of(&server), bounced = {open_at, address};
    pg_t *pg PG_SCOPED = connected(&server);

    keeps_contract(&direct);
    check_ok(pg_run_script(pg, "TRUNCATE subject_keys"));
    keeps_contract(&bounced);
}

/* ---- two nodes ---- */

static err_t keep(void *context, const aead_key_t *master)
{
    *(uint8_t *)context = master->bytes[0];
    return ERR_OK;
}

typedef struct node {
    vault_t *vault;
    uint8_t kept;
    _Atomic bool is_over;
    pthread_t thread;
} node_t;

static vault_rotation_t rotation_of(node_t *node)
{
    return (vault_rotation_t){.keep = keep, .context = &node->kept};
}

/* As a node does it, only without a pause. */
static void *follow_all_along(void *context)
{
    node_t *self = context;
    vault_rotation_t rotation = rotation_of(self);
    while (!atomic_load(&self->is_over))
        if (vault_follow(self->vault, &rotation) != ERR_OK)
            return self;
    return NULL;
}

static void node_start(node_t *self, const vault_medium_t *medium, uint8_t master)
{
    self->kept = master;
    self->vault = vault_medium_vault(medium, master);
    cr_assert(self->vault != NULL);
    cr_assert(pthread_create(&self->thread, NULL, follow_all_along, self) == 0);
}

static void node_stop(node_t *self)
{
    void *wrong = NULL;
    atomic_store(&self->is_over, true);
    pthread_join(self->thread, &wrong);
    check_true(wrong == NULL);
    vault_close(STEAL(self->vault));
}

static void seal(vault_t *vault, const char *subject, buf_t *out)
{
    check_ok(vault_seal(vault, str_from(subject), STR("c"), str_from(subject), out));
}

static err_t unseal(vault_t *vault, const char *subject, const buf_t *sealed)
{
    buf_t plain BUF_SCOPED = BUF_INIT;
    TRY(vault_unseal(vault, str_from(subject), STR("c"), buf_str(sealed), &plain));
    return str_equal(buf_str(&plain), str_from(subject)) ? ERR_OK : ERR_INTERNAL;
}

Test(vault_postgres, two_nodes_have_one_key_a_user_and_what_one_erases_the_other_forgets)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    node_t a = {0}, b = {0};
    buf_t from_a BUF_SCOPED = BUF_INIT, from_b BUF_SCOPED = BUF_INIT;
    node_start(&a, &medium, 1);
    node_start(&b, &medium, 1);
    seal(a.vault, "ann", &from_a);
    seal(b.vault, "ann", &from_b);
    check_ok(unseal(b.vault, "ann", &from_a));
    check_ok(unseal(a.vault, "ann", &from_b));

    check_ok(vault_erase(a.vault, STR("ann")));
    check_ok(vault_settle(a.vault));

    check_err(unseal(b.vault, "ann", &from_b), ERR_STALE);
    check_err(vault_prepare(b.vault, STR("ann")), ERR_FORBIDDEN);
    node_stop(&a);
    node_stop(&b);
}

Test(vault_postgres, the_master_key_is_replaced_while_two_nodes_make_keys)
{
    enum { ROUNDS = 4, KEYS = 12 };
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    node_t a = {0}, b = {0};
    buf_t sealed[ROUNDS][KEYS] = {0};
    char name[32];
    node_start(&a, &medium, 1);
    node_start(&b, &medium, 1);

    for (uint8_t round = 0; round < ROUNDS; round++) {
        node_t *rotator = round % 2 == 0 ? &a : &b, *other = round % 2 == 0 ? &b : &a;
        aead_key_t next = vault_medium_master((uint8_t)(round + 2));
        vault_rotation_t rotation = rotation_of(rotator);
        for (int i = 0; i < KEYS / 2; i++) {
            snprintf(name, sizeof name, "user-%d-%d", round, i);
            seal(other->vault, name, &sealed[round][i]);
        }
        check_ok(vault_rotate(rotator->vault, &next, &rotation));
        for (int i = KEYS / 2; i < KEYS; i++) {
            snprintf(name, sizeof name, "user-%d-%d", round, i);
            seal(other->vault, name, &sealed[round][i]);
        }
        cr_assert(a.kept == round + 2 && b.kept == round + 2);
    }
    node_stop(&a);
    node_stop(&b);

    vault_t *vault VAULT_SCOPED = vault_medium_vault(&medium, ROUNDS + 1);
    cr_assert(vault != NULL);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < KEYS; i++) {
            snprintf(name, sizeof name, "user-%d-%d", round, i);
            check_ok(unseal(vault, name, &sealed[round][i]));
            buf_deinit(&sealed[round][i]);
        }
}

/* One that was cut off for the whole rotation: it can't be asked to follow. */
Test(vault_postgres, who_missed_a_rotation_makes_no_key_that_nobody_could_open)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    vault_t *late VAULT_SCOPED = vault_medium_vault(&medium, 1);
    vault_t *vault VAULT_SCOPED = vault_medium_vault(&medium, 1);
    pg_t *pg PG_SCOPED = connected(&server);
    aead_key_t next = vault_medium_master(2);
    buf_t sealed BUF_SCOPED = BUF_INIT;
    bool is_erased = false;
    seal(late, "cached", &sealed);
    /* Not heard of for a minute. */
    check_ok(
        pg_run_script(pg, "UPDATE subject_key_readers SET seen_at = now() - interval '1 min'"));

    check_ok(vault_rotate(vault, &next, &(vault_rotation_t){0}));

    check_ok(vault_prepare(vault, STR("new")));
    check_err(vault_prepare(late, STR("new")), ERR_UNAVAILABLE);
    check_err(vault_is_erased(late, STR("new"), &is_erased), ERR_UNAVAILABLE);
    check_err(vault_prepare(late, STR("newer")), ERR_UNAVAILABLE);
    check_ok(vault_prepare(vault, STR("newer")));
    check_ok(unseal(vault, "cached", &sealed));
}

/* A node that began at the wrong moment: its masters are one rotation older than the store. */
Test(vault_postgres, a_key_made_with_the_master_of_before_is_refused_and_made_again)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    vault_t *slow VAULT_SCOPED = vault_medium_vault(&medium, 1);
    vault_t *vault VAULT_SCOPED = vault_medium_vault(&medium, 1), *after VAULT_SCOPED = NULL;
    pg_t *pg PG_SCOPED = connected(&server);
    aead_key_t next = vault_medium_master(2);
    uint8_t kept = 0;
    vault_rotation_t rotation = {.keep = keep, .context = &kept};
    buf_t sealed BUF_SCOPED = BUF_INIT;
    check_ok(vault_prepare(vault, STR("ann")));
    /* The rotation stops at a record that it can't read, with the new master told to all. */
    check_ok(pg_run_script(pg, "INSERT INTO subject_keys VALUES ('zoe', '\\x01', -1)"));
    check_err(vault_rotate(vault, &next, &rotation), ERR_CORRUPT);

    seal(slow, "bob", &sealed);

    check_ok(pg_run_script(pg, "DELETE FROM subject_keys WHERE subject = 'zoe'"));
    check_ok(vault_follow(slow, &rotation));
    check_ok(vault_rotate(vault, NULL, &rotation));
    after = vault_medium_vault(&medium, 2);
    check_ok(unseal(after, "bob", &sealed));
}

/* ---- what is left on the disk ---- */

/* How many files of the server's folder have the bytes, its WAL left out. */
static size_t files_with(const postgres_t *server, str_t bytes)
{
    buf_t command BUF_SCOPED = BUF_INIT;
    char name[1024];
    size_t count = 0;
    pg_t *pg PG_SCOPED = connected(server);
    check_ok(pg_run_script(pg, "CHECKPOINT"));
    buf_printf(&command, "find '%s' -type f -not -path '*/pg_wal/*'", server->folder.path);
    FILE *pipe = popen(buf_terminated(&command), "r");
    cr_assert(pipe != NULL);
    while (fgets(name, sizeof name, pipe) != NULL) {
        buf_t content BUF_SCOPED = BUF_INIT;
        name[strcspn(name, "\n")] = '\0';
        if (file_read(name, 64 << 20, &content) == ERR_OK) /* else it is gone meanwhile */
            count += str_contains(buf_str(&content), bytes) ? 1 : 0;
    }
    cr_assert(pclose(pipe) == 0);
    return count;
}

Test(vault_postgres, an_erased_key_is_in_no_file_but_the_wal)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    vault_t *vault VAULT_SCOPED = vault_medium_vault(&medium, 1);
    vault_store_t *store = open_at(server.address);
    pg_t *reader PG_SCOPED = connected(&server);
    buf_t record BUF_SCOPED = BUF_INIT;
    check_ok(vault_prepare(vault, STR("ann")));
    check_ok(vault_prepare(vault, STR("bob")));
    check_ok(store->table->get(store, STR("ann"), &record));
    store->table->close(store);
    /* Its end is the wrapped key and its tag. */
    str_t wrapped = str_slice(buf_str(&record), record.size - 48, record.size);
    cr_assert(files_with(&server, wrapped) == 1, "the search itself");

    check_ok(pg_run_script(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"));

    check_ok(vault_erase(vault, STR("ann")));

    cr_assert(files_with(&server, wrapped) == 1, "PostgreSQL overwrites nothing by itself");
    check_err(vault_settle(vault), ERR_BUSY); /* somebody may look at what was before still */
    check_ok(pg_run_script(reader, "COMMIT"));
    check_ok(vault_settle(vault));
    cr_assert(files_with(&server, wrapped) == 0);
    check_err(vault_prepare(vault, STR("ann")), ERR_FORBIDDEN);
}

/* A backup of the database holds the table for as long as it takes. Who waits to have it alone lets
 * nobody else have it meanwhile. */
Test(vault_postgres, while_somebody_reads_the_table_for_long_keys_serve_and_a_settle_is_told_so)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    vault_t *vault VAULT_SCOPED = vault_medium_vault(&medium, 1);
    pg_t *reader PG_SCOPED = connected(&server);
    check_ok(vault_prepare(vault, STR("ann")));
    check_ok(pg_run_script(reader, "BEGIN; LOCK TABLE subject_keys IN ACCESS SHARE MODE"));

    check_ok(vault_erase(vault, STR("ann")));
    check_err(vault_settle(vault), ERR_BUSY);
    check_ok(vault_prepare(vault, STR("bob")));
    check_ok(pg_run_script(reader, "COMMIT"));

    check_ok(vault_settle(vault));
}

/* ---- the database away ---- */

Test(vault_postgres, while_it_is_away_known_keys_serve_and_nothing_is_taken_for_erased)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    vault_t *vault VAULT_SCOPED = vault_medium_vault(&medium, 1);
    buf_t known BUF_SCOPED = BUF_INIT, other BUF_SCOPED = BUF_INIT, more BUF_SCOPED = BUF_INIT;
    bool is_erased = false;
    {
        vault_t *before VAULT_SCOPED = vault_medium_vault(&medium, 1);
        seal(before, "ann", &other);
    }
    seal(vault, "bob", &known);

    postgres_do(&server, "immediate");

    check_ok(unseal(vault, "bob", &known));
    check_ok(vault_seal(vault, STR("bob"), STR("c"), STR("more"), &more));
    check_err(unseal(vault, "ann", &other), ERR_UNAVAILABLE);
    check_err(vault_is_erased(vault, STR("ann"), &is_erased), ERR_UNAVAILABLE);
    check_err(vault_prepare(vault, STR("new")), ERR_UNAVAILABLE);
    err_t err = vault_erase(vault, STR("bob"));
    cr_assert(err == ERR_UNAVAILABLE || err == ERR_TIMEOUT);
    postgres_do(&server, "restart");
    while (unseal(vault, "ann", &other) == ERR_UNAVAILABLE)
        continue; /* until it connects again */
    check_ok(unseal(vault, "ann", &other));
    check_ok(unseal(vault, "bob", &known));
}

/* ---- who may look ---- */

Test(vault_postgres, only_a_nodes_login_reads_the_table)
{
    static const char *const asks[] = {
        "SELECT * FROM subject_keys", "SELECT * FROM subject_key_readers",
        "SELECT * FROM subject_key_changes", "UPDATE subject_keys SET record = ''",
        "DELETE FROM subject_keys"};
    static const char *const roles[] = {"ms_read", "ms_analyst"};
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    vault_medium_t medium = medium_of(&server);
    vault_t *vault VAULT_SCOPED = vault_medium_vault(&medium, 1);
    pg_t *pg PG_SCOPED = connected(&server);
    check_ok(vault_prepare(vault, STR("ann")));

    for (size_t role = 0; role < COUNT_OF(roles); role++)
        for (size_t i = 0; i < COUNT_OF(asks); i++) {
            char sql[256];
            snprintf(sql, sizeof sql, "BEGIN; SET LOCAL ROLE %s; %s; COMMIT", roles[role], asks[i]);
            check_err(pg_run_script(pg, sql), ERR_FORBIDDEN);
            check_ok(pg_run_script(pg, "ROLLBACK"));
        }
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_run_script(pg, "BEGIN; SET LOCAL ROLE ms_write"));
    check_ok(pg_run(pg, &(pg_statement_t){.sql = "SELECT FROM subject_keys"}, &result));
    cr_assert(PQntuples(result) == 2);
    check_ok(pg_run_script(pg, "COMMIT"));
}
