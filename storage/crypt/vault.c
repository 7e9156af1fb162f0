#include "storage/crypt/vault.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/crypt/vault_parts.h"

#include <openssl/crypto.h>

/* ---- wrapped keys ---- */

err_t vault_wrap(vault_t *self, str_t subject, const aead_key_t *key, char room[VAULT_RECORD_SIZE])
{
    uint8_t nonce[AEAD_NONCE_SIZE];
    random_fill(&self->random, nonce, sizeof nonce);
    return vault_record_wrap(self->aead, &self->masters[0], subject, key, nonce, room);
}

err_t vault_unwrap(vault_t *self, str_t subject, str_t record, aead_key_t *out_key)
{
    err_t err = ERR_FORBIDDEN;
    for (uint32_t i = 0; i < self->master_count && err == ERR_FORBIDDEN; i++)
        err = vault_record_unwrap(self->aead, &self->masters[i], subject, record, out_key);
    return err;
}

static err_t complete(const vault_t *self, data_key_t *key)
{
    TRY(vault_key_id(&key->key, key->id));
    return aead_derive(self->aead, &key->key, self->half, &key->mine);
}

err_t vault_take_record(vault_t *self, str_t subject, str_t record, data_key_t *out_key)
{
    data_key_t key DATA_KEY_SCOPED = {0};
    err_t err = vault_unwrap(self, subject, record, &key.key);
    key.is_erased = err == ERR_STALE;
    if (err == ERR_FORBIDDEN) /* it is no more than that: nobody may take it for an erased one */
        return ERR_UNAVAILABLE;
    if (!key.is_erased) {
        TRY(err);
        TRY(complete(self, &key));
    }
    key_cache_put(self->cache, subject, &key);
    *out_key = key;
    return ERR_OK;
}

/* From the store into the cache. NOT_FOUND. */
static err_t load(vault_t *self, str_t subject, data_key_t *out_key)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    TRY(self->store->table->get(self->store, subject, &record));
    err_t err = vault_take_record(self, subject, buf_str(&record), out_key);
    if (err != ERR_UNAVAILABLE)
        return err;
    TRY(vault_take_over(self)); /* perhaps another node has just replaced the master key */
    return vault_take_record(self, subject, buf_str(&record), out_key);
}

/* A new key in the place of `expected`. */
static err_t make(vault_t *self, str_t subject, str_t expected, data_key_t *out_key)
{
    char record[VAULT_RECORD_SIZE];
    data_key_t key DATA_KEY_SCOPED = {0};
    random_fill(&self->random, key.key.bytes, sizeof key.key.bytes);
    TRY(complete(self, &key));
    TRY(vault_wrap(self, subject, &key.key, record));
    TRY(vault_put(self, subject, expected, str_of(record, sizeof record)));
    key_cache_put(self->cache, subject, &key);
    *out_key = key;
    return ERR_OK;
}

static bool is_subject(str_t subject)
{
    for (size_t i = 0; i < subject.size; i++) {
        char c = subject.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && ((c != '-' && c != '_') || i == 0))
            return false;
    }
    return subject.size > 0 && subject.size <= VAULT_SUBJECT_SIZE_MAX;
}

static err_t find(vault_t *self, str_t subject, bool is_made, data_key_t *out_key)
{
    if (key_cache_get(self->cache, subject, out_key) == ERR_OK)
        return ERR_OK;
    if (!is_subject(subject)) /* none of those is in the cache */
        return ERR_INVALID;
    vault_t *lock LOCK_SCOPED = locked(self);
    err_t err = ERR_CONFLICT;
    for (int i = 0; err == ERR_CONFLICT && i < VAULT_TRIES_MAX; i++) {
        err = load(self, subject, out_key);
        if (err == ERR_NOT_FOUND && is_made) /* CONFLICT: another node was quicker */
            err = make(self, subject, (str_t){NULL, 0}, out_key);
    }
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}

bool vault_is_ready(vault_t *self, str_t subject)
{
    return key_cache_has(self->cache, subject);
}

bool vault_is_at_hand(vault_t *self, str_t subject)
{
    if (vault_is_ready(self, subject))
        return true;
    if (!self->store->is_near || !is_subject(subject) || pthread_mutex_trylock(&self->lock) != 0)
        return false;
    vault_t *lock LOCK_SCOPED = self;
    data_key_t key DATA_KEY_SCOPED = {0};
    return load(self, subject, &key) == ERR_OK;
}

err_t vault_prepare(vault_t *self, str_t subject)
{
    data_key_t key DATA_KEY_SCOPED;
    TRY(find(self, subject, true, &key));
    return key.is_erased ? ERR_FORBIDDEN : ERR_OK;
}

err_t vault_is_erased(vault_t *self, str_t subject, bool *out_is_erased)
{
    data_key_t key DATA_KEY_SCOPED;
    TRY(find(self, subject, false, &key));
    *out_is_erased = key.is_erased;
    return ERR_OK;
}

