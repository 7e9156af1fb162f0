#include "tests/support/state_store_contract.h"

#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <stdio.h>

enum { KEYS = 200, SIZES = 3000 };

typedef struct model {
    state_store_t *store;
    ms_random_t random;
    uint64_t stamps[KEYS]; /* 0: not there */
} model_t;

static str_t key_of(uint32_t index, char room[300])
{
    /* Some are long, and many begin alike. */
    int size = snprintf(room, 300, "kind/%.*s%u", index % 5 == 0 ? 200 : 0,
                        "0123456789012345678901234567890123456789012345678901234567890123456789"
                        "0123456789012345678901234567890123456789012345678901234567890123456789"
                        "012345678901234567890123456789012345678901234567890123456789",
                        index);
    return str_of(room, (size_t)size);
}

/* All that is in a value follows from its stamp. */
static void value_of(uint64_t stamp, buf_t *out)
{
    buf_reset(out);
    uint64_t size = stamp % 7 == 0 ? 0 : stamp * 2654435761u % SIZES;
    for (uint64_t i = 0; i < size; i++)
        buf_append_char(out, (char)(stamp + i * 31));
}

static void put(model_t *self, uint32_t index, uint64_t stamp)
{
    char room[300];
    buf_t value BUF_SCOPED = BUF_INIT;
    value_of(stamp, &value);
    check_ok(self->store->table->put(self->store, key_of(index, room), buf_str(&value)));
    self->stamps[index] = stamp;
}

static void take(model_t *self, uint32_t index)
{
    char room[300];
    buf_t value BUF_SCOPED = BUF_INIT, wanted BUF_SCOPED = BUF_INIT;
    buf_append(&value, STR("before"));
    err_t err = self->store->table->take(self->store, key_of(index, room), &value);
    if (self->stamps[index] == 0) {
        check_err(err, ERR_NOT_FOUND);
        return;
    }
    check_ok(err);
    value_of(self->stamps[index], &wanted);
    check_str(str_of(value.data + 6, value.size - 6), buf_str(&wanted));
    self->stamps[index] = 0;
}

static void look(model_t *self, uint32_t index)
{
    char room[300];
    if (self->stamps[index] != 0)
        cr_assert(self->store->table->has(self->store, key_of(index, room)));
}

void state_store_contract(state_store_t *store, uint64_t seed, uint32_t steps)
{
    char room[300];
    random_seed_t state = {seed};
    model_t model = {.store = store, .random = random_seeded(&state)};
    for (uint32_t step = 1; step <= steps; step++) {
        uint32_t index = (uint32_t)random_below(&model.random, KEYS);
        switch (random_below(&model.random, 5)) {
        case 0:
        case 1:
            put(&model, index, step);
            break;
        case 2:
            take(&model, index);
            break;
        case 3:
            look(&model, index);
            break;
        default:
            check_ok(store->table->remove(store, key_of(index, room)));
            model.stamps[index] = 0;
        }
    }
    static const char large[STATE_STORE_VALUE_MAX + 1];
    check_err(store->table->put(store, STR("large"), str_of(large, sizeof large)), ERR_LIMIT);
    check_ok(store->table->put(store, STR("large"), str_of(large, sizeof large - 1)));
    check_ok(store->table->remove(store, STR("large")));
    for (uint32_t i = 0; i < KEYS; i++) {
        take(&model, i);
        cr_assert(store->table->has(store, key_of(i, room)) == false);
    }
}
