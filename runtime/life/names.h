#pragma once
/* names.h -- names of actors: one name, one actor; freed when its state goes.
 *
 * A hash table under striped locks; a look takes one of them for reading, and no walk over actors.
 * Of a name of all nodes (remote/directory.h) other nodes' actors are in it, too, and there may be
 * one of each: it is the lowest node's. One of this node that loses it is out of the table at once,
 * and its actor gets an exit that was made when it was given.
 *
 * Ownership  The table owns its entries; an actor's extra part links those that are its own.
 * Threads    names_find, names_hear and names_unhear any; the rest the owner of the actor. */

#include "runtime/life/activation.h"
#include "runtime/remote/directory.h"

enum { NAMES_MAX = 65536, NAME_SIZE_MAX = 200, ACTOR_NAMES_MAX = 16 };

typedef struct names names_t;
typedef struct name_entry name_entry_t;

[[nodiscard]] names_t *names_new(runtime_t *runtime);
void names_free(names_t *self);

/* 0: nobody has it. */
uint64_t names_find(names_t *self, str_t name);
/* OK too where the name is this actor's already. CONFLICT, INVALID (empty), LIMIT, NO_MEMORY. */
err_t names_add(names_t *self, actor_t *actor, str_t name);
/* NOT_FOUND: it is not this actor's. */
err_t names_remove(names_t *self, actor_t *actor, str_t name);
void names_remove_all(names_t *self, actor_t *actor);
/* Another node's. LIMIT, NO_MEMORY. */
err_t names_hear(names_t *self, uint64_t node, uint64_t ref, str_t name,
                 directory_entry_t **out_entry);
void names_unhear(names_t *self, directory_entry_t *entry);
