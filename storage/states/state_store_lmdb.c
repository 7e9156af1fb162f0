#include "storage/states/state_store_lmdb.h"

#include "runtime/base/memory.h"
#include "storage/kv.h"

enum { TABLE_STATES, TABLE_COUNT };

typedef struct store_lmdb {
    state_store_t store;
    kv_t *kv;
    size_t more;
} store_lmdb_t;

static kv_t *kv_of(state_store_t *store)
{
    return CONTAINER_OF(store, store_lmdb_t, store)->kv;
}

static size_t more_of(state_store_t *store)
{
    return CONTAINER_OF(store, store_lmdb_t, store)->more;
}

/* An environment whose head could not be written once is opened again. */
static err_t begin(state_store_t *store, kv_tx_t *out_tx)
{
    err_t err = kv_write(kv_of(store), out_tx);
    if (err != ERR_UNAVAILABLE)
        return err;
    TRY(kv_heal(kv_of(store)));
    return kv_write(kv_of(store), out_tx);
}

static err_t put(state_store_t *store, str_t key, str_t value)
{
    if (key.size > STATE_STORE_KEY_MAX || value.size > STATE_STORE_VALUE_MAX + more_of(store))
        return ERR_LIMIT;
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(begin(store, &tx));
    TRY(kv_put(&tx, TABLE_STATES, key, value));
    return kv_commit(&tx);
}

static err_t take(state_store_t *store, str_t key, buf_t *out)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t value;
    TRY(begin(store, &tx));
    TRY(kv_get(&tx, TABLE_STATES, key, &value));
    buf_append(out, value);
    TRY(buf_status(out));
    TRY(kv_delete(&tx, TABLE_STATES, key));
    return kv_commit(&tx);
}

static err_t take_away(state_store_t *store, str_t key)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(begin(store, &tx));
    err_t err = kv_delete(&tx, TABLE_STATES, key);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    return kv_commit(&tx);
}

static bool has(state_store_t *store, str_t key)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    return kv_read(kv_of(store), &tx) != ERR_OK || kv_has(&tx, TABLE_STATES, key);
}

static const state_store_table_t store_table = {
    .put = put, .take = take, .remove = take_away, .has = has, .is_quick = false};

static err_t clear(kv_t *kv)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(kv_write(kv, &tx));
    TRY(kv_clear(&tx, TABLE_STATES));
    return kv_commit(&tx);
}

err_t state_store_lmdb_open(const char *path, state_store_t **out_store)
{
    static const char *const tables[TABLE_COUNT] = {"states"};
    store_lmdb_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->store.table = &store_table;
    err_t err = kv_open(
        &(kv_options_t){
            .path = path, .tables = tables, .table_count = TABLE_COUNT, .is_lazy = true},
        &self->kv);
    if (err == ERR_OK)
        err = clear(self->kv);
    if (err != ERR_OK) {
        state_store_lmdb_close(&self->store);
        return err;
    }
    *out_store = &self->store;
    return ERR_OK;
}

void state_store_lmdb_allow(state_store_t *store, size_t more)
{
    CONTAINER_OF(store, store_lmdb_t, store)->more = more;
}

void state_store_lmdb_close(state_store_t *store)
{
    if (store == NULL)
        return;
    store_lmdb_t *self = CONTAINER_OF(store, store_lmdb_t, store);
    kv_close(self->kv);
    memory_free(self);
}
