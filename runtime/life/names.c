#include "runtime/life/names.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/context.h"
#include "runtime/life/bonds.h"
#include "runtime/remote/remote.h"

#include <stddef.h>

enum { BUCKETS = 4096, STRIPES = 32 };

struct name_entry {
    directory_entry_t entry; /* who has it; its name is behind all this */
    name_entry_t *next;      /* in its bucket */
    name_entry_t *next_mine; /* of its actor */
    uint64_t node;
    uint64_t hash;
    message_t *lost; /* to its actor, when another node's has the name; NULL: that can't be */
    bool is_out;     /* of the table: it was lost */
};

struct names {
    runtime_t *runtime;
    uv_rwlock_t locks[STRIPES];
    name_entry_t *buckets[BUCKETS];
    _Atomic uint32_t count;
};

const char address_named_kind[] = "(by name)";

names_t *names_new(runtime_t *runtime)
{
    names_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->runtime = runtime;
    for (size_t i = 0; i < STRIPES; i++)
        ASSERT(uv_rwlock_init(&self->locks[i]) == 0);
    return self;
}

static void entry_free(name_entry_t *self)
{
    message_free(self->lost);
    memory_free(self);
}

void names_free(names_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (self->buckets[i] != NULL) {
            name_entry_t *entry = self->buckets[i];
            self->buckets[i] = entry->next;
            entry_free(entry);
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

/* The next of this name from here on, or where it would be. Under its lock. */
static name_entry_t **next_of(name_entry_t **at, uint64_t hash, str_t name)
{
    while (*at != NULL && !((*at)->hash == hash && str_equal((*at)->entry.name, name)))
        at = &(*at)->next;
    return at;
}

static name_entry_t **place_of(names_t *self, uint64_t hash, str_t name)
{
    return next_of(&self->buckets[hash % BUCKETS], hash, name);
}

/* Of several nodes the lowest. */
static const name_entry_t *holder_of(names_t *self, uint64_t hash, str_t name)
{
    const name_entry_t *holder = NULL;
    for (name_entry_t **at = place_of(self, hash, name); *at != NULL;
         at = next_of(&(*at)->next, hash, name))
        if (holder == NULL || (*at)->node < holder->node)
            holder = *at;
    return holder;
}

uint64_t names_find(names_t *self, str_t name)
{
    uint64_t hash = str_hash(name);
    uv_rwlock_rdlock(lock_of(self, hash));
    const name_entry_t *holder = holder_of(self, hash, name);
    uint64_t ref = holder == NULL ? 0 : holder->entry.ref;
    uv_rwlock_rdunlock(lock_of(self, hash));
    return ref;
}

static err_t count_up(names_t *self)
{
    if (atomic_fetch_add(&self->count, 1) < NAMES_MAX)
        return ERR_OK;
    atomic_fetch_sub(&self->count, 1);
    return ERR_LIMIT;
}

static void put_locked(names_t *self, name_entry_t *fresh)
{
    name_entry_t **bucket = &self->buckets[fresh->hash % BUCKETS];
    fresh->next = *bucket;
    *bucket = fresh;
}

static void take_locked(names_t *self, const name_entry_t *entry)
{
    name_entry_t **at = &self->buckets[entry->hash % BUCKETS];
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    atomic_fetch_sub(&self->count, 1);
}

/* ---- of this node ---- */

static err_t add_locked(names_t *self, actor_extra_t *extra, name_entry_t *fresh)
{
    if (*place_of(self, fresh->hash, fresh->entry.name) != NULL)
        return ERR_CONFLICT;
    TRY(count_up(self));
    err_t err = fresh->lost == NULL
                    ? ERR_OK
                    : directory_say(&self->runtime->remote->directory, &fresh->entry);
    if (err != ERR_OK) {
        atomic_fetch_sub(&self->count, 1);
        return err;
    }
    put_locked(self, fresh);
    fresh->next_mine = extra->names;
    extra->names = fresh;
    return ERR_OK;
}

static name_entry_t *entry_new(uint64_t node, uint64_t ref, str_t name)
{
    name_entry_t *self = memory_new(sizeof *self + name.size);
    if (self == NULL)
        return NULL;
    memcpy(self + 1, name.data, name.size);
    self->node = node;
    self->hash = str_hash(name);
    self->entry = (directory_entry_t){
        .what = DIRECTORY_NAME, .ref = ref, .name = str_of(self + 1, name.size)};
    return self;
}

/* What must arrive has its memory beforehand. False: there is none. */
static bool prepare_loss(const names_t *self, const actor_extra_t *extra, name_entry_t *entry)
{
    if (!directory_has(self->runtime, entry->entry.name))
        return true;
    entry->lost = bonds_signal_new(MESSAGE_EXIT, &(bond_signal_t){.kind = STR("another node")});
    if (entry->lost == NULL)
        return false;
    entry->lost->incarnation = extra->subscriber; /* of this state only */
    return true;
}

static err_t add(names_t *self, actor_extra_t *extra, uint64_t ref, str_t name)
{
    name_entry_t *fresh = entry_new(runtime_node(self->runtime), ref, name);
    if (fresh == NULL || !prepare_loss(self, extra, fresh)) {
        memory_free(fresh);
        return ERR_NO_MEMORY;
    }
    uv_rwlock_wrlock(lock_of(self, fresh->hash));
    err_t err = add_locked(self, extra, fresh);
    uv_rwlock_wrunlock(lock_of(self, fresh->hash));
    if (err != ERR_OK)
        entry_free(fresh);
    return err;
}

static name_entry_t **mine_at(actor_extra_t *extra, str_t name, uint32_t *out_count)
{
    name_entry_t **at = &extra->names;
    for (*out_count = 0; *at != NULL && !str_equal((*at)->entry.name, name); at = &(*at)->next_mine)
        (*out_count)++;
    return at;
}

/* Its exit is on the way. */
static bool is_lost(names_t *self, const name_entry_t *entry)
{
    uv_rwlock_rdlock(lock_of(self, entry->hash));
    bool is_out = entry->is_out;
    uv_rwlock_rdunlock(lock_of(self, entry->hash));
    return is_out;
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
    const name_entry_t *mine = *mine_at(extra, name, &count);
    if (mine != NULL)
        return is_lost(self, mine) ? ERR_CONFLICT : ERR_OK;
    extra->subscriber = MAX(extra->subscriber, UINT32_C(1)); /* as for topics */
    return count >= ACTOR_NAMES_MAX ? ERR_LIMIT : add(self, extra, actor_bits(actor), name);
}

static void drop(names_t *self, name_entry_t **mine)
{
    name_entry_t *entry = *mine;
    *mine = entry->next_mine;
    uv_rwlock_t *lock = lock_of(self, entry->hash);
    uv_rwlock_wrlock(lock);
    if (!entry->is_out) {
        take_locked(self, entry);
        if (entry->lost != NULL)
            directory_take_back(&self->runtime->remote->directory, &entry->entry);
    }
    uv_rwlock_wrunlock(lock);
    entry_free(entry);
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
    if (extra == NULL || extra->names == NULL)
        return;
    extra->subscriber++; /* the exit of one that is lost now is for the state before */
    while (extra->names != NULL)
        drop(self, &extra->names);
}

/* ---- of other nodes ---- */

/* The higher node's of two. */
static void lose_locked(names_t *self, name_entry_t *entry, const name_entry_t *winner)
{
    const bond_signal_t exit = {.sender = winner->entry.ref,
                                .ref_bits = winner->entry.ref,
                                .reason = STR("name lost"),
                                .kind = STR("another node")};
    take_locked(self, entry);
    directory_take_back(&self->runtime->remote->directory, &entry->entry);
    entry->is_out = true;
    bonds_signal_set(entry->lost, MESSAGE_EXIT, &exit);
    IGNORE_ERR(deliver(self->runtime, NULL, (str_t){NULL, 0}, entry->entry.ref,
                       STEAL(entry->lost))); /* it is gone, and so its name */
}

err_t names_hear(names_t *self, uint64_t node, uint64_t ref, str_t name,
                 directory_entry_t **out_entry)
{
    if (name.size > NAME_SIZE_MAX)
        return ERR_LIMIT;
    TRY(count_up(self));
    name_entry_t *fresh = entry_new(node, ref, name);
    if (fresh == NULL) {
        atomic_fetch_sub(&self->count, 1);
        return ERR_NO_MEMORY;
    }
    uint64_t own = runtime_node(self->runtime);
    uv_rwlock_wrlock(lock_of(self, fresh->hash));
    name_entry_t *mine = *place_of(self, fresh->hash, name);
    while (mine != NULL && mine->node != own)
        mine = *next_of(&mine->next, fresh->hash, name);
    if (mine != NULL && node < own)
        lose_locked(self, mine, fresh);
    put_locked(self, fresh);
    uv_rwlock_wrunlock(lock_of(self, fresh->hash));
    *out_entry = &fresh->entry;
    return ERR_OK;
}

void names_unhear(names_t *self, directory_entry_t *entry)
{
    name_entry_t *name = (name_entry_t *)(void *)((char *)entry - offsetof(name_entry_t, entry));
    uv_rwlock_t *lock = lock_of(self, name->hash);
    uv_rwlock_wrlock(lock);
    take_locked(self, name);
    uv_rwlock_wrunlock(lock);
    entry_free(name);
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
