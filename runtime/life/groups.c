#include "runtime/life/groups.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/context.h"
#include "runtime/remote/remote.h"

#include <stddef.h>

enum { BUCKETS = 1024, STRIPES = 16 };

static const str_t nothing = {NULL, 0};

typedef struct group group_t;

/* One actor in one group, or watching it. */
struct group_bond {
    directory_entry_t entry; /* who; its name is the group's */
    group_bond_t *next_mine; /* of its actor */
    group_t *group;
    uint32_t incarnation;
    uint32_t index; /* in its list */
    bool is_watcher;
    bool is_far; /* of another node */
};

typedef struct bond_list {
    group_bond_t **bonds;
    uint32_t count, capacity;
} bond_list_t;

struct group {
    group_t *next; /* in its bucket */
    uint64_t hash;
    bond_list_t members, watchers;
    uint32_t turn; /* of GROUP_NEXT */
    str_t name;    /* behind it */
};

struct groups {
    runtime_t *runtime;
    uv_mutex_t locks[STRIPES];
    group_t *buckets[BUCKETS];
    _Atomic uint32_t count;
};

static const schema_field_t group_changed_fields[] = {
    {"group", 1, FIELD_TYPE_STR, NULL, offsetof(group_changed_t, group), 0},
    {"ref_bits", 2, FIELD_TYPE_U64, NULL, offsetof(group_changed_t, ref_bits), 0},
    {"has_joined", 3, FIELD_TYPE_BOOL, NULL, offsetof(group_changed_t, has_joined), 0},
};
const schema_t group_changed_schema = {"group_changed",
                                       SCHEMA_MESSAGE,
                                       sizeof(group_changed_t),
                                       group_changed_fields,
                                       COUNT_OF(group_changed_fields),
                                       0,
                                       false};

groups_t *groups_new(runtime_t *runtime)
{
    groups_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->runtime = runtime;
    for (size_t i = 0; i < STRIPES; i++)
        ASSERT(uv_mutex_init(&self->locks[i]) == 0);
    return self;
}

static void list_free(bond_list_t *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        memory_free(self->bonds[i]);
    memory_free(self->bonds);
}

static void group_free(group_t *self)
{
    list_free(&self->members);
    list_free(&self->watchers);
    memory_free(self);
}

void groups_free(groups_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (self->buckets[i] != NULL) {
            group_t *group = self->buckets[i];
            self->buckets[i] = group->next;
            group_free(group);
        }
    }
    for (size_t i = 0; i < STRIPES; i++)
        uv_mutex_destroy(&self->locks[i]);
    memory_free(self);
}

/* ---- lists ---- */

static err_t list_add(bond_list_t *self, group_bond_t *bond)
{
    if (self->count == self->capacity) {
        uint32_t capacity = MAX(self->capacity * 2, 4U);
        group_bond_t **bonds = memory_resize(self->bonds, capacity, sizeof(group_bond_t *));
        if (bonds == NULL)
            return ERR_NO_MEMORY;
        self->bonds = bonds;
        self->capacity = capacity;
    }
    bond->index = self->count;
    self->bonds[self->count++] = bond;
    return ERR_OK;
}

static void list_remove(bond_list_t *self, const group_bond_t *bond)
{
    group_bond_t *last = self->bonds[--self->count];
    self->bonds[bond->index] = last;
    last->index = bond->index;
}

static uint32_t list_copy(const bond_list_t *self, actor_ref_t *out, uint32_t max)
{
    for (uint32_t i = 0; i < MIN(self->count, max); i++)
        out[i] = (actor_ref_t){self->bonds[i]->entry.ref};
    return self->count;
}

/* ---- groups; all under the stripe's lock ---- */

static uv_mutex_t *lock_of(groups_t *self, uint64_t hash)
{
    return &self->locks[hash % BUCKETS % STRIPES];
}

static group_t **place_of(groups_t *self, uint64_t hash, str_t name)
{
    group_t **at = &self->buckets[hash % BUCKETS];
    while (*at != NULL && !((*at)->hash == hash && str_equal((*at)->name, name)))
        at = &(*at)->next;
    return at;
}

static err_t find_or_add(groups_t *self, uint64_t hash, str_t name, group_t **out_group)
{
    group_t **at = place_of(self, hash, name);
    *out_group = *at;
    if (*at != NULL)
        return ERR_OK;
    if (atomic_fetch_add(&self->count, 1) >= GROUPS_MAX) {
        atomic_fetch_sub(&self->count, 1);
        return ERR_LIMIT;
    }
    group_t *group = memory_new(sizeof *group + name.size);
    if (group == NULL) {
        atomic_fetch_sub(&self->count, 1);
        return ERR_NO_MEMORY;
    }
    memcpy(group + 1, name.data, name.size);
    group->name = str_of(group + 1, name.size);
    group->hash = hash;
    *out_group = *at = group;
    return ERR_OK;
}

