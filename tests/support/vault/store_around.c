#include "tests/support/vault/store_around.h"

static store_around_t *around_of(vault_store_t *store)
{
    return CONTAINER_OF(store, store_around_t, store);
}

static err_t get(vault_store_t *store, str_t subject, buf_t *out)
{
    vault_store_t *inner = around_of(store)->inner;
    return inner->table->get(inner, subject, out);
}

static err_t put(vault_store_t *store, str_t subject, str_t expected, str_t record)
{
    const store_around_t *self = around_of(store);
    TRY(self->before_write(self->context));
    return self->inner->table->put(self->inner, subject, expected, record);
}

static err_t remove_record(vault_store_t *store, str_t subject)
{
    const store_around_t *self = around_of(store);
    TRY(self->before_write(self->context));
    return self->inner->table->remove(self->inner, subject);
}

static err_t each(vault_store_t *store, vault_visit_fn visit, void *context)
{
    vault_store_t *inner = around_of(store)->inner;
    return inner->table->each(inner, visit, context);
}

static err_t changes(vault_store_t *store, uint64_t *reached, vault_change_fn visit, void *context)
{
    vault_store_t *inner = around_of(store)->inner;
    return inner->table->changes == NULL ? ERR_OK
                                         : inner->table->changes(inner, reached, visit, context);
}

static err_t meet(vault_store_t *store, uint64_t reached, uint64_t *out_slowest)
{
    vault_store_t *inner = around_of(store)->inner;
    if (inner->table->meet != NULL)
        return inner->table->meet(inner, reached, out_slowest);
    *out_slowest = UINT64_MAX;
    return ERR_OK;
}

static err_t settle(vault_store_t *store)
{
    vault_store_t *inner = around_of(store)->inner;
    return inner->table->settle == NULL ? ERR_OK : inner->table->settle(inner);
}

static void close_around(vault_store_t *store)
{
    vault_store_t *inner = around_of(store)->inner;
    inner->table->close(inner);
}

static const vault_store_table_t around_table = {get,     put,  remove_record, each, close_around,
                                                 changes, meet, settle,        NULL};

store_around_t store_around(vault_store_t *inner, err_t (*before_write)(void *context),
                            void *context)
{
    return (store_around_t){.store = {.table = &around_table},
                            .inner = inner,
                            .before_write = before_write,
                            .context = context};
}
