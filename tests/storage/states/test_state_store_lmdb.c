#include "storage/states/state_store_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/state_store_contract.h"
#include "tests/support/temporary.h"

static state_store_t *open_in(const temporary_t *folder)
{
    state_store_t *store = NULL;
    check_ok(state_store_lmdb_open(temporary_in(folder, "states").path, &store));
    return store;
}

Test(state_store_lmdb, agrees_with_a_table)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);

    state_store_contract(store, 1, 2000);

    state_store_lmdb_close(store);
}

Test(state_store_lmdb, what_an_earlier_run_left_is_gone)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = open_in(&folder);
    check_ok(store->table->put(store, STR("k/1"), STR("asleep")));
    state_store_lmdb_close(store);

    store = open_in(&folder);

    cr_assert(store->table->has(store, STR("k/1")) == false);
    state_store_lmdb_close(store);
}