static void drop_if_empty(groups_t *self, group_t *group)
{
    if (group->members.count + group->watchers.count > 0)
        return;
    *place_of(self, group->hash, group->name) = group->next;
    atomic_fetch_sub(&self->count, 1);
    group_free(group);
}

/* A watcher whose mailbox is full misses it: a dead letter. */
static void tell(groups_t *self, const group_t *group, uint64_t ref, bool has_joined)
{
    group_changed_t changed = {group->name, ref, has_joined};
    for (uint32_t i = 0; i < group->watchers.count; i++) {
        const group_bond_t *watcher = group->watchers.bonds[i];
        message_t *message =
            message_new(MESSAGE_COMMAND, &group_changed_schema, &changed, nothing, nothing);
        if (message == NULL) {
            dead_letter(self->runtime, NULL, DEAD_NO_MEMORY,
                        &(dead_receiver_t){.ref = watcher->entry.ref});
            continue;
        }
        message->sender = ref;
        message->incarnation = watcher->incarnation;
        IGNORE_ERR(
            deliver(self->runtime, NULL, nothing, watcher->entry.ref, message)); /* counted */
    }
}

/* ---- bonds ---- */

static group_bond_t **mine_at(actor_extra_t *extra, str_t name, bool is_watcher,
                              uint32_t *out_count)
{
    group_bond_t **at = &extra->groups;
    *out_count = 0;
    for (; *at != NULL; at = &(*at)->next_mine) {
        if ((*at)->is_watcher == is_watcher && str_equal((*at)->group->name, name))
            break;
        *out_count += (*at)->is_watcher == is_watcher;
    }
    return at;
}

/* To the other nodes. */
static bool is_said(const groups_t *self, const group_bond_t *bond)
{
    return !bond->is_watcher && !bond->is_far && directory_has(self->runtime, bond->group->name);
}

static err_t add_locked(groups_t *self, group_bond_t *bond, uint64_t hash, str_t name)
{
    group_t *group = NULL;
    TRY(find_or_add(self, hash, name, &group));
    bond_list_t *list = bond->is_watcher ? &group->watchers : &group->members;
    uint32_t max = bond->is_watcher ? GROUP_WATCHERS_MAX : GROUP_MEMBERS_MAX;
    bond->group = group;
    bond->entry.name = group->name;
    err_t err = list->count >= max ? ERR_LIMIT : list_add(list, bond);
    if (err == ERR_OK && is_said(self, bond)) {
        err = directory_say(&self->runtime->remote->directory, &bond->entry);
        if (err != ERR_OK)
            list_remove(list, bond);
    }
    if (err != ERR_OK) {
        drop_if_empty(self, group);
        return err;
    }
    if (!bond->is_watcher)
        tell(self, group, bond->entry.ref, true);
    return ERR_OK;
}

/* What the caller does under the same lock as the change. */
typedef struct members_out {
    actor_ref_t *refs;
    uint32_t max, count;
} members_out_t;

static err_t add(groups_t *self, actor_t *actor, str_t name, bool is_watcher, members_out_t *out)
{
    if (name.size == 0)
        return ERR_INVALID;
    if (name.size > GROUP_NAME_SIZE_MAX)
        return ERR_LIMIT;
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = 0;
    const group_bond_t *known = *mine_at(extra, name, is_watcher, &count);
    if (known == NULL && count >= ACTOR_GROUPS_MAX)
        return ERR_LIMIT;
    group_bond_t *bond = known != NULL ? NULL : memory_new(sizeof *bond);
    if (known == NULL && bond == NULL)
        return ERR_NO_MEMORY;

    extra->subscriber = MAX(extra->subscriber, UINT32_C(1)); /* as for topics */
    uint64_t hash = str_hash(name);
    uv_mutex_lock(lock_of(self, hash));
    err_t err = ERR_OK;
    if (bond != NULL) {
        *bond = (group_bond_t){.entry = {.what = DIRECTORY_MEMBER, .ref = actor_bits(actor)},
                               .incarnation = extra->subscriber,
                               .is_watcher = is_watcher};
        err = add_locked(self, bond, hash, name);
    }
    if (err == ERR_OK && out != NULL)
        out->count = list_copy(&(*place_of(self, hash, name))->members, out->refs, out->max);
    uv_mutex_unlock(lock_of(self, hash));
    if (bond != NULL && err == ERR_OK) {
        bond->next_mine = extra->groups;
        extra->groups = bond;
    } else {
        memory_free(bond);
    }
    return err;
}

