#pragma once
/* groups.h -- named groups of actors: who is in one is found, sent to, or watched by its name.
 *
 * Each group has its members in the order of their joining (a leaver's place is taken by the last),
 * and those who watch it. It exists while it has either. Everything of a group is done under the
 * lock of its name's stripe, changes are told under it, too: so each watcher hears of them in their
 * order, from just after the members that it was given when it began to watch. In a group of all
 * nodes (remote/directory.h) are those of other nodes that were heard of, too.
 *
 * Ownership  The table owns its groups and bonds; an actor's extra part links its own.
 * Threads    Those of an actor: its owner; the rest any. */

#include "runtime/life/activation.h"
#include "runtime/remote/directory.h"

enum {
    GROUPS_MAX = 16384,
    GROUP_NAME_SIZE_MAX = 200,
    GROUP_MEMBERS_MAX = 65536,
    GROUP_WATCHERS_MAX = 256,
    ACTOR_GROUPS_MAX = 64 /* joined and watched, each */
};

typedef struct groups groups_t;
typedef struct group_bond group_bond_t;

[[nodiscard]] groups_t *groups_new(runtime_t *runtime);
void groups_free(groups_t *self);

/* OK too where it is a member already. INVALID (empty), LIMIT, NO_MEMORY. */
err_t groups_join(groups_t *self, actor_t *actor, str_t name);
err_t groups_leave(groups_t *self, actor_t *actor, str_t name);
/* As groups_members at the moment from which on changes are told. */
err_t groups_watch(groups_t *self, actor_t *actor, str_t name, actor_ref_t *out, uint32_t max,
                   uint32_t *out_count);
err_t groups_unwatch(groups_t *self, actor_t *actor, str_t name);
void groups_leave_all(groups_t *self, actor_t *actor);

/* How many there are; at most max are written. */
uint32_t groups_members(groups_t *self, str_t name, actor_ref_t *out, uint32_t max);
/* 0: it has none. */
uint64_t groups_pick(groups_t *self, str_t name, group_pick_t pick);
/* A member on another node. LIMIT, NO_MEMORY. */
err_t groups_hear(groups_t *self, uint64_t ref, str_t name, directory_entry_t **out_entry);
void groups_unhear(groups_t *self, directory_entry_t *entry);
