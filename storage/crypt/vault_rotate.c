/* Replacing the master key. Both masters are kept wrapped by each other until every record is
 * wrapped by the new one: so a start with either finds the other and goes on. The order is what
 * makes a kill at any point harmless:
 *
 *     1  _previous: the old master, wrapped by the new one
 *     2  _next: the new master, wrapped by the old one     from here on the rotation is under way
 *     3  each record, one at a time
 *     4  keep: where the next start finds the new master
 *     5  _next and _previous go                            the old master opens nothing any more
 *
 * Others that use the store learn of the new master between 2 and 5: from 2 on it refuses what they
 * put (vault_store.h) until they have, and 5 waits for those that were heard of lately. Who was cut
 * off for all that time finds that it knows no master any more: UNAVAILABLE, until it is started
 * with the new one. */

#include "storage/crypt/vault_parts.h"

#include <openssl/crypto.h>

static err_t read_master(vault_t *self, str_t name, aead_key_t *out_key)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    TRY(self->store->table->get(self->store, name, &record));
    return vault_record_unwrap(self->aead, &self->masters[0], name, buf_str(&record), out_key);
}

err_t vault_find_rotation(vault_t *self)
{
    aead_key_t other AEAD_KEY_SCOPED;
    /* Given the old one? */
    err_t err = read_master(self, VAULT_NEXT, &other);
    if (err == ERR_OK) {
        self->masters[1] = self->masters[0];
        self->master_count = 2;
        atomic_store(&self->is_rotating, true);
        return vault_master_init(&self->masters[0], &other);
    }
    if (err != ERR_NOT_FOUND && err != ERR_FORBIDDEN)
        return err;
    /* Or the new one, with records that may still be the old one's? */
    err = read_master(self, VAULT_PREVIOUS, &other);
    if (err == ERR_NOT_FOUND || err == ERR_FORBIDDEN)
        return ERR_OK;
    TRY(err);
    self->master_count = 2;
    atomic_store(&self->is_rotating, true);
    return vault_master_init(&self->masters[1], &other);
}

bool vault_is_rotating(const vault_t *self)
{
    return atomic_load(&self->is_rotating);
}

/* ---- beginning ---- */

/* In the place of whatever an attempt that was cut short has left. */
static err_t put_master(vault_t *self, str_t name, str_t before, const vault_master_t *wrapping,
                        const vault_master_t *wrapped)
{
    char record[VAULT_RECORD_SIZE];
    uint8_t nonce[AEAD_NONCE_SIZE];
    random_fill(&self->random, nonce, sizeof nonce);
    TRY(vault_record_wrap(self->aead, wrapping, name, &wrapped->key, nonce, record));
    return vault_put(self, name, before, str_of(record, sizeof record));
}

