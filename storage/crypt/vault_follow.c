/* Keeping up with other processes that use the same store. What they changed comes with numbers: a
 * subject that was erased or has another key goes from the cache, a new master key is learned from
 * the record that the old one opens. */

#include "storage/crypt/vault_parts.h"

#include "runtime/base/clock.h"

#include <unistd.h>

enum { WAIT_PAUSE_US = 20000 };

/* ---- what others changed ---- */

/* Nothing where this vault has both masters already: its own rotation, say. */
static err_t learn_master(vault_t *self)
{
    if (self->master_count == 2)
        return ERR_OK;
    TRY(vault_find_rotation(self));
    self->must_keep |= self->master_count == 2;
    return ERR_OK;
}

/* The record that each rotation wraps anew, whatever else there is. */
static err_t look_whether_behind(vault_t *self, str_t record)
{
    aead_key_t any AEAD_KEY_SCOPED;
    err_t err = vault_unwrap(self, VAULT_CHECK, record, &any);
    self->is_behind = err == ERR_FORBIDDEN;
    return self->is_behind ? ERR_OK : err;
}

static err_t take_key(vault_t *self, str_t subject, str_t record)
{
    data_key_t before DATA_KEY_SCOPED, now DATA_KEY_SCOPED;
    if (key_cache_get(self->cache, subject, &before) != ERR_OK)
        return ERR_OK;
    err_t err = vault_take_record(self, subject, record, &now);
    if (err == ERR_OK && !now.is_erased && memcmp(now.id, before.id, sizeof now.id) == 0)
        return ERR_OK; /* wrapped anew, no more */
    aead_forget(self->aead);
    if (err == ERR_UNAVAILABLE) { /* by a master that came and went while nobody was looking */
        key_cache_remove(self->cache, subject);
        return ERR_OK;
    }
    return err;
}

static err_t take_change(void *context, str_t subject, str_t record)
{
    vault_t *self = context;
    if (str_equal(subject, VAULT_NEXT))
        return learn_master(self);
    if (str_equal(subject, VAULT_CHECK))
        return look_whether_behind(self, record);
    return str_starts_with(subject, STR("_")) ? ERR_OK : take_key(self, subject, record);
}

err_t vault_take_over(vault_t *self)
{
    const vault_store_table_t *table = self->store->table;
    return table->changes == NULL ? ERR_OK
                                  : table->changes(self->store, &self->reached, take_change, self);
}

err_t vault_put(vault_t *self, str_t subject, str_t expected, str_t record)
{
    if (self->is_behind)
        return ERR_UNAVAILABLE;
    err_t err = self->store->table->put(self->store, subject, expected, record);
    if (err == ERR_CONFLICT)
        TRY(vault_take_over(self));
    return err;
}

bool vault_is_shared(const vault_t *self)
{
    return self->store->table->changes != NULL;
}

err_t vault_follow_begin(vault_t *self)
{
    const vault_store_table_t *table = self->store->table;
    uint64_t slowest;
    if (table->changes == NULL)
        return ERR_OK;
    TRY(table->changes(self->store, &self->reached, NULL, NULL));
    return table->meet(self->store, self->reached, &slowest);
}

/* ---- a store that went back ---- */

static err_t put_again(vault_t *self, str_t subject, const data_key_t *key)
{
    char record[VAULT_RECORD_SIZE];
    if (key->is_erased)
        return ERR_OK; /* as if it never was: so it is in the store */
    TRY(vault_wrap(self, subject, &key->key, record));
    return vault_put(self, subject, (str_t){NULL, 0}, str_of(record, sizeof record));
}

/* CONFLICT: another node was quicker. */
static err_t try_compare(vault_t *self, str_t subject)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    data_key_t kept DATA_KEY_SCOPED, there DATA_KEY_SCOPED;
    if (key_cache_get(self->cache, subject, &kept) != ERR_OK)
        return ERR_OK; /* it has made room meanwhile */
    err_t err = self->store->table->get(self->store, subject, &record);
    if (err == ERR_NOT_FOUND)
        return put_again(self, subject, &kept);
    TRY(err);
    return vault_take_record(self, subject, buf_str(&record), &there);
}

static err_t compare(vault_t *self, str_t subject)
{
    err_t err = ERR_CONFLICT;
    for (int i = 0; err == ERR_CONFLICT && i < VAULT_TRIES_MAX; i++)
        err = try_compare(self, subject);
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}

err_t vault_went_back(vault_t *self)
{
    vault_t *lock LOCK_SCOPED = locked(self);
    key_cache_name_t names[KEY_CACHE_WAYS];
    self->reached = 0; /* numbers of changes went back, too */
    TRY(vault_follow_begin(self));
    for (uint32_t set = 0; set < key_cache_sets(self->cache); set++) {
        uint32_t count = key_cache_names(self->cache, set, names);
        for (uint32_t i = 0; i < count; i++)
            TRY(compare(self, str_from(names[i])));
    }
    aead_forget(self->aead);
    return ERR_OK;
}

/* ---- every now and then ---- */

static bool is_gone(vault_t *self, str_t name)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    return self->store->table->get(self->store, name, &record) == ERR_NOT_FOUND;
}

/* What was learned of is kept before anybody hears that it was. */
static err_t take_over_and_keep(vault_t *self, const vault_rotation_t *rotation)
{
    TRY(vault_take_over(self));
    if (self->must_keep && rotation->keep != NULL)
        TRY(rotation->keep(rotation->context, &self->masters[0].key));
    self->must_keep = false;
    if (self->master_count == 2 && !self->is_rotator && is_gone(self, VAULT_NEXT) &&
        is_gone(self, VAULT_PREVIOUS))
        vault_forget_old_master(self);
    return ERR_OK;
}

err_t vault_follow(vault_t *self, const vault_rotation_t *rotation)
{
    uint64_t reached, slowest;
    if (self->store->table->changes == NULL)
        return ERR_OK;
    {
        vault_t *lock LOCK_SCOPED = locked(self);
        TRY(take_over_and_keep(self, rotation));
        if (self->is_behind)
            return ERR_FORBIDDEN;
        reached = self->reached;
    }
    return self->store->table->meet(self->store, reached, &slowest);
}

/* ---- waiting for them ---- */

err_t vault_wait_for_others(vault_t *self, uint64_t number)
{
    const ms_clock_t clock = clock_system();
    uint64_t slowest = 0, end_ms = clock_mono_ms(&clock) + VAULT_SETTLE_MS;
    if (self->store->table->meet == NULL)
        return ERR_OK;
    for (;;) {
        TRY(self->store->table->meet(self->store, number, &slowest));
        if (slowest >= number)
            return ERR_OK;
        if (clock_mono_ms(&clock) >= end_ms)
            return ERR_TIMEOUT;
        usleep(WAIT_PAUSE_US);
    }
}

err_t vault_settle(vault_t *self)
{
    uint64_t number;
    {
        vault_t *lock LOCK_SCOPED = locked(self);
        TRY(vault_take_over(self));
        number = self->reached;
    }
    if (self->store->table->settle != NULL)
        TRY(self->store->table->settle(self->store));
    return vault_wait_for_others(self, number);
}
