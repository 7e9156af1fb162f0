#pragma once
/* roster.h -- a view (cluster/view.h) as it was read from the table, with what each member says of
 * itself beside it.
 *
 * Details are a JSON object of the node's own (its roots, its version, where its HTTP listens): the
 * cluster passes them on and looks at nothing in them.
 *
 * Ownership  Counted; it never changes once it is shared. Threads  Any. */

#include "cluster/view.h"
#include "runtime/base/arena.h"

#include <stdatomic.h>

enum { MEMBER_DETAILS_SIZE_MAX = 8192 };

typedef struct roster {
    _Atomic uint32_t references;
    view_t view;
    str_t *details; /* of view.members, one each */
    arena_t arena;  /* what they lie in */
} roster_t;

/* One reference, no members. NULL: no memory. */
roster_t *roster_new(void);
/* A row, after those before it (ascending by node). LIMIT: VIEW_MEMBERS_MAX; NO_MEMORY */
err_t roster_add(roster_t *self, const member_t *member, str_t details);
roster_t *roster_ref(roster_t *self);
void roster_unref(roster_t *self); /* NULL is fine */
void roster_scope_end(roster_t **self);
#define ROSTER_SCOPED SCOPED(roster_scope_end)
/* Empty: no such row. */
str_t roster_details(const roster_t *self, uint64_t node);