static err_t read_left(vault_t *self, str_t name, buf_t *out)
{
    err_t err = self->store->table->get(self->store, name, out);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Both are read before either is put: of two nodes that begin at once one is refused, and what it
 * may have put already opens nothing that the other needs: a start with the old master finds _next.
 */
static err_t put_masters(vault_t *self, const vault_master_t *next)
{
    buf_t old_next BUF_SCOPED = BUF_INIT, old_previous BUF_SCOPED = BUF_INIT;
    const vault_master_t *now = &self->masters[0];
    TRY(read_left(self, VAULT_NEXT, &old_next));
    TRY(read_left(self, VAULT_PREVIOUS, &old_previous));
    TRY(put_master(self, VAULT_PREVIOUS, buf_str(&old_previous), next, now));
    return put_master(self, VAULT_NEXT, buf_str(&old_next), now, next);
}

/* CONFLICT: another one is under way, or the store's newest changes were not known. */
static err_t try_begin(vault_t *self, const aead_key_t *key)
{
    vault_master_t next;
    TRY(vault_master_init(&next, key));
    bool is_same = memcmp(next.id, self->masters[0].id, sizeof next.id) == 0;
    err_t err = is_same ? ERR_OK : self->master_count == 2 ? ERR_CONFLICT : ERR_OK;
    if (err == ERR_OK && !is_same)
        err = put_masters(self, &next);
    if (err == ERR_OK && !is_same) {
        self->masters[1] = self->masters[0];
        self->masters[0] = next;
        self->master_count = 2;
        atomic_store(&self->is_rotating, true);
    }
    OPENSSL_cleanse(&next, sizeof next);
    return err;
}

static err_t begin(vault_t *self, const aead_key_t *key)
{
    err_t err = try_begin(self, key);
    if (err == ERR_CONFLICT && self->master_count == 1)
        err = try_begin(self, key);
    return err;
}

/* ---- each record ---- */

typedef struct walk {
    vault_t *vault;
    const vault_rotation_t *rotation;
    uint64_t wrapped;
} walk_t;

static err_t wrap_anew(vault_t *self, str_t subject, bool *out_is_done)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    aead_key_t key AEAD_KEY_SCOPED;
    vault_record_t parts;
    char anew[VAULT_RECORD_SIZE];
    err_t err = self->store->table->get(self->store, subject, &record);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    TRY(vault_record_read(buf_str(&record), &parts));
    if (parts.is_erased || memcmp(parts.master_id, self->masters[0].id, VAULT_MASTER_ID_SIZE) == 0)
        return ERR_OK;
    TRY(vault_unwrap(self, subject, buf_str(&record), &key));
    TRY(vault_wrap(self, subject, &key, anew));
    TRY(vault_put(self, subject, buf_str(&record), str_of(anew, sizeof anew)));
    *out_is_done = true;
    return ERR_OK;
}

static err_t visit(void *context, str_t subject)
{
    walk_t *walk = context;
    bool is_done = false;
    if (str_equal(subject, VAULT_NEXT) || str_equal(subject, VAULT_PREVIOUS))
        return ERR_OK;
    pthread_mutex_lock(
        &walk->vault->lock); /* one record at a time: who needs a key waits for one */
    err_t err = ERR_CONFLICT;
    for (int i = 0; err == ERR_CONFLICT && i < VAULT_TRIES_MAX; i++)
        err = wrap_anew(walk->vault, subject, &is_done);
    pthread_mutex_unlock(&walk->vault->lock);
    if (is_done && ++walk->wrapped % 64 == 0 && walk->rotation->progress != NULL)
        walk->rotation->progress(walk->rotation->context, walk->wrapped);
    return err;
}

static err_t forget(vault_t *self, str_t name)
{
    err_t err = self->store->table->remove(self->store, name);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- ending ---- */

void vault_forget_old_master(vault_t *self)
{
    OPENSSL_cleanse(&self->masters[1], sizeof self->masters[1]);
    self->master_count = 1;
    aead_forget(self->aead);
    atomic_store(&self->is_rotating, false);
}

static err_t end(vault_t *self)
{
    TRY(forget(self, VAULT_NEXT));
    TRY(forget(self, VAULT_PREVIOUS));
    vault_forget_old_master(self);
    return ERR_OK;
}

static err_t go_on(vault_t *self, const vault_rotation_t *rotation)
{
    walk_t walk = {self, rotation, 0};
    TRY(self->store->table->each(self->store, visit, &walk));
    if (rotation->keep != NULL)
        TRY(rotation->keep(rotation->context, &self->masters[0].key));
    pthread_mutex_lock(&self->lock);
    err_t err = vault_take_over(self);
    uint64_t number = self->reached;
    pthread_mutex_unlock(&self->lock);
    TRY(err);
    TRY(vault_wait_for_others(self, number));
    pthread_mutex_lock(&self->lock);
    err = end(self);
    pthread_mutex_unlock(&self->lock);
    return err;
}

err_t vault_rotate(vault_t *self, const aead_key_t *master, const vault_rotation_t *rotation)
{
    pthread_mutex_lock(&self->lock);
    err_t err = master == NULL ? ERR_OK : begin(self, master);
    bool is_due = err == ERR_OK && self->master_count == 2;
    if (is_due)
        self->is_rotator = true;
    pthread_mutex_unlock(&self->lock);
    if (!is_due)
        return err;
    err = go_on(self, rotation);
    pthread_mutex_lock(&self->lock);
    self->is_rotator = false;
    pthread_mutex_unlock(&self->lock);
    return err;
}
