/* keyring_shared.c -- a keyring that the nodes of a cluster have in common. Its text is the
 * instance's (keyring_parts.h), then for each generation, newest first, a line "generation NUMBER
 * SIZE" and so many bytes. */

#include "storage/keys/keyring_parts.h"

#include "storage/crypt/aead.h"

#include <openssl/crypto.h>

enum { SHARE_TRIES = 8 };

static err_t write_generation(const generation_t *generation, buf_t *out)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    TRY(generation_write(generation, &text));
    buf_printf(out, "generation %u %zu\n", generation->number, text.size);
    buf_append(out, buf_str(&text));
    return buf_status(out);
}

/* With one more in front of those that there are, if `made` is not NULL. */
static err_t write_all(const keyring_t *self, const generation_t *made, buf_t *out)
{
    size_t kept = KEYRING_GENERATIONS - (made == NULL ? 0 : 1);
    TRY(keyring_instance_write(self, out));
    if (made != NULL)
        TRY(write_generation(made, out));
    for (size_t i = 0; i < kept && self->generations[i].number != 0; i++)
        TRY(write_generation(&self->generations[i], out));
    return buf_status(out);
}

static err_t read_generation(str_t *rest, generation_t *out_generation)
{
    str_t line, word, number, size;
    uint64_t count, bytes;
    if (!str_next(rest, '\n', &line) || !str_next(&line, ' ', &word) ||
        !str_equal(word, STR("generation")) || !str_next(&line, ' ', &number) ||
        !str_next(&line, ' ', &size))
        return ERR_CORRUPT;
    if (str_to_u64(number, &count) != ERR_OK || count == 0 || count > UINT32_MAX ||
        str_to_u64(size, &bytes) != ERR_OK || bytes > rest->size)
        return ERR_CORRUPT;
    TRY(generation_read(out_generation, (uint32_t)count, str_slice(*rest, 0, bytes)));
    *rest = str_slice(*rest, bytes, rest->size);
    return ERR_OK;
}

typedef struct generations {
    generation_t all[KEYRING_GENERATIONS];
} generations_t;

static void generations_deinit(generations_t *self)
{
    for (size_t i = 0; i < KEYRING_GENERATIONS; i++)
        generation_deinit(&self->all[i]);
}

static err_t read_generations(str_t text, generations_t *out)
{
    generations_t read SCOPED(generations_deinit) = {0};
    size_t count = 0;
    for (str_t rest = text; rest.size > 0 && count < KEYRING_GENERATIONS; count++)
        TRY(read_generation(&rest, &read.all[count]));
    if (count == 0)
        return ERR_CORRUPT;
    *out = read;
    read = (generations_t){0};
    return ERR_OK;
}

/* The lock is taken for the exchange only. */
static void adopt(keyring_t *self, generations_t *read, uint64_t version)
{
    pthread_rwlock_wrlock(&self->lock);
    for (size_t i = 0; i < KEYRING_GENERATIONS; i++) {
        generation_t before = self->generations[i];
        self->generations[i] = read->all[i];
        read->all[i] = before;
    }
    self->version = version;
    pthread_rwlock_unlock(&self->lock);
    generations_deinit(read);
}

static err_t take_generations(keyring_t *self, str_t text, uint64_t version)
{
    generations_t read = {0};
    TRY(read_generations(text, &read));
    adopt(self, &read, version);
    return ERR_OK;
}

/* All of it. The instance is taken once, before anybody looks at it. */
static err_t take_all(keyring_t *self, const keyring_store_t *store)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    uint64_t version = 0;
    str_t rest;
    TRY(store->get(store->context, &text, &version));
    TRY(keyring_instance_read(self, buf_str(&text), &rest));
    return take_generations(self, rest, version);
}

static err_t give_all(keyring_t *self, const keyring_store_t *store)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    TRY(write_all(self, NULL, &text));
    TRY(store->put(store->context, buf_str(&text), 0));
    self->version = 1;
    return ERR_OK;
}

err_t keyring_share(keyring_t *self, const keyring_store_t *store)
{
    err_t err = take_all(self, store);
    if (err == ERR_NOT_FOUND)
        err = give_all(self, store);
    if (err == ERR_CONFLICT) /* another node was quicker */
        err = take_all(self, store);
    TRY(err);
    self->store = store;
    return keyring_rotate_if_due(self);
}

static void unlock_scope_end(keyring_t **self)
{
    pthread_mutex_unlock(&(*self)->changing);
}

static keyring_t *locked(keyring_t *self)
{
    pthread_mutex_lock(&self->changing);
    return self;
}
#define LOCK_SCOPED UNUSED SCOPED(unlock_scope_end)

static err_t follow(keyring_t *self)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    keyring_t other = {.clock = self->clock};
    uint64_t version = 0;
    str_t rest;
    TRY(self->store->get(self->store->context, &text, &version));
    if (version == self->version)
        return ERR_OK;
    err_t err = keyring_instance_read(&other, buf_str(&text), &rest);
    OPENSSL_cleanse(&other, sizeof other);
    return err == ERR_OK ? take_generations(self, rest, version) : err;
}

err_t keyring_follow(keyring_t *self)
{
    if (self->store == NULL)
        return ERR_OK;
    keyring_t *lock LOCK_SCOPED = locked(self);
    return follow(self);
}

static bool is_due(const keyring_t *self)
{
    return clock_wall_ms(&self->clock) - self->generations[0].made_at_ms >= KEYRING_ROTATE_MS;
}

static err_t put_with(keyring_t *self, const generation_t *made)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    TRY(write_all(self, made, &text));
    return self->store->put(self->store->context, buf_str(&text), self->version);
}

err_t keyring_shared_rotate(keyring_t *self)
{
    keyring_t *lock LOCK_SCOPED = locked(self);
    for (int i = 0; i < SHARE_TRIES; i++) {
        generation_t made SCOPED(generation_deinit) = {0};
        TRY(follow(self));
        if (!is_due(self))
            return ERR_OK;
        TRY(generation_make(self, self->generations[0].number + 1, &made));
        err_t err = put_with(self, &made);
        if (err == ERR_CONFLICT)
            continue; /* another node was quicker */
        TRY(err);
        pthread_rwlock_wrlock(&self->lock);
        generation_t gone = keyring_push(self, &made);
        self->version++;
        pthread_rwlock_unlock(&self->lock);
        generation_deinit(&gone);
        return ERR_OK;
    }
    return ERR_BUSY;
}
