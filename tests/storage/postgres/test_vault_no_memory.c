/* The users' keys in PostgreSQL, and on their way there, with the n-th allocation failing, n from 1
 * until none is left to fail: NO_MEMORY or the work is done, no block is left. */

#include "storage/crypt/vault_files.h"
#include "storage/crypt/vault_move.h"
#include "storage/postgres/pg.h"
#include "storage/postgres/vault_postgres.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/vault/vault_contract.h"

#include <stdlib.h>

enum { ALLOCATIONS_MAX = 500 };

typedef struct world {
    postgres_t server;
    temporary_name_t keys;
    pg_t *pg;
} world_t;

static err_t open_table(const world_t *world, vault_store_t **out_store)
{
    vault_postgres_options_t options = {
        .address = world->server.address, .node = "node", .timeout_ms = POSTGRES_PATIENCE_MS};
    return vault_postgres_open(&options, out_store);
}

static err_t open_vault(vault_store_t *store, vault_t **out_vault)
{
    aead_key_t master = vault_medium_master(1);
    buf_t problem BUF_SCOPED = BUF_INIT;
    return vault_open(&(vault_options_t){.store = store, .master = &master, .keys_max = 8},
                      &problem, out_vault);
}

static err_t use_vault(world_t *world)
{
    vault_t *vault VAULT_SCOPED = NULL;
    vault_store_t *store = NULL;
    aead_key_t other = vault_medium_master(2);
    const vault_rotation_t rotation = {0};
    bool is_erased = false;
    TRY(open_table(world, &store));
    TRY(open_vault(store, &vault));
    TRY(vault_prepare(vault, STR("ann")));
    TRY(vault_prepare(vault, STR("bob")));
    TRY(vault_rotate(vault, &other, &rotation));
    TRY(vault_erase(vault, STR("ann")));
    TRY(vault_settle(vault));
    TRY(vault_follow(vault, &rotation));
    TRY(vault_is_erased(vault, STR("ann"), &is_erased));
    return is_erased ? ERR_OK : ERR_INTERNAL;
}

static err_t fill(vault_store_t *store, vault_t **out_vault)
{
    vault_t *vault = NULL;
    err_t err = open_vault(store, &vault);
    if (err == ERR_OK)
        err = vault_prepare(vault, STR("ann"));
    *out_vault = vault;
    return err;
}

static err_t move(vault_store_t *files, world_t *world)
{
    vault_store_t *table = NULL;
    bool is_moved = false;
    TRY(open_table(world, &table));
    err_t err = vault_move(files, table);
    if (err == ERR_OK)
        err = vault_is_moved(files, &is_moved);
    if (err == ERR_OK)
        err = vault_move(table, files);
    table->table->close(table);
    return err == ERR_OK && !is_moved ? ERR_INTERNAL : err;
}

static err_t use_move(world_t *world)
{
    vault_store_t *files = NULL;
    vault_t *vault VAULT_SCOPED = NULL;
    TRY(vault_files_open(str_from(world->keys.path), &files));
    TRY(fill(files, &vault));
    TRY(move(files, world)); /* the vault's store is only looked at */
    return ERR_OK;
}

static void clear(const world_t *world)
{
    buf_t command BUF_SCOPED = BUF_INIT;
    buf_printf(&command, "rm -rf '%s'", world->keys.path);
    cr_assert(system(buf_terminated(&command)) == 0);
    check_ok(pg_run_script(world->pg, "TRUNCATE subject_keys, subject_key_readers"));
}

static void fail_each(world_t *world, const char *what, err_t (*use)(world_t *world))
{
    uint64_t failing = 0;
    for (bool is_through = false; !is_through;) {
        clear(world);
        int64_t live = memory_faults_live();
        failing++;
        memory_faults_reset();
        memory_faults_choose(&failing, 1);
        memory_faults_arm(true);
        err_t err = use(world);
        memory_faults_arm(false);
        is_through = memory_faults_failed() == 0;
        cr_assert(err == ERR_OK || (err == ERR_NO_MEMORY && !is_through), "%s, allocation %llu: %s",
                  what, (unsigned long long)failing, err_name(err));
        cr_assert(memory_faults_live() == live, "%s, allocation %llu: %lld blocks are left", what,
                  (unsigned long long)failing, (long long)(memory_faults_live() - live));
        cr_assert(failing < ALLOCATIONS_MAX);
    }
    cr_expect(failing > 5, "%s: %llu allocations", what, (unsigned long long)failing);
    memory_faults_reset();
}

Test(vault_postgres_no_memory, it_says_so_or_does_its_work)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    world_t world = {.keys = temporary_in(&folder, "keys")};
    postgres_start(&world.server);
    check_ok(pg_open(
        &(pg_options_t){.address = world.server.address, .timeout_ms = POSTGRES_PATIENCE_MS},
        &world.pg));

    fail_each(&world, "vault", use_vault);
    fail_each(&world, "move", use_move);

    pg_close(world.pg);
    postgres_stop(&world.server);
}