static void remove_bond(groups_t *self, group_bond_t *bond)
{
    group_t *group = bond->group;
    uv_mutex_t *lock = lock_of(self, group->hash);
    uv_mutex_lock(lock);
    list_remove(bond->is_watcher ? &group->watchers : &group->members, bond);
    if (is_said(self, bond))
        directory_take_back(&self->runtime->remote->directory, &bond->entry);
    if (!bond->is_watcher)
        tell(self, group, bond->entry.ref, false);
    drop_if_empty(self, group);
    uv_mutex_unlock(lock);
    memory_free(bond);
}

static void drop(groups_t *self, group_bond_t **mine)
{
    group_bond_t *bond = *mine;
    *mine = bond->next_mine;
    remove_bond(self, bond);
}

static err_t take_out(groups_t *self, actor_t *actor, str_t name, bool is_watcher)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    uint32_t count = 0;
    group_bond_t **mine = extra == NULL ? NULL : mine_at(extra, name, is_watcher, &count);
    if (mine == NULL || *mine == NULL)
        return ERR_NOT_FOUND;
    drop(self, mine);
    return ERR_OK;
}

err_t groups_join(groups_t *self, actor_t *actor, str_t name)
{
    return add(self, actor, name, false, NULL);
}

err_t groups_leave(groups_t *self, actor_t *actor, str_t name)
{
    return take_out(self, actor, name, false);
}

err_t groups_watch(groups_t *self, actor_t *actor, str_t name, actor_ref_t *out, uint32_t max,
                   uint32_t *out_count)
{
    members_out_t members = {out, max, 0};
    TRY(add(self, actor, name, true, &members));
    *out_count = members.count;
    return ERR_OK;
}

err_t groups_unwatch(groups_t *self, actor_t *actor, str_t name)
{
    return take_out(self, actor, name, true);
}

void groups_leave_all(groups_t *self, actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra == NULL || extra->groups == NULL)
        return;
    extra->subscriber++; /* what is under way is for the state before */
    while (extra->groups != NULL)
        drop(self, &extra->groups);
}

/* ---- of other nodes ---- */

err_t groups_hear(groups_t *self, uint64_t ref, str_t name, directory_entry_t **out_entry)
{
    if (name.size > GROUP_NAME_SIZE_MAX)
        return ERR_LIMIT;
    group_bond_t *bond = memory_new(sizeof *bond);
    if (bond == NULL)
        return ERR_NO_MEMORY;
    *bond = (group_bond_t){.entry = {.what = DIRECTORY_MEMBER, .ref = ref}, .is_far = true};
    uint64_t hash = str_hash(name);
    uv_mutex_lock(lock_of(self, hash));
    err_t err = add_locked(self, bond, hash, name);
    uv_mutex_unlock(lock_of(self, hash));
    if (err != ERR_OK) {
        memory_free(bond);
        return err;
    }
    *out_entry = &bond->entry;
    return ERR_OK;
}

void groups_unhear(groups_t *self, directory_entry_t *entry)
{
    remove_bond(self, (group_bond_t *)(void *)((char *)entry - offsetof(group_bond_t, entry)));
}

/* ---- looking ---- */

uint32_t groups_members(groups_t *self, str_t name, actor_ref_t *out, uint32_t max)
{
    uint64_t hash = str_hash(name);
    uv_mutex_lock(lock_of(self, hash));
    const group_t *group = *place_of(self, hash, name);
    uint32_t count = group == NULL ? 0 : list_copy(&group->members, out, max);
    uv_mutex_unlock(lock_of(self, hash));
    return count;
}

uint64_t groups_pick(groups_t *self, str_t name, group_pick_t pick)
{
    uint64_t hash = str_hash(name), ref = 0;
    uv_mutex_lock(lock_of(self, hash));
    group_t *group = *place_of(self, hash, name);
    uint32_t count = group == NULL ? 0 : group->members.count;
    if (count > 0) {
        uint64_t index = pick == GROUP_NEXT ? group->turn++ % count
                                            : random_below(&self->runtime->random, count);
        ref = group->members.bonds[index]->entry.ref;
    }
    uv_mutex_unlock(lock_of(self, hash));
    return ref;
}