/* ---- sealing ---- */

/* `plain` may stand in the room already. */
static err_t seal_to(vault_t *self, const data_key_t *key, str_t context, str_t plain, char *room)
{
    uint8_t rest[AEAD_HALF_NONCE_SIZE] = {0};
    uint64_t number = atomic_fetch_add_explicit(&self->sealed, 1, memory_order_relaxed);
    char *at = room;
    memcpy(rest, &number, sizeof number);
    *at++ = VAULT_FORMAT;
    memcpy(at, key->id, sizeof key->id);
    memcpy(at + sizeof key->id, self->half, sizeof self->half);
    memcpy(at + sizeof key->id + sizeof self->half, rest, sizeof rest);
    return aead_seal(self->aead, &key->mine, rest, context, plain, room + VAULT_SEALED_HEAD);
}

err_t vault_seal(vault_t *self, str_t subject, str_t context, str_t plain, buf_t *out)
{
    data_key_t key DATA_KEY_SCOPED;
    TRY(find(self, subject, true, &key));
    if (key.is_erased)
        return ERR_FORBIDDEN;
    size_t before = out->size;
    char *room = buf_extend(out, plain.size + VAULT_SEALED_MORE);
    if (room == NULL)
        return buf_status(out);
    err_t err = seal_to(self, &key, context, plain, room);
    if (err != ERR_OK)
        out->size = before;
    return err;
}

err_t vault_seal_here(vault_t *self, str_t subject, str_t context, char *room, size_t size,
                      bool may_fetch)
{
    data_key_t key DATA_KEY_SCOPED;
    err_t err =
        may_fetch ? find(self, subject, true, &key) : key_cache_get(self->cache, subject, &key);
    TRY(err == ERR_NOT_FOUND && !is_subject(subject) ? ERR_INVALID : err);
    if (key.is_erased)
        return ERR_FORBIDDEN;
    return seal_to(self, &key, context, str_of(room + VAULT_SEALED_HEAD, size), room);
}

/* What this start has sealed needs no derivation, and of an earlier one only the first record. */
static err_t key_of(const vault_t *self, str_t subject, data_key_t *key, const uint8_t *half,
                    const aead_key_t **out_derived)
{
    bool is_mine = memcmp(half, self->half, sizeof self->half) == 0;
    *out_derived = is_mine ? &key->mine : &key->other;
    if (is_mine || (key->has_other && memcmp(half, key->other_half, sizeof self->half) == 0))
        return ERR_OK;
    TRY(aead_derive(self->aead, &key->key, half, &key->other));
    memcpy(key->other_half, half, sizeof key->other_half);
    key_cache_put_other(self->cache, subject, key);
    return ERR_OK;
}

err_t vault_unseal(vault_t *self, str_t subject, str_t context, str_t sealed, buf_t *out)
{
    data_key_t key DATA_KEY_SCOPED;
    const aead_key_t *derived;
    vault_sealed_t parts;
    TRY(vault_sealed_read(sealed, &parts));
    err_t err = find(self, subject, false, &key);
    if (err == ERR_NOT_FOUND || err == ERR_INVALID)
        return ERR_CORRUPT;
    TRY(err);
    if (key.is_erased)
        return ERR_STALE;
    if (memcmp(parts.key_id, key.id, sizeof key.id) != 0)
        return ERR_CONFLICT;
    TRY(key_of(self, subject, &key, parts.nonce, &derived));
    size_t before = out->size;
    char *room = buf_extend(out, parts.text.size - AEAD_TAG_SIZE);
    if (room == NULL && parts.text.size > AEAD_TAG_SIZE)
        return buf_status(out);
    err = aead_open(self->aead, derived, parts.nonce + AEAD_HALF_NONCE_SIZE, context, parts.text,
                    room);
    if (err != ERR_OK)
        out->size = before;
    return err;
}

/* ---- destroying ---- */

