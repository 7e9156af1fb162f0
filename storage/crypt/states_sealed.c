#include "storage/crypt/states_sealed.h"

#include "runtime/base/memory.h"
#include "storage/crypt/aead.h"

#include <openssl/crypto.h>
#include <stdatomic.h>

_Static_assert(STATES_SEALED_MORE == AEAD_HALF_NONCE_SIZE + AEAD_TAG_SIZE, "what put adds");

typedef struct states_sealed {
    state_store_t store;
    state_store_table_t table; /* as quick as the inner one */
    state_store_t *inner;
    aead_t *aead;
    aead_key_t key;
    _Atomic uint64_t count; /* the nonce: a key lives for one run and is never another's */
} states_sealed_t;

static states_sealed_t *sealed_of(state_store_t *store)
{
    return CONTAINER_OF(store, states_sealed_t, store);
}

static err_t put(state_store_t *store, str_t key, str_t value)
{
    states_sealed_t *self = sealed_of(store);
    buf_t sealed BUF_SCOPED = BUF_INIT;
    uint8_t nonce[AEAD_HALF_NONCE_SIZE] = {0};
    uint64_t number = atomic_fetch_add_explicit(&self->count, 1, memory_order_relaxed);
    memcpy(nonce, &number, sizeof number);
    if (value.size > STATE_STORE_VALUE_MAX)
        return ERR_LIMIT;
    buf_append_bytes(&sealed, nonce, sizeof nonce);
    char *room = buf_extend(&sealed, value.size + AEAD_TAG_SIZE);
    if (room == NULL)
        return ERR_NO_MEMORY;
    TRY(aead_seal(self->aead, &self->key, nonce, key, value, room));
    return self->inner->table->put(self->inner, key, buf_str(&sealed));
}

static err_t take(state_store_t *store, str_t key, buf_t *out)
{
    states_sealed_t *self = sealed_of(store);
    buf_t sealed BUF_SCOPED = BUF_INIT;
    TRY(self->inner->table->take(self->inner, key, &sealed));
    if (sealed.size < AEAD_HALF_NONCE_SIZE + AEAD_TAG_SIZE)
        return ERR_CORRUPT;
    str_t text = str_slice(buf_str(&sealed), AEAD_HALF_NONCE_SIZE, sealed.size);
    size_t before = out->size;
    char *room = buf_extend(out, text.size - AEAD_TAG_SIZE);
    if (room == NULL && text.size > AEAD_TAG_SIZE)
        return buf_status(out);
    err_t err = aead_open(self->aead, &self->key, (const uint8_t *)sealed.data, key, text, room);
    if (err != ERR_OK)
        out->size = before;
    return err;
}

static err_t take_away(state_store_t *store, str_t key)
{
    state_store_t *inner = sealed_of(store)->inner;
    return inner->table->remove(inner, key);
}

static bool has(state_store_t *store, str_t key)
{
    state_store_t *inner = sealed_of(store)->inner;
    return inner->table->has(inner, key);
}

err_t states_sealed_open(state_store_t *inner, const ms_random_t *random, state_store_t **out_store)
{
    const ms_random_t system = random_system();
    states_sealed_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    err_t err = aead_new(&self->aead);
    if (err != ERR_OK) {
        memory_free(self);
        return err;
    }
    random_fill(random->fill == NULL ? &system : random, self->key.bytes, sizeof self->key.bytes);
    self->inner = inner;
    self->table = (state_store_table_t){put, take, take_away, has, inner->table->is_quick};
    self->store.table = &self->table;
    *out_store = &self->store;
    return ERR_OK;
}

void states_sealed_close(state_store_t *store)
{
    if (store == NULL)
        return;
    states_sealed_t *self = sealed_of(store);
    aead_free(self->aead);
    OPENSSL_cleanse(self, sizeof *self);
    memory_free(self);
}
