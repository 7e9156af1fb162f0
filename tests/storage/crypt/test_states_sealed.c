#include "storage/crypt/states_sealed.h"

#include "storage/states/state_store_lmdb.h"
#include "tests/storage/crypt/crypt_help.h"
#include "tests/support/state_store_contract.h"

static const ms_random_t SYSTEM = {NULL, NULL};

Test(states_sealed, agrees_with_a_table)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *inner = NULL, *store = NULL;
    check_ok(state_store_lmdb_open(temporary_in(&folder, "states").path, &inner));
    state_store_lmdb_allow(inner, STATES_SEALED_MORE);
    check_ok(states_sealed_open(inner, &SYSTEM, &store));

    state_store_contract(store, 1, 1000);

    states_sealed_close(store);
    state_store_lmdb_close(inner);
}

Test(states_sealed, what_sleeps_is_in_no_file_and_is_another_keys_only_under_it)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *inner = NULL, *store = NULL;
    buf_t value BUF_SCOPED = BUF_INIT, raw BUF_SCOPED = BUF_INIT;
    check_ok(state_store_lmdb_open(temporary_in(&folder, "states").path, &inner));
    state_store_lmdb_allow(inner, STATES_SEALED_MORE);
    check_ok(states_sealed_open(inner, &SYSTEM, &store));

    check_ok(store->table->put(store, STR("k/1"), STR("SleepingState")));

    cr_assert(crypt_grep(folder.path, "SleepingState") == 0);
    check_ok(inner->table->take(inner, STR("k/1"), &raw));
    check_ok(inner->table->put(inner, STR("k/2"), buf_str(&raw)));
    check_err(store->table->take(store, STR("k/2"), &value), ERR_CORRUPT);
    check_ok(inner->table->put(inner, STR("k/1"), buf_str(&raw)));
    check_ok(store->table->take(store, STR("k/1"), &value));
    check_str(buf_str(&value), STR("SleepingState"));
    check_ok(inner->table->put(inner, STR("k/1"), STR("short")));
    check_err(store->table->take(store, STR("k/1"), &value), ERR_CORRUPT);
    states_sealed_close(store);
    state_store_lmdb_close(inner);
}
