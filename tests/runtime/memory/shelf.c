#include "tests/runtime/memory/shelf.h"

#include "tests/support/check.h"

static shelf_t *self_of(state_store_t *store)
{
    return CONTAINER_OF(store, shelf_t, store);
}

static uint32_t find(const shelf_t *self, str_t key)
{
    uint32_t i = 0;
    while (i < SHELF_PLACES &&
           !(self->places[i].is_used && str_equal(str_from(self->places[i].key), key)))
        i++;
    return i;
}

static void clear(shelf_t *self, uint32_t i)
{
    buf_deinit(&self->places[i].value);
    self->places[i].is_used = false;
    self->count--;
}

static err_t put(state_store_t *store, str_t key, str_t value)
{
    shelf_t *self = self_of(store);
    self->puts++;
    if (self->put_fails != ERR_OK)
        return self->put_fails;
    uint32_t i = find(self, key);
    cr_assert(i == SHELF_PLACES, "who is awake has nothing in the store");
    for (i = 0; self->places[i].is_used; i++)
        ;
    self->places[i].is_used = true;
    self->places[i].value = BUF_INIT;
    buf_append(&self->places[i].value, value);
    (void)str_to_array(key, self->places[i].key, sizeof self->places[i].key);
    self->count++;
    return ERR_OK;
}

static err_t take(state_store_t *store, str_t key, buf_t *out)
{
    shelf_t *self = self_of(store);
    self->takes++;
    uint32_t i = find(self, key);
    if (i == SHELF_PLACES)
        return ERR_NOT_FOUND;
    if (self->take_fails != ERR_OK)
        return self->take_fails;
    buf_append(out, buf_str(&self->places[i].value));
    clear(self, i);
    return ERR_OK;
}

static err_t take_away(state_store_t *store, str_t key)
{
    shelf_t *self = self_of(store);
    self->removes++;
    uint32_t i = find(self, key);
    if (i < SHELF_PLACES)
        clear(self, i);
    return ERR_OK;
}

static bool has(state_store_t *store, str_t key)
{
    return find(self_of(store), key) < SHELF_PLACES;
}

void shelf_init(shelf_t *self, bool is_quick)
{
    memset(self, 0, sizeof *self);
    self->table = (state_store_table_t){
        .put = put, .take = take, .remove = take_away, .has = has, .is_quick = is_quick};
    self->store.table = &self->table;
}

void shelf_deinit(shelf_t *self)
{
    for (uint32_t i = 0; i < SHELF_PLACES; i++) {
        if (self->places[i].is_used)
            clear(self, i);
    }
}