static err_t read_record(vault_t *self, str_t subject, buf_t *out)
{
    err_t err = self->store->table->get(self->store, subject, out);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t bury(vault_t *self, str_t subject)
{
    buf_t before BUF_SCOPED = BUF_INIT;
    char tombstone[VAULT_RECORD_SIZE];
    vault_record_write_erased(tombstone);
    str_t erased = str_of(tombstone, sizeof tombstone);
    TRY(read_record(self, subject, &before));
    if (!str_equal(buf_str(&before), erased))
        TRY(vault_put(self, subject, buf_str(&before), erased));
    key_cache_put(self->cache, subject, &(data_key_t){.is_erased = true});
    return ERR_OK;
}

static err_t replace(vault_t *self, str_t subject)
{
    buf_t before BUF_SCOPED = BUF_INIT;
    data_key_t key DATA_KEY_SCOPED;
    TRY(read_record(self, subject, &before));
    return make(self, subject, buf_str(&before), &key);
}

static err_t destroy(vault_t *self, str_t subject, err_t (*how)(vault_t *self, str_t subject))
{
    if (!is_subject(subject))
        return ERR_INVALID;
    vault_t *lock LOCK_SCOPED = locked(self);
    err_t err = ERR_CONFLICT; /* another node wraps it anew, say */
    for (int i = 0; err == ERR_CONFLICT && i < VAULT_TRIES_MAX; i++)
        err = how(self, subject);
    if (err == ERR_OK)
        aead_forget(self->aead);
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}

err_t vault_erase(vault_t *self, str_t subject)
{
    return destroy(self, subject, bury);
}

err_t vault_renew(vault_t *self, str_t subject)
{
    return destroy(self, subject, replace);
}

typedef struct erased_walk {
    vault_t *vault;
    vault_visit_fn visit;
    void *context;
} erased_walk_t;

static err_t visit_erased(void *context, str_t subject)
{
    erased_walk_t *walk = context;
    bool is_erased = false;
    if (!is_subject(subject))
        return ERR_OK;
    TRY(vault_is_erased(walk->vault, subject, &is_erased));
    return is_erased ? walk->visit(walk->context, subject) : ERR_OK;
}

err_t vault_each_erased(vault_t *self, vault_visit_fn visit, void *context)
{
    erased_walk_t walk = {self, visit, context};
    return self->store->table->each(self->store, visit_erased, &walk);
}

/* ---- opening ---- */

err_t vault_store_is_used(vault_store_t *store, bool *out_is_used)
{
    buf_t check BUF_SCOPED = BUF_INIT;
    err_t err = store->table->get(store, VAULT_CHECK, &check);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_is_used = err == ERR_OK;
    return ERR_OK;
}

static err_t make_check(vault_t *self)
{
    char record[VAULT_RECORD_SIZE];
    aead_key_t any AEAD_KEY_SCOPED;
    random_fill(&self->random, any.bytes, sizeof any.bytes);
    TRY(vault_wrap(self, VAULT_CHECK, &any, record));
    return vault_put(self, VAULT_CHECK, (str_t){NULL, 0}, str_of(record, sizeof record));
}

static err_t check(vault_t *self, buf_t *problem)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    aead_key_t any AEAD_KEY_SCOPED;
    vault_record_t parts;
    err_t err = self->store->table->get(self->store, VAULT_CHECK, &record);
    if (err == ERR_NOT_FOUND)
        err = make_check(self);
    if (err == ERR_CONFLICT) /* another node's first start */
        err = self->store->table->get(self->store, VAULT_CHECK, &record);
    if (err == ERR_OK && record.size > 0)
        err = vault_unwrap(self, VAULT_CHECK, buf_str(&record), &any);
    if (err == ERR_FORBIDDEN && vault_record_read(buf_str(&record), &parts) == ERR_OK) {
        buf_printf(problem, "the master key given (");
        vault_master_name(self, problem);
        buf_printf(problem, ") is not the one that the users' keys are wrapped with (");
        hex_append(problem, str_of(parts.master_id, VAULT_MASTER_ID_SIZE));
        buf_printf(problem, "); nothing was changed");
    }
    return err;
}

static err_t start(vault_t *self, const vault_options_t *options, buf_t *problem)
{
    self->random = options->random.fill == NULL ? random_system() : options->random;
    random_fill(&self->random, self->half, sizeof self->half);
    TRY(aead_new(&self->aead));
    TRY(key_cache_new(options->keys_max, &self->cache));
    TRY(vault_master_init(&self->masters[0], options->master));
    self->master_count = 1;
    TRY(vault_follow_begin(self));
    TRY(vault_find_rotation(self));
    return check(self, problem);
}

err_t vault_open(const vault_options_t *options, buf_t *problem, vault_t **out_vault)
{
    vault_t *self = memory_new(sizeof *self);
    if (self == NULL) {
        options->store->table->close(options->store);
        return ERR_NO_MEMORY;
    }
    pthread_mutex_init(&self->lock, NULL);
    self->store = options->store;
    err_t err = start(self, options, problem);
    if (err != ERR_OK) {
        vault_close(self);
        return err;
    }
    *out_vault = self;
    return ERR_OK;
}

void vault_hurry(vault_t *self, uint64_t within_ms)
{
    if (self->store->table->hurry != NULL)
        self->store->table->hurry(self->store, within_ms);
}

void vault_close(vault_t *self)
{
    if (self == NULL)
        return;
    self->store->table->close(self->store);
    key_cache_free(self->cache);
    aead_free(self->aead);
    pthread_mutex_destroy(&self->lock);
    OPENSSL_cleanse(self, sizeof *self);
    memory_free(self);
}

void vault_scope_end(vault_t **self)
{
    vault_close(*self);
}

void vault_master_name(vault_t *self, buf_t *out)
{
    vault_t *lock LOCK_SCOPED = locked(self);
    hex_append(out, str_of(self->masters[0].id, VAULT_MASTER_ID_SIZE));
}
