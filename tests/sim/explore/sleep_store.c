#include "tests/sim/explore/sleep_store.h"

#include "tests/support/faults/memory_faults.h"

#include <stdlib.h>
#include <string.h>

static sleep_row_t **find(state_store_t *store, str_t key)
{
    sleep_store_t *self = (sleep_store_t *)store;
    sleep_row_t **at = &self->rows;
    while (*at != NULL && !str_equal(str_of((*at)->bytes, (*at)->key_size), key))
        at = &(*at)->next;
    return at;
}

static void forget(sleep_row_t **at)
{
    sleep_row_t *row = *at;
    *at = row->next;
    free(row);
}

static err_t do_put(state_store_t *store, str_t key, str_t value)
{
    sleep_row_t **at = find(store, key);
    if (*at != NULL)
        forget(at);
    sleep_row_t *row = malloc(sizeof *row + key.size + value.size);
    if (row == NULL)
        return ERR_NO_MEMORY;
    *row = (sleep_row_t){.key_size = key.size, .value_size = value.size};
    memcpy(row->bytes, key.data, key.size);
    if (value.size > 0)
        memcpy(row->bytes + key.size, value.data, value.size);
    sleep_store_t *self = (sleep_store_t *)store;
    row->next = self->rows;
    self->rows = row;
    return ERR_OK;
}

static err_t do_take(state_store_t *store, str_t key, buf_t *out)
{
    sleep_row_t **at = find(store, key);
    if (*at == NULL)
        return ERR_NOT_FOUND;
    buf_append(out, str_of((*at)->bytes + (*at)->key_size, (*at)->value_size));
    TRY(buf_status(out));
    forget(at);
    return ERR_OK;
}

static err_t do_remove(state_store_t *store, str_t key)
{
    sleep_row_t **at = find(store, key);
    if (*at != NULL)
        forget(at);
    return ERR_OK;
}

static bool do_has(state_store_t *store, str_t key)
{
    return *find(store, key) != NULL;
}

state_store_t *sleep_store_open(sleep_store_t *self, uint64_t seed)
{
    self->table = (state_store_table_t){.put = do_put,
                                        .take = do_take,
                                        .remove = do_remove,
                                        .has = do_has,
                                        .is_quick = seed % 3 != 0};
    self->store.table = &self->table;
    self->rows = NULL;
    return &self->store;
}

void sleep_store_close(sleep_store_t *self)
{
    while (self->rows != NULL)
        forget(&self->rows);
}
