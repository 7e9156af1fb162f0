#pragma once
/* load_list.h -- who takes what is PLACED_BY_LOAD (router.h), as a view and what nodes say of
 * themselves have it.
 *
 * Threads  None: pure. */

#include "node/cluster/member_talk.h"
#include "runtime/router.h"

enum { LOAD_OLD_MS = 5000 }; /* what a node said before that is not believed */
_Static_assert((int)VIEW_MEMBERS_MAX <= (int)ROUTER_LOADS_MAX, "all members have room");

/* The active ones with the role of actors; who has said nothing lately is as busy as can be.
 * Returns how many; `out` has room for VIEW_MEMBERS_MAX. */
uint32_t load_list(const view_t *view, const member_load_t *known, uint32_t known_count,
                   uint64_t now_ms, router_load_t *out);
