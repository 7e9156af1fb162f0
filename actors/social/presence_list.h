#pragma once
/* presence_list.h -- who listens to what, in the order of their coming; at most PRESENCE_MAX; pure.
 *
 * Ownership  The list owns its entries. Threads None. Errors A refused call changes nothing. */

#include "actors/protocol/presence.h"

enum { PRESENCE_USER_ID_SIZE_MAX = 32 };

typedef struct presence_place {
    char user_id[PRESENCE_USER_ID_SIZE_MAX + 1];
    uint64_t track_id;
    bool is_playing;
    uint64_t heard_ms; /* monotonic */
} presence_place_t;

typedef struct presence_listeners {
    presence_place_t *places;
    uint32_t count, capacity;
} presence_listeners_t;

void presence_listeners_deinit(presence_listeners_t *self);
/* INVALID: the id; LIMIT: too many; NO_MEMORY. */
err_t presence_listeners_set(presence_listeners_t *self, const presence_listener_t *listener,
                             uint64_t now_ms, bool *out_is_change);
/* True: it was there. */
bool presence_listeners_clear(presence_listeners_t *self, str_t user_id);
/* Forgets who was not heard of for PRESENCE_LOST_MS. True: somebody. */
bool presence_listeners_prune(presence_listeners_t *self, uint64_t now_ms);
/* All of them, borrowed; `out` has room for count. */
void presence_listeners_copy(const presence_listeners_t *self, presence_listener_t *out);
