/* Values of our own, kept as a record like a key's: so a rotation wraps them anew, and they go
 * wherever the keys go. */

#include "storage/crypt/vault_parts.h"

/* *out_has: there is one. */
static err_t read_value(vault_t *self, str_t name, buf_t *record, aead_key_t *out_value,
                        bool *out_has)
{
    err_t err = self->store->table->get(self->store, name, record);
    *out_has = err == ERR_OK;
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    err = vault_unwrap(self, name, buf_str(record), out_value);
    return err == ERR_FORBIDDEN ? ERR_UNAVAILABLE : err == ERR_STALE ? ERR_CORRUPT : err;
}

static err_t try_change(vault_t *self, str_t name, vault_decide_fn decide, void *context)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    char anew[VAULT_RECORD_SIZE];
    aead_key_t now AEAD_KEY_SCOPED = {0}, next AEAD_KEY_SCOPED = {0};
    bool has_one = false;
    TRY(read_value(self, name, &record, &now, &has_one));
    if (!decide(context, has_one ? now.bytes : NULL, next.bytes))
        return ERR_OK;
    TRY(vault_wrap(self, name, &next, anew));
    return vault_put(self, name, buf_str(&record), str_of(anew, sizeof anew));
}

err_t vault_value_change(vault_t *self, str_t name, vault_decide_fn decide, void *context)
{
    err_t err = ERR_CONFLICT; /* another node was quicker */
    pthread_mutex_lock(&self->lock);
    for (int i = 0; err == ERR_CONFLICT && i < VAULT_TRIES_MAX; i++)
        err = try_change(self, name, decide, context);
    pthread_mutex_unlock(&self->lock);
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}
