#include "storage/crypt/vault_move.h"

#include "storage/crypt/vault_record.h"

static err_t get_or_empty(vault_store_t *store, str_t subject, buf_t *out)
{
    err_t err = store->table->get(store, subject, out);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t remove_or_not(vault_store_t *store, str_t subject)
{
    err_t err = store->table->remove(store, subject);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static bool is_erased(str_t bytes)
{
    vault_record_t record;
    return vault_record_read(bytes, &record) == ERR_OK && record.is_erased;
}

/* ---- copying ---- */

typedef struct moving {
    vault_store_t *from, *to;
} moving_t;

static err_t copy_record(const moving_t *self, str_t subject)
{
    buf_t record BUF_SCOPED = BUF_INIT, there BUF_SCOPED = BUF_INIT;
    TRY(get_or_empty(self->from, subject, &record));
    TRY(get_or_empty(self->to, subject, &there));
    if (record.size == 0 || str_equal(buf_str(&record), buf_str(&there)) ||
        is_erased(buf_str(&there)))
        return ERR_OK;
    if (there.size > 0 && !is_erased(buf_str(&record)))
        return ERR_CONFLICT;
    return self->to->table->put(self->to, subject, buf_str(&there), buf_str(&record));
}

static bool is_ours(str_t subject)
{
    return str_equal(subject, VAULT_CHECK) || str_equal(subject, VAULT_MOVED);
}

static err_t copy_one(void *context, str_t subject)
{
    return is_ours(subject) ? ERR_OK : copy_record(context, subject);
}

static err_t copy_all(moving_t *self)
{
    TRY(remove_or_not(self->to, VAULT_MOVED));
    TRY(self->from->table->each(self->from, copy_one, self));
    return copy_record(self, VAULT_CHECK);
}

/* ---- removing ---- */

static err_t remove_one(void *context, str_t subject)
{
    const moving_t *self = context;
    return is_ours(subject) ? ERR_OK : remove_or_not(self->from, subject);
}

static err_t remove_all(moving_t *self, str_t check)
{
    buf_t moved BUF_SCOPED = BUF_INIT;
    TRY(get_or_empty(self->from, VAULT_MOVED, &moved));
    if (!str_equal(buf_str(&moved), check))
        TRY(self->from->table->put(self->from, VAULT_MOVED, buf_str(&moved), check));
    TRY(self->from->table->each(self->from, remove_one, self));
    TRY(remove_or_not(self->from, VAULT_CHECK));
    return self->from->table->settle == NULL ? ERR_OK : self->from->table->settle(self->from);
}

err_t vault_move(vault_store_t *from, vault_store_t *to)
{
    moving_t moving = {from, to};
    buf_t check BUF_SCOPED = BUF_INIT, there BUF_SCOPED = BUF_INIT;
    TRY(get_or_empty(from, VAULT_CHECK, &check));
    TRY(get_or_empty(to, VAULT_CHECK, &there));
    if (check.size == 0)
        return ERR_OK;
    if (there.size > 0 && !str_equal(buf_str(&check), buf_str(&there)))
        return ERR_CONFLICT;
    TRY(copy_all(&moving));
    return remove_all(&moving, buf_str(&check));
}

err_t vault_is_moved(vault_store_t *store, bool *out_is_moved)
{
    buf_t moved BUF_SCOPED = BUF_INIT;
    TRY(get_or_empty(store, VAULT_MOVED, &moved));
    *out_is_moved = moved.size > 0;
    return ERR_OK;
}
