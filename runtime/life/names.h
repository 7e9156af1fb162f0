#pragma once
/* names.h -- names of actors: one name, one actor; freed when its state goes.
 *
 * A hash table under striped locks; a look takes one of them for reading, and no walk over actors.
 *
 * Ownership  The table owns its entries; an actor's extra part links those that are its own.
 * Threads    names_find any; the rest the owner of the actor. */

#include "runtime/life/activation.h"

enum { NAMES_MAX = 65536, NAME_SIZE_MAX = 200, ACTOR_NAMES_MAX = 16 };

typedef struct names names_t;
typedef struct name_entry name_entry_t;

[[nodiscard]] names_t *names_new(void);
void names_free(names_t *self);

/* 0: nobody has it. */
uint64_t names_find(names_t *self, str_t name);
/* OK too where the name is this actor's already. CONFLICT, INVALID (empty), LIMIT, NO_MEMORY. */
err_t names_add(names_t *self, actor_t *actor, str_t name);
/* NOT_FOUND: it is not this actor's. */
err_t names_remove(names_t *self, actor_t *actor, str_t name);
void names_remove_all(names_t *self, actor_t *actor);
