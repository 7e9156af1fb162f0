#include "runtime/life/names.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/context.h"

enum { BUCKETS = 4096, STRIPES = 32 };

struct name_entry {
    name_entry_t *next;      /* in its bucket */
    name_entry_t *next_mine; /* of its actor */
    uint64_t ref;
    uint64_t hash;
    str_t name; /* behind it */
};

struct names {
    uv_rwlock_t locks[STRIPES];
    name_entry_t *buckets[BUCKETS];
    _Atomic uint32_t count;
};

const char address_named_kind[] = "(by name)";

names_t *names_new(void)
{
    names_t *self = memory_new(sizeof *self);
    for (size_t i = 0; self != NULL && i < STRIPES; i++)
        ASSERT(uv_rwlock_init(&self->locks[i]) == 0);
    return self;
}

void names_free(names_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (self->buckets[i] != NULL) {
            name_entry_t *entry = self->buckets[i];
            self->buckets[i] = entry->next;
            memory_free(entry);
        }
    }
    for (size_t i = 0; i < STRIPES; i++)
        uv_rwlock_destroy(&self->locks[i]);
    memory_free(self);
}

static uv_rwlock_t *lock_of(names_t *self, uint64_t hash)
{
    return &self->locks[hash % BUCKETS % STRIPES];
}

/* Where it is, or would be. Under its lock. */
static name_entry_t **place_of(names_t *self, uint64_t hash, str_t name)
{
    name_entry_t **at = &self->buckets[hash % BUCKETS];
    while (*at != NULL && !((*at)->hash == hash && str_equal((*at)->name, name)))
        at = &(*at)->next;
    return at;
}

uint64_t names_find(names_t *self, str_t name)
{
    uint64_t hash = str_hash(name);
    uv_rwlock_rdlock(lock_of(self, hash));
    const name_entry_t *entry = *place_of(self, hash, name);
    uint64_t ref = entry == NULL ? 0 : entry->ref;
    uv_rwlock_rdunlock(lock_of(self, hash));
    return ref;
}

static err_t add_locked(names_t *self, actor_extra_t *extra, name_entry_t *fresh)
{
    name_entry_t **at = place_of(self, fresh->hash, fresh->name);
    if (*at != NULL)
        return ERR_CONFLICT;
    if (atomic_fetch_add(&self->count, 1) >= NAMES_MAX) {
        atomic_fetch_sub(&self->count, 1);
        return ERR_LIMIT;
    }
    *at = fresh;
    fresh->next_mine = extra->names;
    extra->names = fresh;
    return ERR_OK;
}

static err_t add(names_t *self, actor_extra_t *extra, uint64_t ref, str_t name)
{
    name_entry_t *fresh = memory_new(sizeof *fresh + name.size);
    if (fresh == NULL)
        return ERR_NO_MEMORY;
    memcpy(fresh + 1, name.data, name.size);
    fresh->name = str_of(fresh + 1, name.size);
    fresh->hash = str_hash(name);
    fresh->ref = ref;
    uv_rwlock_wrlock(lock_of(self, fresh->hash));
    err_t err = add_locked(self, extra, fresh);
    uv_rwlock_wrunlock(lock_of(self, fresh->hash));
    if (err != ERR_OK)
        memory_free(fresh);
    return err;
}

static name_entry_t **mine_at(actor_extra_t *extra, str_t name, uint32_t *out_count)
{
    name_entry_t **at = &extra->names;
    for (*out_count = 0; *at != NULL && !str_equal((*at)->name, name); at = &(*at)->next_mine)
        (*out_count)++;
    return at;
}

err_t names_add(names_t *self, actor_t *actor, str_t name)
{
    if (name.size == 0)
        return ERR_INVALID;
    if (name.size > NAME_SIZE_MAX)
        return ERR_LIMIT;
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = 0;
    if (*mine_at(extra, name, &count) != NULL)
        return ERR_OK;
    return count >= ACTOR_NAMES_MAX ? ERR_LIMIT : add(self, extra, actor_bits(actor), name);
}

static void drop(names_t *self, name_entry_t **mine)
{
    name_entry_t *entry = *mine;
    *mine = entry->next_mine;
    uv_rwlock_t *lock = lock_of(self, entry->hash);
    uv_rwlock_wrlock(lock);
    *place_of(self, entry->hash, entry->name) = entry->next;
    uv_rwlock_wrunlock(lock);
    atomic_fetch_sub(&self->count, 1);
    memory_free(entry);
}

err_t names_remove(names_t *self, actor_t *actor, str_t name)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    uint32_t count = 0;
    name_entry_t **mine = extra == NULL ? NULL : mine_at(extra, name, &count);
    if (mine == NULL || *mine == NULL)
        return ERR_NOT_FOUND;
    drop(self, mine);
    return ERR_OK;
}

void names_remove_all(names_t *self, actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    while (extra != NULL && extra->names != NULL)
        drop(self, &extra->names);
}

/* ---- for authors ---- */

err_t actor_register(context_t *ctx, str_t name)
{
    return names_add(ctx->runtime->names, ctx->actor, name);
}

err_t actor_unregister(context_t *ctx, str_t name)
{
    return names_remove(ctx->runtime->names, ctx->actor, name);
}

actor_ref_t runtime_whereis(runtime_t *self, str_t name)
{
    return (actor_ref_t){names_find(self->names, name)};
}

address_t address_resolve(const runtime_t *self, address_t to)
{
    return to.kind == address_named_kind
               ? address_of_ref((actor_ref_t){names_find(self->names, to.key)})
               : to;
}
